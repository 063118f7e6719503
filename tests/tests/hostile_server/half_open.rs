//! Connections that begin something and do not go on are closed, whatever they began.

use framelag_tests::LIMIT;

use crate::healthy::Healthy;

#[test]
fn who_begins_and_does_not_go_on_is_closed() {
    let healthy = Healthy::start();
    let url = format!("rtsp://{}/other", healthy.address());
    let sdp = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n\
               a=rtpmap:96 H264/90000\r\na=control:trackID=0\r\n";
    let head = |length: usize| {
        format!(
            "ANNOUNCE {url} RTSP/1.0\r\nCSeq: 1\r\nContent-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    let waiting: Vec<_> = [
        ("says nothing", String::new()),
        ("half a request line", "OPTIONS * RT".to_owned()),
        ("headers without end", "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n".to_owned()),
        ("half a body", format!("{}{}", head(1_000), "v=0")),
        ("announced, but not recording", format!("{}{sdp}", head(sdp.len()))),
        ("a frame before anything", "$\0\0\x10".to_owned()),
        ("TLS", "\x16\x03\x01\x02\0\x01\0".to_owned()),
    ]
    .into_iter()
    .map(|(what, bytes)| {
        let mut client = healthy.connect();
        client.send(bytes.as_bytes()).expect("the server reads");
        (what, client)
    })
    .collect();
    // All of them wait at the same time.
    for (what, mut client) in waiting {
        client.closed_within(LIMIT).unwrap_or_else(|error| panic!("not closed: {what}: {error}"));
    }
    healthy.expect_unharmed();
}
