//! A request to stop, seen by threads and tasks alike.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use event_listener::{Event, EventListener, Listener};

/// A flag that is raised once, by a signal handler, a key or a deadline. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<Flag>);

#[derive(Debug, Default)]
struct Flag {
    raised: AtomicBool,
    event: Event,
}

impl Stop {
    /// A flag that is not raised.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks everything that holds a clone to stop, and wakes all that wait.
    pub fn request(&self) {
        self.0.raised.store(true, Ordering::SeqCst);
        self.0.event.notify(usize::MAX);
    }

    /// Whether a stop was requested.
    pub fn is_requested(&self) -> bool {
        self.0.raised.load(Ordering::SeqCst)
    }

    /// Sleeps for `time`, or until a stop is requested.
    pub fn sleep(&self, time: Duration) {
        if let Some(listener) = self.listen() {
            listener.wait_timeout(time);
        }
    }

    /// Blocks until a stop is requested.
    pub fn wait(&self) {
        if let Some(listener) = self.listen() {
            listener.wait();
        }
    }

    /// Completes when a stop is requested.
    pub async fn requested(&self) {
        if let Some(listener) = self.listen() {
            listener.await;
        }
    }

    /// `None` once a stop was requested. The flag is read after listening began, so that no request is missed.
    fn listen(&self) -> Option<EventListener> {
        if self.is_requested() {
            return None;
        }
        let listener = self.0.event.listen();
        (!self.is_requested()).then_some(listener)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[test]
    fn a_request_wakes_every_sleeper_and_later_ones_do_not_sleep() {
        let stop = Stop::new();
        let sleepers = [(); 3].map(|()| {
            let stop = stop.clone();
            std::thread::spawn(move || stop.sleep(Duration::from_secs(3600)))
        });
        stop.sleep(Duration::ZERO);
        assert!(!stop.is_requested());
        stop.clone().request();
        for sleeper in sleepers {
            sleeper.join().expect("a sleeper does not panic");
        }
        assert!(stop.is_requested());
        stop.sleep(Duration::from_secs(3600));
        stop.wait();
    }

    #[test]
    fn a_task_sees_the_request() {
        let stop = Stop::new();
        let mut requested = pin!(stop.requested());
        let context = &mut Context::from_waker(Waker::noop());
        assert_eq!(requested.as_mut().poll(context), Poll::Pending);
        stop.request();
        assert_eq!(requested.as_mut().poll(context), Poll::Ready(()));
    }
}
