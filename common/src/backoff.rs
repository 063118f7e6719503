//! How long to wait before the next attempt at a connection.

use std::time::Duration;

/// Waits that double from one attempt to the next, up to a longest one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    /// From `first` up to `longest`.
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, next: first }
    }

    /// For a media connection, at either end: 200 ms, then twice as long each time, 2 s at most.
    pub const fn reconnect() -> Self {
        Self::new(Duration::from_millis(200), Duration::from_secs(2))
    }

    /// How long to wait before the next attempt. The one after it comes after twice that.
    pub fn advance(&mut self) -> Duration {
        let wait = self.next;
        self.next = wait.saturating_mul(2).min(self.longest);
        wait
    }

    /// What [`Backoff::advance`] gives next.
    pub const fn peek(&self) -> Duration {
        self.next
    }

    /// An attempt succeeded: the next wait is the first again.
    pub const fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_begin_again() {
        let mut backoff = Backoff::reconnect();
        let waits: Vec<_> = (0..6).map(|_| backoff.advance().as_millis()).collect();
        assert_eq!(waits, [200, 400, 800, 1_600, 2_000, 2_000]);
        assert_eq!(backoff.peek(), Duration::from_secs(2));
        backoff.reset();
        assert_eq!((backoff.peek(), backoff.advance()), (Duration::from_millis(200), Duration::from_millis(200)));
    }
}
