//! The bounded queue between the thread that receives and the one that decodes.
//!
//! A queue that only grows makes every picture after it older. When this one is full, whole access units are dropped up to
//! the next IDR or recovery point, because those in between could not be decoded anyway; how many were dropped rides with the next one.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use common::frame::Picture;
use common::media::IdrGate;
use common::rtp::timeline::SenderTime;
use common::time::MonoTime;

/// Most arrivals that wait: half a second at 60 pictures per second.
pub const MAX_WAITING: usize = 32;

/// Most bytes that wait. Reached before [`MAX_WAITING`] only by pictures of more than a megabyte.
pub const MAX_WAITING_BYTES: usize = 32 << 20;

/// What a picture arrived as.
#[derive(Clone, Debug)]
pub enum Body {
    /// An H.264 access unit in Annex B form.
    AccessUnit(Vec<u8>),
    /// A picture that needs no decoding.
    Raw(Picture),
}

impl Body {
    /// Bytes of the access unit or of the picture's planes.
    pub fn len(&self) -> usize {
        match self {
            Self::AccessUnit(data) => data.len(),
            Self::Raw(picture) => picture.data().len(),
        }
    }

    /// Nothing at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One picture on its way in.
#[derive(Clone, Debug)]
pub struct Unit {
    /// The access unit or picture.
    pub body: Body,
    /// When its first packet came off the socket; `None` where the input has no packets.
    pub received: Option<MonoTime>,
    /// When it was whole.
    pub assembled: MonoTime,
    /// When it was sampled by the sender report before it; `None` where it is not the first after one.
    pub sampled: Option<SenderTime>,
    /// It decodes without any other: an IDR, or raw.
    pub idr: bool,
    /// Decoding can begin with it: an IDR, a recovery point, or raw.
    pub begins: bool,
    /// Packets were lost just before it.
    pub after_loss: bool,
    /// Sizes in bytes of what was dropped just before it because the queue was full.
    pub dropped: Dropped,
}

/// Pictures that the queue had no room for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// How many.
    pub units: u32,
    /// Their bytes together.
    pub bytes: u64,
}

/// What comes out of an input, in order.
#[derive(Clone, Debug)]
pub enum Arrival {
    /// The session plays.
    Connected,
    /// The stream stopped; the input tries to get it back. Why, in one line.
    Disconnected(String),
    /// The input waits for something before it can start. What, in one line.
    Waiting(String),
    /// Something that whoever reads the figures must know, in one line.
    Remark(String),
    /// The input ended: of itself, or with what stopped it. The last arrival.
    Ended(Result<(), String>),
    /// A picture.
    Unit(Unit),
}

/// Makes a queue: the end that receives, and the end that decodes.
pub fn queue() -> (Sender, Receiver) {
    let shared = Arc::new(Shared::default());
    (Sender { shared: Arc::clone(&shared), gate: IdrGate::open(), dropped: Dropped::default() }, Receiver { shared })
}

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    arrivals: VecDeque<Arrival>,
    bytes: usize,
    closed: bool,
}

impl Waiting {
    /// There is no room for `size` bytes more. One picture is always taken, whatever its size.
    fn is_full(&self, size: usize) -> bool {
        let bytes = self.bytes.saturating_add(size);
        self.arrivals.len() >= MAX_WAITING || (bytes > MAX_WAITING_BYTES && self.bytes > 0)
    }

    fn push(&mut self, unit: Unit) {
        self.bytes += unit.body.len();
        self.arrivals.push_back(Arrival::Unit(unit));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().expect("no thread panics while it holds the queue")
    }

    fn say(&self, arrival: Arrival) {
        self.lock().arrivals.push_back(arrival);
        self.changed.notify_all();
    }
}

/// Says something in the name of a [`Sender`] whose thread may not be able to.
#[derive(Debug)]
pub struct Teller {
    shared: Arc<Shared>,
}

impl Teller {
    /// As [`Sender::say`].
    pub fn say(&self, arrival: Arrival) {
        self.shared.say(arrival);
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
    pub fn unit(&mut self, mut unit: Unit) {
        let size = unit.body.len();
        let mut waiting = self.shared.lock();
        let is_full = waiting.is_full(size);
        if is_full {
            self.gate.close();
        }
        if is_full || !self.gate.admits(unit.begins) {
            self.dropped.units = self.dropped.units.saturating_add(1);
            self.dropped.bytes = self.dropped.bytes.saturating_add(size as u64);
            return;
        }
        unit.dropped = std::mem::take(&mut self.dropped);
        waiting.push(unit);
        drop(waiting);
        self.shared.changed.notify_all();
    }

    /// Hands a picture on as soon as there is room: for inputs that can be held back, a pipe.
    pub fn unit_in_turn(&mut self, unit: Unit) {
        let full = |waiting: &mut Waiting| !waiting.closed && waiting.is_full(unit.body.len());
        let waiting = self.shared.changed.wait_while(self.shared.lock(), full);
        waiting.expect("no thread panics while it holds the queue").push(unit);
        self.shared.changed.notify_all();
    }

    /// Says something about the connection. Always gets through: there are at most a few per second.
    pub fn say(&mut self, arrival: Arrival) {
        self.shared.say(arrival);
    }

    /// A handle for another thread to [say](Sender::say) something with.
    pub fn teller(&self) -> Teller {
        Teller { shared: Arc::clone(&self.shared) }
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
        let mut waiting = self.shared.lock();
        loop {
            if let Some(arrival) = waiting.arrivals.pop_front() {
                if let Arrival::Unit(unit) = &arrival {
                    waiting.bytes -= unit.body.len();
                    self.shared.changed.notify_all();
                }
                return Some(arrival);
            }
            if waiting.closed {
                return None;
            }
            waiting = self.shared.changed.wait(waiting).expect("no thread panics while it holds the queue");
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let mut waiting = self.shared.lock();
        waiting.closed = true;
        waiting.arrivals.clear();
        self.shared.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(number: u8, idr: bool) -> Unit {
        let body = Body::AccessUnit(vec![number; 10]);
        let (assembled, dropped) = (MonoTime::default(), Dropped::default());
        Unit { body, received: None, assembled, sampled: None, idr, begins: idr, after_loss: false, dropped }
    }

    fn take(receiver: &Receiver) -> (u8, Dropped) {
        match receiver.next() {
            Some(Arrival::Unit(Unit { body: Body::AccessUnit(data), dropped, .. })) => (data[0], dropped),
            other => panic!("not an access unit: {other:?}"),
        }
    }

    #[test]
    fn a_full_queue_drops_up_to_the_next_idr_and_counts() {
        let (mut sender, receiver) = queue();
        (0..MAX_WAITING).for_each(|n| sender.unit(unit(n as u8, n == 0)));
        sender.unit(unit(100, false));
        sender.unit(unit(101, true));
        assert_eq!(take(&receiver), (0, Dropped::default()));
        sender.unit(unit(102, false));
        sender.unit(unit(103, true));
        sender.unit(unit(104, false));
        drop(sender);
        (1..MAX_WAITING).for_each(|n| assert_eq!(take(&receiver), (n as u8, Dropped::default())));
        assert_eq!(take(&receiver), (103, Dropped { units: 3, bytes: 30 }));
        assert!(receiver.next().is_none());
    }

    #[test]
    fn bytes_are_bounded_too() {
        let (mut sender, receiver) = queue();
        let large = || Unit { body: Body::AccessUnit(vec![0; MAX_WAITING_BYTES / 2 + 1]), ..unit(0, true) };
        sender.unit(large());
        sender.unit(large());
        take(&receiver);
        sender.unit(large());
        assert_eq!(take(&receiver).1.units, 1);
    }

    #[test]
    fn a_pipe_is_held_back_instead() {
        let (mut sender, receiver) = queue();
        let writer = std::thread::spawn(move || (0..100).for_each(|n| sender.unit_in_turn(unit(n, true))));
        (0..100).for_each(|n| assert_eq!(take(&receiver), (n, Dropped::default())));
        assert!(receiver.next().is_none());
        writer.join().expect("everything was handed on");
    }

    #[test]
    fn the_sender_sees_that_nobody_listens() {
        let (sender, receiver) = queue();
        assert!(!sender.is_closed());
        drop(receiver);
        assert!(sender.is_closed());
    }
}
