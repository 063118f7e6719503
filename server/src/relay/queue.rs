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
        let starts = matches!(marked.mark, Mark::Video { first, opens, .. } if first || opens);
        if starts && self.is_behind(now) {
            self.give_up(None);
            if self.is_behind(now) {
                self.dropped_packets += 1;
                self.gate.close(1);
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
