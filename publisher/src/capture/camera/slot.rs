//! The hand-over from the capture thread: one picture, the newest one, and the last thing that happened.

use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use common::frame::{Picture, Size};
use common::time::MonoTime;

use super::Error;
use super::running::Running;
use crate::capture::Frame;

/// Pictures kept for reuse: one is being filled, one waits, one is encoded.
const SPARES: usize = 3;

/// Between a capture thread and the one that takes its pictures. Each capture thread has its own turn, and ends when another has
/// begun.
pub struct Slot {
    state: Mutex<State>,
    changed: Condvar,
}

/// Which capture thread is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn(u64);

#[derive(Default)]
struct State {
    newest: Option<Frame>,
    spares: Vec<Picture>,
    dropped: u64,
    running: Option<Running>,
    event: Option<Event>,
    /// Why the last picture could not be shown.
    trouble: Option<String>,
    /// When the capture thread was last heard of.
    beat: MonoTime,
    turn: u64,
}

/// What a capture thread reports besides pictures.
#[derive(Debug)]
pub enum Event {
    /// The camera is lost, and why. The thread tries to get it back.
    Lost(String),
    /// The camera cannot be used. The thread has ended.
    Refused(Error),
}

/// What was found in the slot.
#[derive(Debug)]
pub enum Update {
    /// A picture.
    Frame(Frame),
    /// An event, after all pictures before it.
    Event(Event),
    /// Nothing within the limit.
    Nothing,
}

impl Slot {
    /// An empty slot.
    pub fn new() -> Self {
        Self { state: Mutex::default(), changed: Condvar::new() }
    }

    /// Begins a new turn `now`: the capture thread of the one before is not listened to any more.
    pub fn begin(&self, now: MonoTime) -> Turn {
        let mut state = self.lock();
        state.turn += 1;
        state.beat = now;
        self.changed.notify_all();
        Turn(state.turn)
    }

    /// Ends all turns.
    pub fn close(&self) {
        self.begin(MonoTime::default());
    }

    /// What is there, waiting at most `limit`: a picture first, then an event.
    pub fn take(&self, limit: Duration) -> Update {
        let empty = |state: &mut State| state.newest.is_none() && state.event.is_none();
        let waited = self.changed.wait_timeout_while(self.lock(), limit, empty);
        let (mut state, _) = waited.expect("no thread panics while it holds the slot");
        if let Some(frame) = state.newest.take() {
            return Update::Frame(frame);
        }
        state.event.take().map_or(Update::Nothing, Update::Event)
    }

    /// Waits at most `limit` for the camera to run, or for the reason why it does not.
    pub fn wait_until_running(&self, limit: Duration) -> Option<Result<Running, Error>> {
        let waiting = |state: &mut State| state.running.is_none() && state.event.is_none();
        let waited = self.changed.wait_timeout_while(self.lock(), limit, waiting);
        let (mut state, _) = waited.expect("no thread panics while it holds the slot");
        match state.running.clone() {
            Some(running) => Some(Ok(running)),
            None => match state.event.take() {
                Some(Event::Refused(error)) => Some(Err(error)),
                _ => None,
            },
        }
    }

    /// The camera as it was last started.
    pub fn running(&self) -> Option<Running> {
        self.lock().running.clone()
    }

    /// Why the last picture could not be shown, where it could not.
    pub fn trouble(&self) -> Option<String> {
        self.lock().trouble.clone()
    }

    /// When the capture thread was last heard of.
    pub fn beat(&self) -> MonoTime {
        self.lock().beat
    }

    /// Pictures that were not taken in time, or could not be shown.
    pub fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// Keeps a picture's memory for reuse.
    pub fn recycle(&self, picture: Picture) {
        let mut state = self.lock();
        if state.spares.len() < SPARES {
            state.spares.push(picture);
        }
    }

    /// A picture of `size` to be filled.
    pub fn spare(&self, size: Size) -> Picture {
        let spare = self.lock().spares.pop();
        spare.filter(|picture| picture.size() == size).unwrap_or_else(|| Picture::black(size))
    }

    /// The capture thread is alive `now`. Whether its turn still lasts.
    pub fn is_turn(&self, turn: Turn, now: MonoTime) -> bool {
        self.change(turn, |state| state.beat = now)
    }

    /// The camera runs. Whether the turn still lasts.
    pub fn set_running(&self, turn: Turn, running: Running) -> bool {
        self.change(turn, |state| {
            state.running = Some(running);
            state.event = None;
        })
    }

    /// Hands over a picture, replacing one that was not taken, after `skipped` others.
    pub fn put(&self, turn: Turn, frame: Frame, skipped: u64) {
        self.change(turn, |state| {
            state.trouble = None;
            state.dropped += skipped;
            if let Some(old) = state.newest.replace(frame) {
                state.dropped += 1;
                if state.spares.len() < SPARES {
                    state.spares.push(old.picture);
                }
            }
        });
    }

    /// Counts a picture that cannot be shown, after `skipped` others, and keeps why.
    pub fn put_nothing(&self, turn: Turn, why: String, skipped: u64) {
        self.change(turn, |state| {
            state.trouble = Some(why);
            state.dropped += skipped + 1;
        });
    }

    /// Reports an event, replacing one that was not taken.
    pub fn tell(&self, turn: Turn, event: Event) {
        self.change(turn, |state| state.event = Some(event));
    }

    /// Sleeps for `time`, or until the turn ends.
    pub fn sleep(&self, turn: Turn, time: Duration) {
        let end = Instant::now() + time;
        let mut state = self.lock();
        while state.turn == turn.0 {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let woken = self.changed.wait_timeout(state, left);
            state = woken.expect("no thread panics while it holds the slot").0;
        }
    }

    fn change(&self, turn: Turn, change: impl FnOnce(&mut State)) -> bool {
        let mut state = self.lock();
        let lasts = state.turn == turn.0;
        if lasts {
            change(&mut state);
            self.changed.notify_all();
        }
        lasts
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics while it holds the slot")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Captured;

    const SIZE: Size = Size::new(2, 2);

    fn frame(sample: u8) -> Frame {
        let picture = Picture::from_i420(SIZE, vec![sample; 6]).expect("six bytes");
        Frame { picture, captured: Captured::Unknown }
    }

    fn taken(slot: &Slot) -> Option<u8> {
        match slot.take(Duration::ZERO) {
            Update::Frame(frame) => Some(frame.picture.data()[0]),
            _ => None,
        }
    }

    #[test]
    fn the_newest_picture_wins_and_the_others_are_counted() {
        let slot = Slot::new();
        let turn = slot.begin(MonoTime::default());
        for sample in 1..=5 {
            slot.put(turn, frame(sample), 0);
        }
        assert_eq!((taken(&slot), taken(&slot), slot.dropped()), (Some(5), None, 4));
        slot.put(turn, frame(6), 3);
        slot.put_nothing(turn, "garbled".to_owned(), 1);
        assert_eq!((taken(&slot), slot.dropped(), slot.trouble().as_deref()), (Some(6), 9, Some("garbled")));
    }

    #[test]
    fn an_event_comes_after_the_picture_before_it() {
        let slot = Slot::new();
        let turn = slot.begin(MonoTime::default());
        slot.put(turn, frame(1), 0);
        slot.tell(turn, Event::Lost("gone".to_owned()));
        assert_eq!(taken(&slot), Some(1));
        assert!(matches!(slot.take(Duration::ZERO), Update::Event(Event::Lost(why)) if why == "gone"));
        assert!(matches!(slot.take(Duration::ZERO), Update::Nothing));
    }

    #[test]
    fn a_thread_whose_turn_is_over_changes_nothing() {
        let slot = Slot::new();
        let old = slot.begin(MonoTime::default());
        slot.begin(MonoTime::default());
        slot.put(old, frame(1), 7);
        slot.tell(old, Event::Lost("late".to_owned()));
        assert!(!slot.is_turn(old, MonoTime::default()));
        assert!(matches!(slot.take(Duration::ZERO), Update::Nothing));
        assert_eq!(slot.dropped(), 0);
        slot.sleep(old, Duration::from_secs(3600));
    }

    #[test]
    fn memory_is_used_again_where_it_fits_and_bounded() {
        let slot = Slot::new();
        for sample in 0..10 {
            slot.recycle(frame(sample).picture);
        }
        assert_eq!(slot.lock().spares.len(), SPARES);
        assert_eq!(slot.spare(SIZE).data()[0], 2);
        assert_eq!(slot.spare(Size::new(4, 4)).size(), Size::new(4, 4));
    }
}
