//! The server's session against clients that ask anything in any order: a model of the five states says what the
//! answer must be.

use std::time::Duration;

use common::impair::{Conditions, Stream};
use common::rtsp::auth::Verifier;
use common::rtsp::serve::{Session, State};
use common::time::MonoTime;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::for_seeds;
use crate::paths::Paths;

const SDP: &str = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n\
                   a=rtpmap:96 H264/90000\r\na=control:trackID=0\r\n";

const METHODS: [&str; 9] =
    ["OPTIONS", "GET_PARAMETER", "SET_PARAMETER", "DESCRIBE", "ANNOUNCE", "SETUP", "RECORD", "PAUSE", "TEARDOWN"];

/// What RFC 2326 appendix A.2 lets a client ask in each state, as far as there is nothing to play.
fn is_allowed(state: State, method: &str) -> bool {
    match method {
        "OPTIONS" | "GET_PARAMETER" | "SET_PARAMETER" => true,
        "DESCRIBE" | "ANNOUNCE" => state == State::Initial,
        "SETUP" => matches!(state, State::Initial | State::PreRecord),
        "RECORD" => state == State::PreRecord,
        "TEARDOWN" => state != State::Initial,
        _ => false,
    }
}

fn request(method: &str, cseq: u32, session: Option<&str>) -> String {
    let url = match method {
        "SETUP" => "rtsp://127.0.0.1/live/cam/trackID=0",
        _ => "rtsp://127.0.0.1/live/cam",
    };
    let mut text = format!("{method} {url} RTSP/1.0\r\nCSeq: {cseq}\r\n");
    if let Some(session) = session {
        text += &format!("Session: {session}\r\n");
    }
    match method {
        "SETUP" => text += "Transport: RTP/AVP/TCP;unicast;interleaved=0-1;mode=record\r\n\r\n",
        "ANNOUNCE" => text += &format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{SDP}", SDP.len()),
        _ => text += "\r\n",
    }
    text
}

/// A client, its server, and the connection between them.
struct Exchange {
    now: MonoTime,
    server: Session,
    paths: Paths,
    up: Stream,
    cseq: u32,
    /// As the server gave it.
    session: Option<String>,
}

impl Exchange {
    fn new(seed: u64) -> Self {
        Self {
            now: MonoTime::default(),
            server: Session::new("session-1".to_owned(), MonoTime::default()),
            paths: Paths::free(Verifier::new("framelag")),
            up: Stream::new(Conditions { jitter: Duration::from_millis(20), ..Conditions::default() }, seed),
            cseq: 0,
            session: None,
        }
    }

    /// Asks, and gives back the one answer, which must be to this question: its status.
    fn ask(&mut self, method: &str) -> u16 {
        self.cseq += 1;
        let text = request(method, self.cseq, self.session.as_deref());
        self.up.handle_bytes(self.now, text.as_bytes());
        while let Some(at) = self.up.poll_timeout() {
            self.now = self.now.max(at);
            while let Some(bytes) = self.up.poll_output(self.now) {
                self.server.handle_input(self.now, &bytes, &mut self.paths).expect("a good request");
            }
        }
        let mut answer = String::new();
        while let Some(output) = self.server.poll_output() {
            match output {
                common::rtsp::serve::Output::Send(bytes) => answer += &String::from_utf8_lossy(&bytes),
                common::rtsp::serve::Output::Teardown => self.paths.held = false,
                _ => {}
            }
        }
        assert_eq!(answer.matches("RTSP/1.0 ").count(), 1, "{answer}");
        assert!(answer.contains(&format!("\r\nCSeq: {}\r\n", self.cseq)), "{answer}");
        if let Some(line) = answer.lines().find_map(|line| line.strip_prefix("Session: ")) {
            self.session = line.split(';').next().map(str::to_owned);
        }
        if method == "TEARDOWN" && answer.starts_with("RTSP/1.0 200") {
            self.session = None;
        }
        answer["RTSP/1.0 ".len()..][..3].parse().expect("a status")
    }
}

#[test]
fn any_order_of_requests_follows_the_five_states() {
    for_seeds(0..300, |seed| {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut exchange = Exchange::new(seed);
        for _ in 0..60 {
            let before = exchange.server.state();
            let set_up = exchange.session.is_some();
            let method = METHODS[rng.random_range(0..METHODS.len())];
            let status = exchange.ask(method);
            let after = exchange.server.state();
            let context = format!("{method} in {before} gave {status} and {after}");
            let expected = match (before, method) {
                // A session that nobody was told of has no identifier to ask with.
                (State::PreRecord, "RECORD" | "TEARDOWN") if !set_up => (454, before),
                (_, "RECORD" | "PAUSE" | "TEARDOWN") if !set_up => (454, before),
                (State::PreRecord, "SETUP") if set_up => (455, before),
                (state, method) if !is_allowed(state, method) => (455, before),
                (State::Initial, "DESCRIBE") => (404, before),
                // To play, as nothing was announced; and nobody publishes there.
                (State::Initial, "SETUP") => (404, before),
                (State::Initial, "ANNOUNCE") => (200, State::PreRecord),
                (State::PreRecord, "RECORD") => (200, State::Record),
                (_, "TEARDOWN") => (200, State::Initial),
                _ => (200, before),
            };
            assert_eq!((status, after), expected, "{context}");
            assert!(status == 200 || (400..500).contains(&status), "{context}");
            assert_eq!(exchange.paths.held, after != State::Initial, "{context}: who has announced holds the path");
        }
    });
}
