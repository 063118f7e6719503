//! One direction of a connection: an ordered stream of bytes in segments of any length.

use std::collections::VecDeque;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{Bottleneck, Conditions};
use crate::time::MonoTime;

/// The longest segment: an Ethernet frame's worth of TCP (RFC 9293 section 3.7.1).
pub const MAX_SEGMENT: usize = 1_460;

/// How long a lost segment is waited for before it is sent again: what Linux waits at least. Doubles each time.
const RETRANSMIT_AFTER: Duration = Duration::from_millis(200);

/// Times that a segment is lost at most, so that a stream without hope still ends.
const MAX_RETRANSMITS: u32 = 8;

/// One direction of a connection under [`Conditions`]. Loss delays a segment, and all behind it, instead of taking
/// it away; reordering and duplication do not show. Nothing is dropped: it is for the writer to hold back.
#[derive(Debug)]
pub struct Stream {
    conditions: Conditions,
    rng: StdRng,
    bottleneck: Bottleneck,
    segments: VecDeque<(MonoTime, Vec<u8>)>,
    /// When the last segment arrives.
    last: MonoTime,
    /// When the end arrives.
    end: Option<MonoTime>,
}

impl Stream {
    /// A connection on which nothing is under way.
    pub fn new(conditions: Conditions, seed: u64) -> Self {
        Self {
            conditions,
            rng: StdRng::seed_from_u64(seed),
            bottleneck: Bottleneck::default(),
            segments: VecDeque::new(),
            last: MonoTime::default(),
            end: None,
        }
    }

    /// Bytes are written at `now`. After [`Stream::handle_close`] they go nowhere.
    pub fn handle_bytes(&mut self, now: MonoTime, mut bytes: &[u8]) {
        while !bytes.is_empty() && self.end.is_none() {
            let (segment, rest) = bytes.split_at(self.segment_len(bytes.len()));
            let departure = self.bottleneck.pass(now, segment.len(), self.conditions.rate_bps);
            self.last = self.last.max(departure + self.conditions.transit(&mut self.rng) + self.retransmission());
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
        while self.rng.random_bool(0.5) {
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

    fn take_segment(&mut self, now: MonoTime) -> Option<Vec<u8>> {
        self.segments.front().filter(|(at, _)| *at <= now)?;
        self.segments.pop_front().map(|(_, segment)| segment)
    }

    /// Any length that is allowed, short ones often: a reader must not care.
    fn segment_len(&mut self, available: usize) -> usize {
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
