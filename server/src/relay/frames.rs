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
use common::time::MonoTime;
use tokio::sync::Notify;

use super::memory::{Account, Share};
use super::packet::{PacketKind, Placed};

/// Frames that wait for one subscriber at most: several seconds.
pub(super) const FRAMES_MAX: usize = 256;
/// Bytes of them.
pub(super) const BYTES_MAX: usize = 2 * FRAME_MAX;

/// The owner of what subscribers hold and of their requests for IDRs. No peer has this address: neither a reader on this host
/// nor any other uses up what is theirs.
pub(super) const IN_PROCESS: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// The subscribers of one stream.
#[derive(Default)]
pub(super) struct FrameSinks {
    /// There while anybody subscribes.
    depacketizer: Option<Depacketizer>,
    queues: Vec<Arc<FrameQueue>>,
}

impl FrameSinks {
    /// Adds a subscriber that holds what waits for it in `account`; `parameter_sets` are those of the stream so far.
    pub(super) fn join(&mut self, codec: Codec, parameter_sets: &[Vec<u8>], account: Arc<Account>) -> Arc<FrameQueue> {
        self.depacketizer.get_or_insert_with(|| match codec {
            Codec::H264 => Depacketizer::new(parameter_sets),
        });
        let queue = Arc::new(FrameQueue::new(account));
        self.queues.push(queue.clone());
        queue
    }

    pub(super) fn leave(&mut self, queue: &Arc<FrameQueue>) {
        self.queues.retain(|other| !Arc::ptr_eq(other, queue));
        if self.queues.is_empty() {
            self.depacketizer = None;
        }
    }

    pub(super) fn deliver(&mut self, now: MonoTime, batch: &[Placed]) {
        let Some(depacketizer) = &mut self.depacketizer else { return };
        for placed in batch.iter().filter(|placed| placed.packet.kind == PacketKind::Rtp) {
            let Ok(packet) = rtp::Packet::parse(&placed.packet.bytes) else { continue };
            for event in depacketizer.handle_packet(now, &packet) {
                match event {
                    Event::Frame(frame) => {
                        let frame = Arc::new(frame);
                        self.queues.iter().for_each(|queue| queue.push(&frame));
                        // Any of them may hold the most.
                        self.queues.iter().for_each(|queue| queue.give_way());
                    }
                    Event::Dropped(..) => self.queues.iter().for_each(|queue| queue.count_broken()),
                }
            }
        }
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

/// What waits for one subscriber.
pub(crate) struct FrameQueue {
    account: Arc<Account>,
    state: Mutex<State>,
    wake: Notify,
}

struct State {
    frames: VecDeque<Arc<Frame>>,
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
        self.drops.slow += self.frames.len() as u64;
        self.frames.clear();
        self.bytes = 0;
        self.gate.close();
        self.share.update(0);
    }
}

impl FrameQueue {
    fn new(account: Arc<Account>) -> Self {
        let state = State {
            frames: VecDeque::new(),
            bytes: 0,
            share: account.share(),
            gate: IdrGate::default(),
            opened_once: false,
            drops: FrameDrops::default(),
            ended: false,
        };
        Self { account, state: Mutex::new(state), wake: Notify::new() }
    }

    fn push(&self, frame: &Arc<Frame>) {
        let mut state = lock(&self.state);
        let state = &mut *state;
        let length = frame.encoded.data.len();
        if state.frames.len() >= FRAMES_MAX || state.bytes + length > BYTES_MAX {
            state.give_up();
        }
        if state.gate.admits(frame.starts_decoding) {
            state.opened_once = true;
            state.bytes += length;
            state.frames.push_back(frame.clone());
            state.share.update(state.bytes);
            self.wake.notify_one();
        } else {
            state.drops.slow += u64::from(state.opened_once);
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

    /// The next frame; `None` once the stream has ended.
    pub(super) async fn next(&self) -> Option<Arc<Frame>> {
        loop {
            {
                let mut state = lock(&self.state);
                if let Some(frame) = state.frames.pop_front() {
                    state.bytes -= frame.encoded.data.len();
                    let held = state.bytes;
                    state.share.update(held);
                    return Some(frame);
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

    /// Frames and bytes that wait.
    #[cfg(test)]
    pub(super) fn held(&self) -> (usize, usize) {
        let state = lock(&self.state);
        assert_eq!(state.bytes, state.frames.iter().map(|frame| frame.encoded.data.len()).sum::<usize>());
        (state.frames.len(), state.bytes)
    }
}
