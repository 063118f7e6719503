//! How clocks are read, and a clock for tests that is moved by hand. The host's own is [`crate::host::clock`].

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::time::{MonoTime, Now, WallTime};

/// Reads wall and monotonic time together.
pub trait Clock: Send + Sync {
    /// Both clocks, now.
    fn now(&self) -> Now;

    /// How long the host has been suspended since the clock was made: monotonic time stands still then, wall time does
    /// not. Read it after [`Clock::now`], so that it knows of every suspend which that reading contains. It may fall
    /// short by the time the thread was held up in reading it, and is never too long. Zero where the host cannot say.
    fn slept(&self) -> Duration {
        Duration::ZERO
    }
}

/// A clock that stands still until it is moved. Clones share the same time.
#[derive(Clone, Debug, Default)]
pub struct ManualClock {
    now: Arc<Mutex<(Now, Duration)>>,
}

impl ManualClock {
    /// A clock at monotonic zero and `wall`.
    pub fn new(wall: WallTime) -> Self {
        Self { now: Arc::new(Mutex::new((Now { wall, mono: MonoTime::default() }, Duration::ZERO))) }
    }

    /// Moves both times on.
    pub fn advance(&self, by: Duration) {
        let (now, _) = &mut *self.lock();
        now.wall = now.wall + by;
        now.mono = now.mono + by;
    }

    /// Steps the wall clock alone, as an operator or NTP would.
    pub fn step_wall(&self, micros: i64) {
        let (now, _) = &mut *self.lock();
        now.wall = now.wall.offset(micros);
    }

    /// Suspends the host: wall time goes on, monotonic time does not.
    pub fn suspend(&self, by: Duration) {
        let (now, slept) = &mut *self.lock();
        now.wall = now.wall + by;
        *slept += by;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (Now, Duration)> {
        self.now.lock().expect("no thread panics while it holds the manual clock")
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Now {
        self.lock().0
    }

    fn slept(&self) -> Duration {
        self.lock().1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suspend_moves_wall_time_and_is_told() {
        let clock = ManualClock::new(WallTime::from_micros(10));
        clock.suspend(Duration::from_secs(3));
        assert_eq!((clock.now().wall.as_micros(), clock.now().mono), (3_000_010, MonoTime::default()));
        assert_eq!(clock.clone().slept(), Duration::from_secs(3));
    }

    #[test]
    fn manual_clock_steps_wall_time_alone() {
        let clock = ManualClock::new(WallTime::from_micros(10));
        clock.advance(Duration::from_micros(5));
        clock.step_wall(-100);
        assert_eq!(clock.now().wall.as_micros(), -85);
        assert_eq!(clock.now().mono.since_origin(), Duration::from_micros(5));
    }
}
