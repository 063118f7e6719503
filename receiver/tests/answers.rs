//! What servers answer that cannot be played, or not at once: the true reason in one line, redirects, and challenges that change.

mod camera;
mod tolerated;

use std::sync::mpsc::Receiver;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use camera::{Camera, H264, Script, answer, usual};
use common::host::Stop;
use common::host::SystemClock;
use receiver::config::Transport;
use receiver::ingress::rtsp::{self, Config, Error, Limits};
use receiver::queue::{self, Arrival, Status};

/// Longer than anything here takes on a busy machine.
const NEVER: Duration = Duration::from_secs(60);

const LIMITS: Limits =
    Limits { answer: NEVER, silence: NEVER, first_unit: NEVER, unit_bytes: u64::MAX, growth_bytes: u64::MAX };

/// What a camera says to a request; `None` for the usual.
type Respond = fn(method: &str, request: &str) -> Option<Vec<u8>>;

fn config(url: &str, transport: Transport) -> Config {
    Config { url: url.parse().expect("a URL"), transport, wait: Duration::ZERO, limits: LIMITS }
}

/// A camera that says the same on each of so many connections.
fn camera(connections: usize, answer: Respond) -> Camera {
    camera::start((0..connections).map(|_| Script { answer, ..Script::default() }).collect())
}

fn failure(config: Config) -> String {
    let (mut sender, _arrivals) = queue::queue();
    let error = rtsp::run(&config, &SystemClock::new(), &Stop::new(), &mut sender).expect_err("it cannot play");
    let text = error.to_string();
    assert!(!text.contains('\n') && !text.contains("secret"), "{text}");
    assert!(!text.contains("Some(") && !text.contains(" { "), "no debug print: {text}");
    text
}

/// How playing ends, without the URL in front; with credentials in it, and a query that is to stay hidden.
fn told_by(transport: Transport, said: Respond) -> String {
    let camera = camera(2, said);
    let url = format!("rtsp://ann:secret@{}/cam?token=secret", camera.address);
    let text = failure(config(&url, transport));
    let shown = format!("rtsp://{}/cam?… ", camera.address);
    text.strip_prefix(&shown).or_else(|| text.strip_prefix(&format!("{} ", camera.address))).unwrap_or(&text).to_owned()
}

const BETWEEN: &str = "a server between that takes it, such as MediaMTX, can help; see docs/rtsp-compatibility.md";

/// An answer to DESCRIBE with this description.
fn described(method: &str, request: &str, kind: &str, sdp: &str) -> Option<Vec<u8>> {
    (method == "DESCRIBE").then(|| answer(request, "200 OK", &format!("Content-Type: {kind}\r\n"), sdp))
}

/// An answer to SETUP with these headers.
fn set_up(method: &str, request: &str, session: &str, transport: &str) -> Option<Vec<u8>> {
    let header =
        |name: &str, value: &str| if value.is_empty() { String::new() } else { format!("{name}: {value}\r\n") };
    let headers = header("Session", session) + &header("Transport", transport);
    (method == "SETUP").then(|| answer(request, "200 OK", &headers, ""))
}

/// The usual answer to `wanted` with other words in the place of some.
fn changed(method: &str, request: &str, wanted: &str, from: &str, to: &str) -> Option<Vec<u8>> {
    let usual = || String::from_utf8(usual(method, request)).expect("it is text");
    (method == wanted).then(|| latin_1(&usual().replace(from, to)))
}

/// Text as servers without UTF-8 write it.
fn latin_1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).expect("it is Latin-1")).collect()
}

const TCP: &str = "RTP/AVP/TCP;unicast;interleaved=0-1";

#[test]
fn a_good_answer_that_is_of_no_use_is_told_with_its_reason() {
    let cases: [(Respond, &str); 11] = [
        (
            |m, r| described(m, r, "text/html", "<html>"),
            "its session description comes as text/html, not as application/sdp (in answer to DESCRIBE)",
        ),
        (|m, r| described(m, r, "application/sdp", ""), "its session description (SDP) has no media in it"),
        (
            |m, r| described(m, r, "application/sdp", "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"),
            "has no media in it",
        ),
        (
            |m, r| described(m, r, "application/sdp", &H264.replace("a=rtpmap:96 H264/90000\r\n", "")),
            "no media of its session description (SDP) can be read",
        ),
        (
            |m, r| described(m, r, "application/sdp", &H264.replace("RTP/AVP 96", "RTP/AVP ")),
            "no media of its session description (SDP) can be read",
        ),
        (
            |m, r| changed(m, r, "DESCRIBE", "Content-Length: ", "Content-Length: -"),
            "the length of its session description is no number (\"Content-Length: -1",
        ),
        (|m, r| changed(m, r, "DESCRIBE", "Content-Length: ", "X: "), "its session description has no Content-Length"),
        (
            |m, r| changed(m, r, "DESCRIBE", "RTSP/1.0 200", "RTSP/1.0 two"),
            "its answer begins \"RTSP/1.0 two OK\", which has no status",
        ),
        (|m, r| set_up(m, r, "1", ""), "it has no Transport header"),
        (
            |m, r| set_up(m, r, "1", "RTP/AVP;unicast;client_port=1-2"),
            "the interleaved channels of \"Transport: RTP/AVP;unicast;client_port=1-2\" cannot be used",
        ),
        (
            |m, r| set_up(m, r, "1", "RTP/AVP/TCP;interleaved=300-301"),
            "the interleaved channels of \"Transport: RTP/AVP/TCP;interleaved=300-301\" cannot be used: bad channel",
        ),
    ];
    for (said, why) in cases {
        let text = told_by(Transport::Tcp, said);
        assert!(text.starts_with("cannot be played: ") && text.contains(why), "{why}: {text}");
        assert!(text.ends_with(BETWEEN) || text.ends_with("try --transport udp"), "{text}");
        assert!(!text.contains("200 response"), "{text}");
    }
    let text = told_by(Transport::Udp, |m, r| set_up(m, r, "1", TCP));
    assert!(text.ends_with("try --transport tcp"), "{text}");
    let text = told_by(Transport::Udp, |m, r| set_up(m, r, "1", "RTP/AVP;server_port=6000-6005"));
    assert!(text.contains("\"Transport: RTP/AVP;server_port=6000-6005\" names no two ports in a row"), "{text}");
}

/// This status, in answer to DESCRIBE.
macro_rules! refused {
    ($status:literal) => {{
        let said: Respond = |method, request| (method == "DESCRIBE").then(|| answer(request, $status, "", ""));
        told_by(Transport::Tcp, said)
    }};
}

#[test]
fn a_refusal_is_told_in_the_servers_own_words_with_what_to_do() {
    for (text, expected) in [
        (
            refused!("503 Service Unavailable (too many clients)"),
            "503 Service Unavailable (too many clients) in answer to DESCRIBE: it is busy; end another player, or try later",
        ),
        (
            refused!("403 Forbidden"),
            "403 Forbidden in answer to DESCRIBE: it does not let this user, or this host, play the stream",
        ),
        (
            refused!("405 Method Not Allowed"),
            "405 Method Not Allowed in answer to DESCRIBE: it does not play this URL by RTSP; check the path",
        ),
        (refused!("406 Not Acceptable"), "406 Not Acceptable in answer to DESCRIBE: it has no session description"),
        (refused!("415 Unsupported Media Type"), "415 Unsupported Media Type"),
        (
            refused!("451 Parameter Not Understood"),
            "451 Parameter Not Understood in answer to DESCRIBE: it does not understand a parameter",
        ),
        (
            refused!("453 Not Enough Bandwidth"),
            "453 Not Enough Bandwidth in answer to DESCRIBE: it has no bandwidth for another player",
        ),
        (
            refused!("500 camera \u{1b}[31m on fire rtsp://x:secret@h/"),
            "500 camera \\u{1b}[31m on fire rtsp://…@h/ in answer to DESCRIBE",
        ),
        (refused!("505 RTSP Version not supported"), "it speaks another version of RTSP than 1.0"),
        (refused!("599 "), "599 came in answer to DESCRIBE"),
        (refused!("503"), "503 came in answer to DESCRIBE: it is busy; end another player, or try later"),
        (refused!("999 Out of Tea"), "999 Out of Tea in answer to DESCRIBE"),
        (
            told_by(Transport::Tcp, |_, _| Some(b"RTSP/1.0 503 Overlast caf\xe9\r\nCSeq: 1\r\n\r\n".to_vec())),
            "503 Overlast caf\u{e9} in answer to DESCRIBE: it is busy",
        ),
        (
            told_by(Transport::Tcp, |_, r| Some(answer(r, "503 Busy", "Retry-After: 30\r\n", "too many viewers\r\n"))),
            "503 Busy (\"too many viewers\", Retry-After: 30) in answer to DESCRIBE: it is busy",
        ),
        (
            told_by(Transport::Tcp, |_, r| Some(answer(r, "503 Busy", "", "<html><p>Only 2\r\n viewers</p></html>"))),
            "503 Busy (\"Only 2 viewers\") in answer to DESCRIBE",
        ),
    ] {
        assert!(
            text.strip_prefix("refuses to play: ")
                .is_some_and(|rest| rest.starts_with(expected) || rest.ends_with(expected)),
            "{expected}: {text}"
        );
    }
    let long =
        told_by(Transport::Tcp, |_, request| Some(answer(request, &format!("500 {}", "x".repeat(1_000)), "", "")));
    assert!(long.chars().count() < 300, "{long}");
    let transport =
        told_by(Transport::Tcp, |m, r| (m == "SETUP").then(|| answer(r, "461 Unsupported Transport", "", "")));
    assert_eq!(transport, "does not play over tcp (461 Unsupported Transport): try --transport udp");
    let session = told_by(Transport::Tcp, |m, r| (m == "PLAY").then(|| answer(r, "454 Session Not Found", "", "")));
    assert_eq!(session, "refuses to play: 454 Session Not Found in answer to PLAY: it has lost the session; try again");
}

#[test]
fn what_is_no_answer_is_told_for_what_it_is() {
    for (said, expected) in [
        (
            (|_, _| Some(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec())) as Respond,
            "is not an RTSP server: it answers \"HTTP/1.1 400 Bad Request\": is this the port of its web page?",
        ),
        (
            |_, _| Some(b"\x15\x03\x01\x00\x02\x02\x46".to_vec()),
            "is not an RTSP server: it speaks TLS, which is not supported: give its port of plain RTSP, often 554",
        ),
        (|_, _| Some(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()), "is not an RTSP server: it says \"SSH-2.0-OpenSSH_9.2\""),
        (
            |_, _| Some(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n".to_vec()),
            "it sends a request where an answer is waited for",
        ),
    ] {
        let text = told_by(Transport::Tcp, said);
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

#[test]
fn authentication_that_cannot_be_answered_is_told_from_wrong_credentials() {
    for (said, expected) in [
        ((|_, r| Some(answer(r, "401 Unauthorized", "", ""))) as Respond, "does not say what authentication it wants"),
        (
            |_, r| Some(answer(r, "401 Unauthorized", "WWW-Authenticate: Negotiate\r\n", "")),
            "wants authentication by Negotiate, but only Basic and Digest",
        ),
        (
            |_, r| Some(answer(r, "401 Unauthorized", "WWW-Authenticate: Digest realm=\"c\"\r\n", "")),
            "wants authentication by a Digest without a nonce (Digest realm=\"c\"), but only Basic and Digest (MD5, SHA-256)",
        ),
        (
            |_, r| {
                let challenge = "WWW-Authenticate: Digest realm=\"c\", nonce=\"1\", algorithm=SHA-512-256\r\n";
                Some(answer(r, "401 Unauthorized", challenge, ""))
            },
            "wants authentication by Digest SHA-512-256, but only Basic and Digest (MD5, SHA-256) are known",
        ),
        (
            |_, r| {
                let challenge = "WWW-Authenticate: Digest realm=\"caf\u{e9}\", nonce=\"1\"\r\n";
                let text = answer(r, "401 Unauthorized", challenge, "");
                Some(latin_1(&String::from_utf8_lossy(&text)))
            },
            "wants authentication by a Digest that is not UTF-8 (Digest realm=",
        ),
        (
            |_, r| Some(answer(r, "401 Unauthorized", "WWW-Authenticate: Basic realm=\"c\"\r\n", "")),
            "refuses this user name or password",
        ),
        (
            |_, r| {
                // As gortsplib does: wrong credentials are not challenged again.
                let challenge =
                    if r.contains("Authorization") { "" } else { "WWW-Authenticate: Basic realm=\"c\"\r\n" };
                Some(answer(r, "401 Unauthorized", challenge, ""))
            },
            "refuses this user name or password",
        ),
    ] {
        let text = told_by(Transport::Tcp, said);
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

/// A run on a thread of its own, and what a camera was asked.
struct Playing {
    arrivals: queue::Receiver,
    stop: Stop,
    thread: JoinHandle<Result<(), Error>>,
}

fn play(url: &str) -> Playing {
    play_by(config(url, Transport::Tcp))
}

fn play_by(config: Config) -> Playing {
    let (mut sender, arrivals) = queue::queue();
    let stop = Stop::new();
    let stopped = stop.clone();
    let thread = thread::spawn(move || rtsp::run(&config, &SystemClock::new(), &stopped, &mut sender));
    Playing { arrivals, stop, thread }
}

impl Playing {
    fn connected(&self) {
        match self.arrivals.next() {
            Some(Arrival::Status(Status::Connected(_))) => {}
            other => panic!("it does not play: {other:?}"),
        }
    }

    fn unit(&self) {
        match self.arrivals.next() {
            Some(Arrival::Unit(_)) => {}
            other => panic!("not an access unit: {other:?}"),
        }
    }

    fn end(self) {
        self.stop.request();
        assert_eq!(self.thread.join().expect("no panic"), Ok(()));
    }
}

/// One IDR of 128x96, which is never decoded here.
fn units() -> Vec<Vec<Vec<u8>>> {
    let sps = vec![0x67, 0x42, 0xc0, 0x0b, 0xda, 0x08, 0x06, 0xc8, 0x40];
    vec![vec![sps, vec![0x68, 0xce, 0x3c, 0x80], vec![0x65; 100]]]
}

fn script(answer: Respond) -> Script {
    Script { answer, units: units(), ..Script::default() }
}

/// The path of the request.
fn path(request: &str) -> &str {
    request.split([' ', '\r']).nth(1).and_then(|url| url.splitn(4, '/').nth(3)).unwrap_or_default()
}

#[test]
fn redirects_are_followed() {
    // cam → a (301) → b (302) → c (305) → d (307), which plays; each is tried, and heard.
    let said: Respond = |_, request| {
        let (status, to) = match path(request) {
            "cam" => ("301 Moved Permanently", "/a"),
            "a" => ("302 Moved Temporarily", "b"),
            "b" => ("305 Use Proxy", "/c"),
            "c" => ("307 Temporary Redirect", "/d"),
            _ => return None,
        };
        Some(answer(request, status, &format!("Location: {to}\r\n"), ""))
    };
    let camera = camera::start((0..9).map(|_| script(said)).collect());
    let playing = play(&format!("rtsp://{}/cam", camera.address));
    playing.connected();
    playing.unit();
    playing.end();
}

/// A redirect of every request to what this makes of its URL.
fn everywhere(request: &str, to: impl Fn(&str) -> String) -> Option<Vec<u8>> {
    let url = request.split(' ').nth(1).unwrap_or_default();
    Some(answer(request, "302 Moved", &format!("Location: {}\r\n", to(url)), ""))
}

#[test]
fn redirects_that_lead_nowhere_say_so() {
    for (said, expected) in [
        (
            (|_, r| everywhere(r, |url| url.to_owned())) as Respond,
            "its redirects go round in a circle, back to rtsp://",
        ),
        (|_, r| everywhere(r, |url| format!("{url}x")), "it redirects more than 5 times, last to rtsp://"),
        (
            |_, r| everywhere(r, |_| "http://h/x?token=secret".to_owned()),
            "it redirects to http://h/x?…, and redirects are followed to rtsp:// only",
        ),
        (|_, r| everywhere(r, |_| "rtsps://u:secret@h/x".to_owned()), "it redirects to rtsps://h/x, and"),
        (|_, r| Some(answer(r, "302 Moved", "", "")), "it redirects (302) without saying where to"),
    ] {
        let camera = camera(14, said);
        let text = failure(config(&format!("rtsp://{}/cam", camera.address), Transport::Tcp));
        assert!(text.contains(" does not play: ") && text.contains(expected), "{expected}: {text}");
    }
}

#[test]
fn credentials_do_not_go_to_another_host() {
    let said: Respond = |_, request| {
        if request.contains("//localhost") {
            let reply = if request.contains("Authorization") { "500 It got the password" } else { "401 Unauthorized" };
            return Some(answer(request, reply, "WWW-Authenticate: Basic realm=\"c\"\r\n", ""));
        }
        everywhere(request, |url| url.replace("127.0.0.1", "localhost"))
    };
    let camera = camera(4, said);
    let text = failure(config(&format!("rtsp://ann:secret@{}/cam", camera.address), Transport::Tcp));
    assert!(text.starts_with("rtsp://localhost:") && text.contains("needs a user name"), "{text}");
}

/// A 401 with `challenge` unless the request answers the nonce that is named after its method.
fn by_method(method: &str, request: &str, challenge: impl Fn(&str) -> String) -> Option<Vec<u8>> {
    let known = request.contains(&format!("nonce=\"{method}\""));
    let challenge = format!("WWW-Authenticate: Digest {}\r\n", challenge(&format!("nonce=\"{method}\"")));
    (!known && method != "TEARDOWN").then(|| answer(request, "401 Unauthorized", &challenge, "no"))
}

/// SETUP with signs of life every second.
fn lively(method: &str, request: &str) -> Option<Vec<u8>> {
    set_up(method, request, "1;timeout=2", TCP)
}

/// Waits until the camera was asked `method` so often in a row, last with an answer that it takes.
fn asked(requests: &Receiver<String>, method: &str, times: usize) {
    let mut row = 0;
    while row < times {
        row = if requests.recv_timeout(NEVER).expect("it is asked") == method { row + 1 } else { 0 };
    }
}

#[test]
fn a_nonce_for_each_request_is_answered_also_to_signs_of_life() {
    for said in [
        (|m, r| by_method(m, r, |nonce| format!("realm=\"c\", {nonce}")).or_else(|| lively(m, r))) as Respond,
        |m, r| by_method(m, r, |nonce| format!("realm=\"c\", {nonce}, stale=true")).or_else(|| lively(m, r)),
        |m, r| {
            by_method(m, r, |nonce| format!("realm=\"{}\", {nonce}, qop=\"auth\"", m.len())).or_else(|| lively(m, r))
        },
        |m, r| by_method(m, r, |nonce| format!("realm=\"c\", {nonce}, algorithm=SHA-256")).or_else(|| lively(m, r)),
    ] {
        let camera = camera::start(vec![script(said), script(said)]);
        let playing = play(&format!("rtsp://ann:secret@{}/cam", camera.address));
        playing.connected();
        playing.unit();
        asked(&camera.requests, "OPTIONS", 2);
        playing.end();
    }
}

#[test]
fn a_session_that_a_new_nonce_has_ended_is_played_again_and_answers_it() {
    let steady: Respond = |_, request| {
        let challenge = "WWW-Authenticate: Digest realm=\"c\", nonce=\"1\"\r\n";
        (!request.contains("nonce=\"1\"")).then(|| answer(request, "401 Unauthorized", challenge, ""))
    };
    let fresh: Respond = |m, r| by_method(m, r, |nonce| format!("realm=\"c\", {nonce}")).or_else(|| lively(m, r));
    let ended = Script { reports: 6, close: true, ..script(steady) };
    let camera = camera::start(vec![ended, script(fresh)]);
    let playing = play(&format!("rtsp://ann:secret@{}/cam", camera.address));
    playing.connected();
    playing.unit();
    assert!(matches!(playing.arrivals.next(), Some(Arrival::Status(Status::Disconnected(_)))));
    playing.connected();
    playing.unit();
    asked(&camera.requests, "OPTIONS", 2);
    playing.end();
}

#[test]
fn two_videos_play_the_first_that_can_be() {
    let said: Respond = |m, r| {
        let second = "m=video 0 RTP/AVP 97\r\na=rtpmap:97 H265/90000\r\na=control:track1\r\nm=video 0";
        described(m, r, "application/sdp", &H264.replacen("m=video 0", second, 1))
    };
    let camera = camera::start(vec![script(said)]);
    let playing = play(&format!("rtsp://{}/cam", camera.address));
    playing.connected();
    playing.unit();
    playing.end();
}
