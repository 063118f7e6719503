//! Answers that ffmpeg and GStreamer play and retina alone does not.

use std::net::TcpListener;
use std::sync::mpsc::channel;
use std::thread;

use super::*;

/// That a camera which answers so plays, once it has been tried in vain.
fn plays(name: &str, url: &str, transport: Transport, said: Respond) {
    plays_within(Config { limits: LIMITS, ..config(url, transport) }, name, said);
}

fn plays_within(config: Config, name: &str, said: Respond) {
    let camera = camera::start(vec![script(said), script(said)]);
    let url = config.url.url().as_str().replace("camera", &camera.address.to_string());
    let url: common::stream_url::StreamUrl = url.parse().expect("a URL");
    let playing = play_by(Config { url: url.or_credentials(config.url.credentials().cloned()), ..config });
    match playing.arrivals.next() {
        Some(Arrival::Status(Status::Connected(_))) => {}
        _ => panic!("{name} does not play: {:?}", playing.thread.join()),
    }
    match playing.arrivals.next() {
        Some(Arrival::Unit(_)) => {}
        _ => panic!("{name} brings nothing: {:?}", playing.thread.join()),
    }
    playing.end();
}

/// Every usual answer with these words in the place of those.
macro_rules! with {
    ($from:literal, $to:literal) => {{
        let said: Respond = |method, request| changed(method, request, method, $from, $to);
        said
    }};
}

#[test]
fn heads_that_no_grammar_allows() {
    for (name, said) in [
        ("no reason phrase", with!("200 OK", "200")),
        ("no reason phrase, but its space", with!("200 OK", "200 ")),
        ("Latin-1 in the reason phrase", with!("200 OK", "200 Jawohl\u{df}")),
        ("another version", with!("RTSP/1.0", "RTSP/2.0")),
        ("a header without a colon", with!("CSeq", "no header\r\nCSeq")),
        ("a header without a name", with!("CSeq", ": nothing\r\nCSeq")),
        ("a header without a value", with!("CSeq", "Server:\r\nCSeq")),
        ("control characters", with!("CSeq", "Server: \u{1}\u{85}\r\nCSeq")),
        ("a space before the colon", with!("CSeq: ", "CSeq : ")),
        ("headers that go on in the next line", with!("CSeq: ", "Server: a\r\n b\r\nCSeq:\r\n\t")),
        ("no CSeq", with!("CSeq: ", "X: ")),
        ("another CSeq", with!("CSeq: ", "CSeq: 7")),
        ("no content type", with!("Content-Type: application/sdp", "Content-Type:")),
        ("a base that is no URL", with!("Content-Type", "Content-Base: [\r\nContent-Type")),
        ("a negative length", with!("Content-Length: 0", "Content-Length: -1")),
        ("an interim answer", |m, r| Some([&b"RTSP/1.0 100 Continue\r\nCSeq: 1\r\n\r\n"[..], &usual(m, r)].concat())),
        ("an answer too many", |m, r| (m == "PLAY").then(|| [usual(m, r), usual(m, r)].concat())),
    ] {
        plays(name, "rtsp://camera/cam", Transport::Tcp, said);
    }
}

#[test]
fn line_feeds_alone() {
    // retina waits for another line end in vain.
    let limits = Limits { answer: Duration::from_secs(2), ..LIMITS };
    let config = Config { limits, ..config("rtsp://camera/cam", Transport::Tcp) };
    plays_within(config, "line feeds alone", |m, r| {
        let usual = String::from_utf8(usual(m, r)).expect("it is text");
        let (head, body) = usual.split_once("\r\n\r\n").expect("it has a head");
        Some(format!("{}\n\n{body}", head.replace("\r\n", "\n")).into_bytes())
    });
}

#[test]
fn sessions_and_transports() {
    for (name, said) in [
        ("an empty session", with!("Session: 1;timeout=60", "Session:")),
        ("no session", with!("Session: ", "X: ")),
        ("a session without an id", with!("Session: 1", "Session: ")),
        ("spaces in the session", with!("Session: 1;timeout=60", "Session: 1 ; timeout = 60")),
        ("no time-out", with!("timeout=60", "timeout=")),
        ("a time-out of nothing", with!("timeout=60", "timeout=0")),
        ("a time-out that is no number", with!("timeout=60", "timeout=1m")),
        ("a capital time-out", with!("timeout=60", "Timeout=60")),
        ("more parameters", with!("timeout=60", "timeout=60;more=\"x\"")),
        ("an empty parameter", with!("timeout=60", "")),
        ("no channels", with!(";interleaved=0-1", "")),
        ("channels that are not adjacent", with!("interleaved=0-1", "interleaved=0-5")),
        ("one channel", with!("interleaved=0-1", "interleaved=0-0")),
        ("spaces in the transport", with!(";interleaved=0-1", " ; interleaved = 0-1")),
        ("another SSRC", with!("interleaved=0-1", "interleaved=0-1;ssrc=DEADBEEF")),
        ("a host name as source", with!("interleaved=0-1", "interleaved=0-1;source=camera.local")),
        ("a port of nothing", with!("interleaved=0-1", "interleaved=0-1;server_port=0")),
        ("a sequence number out of range", |m, r| {
            (m == "PLAY").then(|| answer(r, "200 OK", "RTP-Info: url=track0;seq=99999\r\n", ""))
        }),
        ("RTP-Info of nothing", |m, r| (m == "PLAY").then(|| answer(r, "200 OK", "RTP-Info: seq=1\r\n", ""))),
    ] {
        plays(name, "rtsp://camera/cam", Transport::Tcp, said);
    }
}

/// The server's own session is what it gets back.
#[test]
fn a_session_is_said_back_as_it_came() {
    plays("an odd session", "rtsp://camera/cam", Transport::Tcp, |m, r| match m {
        "PLAY" if !r.contains("\r\nSession: a b\r\n") => Some(answer(r, "454 Session Not Found", "", "")),
        "SETUP" => set_up(m, r, "a b;timeout=0", TCP),
        _ => None,
    });
    plays("no session", "rtsp://camera/cam", Transport::Tcp, |m, r| match m {
        "PLAY" if r.contains("Session:") => Some(answer(r, "454 Session Not Found", "", "")),
        "SETUP" => set_up(m, r, "", TCP),
        _ => None,
    });
}

/// Some cameras answer a sign of life as the request before it.
#[test]
fn signs_of_life_that_are_answered_oddly() {
    let said: Respond = |m, r| match m {
        "SETUP" => lively(m, r),
        "OPTIONS" => changed(m, r, m, "CSeq: ", "CSeq\r\nCSeq: 7"),
        _ => None,
    };
    let camera = camera::start(vec![script(said), script(said)]);
    let playing = play(&format!("rtsp://{}/cam", camera.address));
    playing.connected();
    playing.unit();
    assert!(
        matches!(playing.arrivals.next(), Some(Arrival::Status(Status::Disconnected(_)))),
        "retina does not take it"
    );
    playing.connected();
    playing.unit();
    asked(&camera.requests, "OPTIONS", 2);
    playing.end();
}

/// A session description with these words in the place of those.
macro_rules! described_with {
    ($from:literal, $to:literal) => {{
        let said: Respond =
            |method, request| described(method, request, "application/sdp", &H264.replacen($from, $to, 1));
        said
    }};
}

#[test]
fn session_descriptions() {
    for (name, said) in [
        ("a charset", (|m, r| described(m, r, "application/sdp; charset=utf-8", H264)) as Respond),
        ("capitals", |m, r| described(m, r, "Application/SDP", H264)),
        ("a description of another type", |m, r| described(m, r, "text/plain", H264)),
        ("no version", described_with!("v=0\r\n", "")),
        ("an empty connection", described_with!("t=0 0", "c=\r\nt=0 0")),
        ("a port out of range", described_with!("video 0", "video 70000")),
        ("a port that is no number", described_with!("video 0", "video x")),
        ("two spaces", described_with!("video 0", "video  0")),
        ("a media that cannot be read", described_with!("m=video", "m=audio\r\na=control:x\r\nm=video")),
        ("a line that is none", described_with!("t=0 0", "what\r\nt=0 0")),
        ("two names", described_with!("s=-", "s=-\r\ns=-")),
    ] {
        plays(name, "rtsp://camera/cam", Transport::Tcp, said);
    }
}

#[test]
fn a_challenge_with_a_control_character_is_answered() {
    plays("Basic", "rtsp://ann:secret@camera/cam", Transport::Tcp, |_, r| {
        let challenge = "WWW-Authenticate: Basic realm=\"c\u{85}\"\r\n";
        (!r.contains("Authorization: Basic YW5uOnNlY3JldA==")).then(|| answer(r, "401 Unauthorized", challenge, ""))
    });
    plays("Digest", "rtsp://ann:secret@camera/cam", Transport::Tcp, |m, r| {
        let challenge = "WWW-Authenticate: Digest realm=\"c\u{85}\", nonce=\"1\"\r\n";
        // MD5 of ann:c\u{85}:secret, 1 and DESCRIBE:URL depends on the port; the realm is what could be lost.
        let answered = r.contains("realm=\"c\u{85}\"") && r.contains("nonce=\"1\"");
        (m == "DESCRIBE" && !answered).then(|| answer(r, "401 Unauthorized", challenge, ""))
    });
}

/// Over UDP the packets go past the relay.
#[test]
fn over_udp_too() {
    for (name, said) in [
        ("nothing", (|_, _| None) as Respond),
        ("a host name as source", |m, r| {
            changed(m, r, "SETUP", camera::SERVER_PORTS, &format!("{};source=camera.local", camera::SERVER_PORTS))
        }),
        ("another SSRC", with!("unicast", "unicast;ssrc=DEADBEEF")),
        ("a time-out of nothing", with!("timeout=60", "timeout=0")),
        ("a nonce for each request", |m, r| by_method(m, r, |nonce| format!("realm=\"c\", {nonce}"))),
    ] {
        plays(name, "rtsp://ann:secret@camera/cam", Transport::Udp, said);
    }
}

#[test]
fn a_redirect_of_a_track_leads_to_its_stream() {
    let said: Respond = |m, r| match (path(r), m) {
        ("cam/track0", "SETUP") => Some(answer(r, "302 Moved", "Location: /moved/track0\r\n", "")),
        ("cam" | "moved", _) | ("moved/track0", "SETUP") => None,
        _ => Some(answer(r, "404 Not Found", "", "")),
    };
    let camera = camera::start((0..3).map(|_| script(said)).collect());
    let playing = play(&format!("rtsp://{}/cam", camera.address));
    playing.connected();
    playing.unit();
    playing.end();
}

/// retina cannot be told a zone, nor does the server hear of it.
#[test]
fn an_address_with_a_zone() {
    let listener = TcpListener::bind("[::1]:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let said: Respond = |_, r| r.contains('%').then(|| answer(r, "400 Bad Request", "", ""));
    let camera = thread::spawn(move || camera::serve_one(&listener, &script(said), &channel().0));
    let playing = play(&format!("rtsp://[::1%251]:{port}/cam"));
    playing.connected();
    playing.unit();
    playing.end();
    camera.join().expect("no panic");
    let text = failure(config(&format!("rtsp://[::1%251]:{port}/cam"), Transport::Udp));
    assert!(text.ends_with("which it is played over TCP only: try --transport tcp"), "{text}");
}

#[test]
fn a_body_that_is_cut_off_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        use std::io::{Read, Write};
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 99\r\n\r\nv=0\r\n");
        }
    });
    let text = failure(config(&format!("rtsp://{address}/cam"), Transport::Tcp));
    let why = "the body of its answer is cut off after 5 bytes (Content-Length: 99)";
    assert_eq!(text, format!("{address} hung up before a picture came: {why}"));
}
