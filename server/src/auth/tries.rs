//! Wrong passwords: how soon the next one may be tried, from where and for whom, and how they are told of.
//!
//! After [`FREE`] wrong passwords for a user from an address, the next is looked at after a wait that doubles from
//! [`WAIT_FIRST`] to [`WAIT_MAX`]; meanwhile nothing is looked at, the right one neither, or the wait would be worth
//! nothing. A right one ends it. An address that fails for ever other users gets [`ADDRESS_FREE`] tries, then one a second,
//! for all but the users that have been right from there. Users that do not exist are treated like those that do.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use common::peer::{Rates, owner};
use common::printable::escaped;
use common::time::MonoTime;

/// Wrong passwords for one user from one address that cost no wait: three starts of a receiver with a typing error, which
/// tries each once by itself and once through its relay.
pub(crate) const FREE: u32 = 6;
/// The first wait, and the longest.
pub(crate) const WAIT_FIRST: Duration = Duration::from_secs(1);
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(10);
/// Wrong passwords from one address, whichever the users, that cost no wait; then one a second.
pub(crate) const ADDRESS_FREE: f64 = 20.0;
const ADDRESS_PER_SECOND: f64 = 1.0;
/// Failures are forgotten after this without another.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(600);
/// Pairs of user and address that are remembered; the oldest is forgotten for a new one.
const PAIRS_MAX: usize = 4_096;
/// Characters of a user's name that count.
const USER_MAX: usize = 64;
/// Lines of one report.
const LINES_MAX: usize = 10;

/// See the module.
#[derive(Debug)]
pub(crate) struct Tries {
    pairs: HashMap<(IpAddr, String), Pair>,
    addresses: Rates,
    /// Tries that no line was written of, of pairs that are not remembered.
    untold: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Pair {
    failures: u32,
    /// Nothing is looked at before.
    until: MonoTime,
    last: MonoTime,
    /// Was right before.
    known: bool,
    untold: u64,
}

impl Pair {
    fn seen(&mut self, now: MonoTime) -> &mut Self {
        if now - self.last > FORGOTTEN_AFTER {
            self.failures = 0;
        }
        self.last = now;
        self
    }
}

impl Default for Tries {
    fn default() -> Self {
        Self { pairs: HashMap::new(), addresses: Rates::new(ADDRESS_FREE, ADDRESS_PER_SECOND), untold: 0 }
    }
}

impl Tries {
    /// Whether a password may be looked at now.
    ///
    /// # Errors
    /// How long not.
    pub(crate) fn admit(&mut self, now: MonoTime, peer: IpAddr, user: &str) -> Result<(), Duration> {
        // Only what was looked at is remembered: names cost nothing, and must not push out a user who is waited for.
        let pair = self.pairs.get_mut(&key(peer, user)).map(|pair| pair.seen(now));
        let (until, known) = pair.as_ref().map_or_else(Default::default, |pair| (pair.until, pair.known));
        let wait = if until > now {
            until - now
        } else if known || self.addresses.has(now, peer) {
            return Ok(());
        } else {
            Duration::from_secs_f64(1.0 / ADDRESS_PER_SECOND)
        };
        *pair.map_or(&mut self.untold, |pair| &mut pair.untold) += 1;
        Err(wait)
    }

    /// The password was wrong.
    pub(crate) fn failed(&mut self, now: MonoTime, peer: IpAddr, user: &str) {
        self.addresses.charge(now, peer, 1.0);
        let pair = self.pair(now, peer, user);
        pair.failures = pair.failures.saturating_add(1);
        pair.untold += 1;
        if let Some(doubled) = pair.failures.checked_sub(FREE) {
            pair.until = now + WAIT_FIRST.saturating_mul(1 << doubled.min(10)).min(WAIT_MAX);
        }
    }

    /// The password was right.
    pub(crate) fn succeeded(&mut self, now: MonoTime, peer: IpAddr, user: &str) {
        let pair = self.pair(now, peer, user);
        *pair = Pair { known: true, last: now, untold: pair.untold, ..Pair::default() };
    }

    /// Lines for the log on what has failed since the last report.
    pub(crate) fn report(&mut self, period: Duration) -> Vec<String> {
        let mut failed: Vec<_> = self.pairs.iter_mut().filter(|(_, pair)| pair.untold > 0).collect();
        failed.sort_by_key(|(key, pair)| (std::cmp::Reverse(pair.untold), (*key).clone()));
        let seconds = period.as_secs();
        let mut lines: Vec<_> = failed
            .iter()
            .take(LINES_MAX)
            .map(|((address, user), pair)| {
                let (count, s) = (pair.untold, if pair.untold == 1 { "" } else { "s" });
                // User names contain no colon.
                let who = user.strip_prefix(':').map_or_else(
                    || format!("for user '{}'", escaped(user)),
                    |number| match number {
                        "" => "with a malformed token".to_owned(),
                        number => format!("with token '{}'", escaped(number)),
                    },
                );
                format!("{count} failed attempt{s} {who} from {address} in the last {seconds} s")
            })
            .collect();
        let rest = self.untold + failed.iter().skip(LINES_MAX).map(|(_, pair)| pair.untold).sum::<u64>();
        if rest > 0 {
            lines.push(format!(
                "{rest} failed attempts for other users and from other addresses in the last {seconds} s"
            ));
        }
        failed.into_iter().for_each(|(_, pair)| pair.untold = 0);
        self.untold = 0;
        lines
    }

    fn pair(&mut self, now: MonoTime, peer: IpAddr, user: &str) -> &mut Pair {
        let key = key(peer, user);
        if self.pairs.len() >= PAIRS_MAX && !self.pairs.contains_key(&key) {
            self.forget();
        }
        self.pairs.entry(key).or_default().seen(now)
    }

    /// Evicts many at once to amortize the search; oldest failures first.
    fn forget(&mut self) {
        let mut by_age: Vec<_> = self.pairs.iter().map(|(key, pair)| (pair.known, pair.last, key.clone())).collect();
        by_age.sort();
        for (_, _, key) in by_age.into_iter().take(PAIRS_MAX / 8) {
            self.untold += self.pairs.remove(&key).map_or(0, |pair| pair.untold);
        }
    }
}

fn key(peer: IpAddr, user: &str) -> (IpAddr, String) {
    (owner(peer), user.chars().take(USER_MAX).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: [u8; 4] = [192, 0, 2, 1];

    fn at(ms: u64) -> MonoTime {
        MonoTime::from_origin(Duration::from_millis(ms))
    }

    /// Tries as fast as it can for `seconds`, 100 times a second. Gives how many were looked at.
    fn looked_at(tries: &mut Tries, seconds: u64, peer: [u8; 4], user: impl Fn(u64) -> String) -> u64 {
        (0..seconds * 100)
            .filter(|n| {
                let (now, user) = (at(1_000_000 + n * 10), user(*n));
                let admitted = tries.admit(now, peer.into(), &user).is_ok();
                if admitted {
                    tries.failed(now, peer.into(), &user);
                }
                admitted
            })
            .count() as u64
    }

    #[test]
    fn typing_errors_cost_nothing_and_guessing_gets_slow() {
        let mut tries = Tries::default();
        let ann = |_| "ann".to_owned();
        // 6, then after 1, 2, 4 and 8 s, then every 10 s.
        assert_eq!(looked_at(&mut tries, 60, PEER, ann), 6 + 4 + 4);
        let wait = tries.admit(at(1_060_000), PEER.into(), "ann").expect_err("still");
        assert!(wait <= WAIT_MAX);
        assert_eq!(tries.admit(at(1_060_000), PEER.into(), "bob"), Ok(()), "another user");
        assert_eq!(tries.admit(at(1_060_000), [192, 0, 2, 2].into(), "ann"), Ok(()), "another address");
        assert_eq!(tries.admit(at(1_071_000), PEER.into(), "ann"), Ok(()), "not locked out for long");
        tries.succeeded(at(1_071_000), PEER.into(), "ann");
        assert_eq!(looked_at(&mut tries, 0, PEER, ann), 0);
        assert_eq!(tries.admit(at(1_071_001), PEER.into(), "ann"), Ok(()), "a right one ends the wait");
    }

    #[test]
    fn one_password_for_many_users_is_slow_as_well_and_those_known_there_do_not_wait_for_it() {
        let mut tries = Tries::default();
        tries.succeeded(at(0), PEER.into(), "ann");
        let others = looked_at(&mut tries, 60, PEER, |n| format!("user{n}"));
        assert!((ADDRESS_FREE as u64..=ADDRESS_FREE as u64 + 61).contains(&others), "{others}");
        tries.failed(at(1_060_000), PEER.into(), "another");
        assert!(tries.admit(at(1_060_000), PEER.into(), "a third").is_err());
        assert_eq!(tries.admit(at(1_060_000), PEER.into(), "ann"), Ok(()));
    }

    #[test]
    fn three_starts_with_a_wrong_password_cost_nothing() {
        let mut tries = Tries::default();
        for start in 0..3 {
            for by_relay in 0..2 {
                let now = at(start * 2_000 + by_relay);
                assert_eq!(tries.admit(now, PEER.into(), "ann"), Ok(()), "start {start}, try {by_relay}");
                tries.failed(now, PEER.into(), "ann");
            }
        }
        assert_eq!(tries.admit(at(6_000), PEER.into(), "ann"), Ok(()), "the right one, typed anew");
    }

    #[test]
    fn names_that_are_refused_unseen_push_nobody_out() {
        let mut tries = Tries::default();
        (0..30).for_each(|_| tries.failed(at(0), PEER.into(), "ann"));
        for number in 0..2 * PAIRS_MAX {
            assert!(tries.admit(at(1), PEER.into(), &number.to_string()).is_err());
        }
        assert_eq!(tries.pairs.len(), 1);
        assert_eq!(tries.admit(at(1_000), PEER.into(), "ann"), Err(WAIT_MAX - Duration::from_secs(1)));
        let lines = tries.report(Duration::from_secs(10));
        assert!(lines[1].starts_with(&format!("{} failed attempts for other users", 2 * PAIRS_MAX)), "{lines:?}");
    }

    #[test]
    fn the_table_is_bounded_and_a_crowd_of_names_does_not_hide_a_guesser() {
        let mut tries = Tries::default();
        for _ in 0..10 {
            tries.failed(at(0), PEER.into(), "ann");
        }
        let name = "x".repeat(1 << 20);
        for number in 0..20_000_u32 {
            let peer = IpAddr::from(number.to_be_bytes());
            tries.failed(at(1 + u64::from(number)), peer, &format!("{number}{name}"));
            // The guesser goes on.
            let _ = tries.admit(at(1 + u64::from(number)), PEER.into(), "ann");
            assert!(tries.pairs.len() <= PAIRS_MAX);
        }
        assert!(tries.pairs.keys().all(|(_, user)| user.len() <= USER_MAX));
        assert_eq!(tries.pairs[&key(PEER.into(), "ann")].failures, 10);
    }

    #[test]
    fn they_are_told_of_by_count_and_in_one_line() {
        let mut tries = Tries::default();
        let period = Duration::from_secs(10);
        assert!(tries.report(period).is_empty());
        let evil = "x'\n\x1b[31m";
        for ms in 0..127 {
            if tries.admit(at(ms), PEER.into(), evil).is_ok() {
                tries.failed(at(ms), PEER.into(), evil);
            }
        }
        let told = "127 failed attempts for user 'x'\\n\\u{1b}[31m' from 192.0.2.1 in the last 10 s";
        assert_eq!(tries.report(period), [told]);
        assert!(tries.report(period).is_empty(), "once");
        tries.failed(at(0), PEER.into(), ":");
        assert_eq!(tries.report(period), ["1 failed attempt with a malformed token from 192.0.2.1 in the last 10 s"]);
        for number in 0..5_000_u32 {
            tries.failed(at(0), IpAddr::from(number.to_be_bytes()), "x");
        }
        let lines = tries.report(period);
        assert_eq!(lines.len(), LINES_MAX + 1);
        assert!(lines[LINES_MAX].starts_with("4990 failed attempts for other users"), "{lines:?}");
    }
}
