//! One direction of a connection: an ordered stream of bytes in segments of any length.

use std::collections::VecDeque;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{Bottleneck, Conditions};
use crate::time::MonoTime;

/// The longest segment: an Ethernet frame's worth of TCP (RFC 9293 section 3.7.1).
const MAX_SEGMENT: usize = 1_460;

/// How long a lost segment is waited for before it is sent again: what Linux waits at least. Doubles each time.
const RETRANSMIT_AFTER: Duration = Duration::from_millis(200);

/// Times that a segment is lost at most, so that a stream without hope still ends.
const MAX_RETRANSMITS: u32 = 8;

/// How a stream cuts what is written to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// Anywhere: a reader must not care.
    Anywhere,
    /// Into full segments, which share the jitter of their write.
    Full,
}

/// One direction of a connection under [`Conditions`]. Loss delays a segment, and all behind it, instead of taking
/// it away; reordering and duplication do not show. Nothing is dropped: it is for the writer to hold back.
#[derive(Debug)]
pub struct Stream {
    conditions: Conditions,
    cut: Cut,
    rng: StdRng,
    bottleneck: Bottleneck,
    under_way_bytes: usize,
    segments: VecDeque<(MonoTime, Vec<u8>)>,
    /// When the last segment arrives.
    last: MonoTime,
    /// When the end arrives.
    end: Option<MonoTime>,
}

impl Stream {
    /// A connection on which nothing is under way, and which cuts and joins what is written to it anywhere.
    pub fn new(conditions: Conditions, seed: u64) -> Self {
        Self::cutting(Cut::Anywhere, conditions, seed)
    }

    /// The same for the bytes of real sockets: what is written at once has one jitter, and comes out at once but for
    /// the bottleneck and losses.
    pub fn of_writes(conditions: Conditions, seed: u64) -> Self {
        Self::cutting(Cut::Full, conditions, seed)
    }

    fn cutting(cut: Cut, conditions: Conditions, seed: u64) -> Self {
        Self {
            conditions,
            cut,
            rng: StdRng::seed_from_u64(seed),
            bottleneck: Bottleneck::default(),
            under_way_bytes: 0,
            segments: VecDeque::new(),
            last: MonoTime::default(),
            end: None,
        }
    }

    /// Other conditions for the bytes written from now on. Those under way keep their time, and these wait for them.
    pub fn set_conditions(&mut self, conditions: Conditions) {
        self.conditions = conditions;
    }

    /// Bytes are written at `now`. After [`Stream::handle_close`] they go nowhere.
    pub fn handle_bytes(&mut self, now: MonoTime, mut bytes: &[u8]) {
        let shared = (self.cut == Cut::Full).then(|| self.conditions.transit(&mut self.rng));
        while !bytes.is_empty() && self.end.is_none() {
            let (segment, rest) = bytes.split_at(self.segment_len(bytes.len()));
            let departure = self.bottleneck.pass(now, segment.len(), self.conditions.rate_bps);
            let transit = shared.unwrap_or_else(|| self.conditions.transit(&mut self.rng));
            self.last = self.last.max(departure + transit + self.retransmission());
            self.under_way_bytes += segment.len();
            self.segments.push_back((self.last, segment.to_vec()));
            bytes = rest;
        }
    }

    /// The writer closes the connection at `now`: the end arrives after all bytes.
    pub fn handle_close(&mut self, now: MonoTime) {
        if self.end.is_none() {
            self.last = self.last.max(now + self.conditions.transit(&mut self.rng));
            self.end = Some(self.last);
        }
    }

    /// The next bytes that have arrived by `now`: one segment, or several at once, as a socket would give them.
    pub fn poll_output(&mut self, now: MonoTime) -> Option<Vec<u8>> {
        let mut bytes = self.take_segment(now)?;
        while self.cut == Cut::Full || self.rng.random_bool(0.5) {
            match self.take_segment(now) {
                Some(more) => bytes.extend(more),
                None => break,
            }
        }
        Some(bytes)
    }

    /// Whether the end, and so everything before it, has arrived by `now` and was taken.
    pub fn is_closed(&self, now: MonoTime) -> bool {
        self.segments.is_empty() && self.end.is_some_and(|end| end <= now)
    }

    /// When the next bytes, or the end, arrive. The end stays due.
    pub fn poll_timeout(&self) -> Option<MonoTime> {
        self.segments.front().map(|(at, _)| *at).or(self.end)
    }

    /// Bytes that were written and not taken yet.
    pub fn under_way_bytes(&self) -> usize {
        self.under_way_bytes
    }

    /// Whether a writer would have to wait at `now`: as much waits before the bottleneck as its queue holds.
    pub fn is_full(&self, now: MonoTime) -> bool {
        let Conditions { rate_bps, queue_bytes, .. } = self.conditions;
        rate_bps > 0 && self.bottleneck.waiting_bytes(now, rate_bps) >= queue_bytes as u128
    }

    fn take_segment(&mut self, now: MonoTime) -> Option<Vec<u8>> {
        self.segments.front().filter(|(at, _)| *at <= now)?;
        let (_, segment) = self.segments.pop_front()?;
        self.under_way_bytes -= segment.len();
        Some(segment)
    }

    /// Where it is cut anywhere: any length that is allowed, short ones often.
    fn segment_len(&mut self, available: usize) -> usize {
        if self.cut == Cut::Full {
            return MAX_SEGMENT.min(available);
        }
        let longest = if self.rng.random_bool(0.3) { 16 } else { MAX_SEGMENT };
        self.rng.random_range(1..=longest.min(available))
    }

    fn retransmission(&mut self) -> Duration {
        let losses = (0..MAX_RETRANSMITS).take_while(|_| self.rng.random::<f64>() < self.conditions.loss).count();
        // 200 ms, then 400 ms more, and so on.
        RETRANSMIT_AFTER * ((1 << losses) - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> MonoTime {
        MonoTime::from_origin(Duration::from_millis(ms))
    }

    #[test]
    fn every_byte_arrives_once_and_in_order() {
        let text: Vec<u8> = (0..50_000_u32).map(|i| i as u8).collect();
        let mut lengths = std::collections::BTreeSet::new();
        for seed in 0..50 {
            let conditions = Conditions {
                delay: Duration::from_millis(10),
                jitter: Duration::from_millis(30),
                loss: 0.05,
                duplicate: 0.5,
                reorder: 0.5,
                rate_bps: 10_000_000,
                ..Conditions::default()
            };
            let mut stream = Stream::new(conditions, seed);
            text.chunks(3_000).zip(0..).for_each(|(chunk, ms)| stream.handle_bytes(at(ms), chunk));
            stream.handle_close(at(20));
            let mut got = Vec::new();
            while let Some(now) = stream.poll_timeout().filter(|now| !stream.is_closed(*now)) {
                while let Some(bytes) = stream.poll_output(now) {
                    lengths.insert(bytes.len());
                    got.extend(bytes);
                }
            }
            assert!(got == text, "seed {seed}");
        }
        assert!(lengths.contains(&1) && lengths.last() > Some(&MAX_SEGMENT), "short and joined ones: {lengths:?}");
    }

    #[test]
    fn what_is_written_at_once_comes_out_at_once() {
        let jittered =
            Conditions { delay: Duration::from_millis(5), jitter: Duration::from_millis(9), ..Conditions::default() };
        let mut stream = Stream::of_writes(jittered, 1);
        stream.handle_bytes(at(0), &[7; 5_000]);
        assert_eq!(stream.under_way_bytes(), 5_000);
        let due = stream.poll_timeout().expect("bytes are under way");
        assert!(due >= at(5) && due <= at(14), "{due:?}");
        assert_eq!(stream.poll_output(due), Some(vec![7; 5_000]));
        assert_eq!(stream.under_way_bytes(), 0);
    }

    #[test]
    fn a_writer_waits_before_a_full_bottleneck_and_new_conditions_count_from_now_on() {
        // 1,460 bytes at 1.168 Mbit/s take 10 ms.
        let narrow = Conditions { rate_bps: 1_168_000, queue_bytes: 2_920, ..Conditions::default() };
        let mut stream = Stream::of_writes(narrow, 1);
        stream.handle_bytes(at(0), &[7; 2_920]);
        assert!(stream.is_full(at(0)) && !stream.is_full(at(1)));
        assert_eq!((stream.poll_timeout(), stream.poll_output(at(10))), (Some(at(10)), Some(vec![7; 1_460])));
        stream.set_conditions(Conditions::default());
        stream.handle_bytes(at(11), b"a");
        assert_eq!(stream.poll_output(at(19)), None, "behind what is under way");
        assert_eq!(stream.poll_output(at(20)).map(|bytes| bytes.len()), Some(1_461));
    }

    #[test]
    fn the_end_comes_last_and_nothing_after_it() {
        let mut stream = Stream::new(Conditions { delay: Duration::from_millis(5), ..Conditions::default() }, 1);
        stream.handle_bytes(at(0), b"a");
        stream.handle_close(at(1));
        stream.handle_bytes(at(2), b"b");
        assert!(!stream.is_closed(at(100)), "there is a byte to take");
        assert_eq!(stream.poll_output(at(100)), Some(b"a".to_vec()));
        assert!(!stream.is_closed(at(5)) && stream.is_closed(at(6)));
        assert_eq!(stream.poll_output(at(100)), None);
    }

    #[test]
    fn a_stream_without_hope_still_ends() {
        let mut stream = Stream::new(Conditions { loss: 1.0, ..Conditions::default() }, 1);
        stream.handle_bytes(at(0), b"a");
        assert_eq!(stream.poll_timeout(), Some(at(200 * 255)));
    }
}
