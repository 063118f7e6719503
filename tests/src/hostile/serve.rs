//! The server's session, with any bytes as its client; its parsers of HTTP, and of the file of settings.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use common::rtsp::serve::{Busy, Description, Host, Output, Session, StreamPath};
use common::time::{MediaTime, MonoTime};
use framelag::plan::Mistake;
use framelag::stream_settings;
use server::SegmentSettings;

const SDP: &str = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n\
     m=audio 0 RTP/AVP 97\r\na=rtpmap:97 opus/48000/2\r\n";

/// A server where `cam` is live and every other path is free.
struct Always(Arc<Description>);

impl Host for Always {
    fn local_ip(&self) -> IpAddr {
        Ipv4Addr::LOCALHOST.into()
    }

    fn find(&mut self, path: &StreamPath) -> Option<Arc<Description>> {
        (path.as_str() == "cam").then(|| self.0.clone())
    }

    fn newest_time(&mut self, _path: &StreamPath, _track: usize) -> Option<MediaTime> {
        Some(MediaTime::default())
    }

    fn reserve(&mut self, _path: &StreamPath) -> Result<(), Busy> {
        Ok(())
    }

    fn open_udp(&mut self, _track: usize, _is_relayed: bool, _client: (u16, u16)) -> Option<(u16, u16)> {
        Some((6_000, 6_001))
    }
}

/// A connection to the server. The first byte says how long the pieces are that the bytes arrive in. However they are
/// cut, the session ends at most once, answers in RTSP or HTTP, and wakes up again in finite time.
pub fn rtsp_serve(data: &[u8]) {
    let Some((&size, stream)) = data.split_first() else { return };
    let description = Description::parse(SDP.as_bytes()).expect("a good description");
    let mut host = Always(Arc::new(description));
    let mut now = MonoTime::default();
    let mut session = Session::new("0123456789abcdef".to_owned(), now);
    for piece in stream.chunks(usize::from(size).max(1)) {
        now = now + Duration::from_millis(10);
        let ended = session.handle_input(now, piece, &mut host).is_err();
        while let Some(output) = session.poll_output() {
            if let Output::Send(bytes) = output {
                assert!(bytes.starts_with(b"RTSP/1.0 ") || bytes.starts_with(b"HTTP/1.1 "));
            }
        }
        if ended {
            assert!(session.handle_input(now, piece, &mut host).is_err(), "it stays ended");
            assert!(session.poll_output().is_none());
            return;
        }
    }
    if let Some(deadline) = session.poll_timeout() {
        assert!(session.handle_timeout(deadline).is_err(), "a deadline is one");
    }
}

/// A request over HTTP: its path, its query, its headers and its body.
pub fn http(data: &[u8]) {
    server::parse_any_http(data);
}

/// A file of settings: one that a server starts with, or mistakes on lines that it has.
pub fn stream_settings(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match stream_settings::read(&text) {
        Ok(settings) => {
            let defaults = settings.defaults.of(SegmentSettings::default());
            assert_eq!(defaults.check(), Ok(()));
            assert!(settings.paths.values().all(|change| change.of(defaults).check().is_ok()), "{settings:?}");
        }
        Err(mistakes) => {
            let lines = 1..=text.matches('\n').count() + 1;
            assert!(!mistakes.is_empty(), "it says why");
            let line = |mistake: &Mistake| mistake.line.is_none_or(|line| lines.contains(&line));
            assert!(mistakes.iter().all(line), "{mistakes:?}");
        }
    }
}
