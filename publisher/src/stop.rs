//! One wish that every wait listens to: end now.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

/// Told by Ctrl-C, SIGTERM or a closed window; heard by the pipeline. Clones share the wish.
#[derive(Clone, Debug)]
pub struct Stop {
    asked: Arc<AtomicBool>,
    wake: Sender<()>,
    woken: Receiver<()>,
}

impl Stop {
    /// A wish that nobody has uttered.
    pub fn new() -> Self {
        let (wake, woken) = bounded(1);
        Self { asked: Arc::default(), wake, woken }
    }

    /// Asks for the end, and wakes the one that sleeps in [`Stop::sleep`].
    pub fn ask(&self) {
        self.asked.store(true, Ordering::Release);
        // A full channel holds a wake-up already.
        let _ = self.wake.try_send(());
    }

    /// Whether the end was asked for.
    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Acquire)
    }

    /// Sleeps for `time`, or until the end is asked for.
    pub fn sleep(&self, time: Duration) {
        if !time.is_zero() && !self.is_asked() {
            match self.woken.recv_timeout(time) {
                Ok(()) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
        }
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleeper_is_woken() {
        let stop = Stop::new();
        let other = stop.clone();
        let asker = std::thread::spawn(move || other.ask());
        stop.sleep(Duration::from_secs(3600));
        assert!(stop.is_asked());
        asker.join().expect("the asker does not panic");
        stop.sleep(Duration::from_secs(3600));
    }
}
