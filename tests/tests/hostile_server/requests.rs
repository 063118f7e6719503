//! Requests that no good client sends are answered, or their connection is closed.

use framelag_tests::rtsp::http_get;

use crate::healthy::Healthy;

/// A request with the headers `headers`, each of which ends its line.
fn request(method: &str, url: &str, headers: &str, body: &str) -> String {
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    format!("{method} {url} RTSP/1.0\r\nCSeq: 7\r\n{headers}{length}\r\n{body}")
}

#[test]
fn malformed_requests_are_answered_with_their_fault() {
    let healthy = Healthy::start();
    let url = format!("rtsp://{}/cam", healthy.address());
    let track = format!("{url}/trackID=0");
    let transport = |value: &str| request("SETUP", &track, &format!("Transport: {value}\r\n"), "");
    let options = |headers: &str| format!("OPTIONS * RTSP/1.0\r\n{headers}\r\n");
    let describe = |path: &str| request("DESCRIBE", &format!("rtsp://{}/{path}", healthy.address()), "", "");
    for (sent, statuses) in [
        (transport(""), &[400, 461][..]),
        (transport(";;;,,,"), &[400, 461]),
        (transport("RTP/AVP/TCP;interleaved=0-999"), &[400, 461]),
        (transport("RTP/AVP;unicast;client_port=0-1"), &[400, 461]),
        (transport("RTP/AVP;unicast;client_port=99999-1"), &[400, 461]),
        (transport("RTP/AVP;multicast"), &[461]),
        (options("CSeq: 1\0\r\n"), &[400]),
        (options("CSeq: -1\r\n"), &[400]),
        (options(""), &[400]),
        ("OPTIONS \0 RTSP/1.0\r\nCSeq: 1\r\n\r\n".to_owned(), &[400]),
        (options("CSeq: 1\r\nContent-Length: -1\r\n"), &[400]),
        (options("CSeq: 1\r\nContent-Length: 1\r\nContent-Length: 2\r\n"), &[400]),
        (options("CSeq: 1\r\nContent-Length: 99999999999999999999\r\n"), &[413]),
        (options(&format!("CSeq: 1\r\nX: {}\r\n", "x".repeat(1 << 20))), &[400]),
        (options(&"A: b\r\n".repeat(100_000)), &[400]),
        (format!("OPTIONS rtsp://{} RTSP/1.0\r\n\r\n", "h".repeat(1 << 20)), &[400, 414]),
        (request("PLAY", &url, "Session: 1\r\n", ""), &[454, 455]),
        (request("RECORD", &url, "", ""), &[454, 455]),
        (request("TEARDOWN", &url, "Session: ../../etc\r\n", ""), &[454, 455]),
        (describe("../../etc/passwd"), &[400, 404]),
        (describe("%2e%2e/%2e%2e/etc/passwd"), &[400, 404]),
        (describe("cam%00"), &[400, 404]),
        (describe("nobody/publishes/this"), &[404]),
        (
            "GET /cam HTTP/1.0\r\nx-sessioncookie: 1\r\nAccept: application/x-rtsp-tunnelled\r\n\r\n".to_owned(),
            &[400, 501],
        ),
    ] {
        let shown = sent.chars().take(60).collect::<String>();
        let mut client = healthy.connect();
        // Where the answer comes before everything is sent, the rest may find nobody.
        let sending = client.send(sent.as_bytes());
        let answer = client.answer().unwrap_or_else(|error| panic!("{shown:?}: {error}, {sending:?}"));
        assert!(statuses.contains(&answer.status), "{shown:?}: {} is none of {statuses:?}", answer.status);
    }
    healthy.expect_unharmed();
}

#[test]
fn announcements_that_cannot_be_published_are_refused() {
    let healthy = Healthy::start();
    let head = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n";
    let video = |map: &str| format!("{head}m=video 0 RTP/AVP 96\r\n{map}a=control:trackID=0\r\n");
    for (what, sdp) in [
        ("nothing", String::new()),
        ("no SDP", "\0\0\0\0".to_owned()),
        ("no media", head.to_owned()),
        ("clock rate 0", video("a=rtpmap:96 H264/0\r\n")),
        ("no encoding name", video("a=rtpmap:96 /90000\r\n")),
        ("no rtpmap", video("")),
        ("another codec", video("a=rtpmap:96 VP8/90000\r\n")),
        ("a bomb of media", format!("{head}{}", "m=video 0 RTP/AVP 96\r\n".repeat(5_000))),
        ("a bomb of parameter sets", {
            let sets = "Z0LAHtkA,".repeat(10_000);
            video(&format!("a=rtpmap:96 H264/90000\r\na=fmtp:96 sprop-parameter-sets={sets}\r\n"))
        }),
    ] {
        let url = format!("rtsp://{}/other", healthy.address());
        let mut client = healthy.connect();
        let announce = request("ANNOUNCE", &url, "Content-Type: application/sdp\r\n", &sdp);
        let answer = client.ask(&announce).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!((400..500).contains(&answer.status), "{what}: {}", answer.head);
    }
    healthy.expect_unharmed();
}

#[test]
fn a_session_is_worth_nothing_on_another_connection() {
    let healthy = Healthy::start();
    let url = format!("rtsp://{}/cam", healthy.address());
    let mut owner = healthy.connect();
    let setup = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";
    let answer = owner.ask(&request("SETUP", &format!("{url}/trackID=0"), setup, "")).expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.head);
    let session = answer.header("session").and_then(|value| value.split(';').next()).expect("a session").to_owned();
    let session = format!("Session: {session}\r\n");
    assert_eq!(owner.ask(&request("PLAY", &url, &session, "")).expect("an answer").status, 200);

    for method in ["TEARDOWN", "PAUSE", "PLAY", "RECORD"] {
        let answer = healthy.connect().ask(&request(method, &url, &session, "")).expect("an answer");
        assert!([454, 455].contains(&answer.status), "{method}: {}", answer.head);
    }
    let again = owner.ask(&request("SETUP", &format!("{url}/trackID=0"), &format!("{setup}{session}"), ""));
    assert!((400..500).contains(&again.expect("an answer").status), "a track is set up once");
    assert_eq!(owner.ask(&request("GET_PARAMETER", &url, &session, "")).expect("an answer").status, 200, "it goes on");
    healthy.expect_unharmed();
}

#[test]
fn nothing_is_written_into_the_log_or_the_api_by_strangers() {
    let healthy = Healthy::start();
    let agent = format!("User-Agent: x\x1b[31m\x07{}\r\n", "a".repeat(1_500));
    for path in ["cam%0aforged", "cam%1b[31m", "<script>", "a,b\"c"] {
        let url = format!("rtsp://{}/{path}", healthy.address());
        let answer = healthy.connect().ask(&request("DESCRIBE", &url, &agent, "")).expect("an answer");
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.head);
    }
    let api = http_get(healthy.server.http.expect("it serves HTTP"), "/api/streams").expect("an answer");
    let said = format!("{}{}", healthy.server.process.dump(), String::from_utf8_lossy(&api.body));
    assert!(!said.contains('\x1b') && !said.contains('\x07'), "{said}");
    assert!(!said.lines().any(|line| line.starts_with("forged")), "{said}");
    healthy.expect_unharmed();
}
