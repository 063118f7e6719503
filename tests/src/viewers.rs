//! LL-HLS viewers without decoding: each requests every part in advance and the playlist that will list it, over two
//! connections like a player, and records when each part arrives at its socket: how soon a viewer's thread then runs is not
//! the server's doing.

use std::io::{self, BufRead, BufReader, IoSliceMut, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use common::time::MEDIA_CLOCK_HZ;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};
use nix::sys::time::TimeSpec;

use crate::LIMIT;

/// A part's delay is compared with the median of the first parts, this many.
const USUAL: usize = 64;
/// Waits below this are errors of floating point, in seconds.
const ROUNDING: f64 = 1e-6;
/// Longest wait that is no stall, in seconds: a refresh of the screen, as the measuring page has it (`web/measure/stalls.js`).
const REFRESH: f64 = 0.018;
/// Largest playlist or part that is read, in bytes.
const BODY_MAX: usize = 8 << 20;

/// Results of one viewer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Watched {
    /// Parts that arrived complete.
    pub parts: u64,
    /// Parts that were listed but not available, or not whole.
    pub missing: u64,
    /// Parts that arrived too late for a player with the given cushion, which is further behind after each.
    pub waits: u64,
    /// Waits long enough to be seen: longer than a refresh of the screen.
    pub stalls: u64,
    /// The longest wait, in ms.
    pub longest_wait_ms: f64,
    /// Delay of each part after the first `USUAL`, in ms, relative to the median of those. A server that becomes late for good is
    /// late with every part.
    pub late_ms: Vec<f64>,
    /// The latest of these, in ms, and when it arrived, in seconds since the Unix epoch.
    pub latest: Option<(f64, f64)>,
}

/// Watches the playlist at `path` of the server at `address` for this long. Playback waits for a part that arrives
/// later than `cushion` less its own duration, and goes on that much later: a stall if the wait exceeds a refresh of the screen.
/// `cushion` is the media buffered just after a part arrived.
///
/// # Errors
///
/// Fails if the server does not respond or sends anything but a live playlist with parts.
pub fn watch(address: SocketAddr, path: &str, duration: Duration, cushion: Duration) -> io::Result<Watched> {
    let (mut lists, mut parts) = (Connection::open(address)?, Connection::open(address)?);
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut list = List::parse(&lists.text(path)?)?;
    let mut arrivals = Arrivals::new(cushion);
    let begin = Instant::now();
    while begin.elapsed() < duration {
        let (segment, part) = list.next;
        let hint = list.hint.take().ok_or_else(|| io::Error::other("the playlist hints at no part"))?;
        parts.ask(&format!("{folder}/{hint}"))?;
        lists.ask(&format!("{path}?_HLS_msn={segment}&_HLS_part={part}&_HLS_skip=YES"))?;
        let hinted = parts.part()?;
        list = List::parse(&lists.answered_text()?)?;
        for listed in list.parts.iter().filter(|listed| listed.place >= (segment, part)) {
            let came = match hinted {
                Some(came) if listed.uri == hint => Some(came),
                _ => {
                    parts.ask(&format!("{folder}/{}", listed.uri))?;
                    parts.part()?
                }
            };
            arrivals.add(came, listed.duration);
        }
    }
    Ok(arrivals.watched)
}

/// A part that arrived whole.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Came {
    /// Since the Unix epoch.
    at: Duration,
    /// Media time at its start, in seconds: durations in a playlist are rounded, and their sum is off by more and more. It is
    /// taken to go on without a jump.
    start: f64,
}

/// Judges the arrival times of parts.
struct Arrivals {
    cushion: Duration,
    /// Arrivals of the first parts relative to their media time, in seconds; sorted once all of them are there.
    usual: Vec<f64>,
    /// For how long playback has waited, in seconds.
    waited: f64,
    watched: Watched,
}

impl Arrivals {
    fn new(cushion: Duration) -> Self {
        Self { cushion, usual: Vec::with_capacity(USUAL), waited: 0.0, watched: Watched::default() }
    }

    fn add(&mut self, came: Option<Came>, duration: f64) {
        let Some(came) = came else {
            self.watched.missing += 1;
            return;
        };
        self.watched.parts += 1;
        let after = came.at.as_secs_f64() - came.start - duration;
        if self.usual.len() == USUAL {
            let late = after - self.usual[USUAL / 2];
            let late_ms = late * 1_000.0;
            self.watched.late_ms.push(late_ms);
            if self.watched.latest.is_none_or(|(latest, _)| late_ms > latest) {
                self.watched.latest = Some((late_ms, came.at.as_secs_f64()));
            }
            let wait = late - self.waited - (self.cushion.as_secs_f64() - duration);
            if wait > ROUNDING {
                self.watched.waits += 1;
                self.watched.stalls += u64::from(wait > REFRESH);
                self.watched.longest_wait_ms = self.watched.longest_wait_ms.max(wait * 1_000.0);
                self.waited += wait;
            }
            return;
        }
        self.usual.push(after);
        if self.usual.len() == USUAL {
            self.usual.sort_by(f64::total_cmp);
        }
    }
}

/// A part of a playlist.
#[derive(Debug, PartialEq)]
struct Part {
    /// Of its segment, and in it.
    place: (u64, usize),
    uri: String,
    /// In seconds.
    duration: f64,
}

/// The subset of a media playlist needed to load parts as they arrive.
#[derive(Debug, PartialEq)]
struct List {
    parts: Vec<Part>,
    /// Position of the next part.
    next: (u64, usize),
    hint: Option<String>,
}

impl List {
    fn parse(text: &str) -> io::Result<Self> {
        let (mut segment, mut part, mut parts, mut hint) = (0_u64, 0, Vec::new(), None);
        let bad = |line: &str| io::Error::other(format!("no playlist with parts: {line:?}"));
        if !text.starts_with("#EXTM3U") {
            return Err(bad(text.lines().next().unwrap_or_default()));
        }
        for line in text.lines() {
            let Some((tag, value)) = line.split_once(':') else { continue };
            match tag {
                "#EXT-X-MEDIA-SEQUENCE" => segment += value.parse::<u64>().map_err(|_| bad(line))?,
                "#EXT-X-SKIP" => {
                    segment += attribute(value, "SKIPPED-SEGMENTS").and_then(|n| n.parse().ok()).unwrap_or(0);
                }
                "#EXT-X-PART" => {
                    let uri = attribute(value, "URI").ok_or_else(|| bad(line))?.to_owned();
                    let duration =
                        attribute(value, "DURATION").and_then(|s| s.parse().ok()).ok_or_else(|| bad(line))?;
                    parts.push(Part { place: (segment, part), uri, duration });
                    part += 1;
                }
                "#EXTINF" => (segment, part) = (segment + 1, 0),
                "#EXT-X-PRELOAD-HINT" => hint = attribute(value, "URI").map(str::to_owned),
                _ => {}
            }
        }
        Ok(Self { parts, next: (segment, part), hint })
    }
}

/// Returns the value of an attribute (RFC 8216 section 4.2) whose values contain no commas.
fn attribute<'a>(attributes: &'a str, name: &str) -> Option<&'a str> {
    let value = attributes.split(',').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    Some(value.trim_matches('"'))
}

/// Whether a response consists entirely of boxes, including media data.
fn is_whole(answer: &(u16, &[u8])) -> bool {
    let (status, mut rest) = *answer;
    let mut has_media = false;
    while let Some((kind, _, behind)) = first_box(rest) {
        has_media |= kind == b"mdat";
        rest = behind;
    }
    status == 200 && has_media && rest.is_empty()
}

/// Splits the first box into its kind and its content, followed by what is behind it; `None` if it is cut off.
fn first_box(boxes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let size = usize::try_from(u32::from_be_bytes(*boxes.first_chunk()?)).ok()?;
    let (whole, behind) = boxes.split_at_checked(size)?;
    Some((whole.get(4..8)?, &whole[8..], behind))
}

/// Returns the media time at the start of a part, in seconds: `baseMediaDecodeTime` of its first track (ISO/IEC 14496-12
/// section 8.8.12). With framelag's server that is the video, in ticks of 1/90000 s.
fn start(part: &[u8]) -> Option<f64> {
    let tfdt = [b"moof", b"traf", b"tfdt"].iter().try_fold(part, |boxes, kind| content(boxes, kind))?;
    let (head, time) = tfdt.split_at_checked(4)?;
    let ticks = match head[0] {
        0 => u64::from(u32::from_be_bytes(*time.first_chunk()?)),
        _ => u64::from_be_bytes(*time.first_chunk()?),
    };
    Some(ticks as f64 / f64::from(MEDIA_CLOCK_HZ))
}

/// Returns the content of the first box of this kind.
fn content<'a>(mut boxes: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    loop {
        let (found, content, behind) = first_box(boxes)?;
        if found == kind {
            return Some(content);
        }
        boxes = behind;
    }
}

/// Time since the Unix epoch.
fn wall() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// A socket that knows when the newest bytes it was read from arrived, by the kernel's wall clock.
struct Stamped {
    stream: TcpStream,
    arrived: Duration,
}

impl Read for Stamped {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut space = nix::cmsg_space!(TimeSpec);
        let mut into = [IoSliceMut::new(buffer)];
        let message = recvmsg::<()>(self.stream.as_raw_fd(), &mut into, Some(&mut space), MsgFlags::empty())?;
        let stamp = message.cmsgs()?.find_map(|control| match control {
            ControlMessageOwned::ScmTimestampns(at) => Some(at.into()),
            _ => None,
        });
        // The kernel begins to stamp a moment after it is asked to.
        self.arrived = stamp.unwrap_or_else(wall);
        Ok(message.bytes)
    }
}

/// A kept-alive connection.
struct Connection {
    stream: BufReader<Stamped>,
    host: SocketAddr,
    line: String,
    body: Vec<u8>,
}

impl Connection {
    fn open(host: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&host, LIMIT)?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_nodelay(true)?;
        setsockopt(&stream, sockopt::ReceiveTimestampns, &true)?;
        let stream = Stamped { stream, arrived: Duration::ZERO };
        Ok(Self { stream: BufReader::with_capacity(64 << 10, stream), host, line: String::new(), body: Vec::new() })
    }

    fn ask(&mut self, path: &str) -> io::Result<()> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.host);
        self.stream.get_mut().stream.write_all(request.as_bytes())
    }

    /// Reads status and body of the next response, which states its length.
    fn answer(&mut self) -> io::Result<(u16, &[u8])> {
        let status = self.read_line()?.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
        let mut length = None;
        loop {
            let line = self.read_line()?;
            match line.split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.trim().parse().ok()
                }
                Some(_) => {}
                None => break,
            }
        }
        let length = length.filter(|length| *length <= BODY_MAX);
        self.body.resize(length.ok_or_else(|| io::Error::other("an answer of no length"))?, 0);
        self.stream.read_exact(&mut self.body)?;
        Ok((status, &self.body))
    }

    /// Reads a part. Returns when it arrived, since the Unix epoch; `None` if it is not whole.
    fn part(&mut self) -> io::Result<Option<Came>> {
        let answer = self.answer()?;
        if !is_whole(&answer) {
            return Ok(None);
        }
        let start = start(answer.1).ok_or_else(|| io::Error::other("a part without a decode time"))?;
        Ok(Some(Came { at: self.stream.get_ref().arrived, start }))
    }

    fn read_line(&mut self) -> io::Result<&str> {
        self.line.clear();
        if self.stream.read_line(&mut self.line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(self.line.trim_end())
    }

    fn answered_text(&mut self) -> io::Result<String> {
        let (status, body) = self.answer()?;
        let text = String::from_utf8_lossy(body).into_owned();
        if status == 200 { Ok(text) } else { Err(io::Error::other(format!("status {status}: {text}"))) }
    }

    fn text(&mut self, path: &str) -> io::Result<String> {
        self.ask(path)?;
        self.answered_text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delta_update_is_counted_on() {
        let text = "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:5\n#EXT-X-SKIP:SKIPPED-SEGMENTS=2\n#EXTINF:1,\nsegment-7.m4s\n\
                    #EXT-X-PART:DURATION=0.033,URI=\"part-8-0.m4s\",INDEPENDENT=YES\n\
                    #EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"part-8-1.m4s\"";
        let list = List::parse(text).expect("it is a playlist");
        assert_eq!((list.next, list.hint.as_deref()), ((8, 1), Some("part-8-1.m4s")));
        assert_eq!(list.parts, [Part { place: (8, 0), uri: "part-8-0.m4s".to_owned(), duration: 0.033 }]);
        assert!(List::parse("<html>").is_err());
    }

    #[test]
    fn parts_are_boxes_up_to_their_end() {
        let moof = [0, 0, 0, 8, b'm', b'o', b'o', b'f'];
        let part = [&moof[..], &[0, 0, 0, 9, b'm', b'd', b'a', b't', 1]].concat();
        assert!(is_whole(&(200, &part)));
        for (status, bytes) in [(404, &part[..]), (200, &part[..16]), (200, &moof[..]), (200, &[0; 20]), (200, &[])] {
            assert!(!is_whole(&(status, bytes)), "{status} {bytes:?}");
        }
    }

    fn came(ms: u64, start: f64) -> Came {
        Came { at: Duration::from_millis(ms), start }
    }

    #[test]
    fn rounded_durations_do_not_add_up_to_a_delay() {
        let mut arrivals = Arrivals::new(Duration::from_millis(150));
        for part in 0..30_000_u32 {
            let start = f64::from(part) / 30.0;
            arrivals.add(Some(came(500 + (start * 1_000.0).round() as u64, start)), 0.03333);
        }
        let Watched { stalls, late_ms, .. } = arrivals.watched;
        assert!(stalls == 0 && late_ms.iter().all(|late| late.abs() < 1.1), "{late_ms:?}");
    }

    #[test]
    fn a_part_says_at_which_media_time_it_starts() {
        let boxed = |kind: &[u8; 4], content: &[u8]| {
            let size = u32::try_from(content.len() + 8).expect("it is small");
            [&size.to_be_bytes()[..], kind, content].concat()
        };
        let part = |tfdt: &[u8]| {
            let traf = [boxed(b"tfhd", &[0; 8]), boxed(b"tfdt", tfdt)].concat();
            [boxed(b"prft", &[0; 20]), boxed(b"moof", &[boxed(b"mfhd", &[0; 8]), boxed(b"traf", &traf)].concat())]
                .concat()
        };
        assert_eq!(start(&part(&[&[0; 4][..], &45_000_u32.to_be_bytes()].concat())), Some(0.5));
        assert_eq!(
            start(&part(&[&[1, 0, 0, 0][..], &(90_000_u64 << 32).to_be_bytes()].concat())),
            Some(4_294_967_296.0)
        );
        for bytes in [&part(&[0; 5])[..], &boxed(b"moof", &[]), &[0; 8], &[]] {
            assert_eq!(start(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn what_comes_later_than_the_cushion_lasts_is_waited_for_and_a_stall_if_that_shows() {
        let came = |part: u32, late: u64| Some(came(500 + u64::from(part) * 100 + late, f64::from(part) * 0.1));
        let mut arrivals = Arrivals::new(Duration::from_millis(150));
        for part in 0..200 {
            let late = match part {
                90 => 40,
                100 => 70,
                110 => 69,
                120 => 85,
                130 => 84,
                _ => 0,
            };
            arrivals.add(came(part, late), 0.1);
        }
        arrivals.add(None, 0.1);
        let Watched { parts, missing, waits, stalls, longest_wait_ms, late_ms, latest } = arrivals.watched;
        assert_eq!((parts, missing, waits), (200, 1, 2), "after the first, playback is 20 ms further behind");
        assert_eq!(stalls, 1, "nobody sees the second, of 15 ms");
        assert!((longest_wait_ms - 20.0).abs() < 1e-6, "{longest_wait_ms}");
        assert!((late_ms.iter().copied().fold(0.0, f64::max) - 85.0).abs() < 1e-6, "{late_ms:?}");
        let (latest, at_s) = latest.expect("one was late");
        assert!((latest - 85.0).abs() < 1e-6 && (at_s - 12.585).abs() < 1e-6, "{latest} at {at_s}");
    }

    #[test]
    fn a_server_that_comes_to_be_late_for_good_stalls_a_player_once_and_is_late_with_every_part() {
        let mut arrivals = Arrivals::new(Duration::from_millis(150));
        for part in 0..300_u32 {
            let at = 500 + u64::from(part) * 100 + if part < 100 { 0 } else { 80 };
            arrivals.add(Some(came(at, f64::from(part) * 0.1)), 0.1);
        }
        assert_eq!((arrivals.watched.waits, arrivals.watched.stalls), (1, 1));
        assert_eq!(arrivals.watched.late_ms.iter().filter(|late| **late > 79.0).count(), 200);
    }
}
