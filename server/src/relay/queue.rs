//! What waits to be written to one TCP reader: bounded, and honest about what it drops.

mod entry;

use std::collections::VecDeque;
use std::io::IoSlice;
use std::time::Duration;

use bytes::Bytes;
use common::rtsp::interleaved;
use common::time::MonoTime;

use self::entry::{Entry, Kind};
use super::gate::Gate;
use super::memory::Share;
use super::packet::{FramePosition, Placed};

/// Bytes at which a reader is too slow: 7 s of a 4 Mbit/s stream.
pub(crate) const MAX_BYTES: usize = 4 << 20;
/// Age of what has waited longest at which a reader is too slow: older video is of no use to somebody who looks at
/// live latency.
pub(crate) const MAX_AGE: Duration = Duration::from_secs(1);
/// Times the bytes at which even a frame that was let in whole is cut, so that a frame without end is bounded.
const HARD_FACTOR: usize = 2;
/// Bytes of RTSP responses that may wait: somebody who pipelines requests and does not read is cut off.
pub(crate) const MAX_CONTROL_BYTES: usize = 512 << 10;
/// Places that the deque keeps when it is empty: enough for a frame of several Mbit/s.
const SPARE_ENTRIES: usize = 512;

/// Responses and packets in the order in which they go out.
///
/// All that is asked of it takes time that does not depend on how much waits: an entry is looked at when it comes, when
/// it goes, and at most once between; once more where the connection has to give way (see [`super::memory`]).
#[derive(Debug)]
pub(crate) struct Queue {
    entries: VecDeque<Entry>,
    /// Entries at the front that [`Queue::give_up`] has decided to keep; it does not come back to them.
    kept: usize,
    /// Bytes held by media, overheads included.
    media_bytes: usize,
    media_packets: usize,
    /// Bytes held by responses, overheads included.
    control_bytes: usize,
    share: Share,
    /// Bytes of the first entry that are on the wire.
    written: usize,
    /// Newest frame of which a byte is on the wire: the rest of it is not dropped.
    started_frame: u64,
    gate: Gate,
    dropped_packets: u64,
    /// Entries that [`Queue::give_up`] has looked at.
    #[cfg(test)]
    visited: usize,
}

/// The peer does not read its responses.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ControlFull;

impl Queue {
    /// An empty queue that counts in `share`.
    pub(crate) fn new(share: Share) -> Self {
        Self {
            entries: VecDeque::new(),
            kept: 0,
            media_bytes: 0,
            media_packets: 0,
            control_bytes: 0,
            share,
            written: 0,
            started_frame: 0,
            gate: Gate::default(),
            dropped_packets: 0,
            #[cfg(test)]
            visited: 0,
        }
    }

    /// A response or another message that is never dropped.
    pub(crate) fn push_control(&mut self, now: MonoTime, message: Bytes) -> Result<(), ControlFull> {
        let entry = Entry { kind: Kind::Control, queued: now, prefix: [0; 4], body: message };
        if self.control_bytes + entry.cost() > MAX_CONTROL_BYTES {
            return Err(ControlFull);
        }
        self.control_bytes += entry.cost();
        self.entries.push_back(entry);
        Ok(())
    }

    /// A packet for interleaved channel `channel`; dropped where the gate is closed or the queue is too far behind.
    pub(crate) fn push_media(&mut self, now: MonoTime, placed: &Placed, channel: u8) {
        if self.share.gives_way() {
            return self.refuse(placed.position);
        }
        if let FramePosition::Video { first, opens, .. } = placed.position
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
        if !self.gate.admits(placed.position) {
            self.dropped_packets += u64::from(self.gate.was_opened());
            return;
        }
        let frame = placed.position.frame();
        if self.media_bytes >= HARD_FACTOR * MAX_BYTES {
            self.dropped_packets += 1;
            self.give_up(frame);
            return;
        }
        self.append(now, placed, channel, frame);
    }

    fn append(&mut self, now: MonoTime, placed: &Placed, channel: u8, frame: Option<u64>) {
        let body = placed.packet.bytes.clone();
        let Ok(length) = u16::try_from(body.len()) else { return };
        let prefix = interleaved::header(channel, length);
        let entry = Entry { kind: Kind::Media { frame }, queued: now, prefix, body };
        self.media_bytes += entry.cost();
        self.media_packets += 1;
        self.entries.push_back(entry);
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
            if let (Kind::Media { frame: Some(frame) }, true) = (entry.kind, self.written > 0) {
                self.started_frame = frame;
            }
            let length = entry.len();
            if self.written < length {
                break;
            }
            self.written -= length;
            if let Some(entry) = self.entries.pop_front() {
                self.kept = self.kept.saturating_sub(1);
                self.uncount(&entry);
            }
        }
        self.trim();
    }

    /// Closes the gate and drops all media but a packet that has begun to go out: memory is short, and others need it more.
    pub(crate) fn cut(&mut self) {
        self.cut_at(None);
        self.update();
    }

    /// Tells the books how much this holds now.
    pub(crate) fn update(&mut self) {
        self.share.update(self.media_bytes + self.control_bytes);
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
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
        let oldest = self.entries.front().map(|entry| entry.queued);
        self.media_bytes >= MAX_BYTES || oldest.is_some_and(|oldest| now - oldest > MAX_AGE)
    }

    /// Takes nothing while the connection is to give way.
    fn refuse(&mut self, position: FramePosition) {
        self.dropped_packets += u64::from(self.gate.was_opened() && !matches!(position, FramePosition::Free));
        if self.gate.is_open() {
            self.cut_at(position.frame());
        } else if let FramePosition::Video { first: true, .. } = position {
            self.gate.close(u64::from(self.gate.was_opened()));
        }
    }

    fn cut_at(&mut self, current: Option<u64>) {
        (self.kept, self.started_frame) = (0, 0);
        self.give_up(current);
    }

    /// Closes the gate and drops all media but the rest of a frame that has begun to go out. `current` is the frame
    /// whose packet does not fit any more.
    fn give_up(&mut self, current: Option<u64>) {
        let mut last_dropped = None;
        let mut frames = 0;
        for entry in self.entries.split_off(self.kept) {
            #[cfg(test)]
            {
                self.visited += 1;
            }
            let begun = self.entries.is_empty() && self.written > 0;
            let keep = match entry.kind {
                Kind::Control => true,
                Kind::Media { frame } => begun || (frame == Some(self.started_frame) && self.started_frame != 0),
            };
            if keep {
                self.entries.push_back(entry);
                continue;
            }
            self.uncount(&entry);
            self.dropped_packets += 1;
            if let Kind::Media { frame: Some(frame) } = entry.kind
                && last_dropped != Some(frame)
            {
                last_dropped = Some(frame);
                frames += 1;
            }
        }
        self.kept = self.entries.len();
        self.trim();
        let cut = current.is_some() && current != last_dropped;
        self.gate.close(frames + u64::from(cut));
    }

    /// Gives back places that a long queue needed; seldom enough to cost each entry only a little.
    fn trim(&mut self) {
        let needed = SPARE_ENTRIES.max(2 * self.entries.len());
        if self.entries.capacity() > 2 * needed {
            self.entries.shrink_to(needed);
        }
    }

    fn uncount(&mut self, entry: &Entry) {
        match entry.kind {
            Kind::Control => self.control_bytes -= entry.cost(),
            Kind::Media { .. } => {
                self.media_bytes -= entry.cost();
                self.media_packets -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests;
