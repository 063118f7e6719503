//! Whole frames of a stream for what runs in this process, such as a segmenter.
//!
//! Frames are put together once for all subscribers, on the publisher's task and only while there are any. Each has a bounded
//! queue of its own, which counts as held memory like a reader's, and none can slow down the publisher, the readers or another
//! subscriber.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};

use common::lock::lock;
use common::media::{Codec, IdrGate};
use common::rtp::h264::Depacketizer;
use common::rtp::{self, Event, FRAME_MAX, Frame};
use common::rtsp::sdp::Audio;
use common::rtsp::serve::Description;
use common::time::MonoTime;
use tokio::sync::Notify;

use super::audio::{AudioFeed, AudioUnit};
use super::memory::{Account, Share};
use super::packet::{PacketKind, Placed};

/// Most frames of video and audio queued for one subscriber: several seconds.
pub(super) const FRAMES_MAX: usize = 256;
/// Bytes of them.
pub(super) const BYTES_MAX: usize = 2 * FRAME_MAX;

/// The owner of what subscribers hold and of their requests for IDRs. No peer has this address: neither a reader on this host
/// nor any other uses up what is theirs.
pub(super) const IN_PROCESS: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// The subscribers of one stream.
pub(super) struct FrameSinks {
    /// There while anybody subscribes.
    depacketizer: Option<Depacketizer>,
    audio: Option<AudioFeed>,
    queues: Vec<Arc<FrameQueue>>,
}

/// What a subscriber receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wants {
    Video,
    /// Video, and audio if present.
    Both,
}

/// A unit handed to subscribers, shared among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Video(Arc<Frame>),
    Audio(Arc<AudioUnit>),
}

impl Unit {
    fn bytes(&self) -> usize {
        match self {
            Self::Video(frame) => frame.encoded.data.len(),
            Self::Audio(unit) => unit.frame.data.len(),
        }
    }
}

impl FrameSinks {
    /// Creates the frames of a stream with this audio.
    pub(super) fn new(audio: Option<&Audio>) -> Self {
        Self { depacketizer: None, audio: audio.map(AudioFeed::new), queues: Vec::new() }
    }

    /// Adds a subscriber; `parameter_sets` are the stream's latest.
    pub(super) fn join(&mut self, codec: Codec, parameter_sets: &[Vec<u8>], queue: FrameQueue) -> Arc<FrameQueue> {
        self.depacketizer.get_or_insert_with(|| match codec {
            Codec::H264 => Depacketizer::new(parameter_sets),
        });
        self.audio.iter_mut().for_each(AudioFeed::begin);
        let queue = Arc::new(queue);
        self.queues.push(queue.clone());
        queue
    }

    pub(super) fn leave(&mut self, queue: &Arc<FrameQueue>) {
        self.queues.retain(|other| !Arc::ptr_eq(other, queue));
        if self.queues.is_empty() {
            self.depacketizer = None;
            self.audio.iter_mut().for_each(AudioFeed::stop);
        }
    }

    pub(super) fn deliver(&mut self, now: MonoTime, batch: &[Placed]) {
        for Placed { packet, .. } in batch {
            if packet.kind == PacketKind::Rtcp {
                self.audio.iter_mut().for_each(|audio| audio.take_report(packet));
            } else if self.depacketizer.is_some()
                && let Ok(rtp) = rtp::Packet::parse(&packet.bytes)
            {
                match packet.track {
                    Description::VIDEO => self.deliver_video(now, &rtp),
                    _ => self.deliver_audio(now, &rtp),
                }
            }
        }
    }

    fn deliver_video(&mut self, now: MonoTime, packet: &rtp::Packet<'_>) {
        let Some(depacketizer) = &mut self.depacketizer else { return };
        for event in depacketizer.handle_packet(now, packet) {
            match event {
                Event::Frame(frame) => {
                    self.audio.iter_mut().for_each(|audio| audio.take_video(frame.arrived, frame.encoded.time));
                    let starts = frame.starts_decoding;
                    push(&self.queues, &Unit::Video(Arc::new(frame)), starts);
                }
                Event::Dropped(..) => self.queues.iter().for_each(|queue| queue.count_broken()),
            }
        }
    }

    fn deliver_audio(&mut self, now: MonoTime, packet: &rtp::Packet<'_>) {
        let (Some(audio), queues) = (&mut self.audio, &self.queues) else { return };
        audio.take(now, packet, |unit| push(queues, &Unit::Audio(Arc::new(unit)), false));
    }

    /// Whether a subscriber needs a key frame to go on.
    pub(super) fn wait_for_key(&self) -> bool {
        self.depacketizer.as_ref().is_some_and(Depacketizer::waits_for_key)
            || self.queues.iter().any(|queue| !lock(&queue.state).gate.is_open())
    }

    #[cfg(test)]
    pub(super) fn are_fed(&self) -> bool {
        self.depacketizer.is_some()
    }

    pub(super) fn end(&mut self) {
        for queue in self.queues.drain(..) {
            lock(&queue.state).ended = true;
            queue.wake.notify_one();
        }
    }
}

/// `opens` says whether decoding can start with it.
fn push(queues: &[Arc<FrameQueue>], unit: &Unit, opens: bool) {
    queues.iter().filter(|queue| queue.wants(unit)).for_each(|queue| queue.push(unit, opens));
    // Each of them may hold the limit.
    queues.iter().for_each(|queue| queue.give_way());
}

/// What waits for one subscriber.
pub(crate) struct FrameQueue {
    account: Arc<Account>,
    wants: Wants,
    state: Mutex<State>,
    wake: Notify,
}

struct State {
    units: VecDeque<Unit>,
    bytes: usize,
    share: Share,
    gate: IdrGate,
    /// It has had a frame: what it does not get from then on is dropped.
    opened_once: bool,
    drops: FrameDrops,
    ended: bool,
}

/// Frames that a subscriber did not get, since its first one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameDrops {
    /// It was too slow; also those up to the next frame that decoding can begin with.
    pub slow: u64,
    /// Packets of them were lost or malformed on the way to the server; also those that refer to them.
    pub broken: u64,
}

impl State {
    /// Lets go of all that waits, up to the next frame that decoding can begin with.
    fn give_up(&mut self) {
        self.drops.slow += self.units.iter().filter(|unit| matches!(unit, Unit::Video(_))).count() as u64;
        self.units.clear();
        self.bytes = 0;
        self.gate.close();
        self.share.update(0);
    }
}

impl FrameQueue {
    pub(super) fn new(account: Arc<Account>, wants: Wants) -> Self {
        let state = State {
            units: VecDeque::new(),
            bytes: 0,
            share: account.share(),
            gate: IdrGate::default(),
            opened_once: false,
            drops: FrameDrops::default(),
            ended: false,
        };
        Self { account, wants, state: Mutex::new(state), wake: Notify::new() }
    }

    fn wants(&self, unit: &Unit) -> bool {
        self.wants == Wants::Both || matches!(unit, Unit::Video(_))
    }

    fn push(&self, unit: &Unit, opens: bool) {
        let mut state = lock(&self.state);
        let state = &mut *state;
        let length = unit.bytes();
        if state.units.len() >= FRAMES_MAX || state.bytes + length > BYTES_MAX {
            state.give_up();
        }
        if state.gate.admits(opens) {
            state.opened_once = true;
            state.bytes += length;
            state.units.push_back(unit.clone());
            state.share.update(state.bytes);
            self.wake.notify_one();
        } else {
            state.drops.slow += u64::from(state.opened_once && matches!(unit, Unit::Video(_)));
        }
    }

    /// Lets go of what waits, if memory is short and this queue was told to.
    fn give_way(&self) {
        let mut state = lock(&self.state);
        if state.share.gives_way() {
            state.give_up();
            // However much it held, nothing has to go but its frames.
            let _ = self.account.gave_way();
        }
    }

    fn count_broken(&self) {
        let mut state = lock(&self.state);
        state.drops.broken += u64::from(state.opened_once);
    }

    /// Returns the next unit; `None` once the stream has ended.
    pub(super) async fn next(&self) -> Option<Unit> {
        loop {
            {
                let mut state = lock(&self.state);
                if let Some(unit) = state.units.pop_front() {
                    state.bytes -= unit.bytes();
                    let held = state.bytes;
                    state.share.update(held);
                    return Some(unit);
                }
                if state.ended {
                    return None;
                }
            }
            self.wake.notified().await;
        }
    }

    pub(super) fn drops(&self) -> FrameDrops {
        lock(&self.state).drops
    }

    /// Units and bytes queued.
    #[cfg(test)]
    pub(super) fn held(&self) -> (usize, usize) {
        let state = lock(&self.state);
        assert_eq!(state.bytes, state.units.iter().map(Unit::bytes).sum::<usize>());
        (state.units.len(), state.bytes)
    }
}
