//! What waits to be written to one TCP reader: bounded, and honest about what it drops.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::time::Duration;

use bytes::Bytes;
use common::time::MonoTime;

use super::gate::Gate;
use super::packet::{Mark, Marked};

/// Bytes of media at which a reader is too slow: 8 s of a 4 Mbit/s stream.
pub(crate) const MAX_BYTES: usize = 4 << 20;
/// Packets of media at which a reader is too slow.
pub(crate) const MAX_PACKETS: usize = 4_096;
/// Age of the oldest waiting packet at which a reader is too slow: older video is of no use to somebody who looks at
/// live latency.
pub(crate) const MAX_AGE: Duration = Duration::from_secs(1);
/// Bytes and packets at which even a frame that was let in whole is cut, so that a frame without end is bounded.
const HARD_FACTOR: usize = 2;
/// Bytes of RTSP responses that may wait: somebody who pipelines requests and does not read is cut off.
pub(crate) const MAX_CONTROL_BYTES: usize = 512 << 10;

/// Responses and packets in the order in which they go out.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    entries: VecDeque<Entry>,
    media_bytes: usize,
    media_packets: usize,
    control_bytes: usize,
    /// Bytes of the first entry that are on the wire.
    written: usize,
    /// Newest frame of which a byte is on the wire: the rest of it is not dropped.
    started_frame: u64,
    gate: Gate,
    dropped_packets: u64,
}

/// The peer does not read its responses.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ControlFull;

#[derive(Debug)]
struct Entry {
    kind: Kind,
    /// `$`, channel and length (RFC 2326 section 10.12); unused before a response.
    prefix: [u8; 4],
    body: Bytes,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Control,
    Media { frame: Option<u64>, queued: MonoTime },
}

impl Queue {
    /// A response or another message that is never dropped.
    pub(crate) fn push_control(&mut self, message: Bytes) -> Result<(), ControlFull> {
        if self.control_bytes + message.len() > MAX_CONTROL_BYTES {
            return Err(ControlFull);
        }
        self.control_bytes += message.len();
        self.entries.push_back(Entry { kind: Kind::Control, prefix: [0; 4], body: message });
        Ok(())
    }

    /// A packet for interleaved channel `channel`; dropped where the gate is closed or the queue is too far behind.
    pub(crate) fn push_media(&mut self, now: MonoTime, marked: &Marked, channel: u8) {
        if let Mark::Video { first, opens, .. } = marked.mark
            && (first || opens)
            && self.is_behind(now)
        {
            self.give_up(None);
            if self.is_behind(now) {
                self.dropped_packets += 1;
                self.gate.close(u64::from(first));
                return;
            }
        }
        if !self.gate.admits(marked.mark) {
            self.dropped_packets += u64::from(self.gate.was_opened());
            return;
        }
        let frame = match marked.mark {
            Mark::Video { frame, .. } => Some(frame),
            Mark::Other | Mark::Free => None,
        };
        if self.media_bytes >= HARD_FACTOR * MAX_BYTES || self.media_packets >= HARD_FACTOR * MAX_PACKETS {
            self.dropped_packets += 1;
            self.give_up(frame);
            return;
        }
        self.append(now, marked, channel, frame);
    }

    fn append(&mut self, now: MonoTime, marked: &Marked, channel: u8, frame: Option<u64>) {
        let body = marked.packet.bytes.clone();
        let Ok(length) = u16::try_from(body.len()) else { return };
        let [high, low] = length.to_be_bytes();
        self.media_bytes += body.len();
        self.media_packets += 1;
        let kind = Kind::Media { frame, queued: now };
        self.entries.push_back(Entry { kind, prefix: [b'$', channel, high, low], body });
    }

    /// Fills `slices` with what is to be written next; returns how many it used. 0: nothing waits.
    pub(crate) fn fill<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut used = 0;
        let mut skip = self.written;
        for entry in &self.entries {
            for part in [entry.prefix(), &entry.body[..]] {
                let rest = &part[skip.min(part.len())..];
                skip -= part.len() - rest.len();
                if rest.is_empty() {
                    continue;
                }
                if used == slices.len() {
                    return used;
                }
                slices[used] = IoSlice::new(rest);
                used += 1;
            }
        }
        used
    }

    /// `count` bytes of what [`Queue::fill`] gave went out.
    pub(crate) fn advance(&mut self, count: usize) {
        self.written += count;
        while let Some(entry) = self.entries.front() {
            if let (Kind::Media { frame: Some(frame), .. }, true) = (entry.kind, self.written > 0) {
                self.started_frame = frame;
            }
            let length = entry.len();
            if self.written < length {
                break;
            }
            self.written -= length;
            if let Some(entry) = self.entries.pop_front() {
                self.uncount(&entry);
            }
        }
    }

    /// Packets that wait.
    pub(crate) fn media_packets(&self) -> usize {
        self.media_packets
    }

    /// Shuts the gate as at the start, for a reader that plays anew.
    pub(crate) fn restart(&mut self) {
        self.gate.restart();
        self.started_frame = 0;
    }

    /// The reader's gate, for its counts.
    pub(crate) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Packets that this reader did not get because it was too slow.
    pub(crate) fn dropped_packets(&self) -> u64 {
        self.dropped_packets
    }

    fn is_behind(&self, now: MonoTime) -> bool {
        let oldest = self.entries.iter().find_map(|entry| match entry.kind {
            Kind::Media { queued, .. } => Some(queued),
            Kind::Control => None,
        });
        self.media_bytes >= MAX_BYTES
            || self.media_packets >= MAX_PACKETS
            || oldest.is_some_and(|oldest| now - oldest > MAX_AGE)
    }

    /// Closes the gate and drops all media but the rest of a frame that has begun to go out. `current` is the frame
    /// whose packet does not fit any more.
    fn give_up(&mut self, current: Option<u64>) {
        let mut last_dropped = None;
        let mut frames = 0;
        let entries = std::mem::take(&mut self.entries);
        for (index, entry) in entries.into_iter().enumerate() {
            let keep = match entry.kind {
                Kind::Control => true,
                Kind::Media { .. } if index == 0 && self.written > 0 => true,
                Kind::Media { frame, .. } => frame == Some(self.started_frame) && self.started_frame != 0,
            };
            if keep {
                self.entries.push_back(entry);
                continue;
            }
            self.uncount(&entry);
            self.dropped_packets += 1;
            if let Kind::Media { frame: Some(frame), .. } = entry.kind
                && last_dropped != Some(frame)
            {
                last_dropped = Some(frame);
                frames += 1;
            }
        }
        let cut = current.is_some() && current != last_dropped;
        self.gate.close(frames + u64::from(cut));
    }

    fn uncount(&mut self, entry: &Entry) {
        match entry.kind {
            Kind::Control => self.control_bytes -= entry.body.len(),
            Kind::Media { .. } => {
                self.media_bytes -= entry.body.len();
                self.media_packets -= 1;
            }
        }
    }
}

impl Entry {
    fn prefix(&self) -> &[u8] {
        match self.kind {
            Kind::Control => &[],
            Kind::Media { .. } => &self.prefix,
        }
    }

    fn len(&self) -> usize {
        self.prefix().len() + self.body.len()
    }
}

#[cfg(test)]
mod tests {
    use common::rtsp::serve::{Packet, PacketKind};

    use super::*;

    /// One packet per frame; every tenth opens.
    fn video(frame: u64, length: usize) -> Marked {
        let packet = Packet { track: 0, kind: PacketKind::Rtp, bytes: vec![frame as u8; length].into() };
        Marked { packet, mark: Mark::Video { frame, first: true, opens: frame % 10 == 1 } }
    }

    fn at(millis: u64) -> MonoTime {
        MonoTime::from_origin(Duration::from_millis(millis))
    }

    /// Everything that waits, as it would go out.
    fn bytes(queue: &Queue) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); 64];
        let used = queue.fill(&mut slices);
        slices[..used].iter().flat_map(|slice| slice.to_vec()).collect()
    }

    #[test]
    fn responses_and_frames_go_out_in_order_wherever_a_write_ends() {
        let mut queue = Queue::default();
        queue.push_media(at(0), &video(1, 3), 6);
        queue.push_control(Bytes::from_static(b"RTSP")).expect("room");
        queue.push_media(at(0), &video(2, 2), 6);
        let whole = b"$\x06\0\x03\x01\x01\x01RTSP$\x06\0\x02\x02\x02";
        for cut in 0..=whole.len() {
            let mut rest = Queue::default();
            rest.push_media(at(0), &video(1, 3), 6);
            rest.push_control(Bytes::from_static(b"RTSP")).expect("room");
            rest.push_media(at(0), &video(2, 2), 6);
            rest.advance(cut);
            assert_eq!(bytes(&rest), whole[cut..], "{cut}");
        }
        assert_eq!(bytes(&queue), whole);
        queue.advance(whole.len());
        assert_eq!((queue.media_packets, queue.media_bytes, queue.control_bytes), (0, 0, 0));
    }

    #[test]
    fn a_reader_that_stands_still_loses_whole_frames_up_to_an_idr_it_can_take() {
        let mut queue = Queue::default();
        for frame in 1..=40 {
            queue.push_media(at(frame * 33), &video(frame, 1_000), 0);
        }
        // Frame 1 was let in at 33 ms; frame 32 came more than MAX_AGE later: 31 are thrown away, and frame 41 opens.
        assert_eq!((queue.gate().skipped_frames(), queue.dropped_packets()), (40, 40));
        assert!(bytes(&queue).is_empty() && !queue.gate().is_open());
        queue.push_media(at(41 * 33), &video(41, 1_000), 0);
        assert_eq!((queue.media_packets(), queue.gate().skipped_frames()), (1, 40));
    }

    #[test]
    fn a_frame_that_has_begun_to_go_out_is_not_torn() {
        let mut queue = Queue::default();
        queue.push_media(at(0), &video(1, 100), 0);
        queue.push_media(at(0), &video(2, 100), 0);
        queue.advance(50);
        queue.push_control(Bytes::from_static(b"reply")).expect("room");
        queue.push_media(at(2_000), &video(3, 100), 0);
        let rest = bytes(&queue);
        assert_eq!((rest.len(), &rest[54..]), (54 + 5, &b"reply"[..]), "the rest of frame 1, and the response");
        queue.push_media(at(2_001), &video(11, 100), 0);
        assert!(!queue.gate().is_open(), "what waits is as old as ever");
        queue.advance(rest.len());
        queue.push_media(at(2_002), &video(21, 100), 0);
        assert!(queue.gate().is_open());
        assert_eq!(queue.gate().skipped_frames(), 3);
    }

    #[test]
    fn the_rest_of_a_frame_and_of_a_report_goes_out_too() {
        let part = |first, mark| {
            let packet = Packet { track: 0, kind: PacketKind::Rtp, bytes: vec![first; 10].into() };
            Marked { packet, mark }
        };
        let video = |frame, first| Mark::Video { frame, first, opens: first };
        let mut queue = Queue::default();
        queue.push_media(at(0), &part(1, video(1, true)), 0);
        queue.push_media(at(0), &part(2, video(1, false)), 0);
        queue.advance(14);
        queue.push_media(at(2_000), &part(3, video(2, true)), 0);
        assert_eq!(bytes(&queue)[4..], [2; 10], "the second half of the frame, and nothing else");

        let mut queue = Queue::default();
        queue.push_media(at(0), &part(1, Mark::Free), 1);
        queue.push_media(at(0), &part(2, Mark::Free), 1);
        queue.advance(5);
        queue.push_media(at(2_000), &part(3, video(1, true)), 0);
        assert_eq!(bytes(&queue), [1; 9], "the rest of the packet, and nothing else");
    }

    #[test]
    fn memory_is_bounded_for_frames_without_end_and_for_many_small_packets() {
        let part = |first| {
            let packet = Packet { track: 0, kind: PacketKind::Rtp, bytes: vec![0; 60_000].into() };
            Marked { packet, mark: Mark::Video { frame: 1, first, opens: first } }
        };
        let mut queue = Queue::default();
        for index in 0..1_000 {
            queue.push_media(at(0), &part(index == 0), 0);
            assert!(queue.media_bytes <= HARD_FACTOR * MAX_BYTES + 60_000);
        }
        assert_eq!((queue.gate().skipped_frames(), queue.gate().closings()), (1, 1));

        let report = Packet { track: 0, kind: PacketKind::Rtcp, bytes: Bytes::from_static(b"report") };
        let mut queue = Queue::default();
        for _ in 0..100_000 {
            queue.push_media(at(0), &Marked { packet: report.clone(), mark: Mark::Free }, 1);
        }
        assert!(queue.media_packets() <= HARD_FACTOR * MAX_PACKETS);
    }

    #[test]
    fn who_does_not_read_responses_gets_no_more() {
        let mut queue = Queue::default();
        let response = Bytes::from(vec![b'x'; 1_000]);
        let taken = (0..10_000).take_while(|_| queue.push_control(response.clone()).is_ok()).count();
        assert_eq!(taken, MAX_CONTROL_BYTES / 1_000);
    }

    #[test]
    fn playing_anew_waits_for_an_idr_again() {
        let mut queue = Queue::default();
        queue.push_media(at(0), &video(1, 10), 0);
        queue.restart();
        queue.push_media(at(0), &video(2, 10), 0);
        assert_eq!((queue.media_packets(), queue.dropped_packets()), (1, 0));
    }
}
