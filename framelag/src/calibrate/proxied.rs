//! The frames that pass the proxy on their way to the receiver, and when.

use std::sync::mpsc::Receiver;

use common::rtp;
use common::rtsp::message::{Framer, Item};
use common::sei;
use common::time::Now;
use framelag::proxy::Chunk;

/// The channel of the only stream's packets.
const RTP_CHANNEL: u8 = 0;

/// An access unit that passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProxiedFrame {
    /// By its SEI.
    pub sequence: u32,
    /// Its last byte had been read.
    pub read: Now,
    /// The write of its first byte began.
    pub first_out: Now,
    /// The write of its last byte began.
    pub last_out: Now,
}

/// Follows connections, one after the other.
pub struct FrameTracker {
    chunks: Receiver<Chunk>,
    connection: Option<u64>,
    framer: Framer,
    /// When the write of the framer's first byte began.
    begun: Now,
    unit: Option<Unit>,
    passed: Vec<ProxiedFrame>,
}

/// An access unit that has begun.
struct Unit {
    sequence: Option<u32>,
    first_out: Now,
}

impl FrameTracker {
    pub fn new(chunks: Receiver<Chunk>) -> Self {
        let (connection, framer) = (None, Framer::default());
        Self { chunks, connection, framer, begun: Now::default(), unit: None, passed: Vec::new() }
    }

    /// Reads what has passed since the last call.
    pub fn poll(&mut self) {
        while let Ok(chunk) = self.chunks.try_recv() {
            self.chunk(&chunk);
        }
    }

    /// The frames that have passed since the last call.
    pub fn take(&mut self) -> Vec<ProxiedFrame> {
        self.poll();
        std::mem::take(&mut self.passed)
    }

    fn chunk(&mut self, chunk: &Chunk) {
        if self.connection != Some(chunk.connection) {
            (self.connection, self.framer, self.unit) = (Some(chunk.connection), Framer::default(), None);
        }
        if !self.framer.is_mid_item() {
            self.begun = chunk.begun;
        }
        self.framer.push(&chunk.bytes);
        // After what is not RTSP no frame is found, which is reported as too few frames.
        while let Ok(Some(item)) = self.framer.next_item() {
            let begun = std::mem::replace(&mut self.begun, chunk.begun);
            match item {
                Item::Data { channel: RTP_CHANNEL, payload } => self.packet(&payload, begun, chunk),
                Item::Data { .. } | Item::Request(_) | Item::Response(_) => {}
            }
        }
    }

    fn packet(&mut self, packet: &[u8], begun: Now, chunk: &Chunk) {
        let Ok(info) = rtp::Packet::parse(packet) else { return };
        let unit = self.unit.get_or_insert_with(|| Unit { sequence: sequence(packet), first_out: begun });
        if !info.marker {
            return;
        }
        let Unit { sequence, first_out } = *unit;
        self.unit = None;
        let times = |sequence| ProxiedFrame { sequence, read: chunk.read, first_out, last_out: chunk.written };
        self.passed.extend(sequence.map(times));
    }
}

/// By the SEI in the first packet of an access unit, alone or with other NAL units: it is known by its UUID.
fn sequence(packet: &[u8]) -> Option<u32> {
    sei::find(packet).map(|stamp| stamp.sequence)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use common::frame::{CaptureClock, PublisherTimes};
    use common::h264::sei_nal;
    use common::rtp::Packets;
    use common::rtp::h264::Packetizer;
    use common::time::{MediaTime, MonoTime, WallTime};

    use super::*;

    fn at(ms: u64) -> Now {
        let mono = MonoTime::from_origin(Duration::from_millis(ms));
        Now { wall: WallTime::from_micros(mono.since_origin().as_micros() as i64), mono }
    }

    /// An access unit in RTP, interleaved: an SEI with its number, and a slice of so many bytes.
    fn unit(packetizer: &mut Packetizer, sequence: u32, slice: usize) -> Vec<u8> {
        let time = WallTime::from_micros(1_700_000_000_000_000);
        let times = PublisherTimes { captured: None, stamp: time, painted: time, encoded: time, sent: time };
        let (origin, capture_clock) = (sei::Origin::default(), CaptureClock::None);
        let stamp = sei::Stamp { stream_id: 0, sequence, origin, times, capture_clock, reference: None };
        let nal = sei_nal(&sei::message(&stamp));
        let (slice, mut packets) = ([&[0x41, 0x9a][..], &vec![0x55; slice]].concat(), Packets::default());
        packetizer.packetize(&[&nal, &slice], MediaTime::from_ticks(sequence * 3_000), &mut packets);
        packets.interleaved(RTP_CHANNEL).to_vec()
    }

    #[test]
    fn frames_are_found_however_the_bytes_come() {
        let mut packetizer = Packetizer::new(7, 1);
        let mut bytes = b"RTSP/1.0 200 OK\r\nCSeq: 4\r\nSession: 1\r\n\r\n".to_vec();
        let mut ends = Vec::new();
        for (sequence, slice) in [(40, 200), (41, 9_000), (42, 0)] {
            bytes.extend(unit(&mut packetizer, sequence, slice));
            ends.push(bytes.len());
            bytes.extend(b"$\x01\x00\x02ab");
        }
        for size in [1, 7, 1_000, bytes.len()] {
            let (sender, chunks) = mpsc::channel();
            let mut tracker = FrameTracker::new(chunks);
            for (number, chunk) in bytes.chunks(size).enumerate() {
                let now = at(number as u64);
                let chunk = Chunk { connection: 3, bytes: chunk.to_vec(), read: now, begun: now, written: now };
                sender.send(chunk).expect("the tracker is there");
            }
            let passed = tracker.take();
            assert_eq!(passed.iter().map(|unit| unit.sequence).collect::<Vec<_>>(), [40, 41, 42], "chunks of {size}");
            for (unit, end) in passed.iter().zip(&ends) {
                assert_eq!((unit.read, unit.last_out), (at(((end - 1) / size) as u64), unit.read), "chunks of {size}");
            }
            let begins = ["RTSP/1.0 200 OK\r\nCSeq: 4\r\nSession: 1\r\n\r\n".len(), ends[0] + 6, ends[1] + 6];
            for (unit, begin) in passed.iter().zip(begins) {
                assert_eq!(unit.first_out, at((begin / size) as u64), "chunks of {size}");
            }
            assert!(tracker.take().is_empty());
        }
    }

    #[test]
    fn a_new_connection_begins_anew_and_nonsense_is_survived() {
        let (sender, chunks) = mpsc::channel();
        let mut tracker = FrameTracker::new(chunks);
        let mut packetizer = Packetizer::new(7, 1);
        let chunk = |connection, bytes| Chunk { connection, bytes, read: at(1), begun: at(1), written: at(1) };
        let whole = unit(&mut packetizer, 1, 20);
        sender.send(chunk(0, whole[..whole.len() - 1].to_vec())).expect("the tracker is there");
        sender.send(chunk(1, unit(&mut packetizer, 2, 20))).expect("the tracker is there");
        sender.send(chunk(2, b"nonsense\n\n".repeat(100))).expect("the tracker is there");
        assert_eq!(tracker.take().iter().map(|unit| unit.sequence).collect::<Vec<_>>(), [2]);
    }
}
