//! The bounded queue between the thread that receives and the one that decodes.
//!
//! A queue that only grows makes every picture after it older. When this one is full, whole access units are dropped up to
//! the next IDR or recovery point, because those in between could not be decoded anyway; how many were dropped rides with the next one.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use common::frame::Picture;
use common::media::{Codec, EncodedFrame, IdrGate};
use common::rtp::timeline::SenderTime;
use common::time::MonoTime;

/// Most arrivals that wait: half a second at 60 pictures per second.
pub const CAPACITY: usize = 32;

/// Most bytes that wait. Reached before [`CAPACITY`] only by pictures of more than a megabyte.
pub const CAPACITY_BYTES: usize = 32 << 20;

/// What a picture arrived as.
#[derive(Clone, Debug)]
pub enum Body {
    /// An encoded picture.
    Encoded(EncodedFrame),
    /// A picture that needs no decoding.
    Bare(Picture),
}

impl Body {
    /// Bytes of the encoded picture or of the bare one's planes.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Encoded(frame) => frame.data.len(),
            Self::Bare(picture) => picture.data().len(),
        }
    }

    /// Whether it decodes without any other: a key frame, or bare.
    pub fn is_key(&self) -> bool {
        match self {
            Self::Encoded(frame) => frame.is_key,
            Self::Bare(_) => true,
        }
    }
}

/// One picture on its way in.
#[derive(Clone, Debug)]
pub struct Unit {
    /// The picture itself.
    pub body: Body,
    /// When its first packet came off the socket; `None` if the input has no packets.
    pub received: Option<MonoTime>,
    /// When it was whole.
    pub assembled: MonoTime,
    /// When it was sampled by the sender report before it; `None` if it is not the first after one.
    pub sampled: Option<SenderTime>,
    /// Decoding can begin with it: a key frame, a recovery point, or bare.
    pub is_entry_point: bool,
    /// Packets were lost just before it.
    pub after_loss: bool,
    /// What was dropped just before it because the queue was full.
    pub dropped: Dropped,
}

impl Unit {
    /// A picture that was whole at `assembled`; nothing else is known of it.
    pub fn new(body: Body, assembled: MonoTime) -> Self {
        Self {
            is_entry_point: body.is_key(),
            body,
            received: None,
            assembled,
            sampled: None,
            after_loss: false,
            dropped: Dropped::default(),
        }
    }
}

/// Pictures that the queue had no room for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// How many.
    pub units: u32,
    /// Their bytes together.
    pub bytes: u64,
}

impl Dropped {
    /// Counts `more`.
    pub(crate) fn add(&mut self, more: Self) {
        self.units = self.units.saturating_add(more.units);
        self.bytes = self.bytes.saturating_add(more.bytes);
    }
}

/// What comes out of an input, in order.
#[derive(Clone, Debug)]
pub enum Arrival {
    /// A picture.
    Unit(Unit),
    /// What happens beside pictures.
    Status(Status),
}

/// What happens to an input. Texts are one line.
#[derive(Clone, Debug)]
pub enum Status {
    /// The session plays: video in this codec, or `None` if its pictures are bare.
    Connected(Option<Codec>),
    /// The stream stopped, and why; the input tries to get it back.
    Disconnected(String),
    /// The input waits for this before it can start.
    Waiting(String),
    /// Something that affects how the figures are to be read.
    Remark(String),
    /// The input ended: of itself, or with what stopped it. The last arrival.
    Ended(Result<(), String>),
}

/// Makes a queue: the end that receives, and the end that decodes.
pub fn queue() -> (Sender, Receiver) {
    let shared = Arc::new(Shared::default());
    (Sender { shared: Arc::clone(&shared), gate: IdrGate::open(), dropped: Dropped::default() }, Receiver { shared })
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    arrivals: VecDeque<Arrival>,
    bytes: usize,
    closed: bool,
}

impl State {
    /// There is no room for `size` bytes more. One picture is always taken, whatever its size.
    fn is_full(&self, size: usize) -> bool {
        let bytes = self.bytes.saturating_add(size);
        self.arrivals.len() >= CAPACITY || (bytes > CAPACITY_BYTES && self.bytes > 0)
    }

    fn push(&mut self, unit: Unit) {
        self.bytes += unit.body.bytes();
        self.arrivals.push_back(Arrival::Unit(unit));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics while it holds the queue")
    }
}

/// Sends [`Status`] in place of a [`Sender`] whose thread may not be able to.
#[derive(Clone, Debug)]
pub struct Notifier {
    shared: Arc<Shared>,
}

impl Notifier {
    /// Sends what happens to the input. It always gets through: there are at most a few per second.
    pub fn notify(&self, status: Status) {
        self.shared.lock().arrivals.push_back(Arrival::Status(status));
        self.shared.changed.notify_all();
    }
}

/// The end that receives.
#[derive(Debug)]
pub struct Sender {
    shared: Arc<Shared>,
    gate: IdrGate,
    dropped: Dropped,
}

impl Sender {
    /// Hands a picture on, or drops it where the queue is full. Never blocks for longer than the other end copies a pointer.
    pub fn push(&mut self, mut unit: Unit) {
        let size = unit.body.bytes();
        let mut state = self.shared.lock();
        let is_full = state.is_full(size);
        if is_full {
            self.gate.close();
        }
        if is_full || !self.gate.admits(unit.is_entry_point) {
            self.dropped.add(Dropped { units: 1, bytes: size as u64 });
            return;
        }
        unit.dropped = std::mem::take(&mut self.dropped);
        state.push(unit);
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Hands a picture on as soon as there is room: for inputs that can be held back, a pipe.
    pub fn push_blocking(&mut self, unit: Unit) {
        let full = |state: &mut State| !state.closed && state.is_full(unit.body.bytes());
        let state = self.shared.changed.wait_while(self.shared.lock(), full);
        state.expect("no thread panics while it holds the queue").push(unit);
        self.shared.changed.notify_all();
    }

    /// As [`Notifier::notify`].
    pub fn notify(&self, status: Status) {
        self.notifier().notify(status);
    }

    /// A handle for a thread that may have to speak in place of the one that receives.
    pub fn notifier(&self) -> Notifier {
        Notifier { shared: Arc::clone(&self.shared) }
    }

    /// Nobody takes what arrives any more.
    pub fn is_closed(&self) -> bool {
        self.shared.lock().closed
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
    }
}

/// The end that decodes.
#[derive(Debug)]
pub struct Receiver {
    shared: Arc<Shared>,
}

impl Receiver {
    /// The next arrival, waited for; `None` when the input has ended and everything was taken.
    pub fn next(&self) -> Option<Arrival> {
        let mut state = self.shared.lock();
        loop {
            if let Some(arrival) = state.arrivals.pop_front() {
                if let Arrival::Unit(unit) = &arrival {
                    state.bytes -= unit.body.bytes();
                    self.shared.changed.notify_all();
                }
                return Some(arrival);
            }
            if state.closed {
                return None;
            }
            state = self.shared.changed.wait(state).expect("no thread panics while it holds the queue");
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.closed = true;
        state.arrivals.clear();
        self.shared.changed.notify_all();
    }
}

#[cfg(test)]
mod tests;
