//! A client made of text against a session with a made-up host, under virtual time.

mod access;
mod hostile;
mod play;
mod record;
mod timeouts;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::time::MediaTime;

const SDP: &str = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n\
    a=fmtp:96 packetization-mode=1; sprop-parameter-sets=Z0LAHoyNQFAekA8IhGo=,aM48gA==; profile-level-id=42C01E\r\n\
    a=control:streamid=0\r\n";
const TCP: &str = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";
const UDP: &str = "Transport: RTP/AVP;unicast;client_port=5000-5001\r\n";

/// Streams, ports and permissions as a test wants them.
#[derive(Default)]
struct FakeHost {
    live: BTreeMap<String, Arc<Description>>,
    newest: Option<MediaTime>,
    reserved: Vec<String>,
    udp: Option<(u16, u16)>,
    opened: Vec<(usize, (u16, u16))>,
    denies: bool,
    forbids: bool,
    asked: Vec<(Action, String)>,
}

impl Host for FakeHost {
    fn permit(&mut self, _now: MonoTime, access: &Access<'_>) -> Permission {
        self.asked.push((access.action, access.path.to_string()));
        match (self.denies, self.forbids) {
            (true, _) => Permission::Challenge("Digest realm=\"x\"".to_owned()),
            (_, true) => Permission::Forbidden,
            _ => Permission::Granted,
        }
    }

    fn local_ip(&self) -> IpAddr {
        Ipv4Addr::LOCALHOST.into()
    }

    fn find(&mut self, path: &StreamPath) -> Option<Arc<Description>> {
        self.live.get(path.as_str()).cloned()
    }

    fn newest_time(&mut self, _path: &StreamPath, _track: usize) -> Option<MediaTime> {
        self.newest
    }

    fn reserve(&mut self, path: &StreamPath) -> Result<(), Busy> {
        if self.reserved.iter().any(|taken| taken == path.as_str()) {
            return Err(Busy(format!("somebody already publishes to /{path}")));
        }
        self.reserved.push(path.to_string());
        Ok(())
    }

    fn open_udp(&mut self, track: usize, _is_relayed: bool, client: (u16, u16)) -> Option<(u16, u16)> {
        self.opened.push((track, client));
        self.udp
    }
}

/// A connection to a server where `/cam` is live.
struct Client {
    session: Session,
    host: FakeHost,
    now: MonoTime,
    cseq: u32,
    /// What the session did before it sent the last response.
    before: Vec<Output>,
}

impl Client {
    fn new() -> Self {
        let description = Arc::new(Description::parse(SDP.as_bytes()).expect("good"));
        let mut host = FakeHost { udp: Some((6000, 6001)), ..FakeHost::default() };
        host.live.insert("cam".to_owned(), description);
        let now = MonoTime::from_origin(Duration::from_secs(1_000));
        Self { session: Session::new("0123456789abcdef".to_owned(), now), host, now, cseq: 0, before: Vec::new() }
    }

    /// A client that has set up `/cam`.
    fn pre_play(transport: &str) -> Self {
        let mut client = Self::new();
        client.ok("SETUP", "/cam/trackID=0", transport, "");
        client
    }

    /// A client that plays `/cam`.
    fn playing(transport: &str) -> Self {
        let mut client = Self::pre_play(transport);
        client.ok("PLAY", "/cam", &client.session_header(), "");
        assert!(matches!(client.session.poll_output(), Some(Output::Play(_))));
        client
    }

    /// A client that has announced `/new`.
    fn announced() -> Self {
        let mut client = Self::new();
        client.ok("ANNOUNCE", "/new", "Content-Type: application/sdp\r\n", SDP);
        client
    }

    /// A client that has announced and set up `/new`.
    fn pre_record(transport: &str) -> Self {
        let mut client = Self::announced();
        client.ok("SETUP", "/new/streamid=0", &transport.replace("\r\n", ";mode=record\r\n"), "");
        client
    }

    /// A client that publishes `/new`.
    fn recording(transport: &str) -> Self {
        let mut client = Self::pre_record(transport);
        client.ok("RECORD", "/new", &client.session_header(), "");
        assert!(matches!(client.before[..], [Output::Record(_)]));
        client
    }

    fn session_header(&self) -> String {
        "Session: 0123456789abcdef\r\n".to_owned()
    }

    fn feed(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.session.handle_input(self.now, bytes, &mut self.host)
    }

    fn wait(&mut self, time: Duration) -> Result<(), Error> {
        self.now = self.now + time;
        self.session.handle_timeout(self.now)
    }

    /// Sends a request and gives the response.
    fn ask(&mut self, method: &str, path: &str, headers: &str, body: &str) -> String {
        self.cseq += 1;
        let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        let url = if path == "*" { "*".to_owned() } else { format!("rtsp://127.0.0.1:8554{path}") };
        let request = format!("{method} {url} RTSP/1.0\r\nCSeq: {}\r\n{headers}{length}\r\n{body}", self.cseq);
        // Denials may end the connection; the response comes all the same.
        let _ = self.feed(request.as_bytes());
        self.before.clear();
        let response = self.sent().expect("a response");
        assert!(response.contains(&format!("\r\nCSeq: {}\r\n", self.cseq)), "{response}");
        response
    }

    /// A request that must be granted.
    fn ok(&mut self, method: &str, path: &str, headers: &str, body: &str) -> String {
        let response = self.ask(method, path, headers, body);
        assert!(response.starts_with("RTSP/1.0 200 OK\r\n"), "{method} {path}: {response}");
        response
    }

    /// A request that must be refused with `status`, and leave the state as it is.
    fn refused(&mut self, status: u16, method: &str, path: &str, headers: &str, body: &str) -> String {
        let state = self.session.state();
        let response = self.ask(method, path, headers, body);
        assert!(response.starts_with(&format!("RTSP/1.0 {status} ")), "{method} {path}: {response}");
        assert_eq!(self.session.state(), state, "a refusal changes nothing");
        assert!(self.before.is_empty() && self.session.poll_output().is_none(), "a refusal does nothing");
        response
    }

    fn sent(&mut self) -> Option<String> {
        loop {
            match self.session.poll_output()? {
                Output::Send(bytes) => return Some(String::from_utf8_lossy(&bytes).into_owned()),
                other => self.before.push(other),
            }
        }
    }
}

fn frame(channel: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).expect("a short payload");
    [&crate::rtsp::interleaved::header(channel, length)[..], payload].concat()
}

#[test]
fn options_tells_every_method_in_every_state_and_allow_tells_those_of_the_state() {
    let clients = [
        (Client::new(), State::Initial, "DESCRIBE, ANNOUNCE, SETUP"),
        (Client::pre_play(TCP), State::PrePlay, "SETUP, PLAY"),
        (Client::playing(TCP), State::Play, "PLAY, PAUSE"),
        (Client::pre_record(TCP), State::PreRecord, "SETUP, RECORD"),
        (Client::recording(TCP), State::Record, "OPTIONS, GET_PARAMETER"),
    ];
    for (mut client, state, allowed) in clients {
        assert_eq!(client.session.state(), state);
        for url in ["*", "/cam", "/"] {
            let response = client.ok("OPTIONS", url, "", "");
            assert!(response.contains("Public: OPTIONS, DESCRIBE, ANNOUNCE, SETUP, PLAY"), "{response}");
        }
        client.ok("GET_PARAMETER", "/cam", "", "");
        client.ok("SET_PARAMETER", "/cam", "", "");
        let wrong = if state == State::PreRecord { "DESCRIBE" } else { "RECORD" };
        let headers = if state == State::Initial { String::new() } else { client.session_header() };
        // Without a session, a method that needs one is refused for that.
        let status = if state == State::Initial { 454 } else { 455 };
        let response = client.refused(status, wrong, "/cam", &headers, "");
        assert!(state == State::Initial || response.contains(allowed), "{state}: {response}");
    }
}

#[test]
fn teardown_ends_the_session_and_the_connection_can_begin_anew() {
    let clients = [Client::pre_play(TCP), Client::playing(TCP), Client::pre_record(TCP), Client::recording(TCP)];
    for (mut client, path) in clients.into_iter().zip(["/cam", "/cam/", "/new", "/new/streamid=0"]) {
        client.ok("TEARDOWN", path, &client.session_header(), "");
        assert!(matches!(client.before[..], [Output::Teardown]), "the path is free before the response says so");
        assert_eq!(client.session.state(), State::Initial);
        client.refused(454, "TEARDOWN", path, &client.session_header(), "");
        client.ok("SETUP", "/cam", TCP, "");
        assert_eq!(client.session.state(), State::PrePlay);
    }
}
