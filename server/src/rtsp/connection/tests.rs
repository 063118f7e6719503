use std::net::IpAddr;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::budget::Listener;

/// How long a test waits for what takes no time.
const LIMIT: Duration = Duration::from_secs(60);

/// A connection that is served, and its peer.
async fn connect(shared: &Arc<Shared>) -> (TcpStream, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let client = TcpStream::connect(listener.local_addr().expect("bound")).await.expect("it listens");
    let (stream, peer) = listener.accept().await.expect("it came");
    let Ok(lease) = shared.budget.admit(peer.ip(), Listener::Rtsp).await else { panic!("there is room") };
    let connection = Connection::new(shared.clone(), stream, lease).expect("it is there");
    (client, tokio::spawn(connection.run()))
}

async fn wait_until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(LIMIT, waiting).await.expect("it comes");
}

/// Many addresses that hold less than 100 kB each, until somebody has to give way.
fn fill(shared: &Shared) -> Vec<Share> {
    let addresses = (0..).map(|number: u32| IpAddr::from(number.to_be_bytes()));
    let share = |address| {
        let mut share = shared.memory.open(address).share();
        share.update(90_000);
        share
    };
    addresses.map(share).take_while(|_| shared.memory.times_short() == 0).collect()
}

fn announce(body: &str) -> String {
    let length = body.len();
    let head = "ANNOUNCE rtsp://h/cam RTSP/1.0\r\nCSeq: 1\r\nContent-Type: application/sdp\r\n";
    format!("{head}Content-Length: {length}\r\n\r\n{body}")
}

#[tokio::test]
async fn a_request_that_waits_for_its_rest_counts_and_goes_where_memory_is_short() {
    let shared = Arc::new(Shared::new(None, &crate::Config::default()));
    let (mut client, served) = connect(&shared).await;
    let request = announce(&"x".repeat(120_000));
    client.write_all(&request.as_bytes()[..110_000]).await.expect("it reads");
    wait_until(|| shared.memory.held() >= 110_000).await;
    let others = fill(&shared);
    tokio::time::timeout(LIMIT, served).await.expect("it ends").expect("without a panic");
    assert!(shared.memory.held() <= 90_000 * others.len(), "nothing is left of it");
}

#[tokio::test]
async fn a_publisher_lets_go_of_room_where_memory_is_short_and_goes_on() {
    let shared = Arc::new(Shared::new(None, &crate::Config::default()));
    let (mut client, served) = connect(&shared).await;
    let media = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:track\r\n";
    let announce = announce(&format!("v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\n{media}"));
    ask(&mut client, &announce).await;
    let transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1;mode=record";
    let answer =
        ask(&mut client, &format!("SETUP rtsp://h/cam/track RTSP/1.0\r\nCSeq: 2\r\n{transport}\r\n\r\n")).await;
    let session = answer.lines().find(|line| line.starts_with("Session: ")).expect("a session");
    let session = session.split(';').next().expect("one part").to_owned();
    ask(&mut client, &format!("RECORD rtsp://h/cam RTSP/1.0\r\nCSeq: 3\r\n{session}\r\n\r\n")).await;
    wait_until(|| shared.memory.held() >= MEDIA_BUFFER).await;
    let others = fill(&shared);
    wait_until(|| shared.memory.held() <= 90_000 * others.len() + 3 * REQUEST_BUFFER).await;
    ask(&mut client, "OPTIONS * RTSP/1.0\r\nCSeq: 4\r\n\r\n").await;
    assert!(!served.is_finished());
    assert!(shared.memory.held() <= 90_000 * others.len() + 3 * REQUEST_BUFFER, "it stays so");
}

/// The head of the answer to a request that is granted.
async fn ask(client: &mut TcpStream, request: &str) -> String {
    client.write_all(request.as_bytes()).await.expect("it reads");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        assert_ne!(client.read_buf(&mut head).await.expect("an answer"), 0);
    }
    let head = String::from_utf8(head).expect("text");
    assert!(head.starts_with("RTSP/1.0 200 "), "{head}");
    head
}
