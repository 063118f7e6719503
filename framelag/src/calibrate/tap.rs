//! What passes the proxy on its way to the receiver: which frames, and when.

use std::sync::mpsc::Receiver;

use common::rtp;
use common::rtsp::message::{Framer, Item};
use common::sei;
use common::time::Now;
use framelag::proxy::Piece;

/// The channel of the only stream's packets.
const RTP_CHANNEL: u8 = 0;

/// An access unit that passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed {
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
pub struct Tap {
    pieces: Receiver<Piece>,
    connection: Option<u64>,
    framer: Framer,
    /// The write of the first byte that waits in the framer began.
    begun: Now,
    unit: Option<Unit>,
    passed: Vec<Passed>,
}

/// An access unit that has begun.
struct Unit {
    sequence: Option<u32>,
    first_out: Now,
}

impl Tap {
    /// Takes pieces as they pass.
    pub fn new(pieces: Receiver<Piece>) -> Self {
        let (connection, framer) = (None, Framer::default());
        Self { pieces, connection, framer, begun: Now::default(), unit: None, passed: Vec::new() }
    }

    /// Looks at what has passed since the last time.
    pub fn look(&mut self) {
        while let Ok(piece) = self.pieces.try_recv() {
            self.piece(&piece);
        }
    }

    /// The frames that have passed since this was asked last.
    pub fn take(&mut self) -> Vec<Passed> {
        self.look();
        std::mem::take(&mut self.passed)
    }

    fn piece(&mut self, piece: &Piece) {
        if self.connection != Some(piece.connection) {
            (self.connection, self.framer, self.unit) = (Some(piece.connection), Framer::default(), None);
        }
        if !self.framer.is_mid_item() {
            self.begun = piece.begun;
        }
        self.framer.push(&piece.bytes);
        // What is no RTSP any more is not followed: no frame of it is found, which is said as too few frames.
        while let Ok(Some(item)) = self.framer.next_item() {
            let begun = std::mem::replace(&mut self.begun, piece.begun);
            match item {
                Item::Data { channel: RTP_CHANNEL, payload } => self.packet(&payload, begun, piece),
                Item::Data { .. } | Item::Request(_) | Item::Response(_) => {}
            }
        }
    }

    fn packet(&mut self, packet: &[u8], begun: Now, piece: &Piece) {
        let Ok(info) = rtp::Packet::parse(packet) else { return };
        let unit = self.unit.get_or_insert_with(|| Unit { sequence: sequence(packet), first_out: begun });
        if !info.marker {
            return;
        }
        let Unit { sequence, first_out } = *unit;
        self.unit = None;
        let times = |sequence| Passed { sequence, read: piece.read, first_out, last_out: piece.written };
        self.passed.extend(sequence.map(times));
    }
}

/// By the SEI in the first packet of an access unit, alone or beside others: it is known by its UUID.
fn sequence(packet: &[u8]) -> Option<u32> {
    const SEI_NAL: [u8; 4] = [0, 0, 1, 6];
    sei::find(&[&SEI_NAL, packet].concat()).map(|stamp| stamp.sequence)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use common::frame::{CaptureClock, PublisherTimes};
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
        let nal = sei::nal(&sei::Stamp { stream_id: 0, sequence, origin, times, capture_clock, reference: None });
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
            let (sender, pieces) = mpsc::channel();
            let mut tap = Tap::new(pieces);
            for (number, chunk) in bytes.chunks(size).enumerate() {
                let now = at(number as u64);
                let piece = Piece { connection: 3, bytes: chunk.to_vec(), read: now, begun: now, written: now };
                sender.send(piece).expect("the tap is there");
            }
            let passed = tap.take();
            assert_eq!(passed.iter().map(|unit| unit.sequence).collect::<Vec<_>>(), [40, 41, 42], "pieces of {size}");
            for (unit, end) in passed.iter().zip(&ends) {
                assert_eq!((unit.read, unit.last_out), (at(((end - 1) / size) as u64), unit.read), "pieces of {size}");
            }
            let begins = ["RTSP/1.0 200 OK\r\nCSeq: 4\r\nSession: 1\r\n\r\n".len(), ends[0] + 6, ends[1] + 6];
            for (unit, begin) in passed.iter().zip(begins) {
                assert_eq!(unit.first_out, at((begin / size) as u64), "pieces of {size}");
            }
            assert!(tap.take().is_empty());
        }
    }

    #[test]
    fn a_new_connection_begins_anew_and_nonsense_is_survived() {
        let (sender, pieces) = mpsc::channel();
        let mut tap = Tap::new(pieces);
        let mut packetizer = Packetizer::new(7, 1);
        let piece = |connection, bytes| Piece { connection, bytes, read: at(1), begun: at(1), written: at(1) };
        let whole = unit(&mut packetizer, 1, 20);
        sender.send(piece(0, whole[..whole.len() - 1].to_vec())).expect("the tap is there");
        sender.send(piece(1, unit(&mut packetizer, 2, 20))).expect("the tap is there");
        sender.send(piece(2, b"nonsense\n\n".repeat(100))).expect("the tap is there");
        assert_eq!(tap.take().iter().map(|unit| unit.sequence).collect::<Vec<_>>(), [2]);
    }
}
