//! When the publisher is asked for an IDR: at once for who joins or has lost a picture, and not at one reader's pleasure.
//!
//! An IDR costs every reader bandwidth. So requests share one IDR where they come close together, one that came heals all
//! losses before it, and each address has a budget: enough for joins and losses, not for a stream of IDRs.

use std::net::IpAddr;
use std::time::Duration;

use common::peer::{Rates, owner};
use common::time::MonoTime;

/// Least time between two requests: many joins share one.
const SPACING: Duration = Duration::from_millis(500);
/// A reader that still waits asks again after this long: the request, or the publisher, may not have listened.
pub(super) const RETRY: Duration = Duration::from_secs(2);
/// IDRs that the readers of one address get in quick succession …
const BURST: f64 = 4.0;
/// … and in a second. Whoever shares an IDR that another asked for pays nothing.
const PER_SECOND: f64 = 0.25;

/// The requests of a stream's readers.
#[derive(Debug)]
pub(super) struct Requests {
    /// Addresses that wait for an IDR.
    waiting: Vec<IpAddr>,
    rates: Rates,
    last: Option<MonoTime>,
}

impl Default for Requests {
    fn default() -> Self {
        Self { waiting: Vec::new(), rates: Rates::new(BURST, PER_SECOND), last: None }
    }
}

impl Requests {
    /// A reader at `peer` needs an IDR.
    pub(super) fn ask(&mut self, peer: IpAddr) {
        let peer = owner(peer);
        if !self.waiting.contains(&peer) {
            self.waiting.push(peer);
        }
    }

    /// Records a request on nobody's account, which also serves waiting readers.
    pub(super) fn ask_freely(&mut self, now: MonoTime) {
        self.waiting.clear();
        self.last = Some(now);
    }

    /// An IDR came: nobody waits any more.
    pub(super) fn served(&mut self) {
        self.waiting.clear();
    }

    /// Whether it is time to look for readers that wait without having asked.
    pub(super) fn is_retry_due(&self, now: MonoTime) -> bool {
        self.waiting.is_empty() && self.last.is_none_or(|last| now - last >= RETRY)
    }

    /// Whether the publisher is to be asked now. An address over budget stays queued.
    pub(super) fn poll(&mut self, now: MonoTime) -> bool {
        if self.waiting.is_empty() || self.last.is_some_and(|last| now - last < SPACING) {
            return false;
        }
        let pays = self.waiting.iter().position(|peer| self.rates.take(now, *peer));
        if pays.is_some() {
            // One request is for all.
            self.waiting.clear();
            self.last = Some(now);
        }
        pays.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> MonoTime {
        MonoTime::from_origin(Duration::from_millis(ms))
    }

    fn peer(n: u8) -> IpAddr {
        [192, 0, 2, n].into()
    }

    #[test]
    fn a_join_and_a_loss_are_served_at_once() {
        let mut requests = Requests::default();
        assert!(!requests.poll(at(0)), "nobody asks");
        requests.ask(peer(1));
        assert!(requests.poll(at(0)));
        assert!(!requests.poll(at(1_000)), "once");
        requests.ask(peer(1));
        assert!(requests.poll(at(1_000)));
    }

    #[test]
    fn one_idr_is_for_all_who_ask_close_together() {
        let mut requests = Requests::default();
        for ms in 0..500 {
            (0..100).for_each(|n| requests.ask(peer(n)));
            assert_eq!(requests.poll(at(ms)), ms == 0);
        }
        assert!(requests.poll(at(500)));
        requests.ask(peer(1));
        requests.served();
        assert!(!requests.poll(at(2_000)), "what came serves those before it");
    }

    #[test]
    fn one_address_cannot_have_a_stream_of_idrs() {
        let mut requests = Requests::default();
        let sent = (0..58_000).filter(|ms| {
            requests.ask(peer(1));
            requests.poll(at(*ms))
        });
        assert_eq!(sent.count(), 4 + 14, "four, then one every four seconds");
        // Others get theirs all the same, and it waits on in vain no longer.
        requests.ask(peer(1));
        assert!(!requests.poll(at(58_000)));
        requests.ask(peer(2));
        assert!(requests.poll(at(58_000)));
        requests.ask(peer(1));
        assert!(!requests.poll(at(59_000)));
        assert!(requests.poll(at(70_000)), "it has not forgotten");
    }
}
