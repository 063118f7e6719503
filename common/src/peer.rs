//! Whom an address belongs to, and how often each may do something.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use crate::time::MonoTime;

/// Peers that are remembered by one [`Rates`].
pub const PEERS_MAX: usize = 4_096;

/// Whom an address belongs to: a host has at least a /64 of IPv6 addresses, and an IPv4 address is the same in either form.
pub fn owner(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}

/// A token bucket for each peer. At most [`PEERS_MAX`] are remembered; the least recently seen is forgotten for
/// a new one, so that no peer is turned away because of the number of others.
#[derive(Clone, Debug)]
pub struct Rates {
    burst: f64,
    per_second: f64,
    buckets: HashMap<IpAddr, Bucket>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    left: f64,
    as_of: MonoTime,
}

impl Rates {
    /// Grants each peer `burst` at once and `per_second` in the long run.
    pub fn new(burst: f64, per_second: f64) -> Self {
        Self { burst, per_second, buckets: HashMap::new() }
    }

    /// Takes one from the peer's bucket, if there is one.
    pub fn take(&mut self, now: MonoTime, peer: IpAddr) -> bool {
        self.take_or_wait(now, peer, 1.0).is_none()
    }

    /// Takes `count` from the peer's bucket. Where there are not so many, takes nothing and gives the time until there are.
    pub fn take_or_wait(&mut self, now: MonoTime, peer: IpAddr, count: f64) -> Option<std::time::Duration> {
        let (burst, per_second) = (self.burst, self.per_second);
        let bucket = self.bucket(now, owner(peer));
        if bucket.left >= count {
            bucket.left -= count;
            return None;
        }
        Some(std::time::Duration::from_secs_f64((count.min(burst) - bucket.left).max(0.0) / per_second))
    }

    /// Takes `count` in any case, on credit if need be, and gives how long the peer is to wait for having done so.
    pub fn charge(&mut self, now: MonoTime, peer: IpAddr, count: f64) -> std::time::Duration {
        let (burst, per_second) = (self.burst, self.per_second);
        let bucket = self.bucket(now, owner(peer));
        // Debt is bounded: a flood is not held against a peer forever.
        bucket.left = (bucket.left - count).max(-burst);
        std::time::Duration::from_secs_f64((-bucket.left).max(0.0) / per_second)
    }

    /// Whether the peer has one left; takes nothing.
    pub fn has(&mut self, now: MonoTime, peer: IpAddr) -> bool {
        self.take_or_wait(now, peer, 1.0).is_none() && {
            self.bucket(now, owner(peer)).left += 1.0;
            true
        }
    }

    fn bucket(&mut self, now: MonoTime, owner: IpAddr) -> &mut Bucket {
        if self.buckets.len() >= PEERS_MAX && !self.buckets.contains_key(&owner) {
            self.forget(now);
        }
        let bucket = self.buckets.entry(owner).or_insert(Bucket { left: self.burst, as_of: now });
        bucket.left = (bucket.left + (now - bucket.as_of).as_secs_f64() * self.per_second).min(self.burst);
        bucket.as_of = now;
        bucket
    }

    /// Makes room for many, so that the search is paid for by many.
    fn forget(&mut self, now: MonoTime) {
        let mut ages: Vec<_> = self.buckets.values().map(|bucket| now - bucket.as_of).collect();
        let (_, middle, _) = ages.select_nth_unstable(PEERS_MAX / 2);
        let limit = *middle;
        let mut left_over = PEERS_MAX / 2;
        self.buckets.retain(|_, bucket| {
            let keeps = now - bucket.as_of <= limit && left_over > 0;
            left_over -= usize::from(keeps);
            keeps
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(ms: u64) -> MonoTime {
        MonoTime::from_origin(Duration::from_millis(ms))
    }

    #[test]
    fn addresses_of_one_host_are_one_peer() {
        let owner = |text: &str| owner(text.parse().expect("an address")).to_string();
        assert_eq!(owner("192.0.2.1"), "192.0.2.1");
        assert_eq!(owner("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(owner("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
    }

    #[test]
    fn a_peer_has_its_burst_and_its_rate_and_others_have_theirs() {
        let mut rates = Rates::new(3.0, 10.0);
        let peer = |n: u8| IpAddr::from([192, 0, 2, n]);
        let mut taken = |ms, n| (0..100).filter(|_| rates.take(at(ms), peer(n))).count();
        assert_eq!([taken(0, 1), taken(0, 1), taken(0, 2)], [3, 0, 3]);
        assert_eq!([taken(200, 1), taken(60_000, 1)], [2, 3]);
        assert_eq!(rates.take_or_wait(at(60_000), peer(1), 1.0), Some(Duration::from_millis(100)));
        assert_eq!(rates.charge(at(60_000), peer(1), 2.0), Duration::from_millis(200));
        assert_eq!(rates.charge(at(60_000), peer(1), 1e9), Duration::from_millis(300), "debt is bounded");
        assert!(!rates.has(at(60_000), peer(1)) && rates.has(at(61_000), peer(1)));
    }

    #[test]
    fn crowds_are_forgotten_and_nobody_is_turned_away_for_them() {
        let mut rates = Rates::new(1.0, 0.001);
        for number in 0..100_000_u32 {
            assert!(rates.take(at(number.into()), IpAddr::from(number.to_be_bytes())));
            assert!(rates.buckets.len() <= PEERS_MAX);
        }
        assert!(!rates.take(at(100_000), IpAddr::from(99_999_u32.to_be_bytes())), "who came last is remembered");
        // Also where all come at once.
        let mut rates = Rates::new(1.0, 0.001);
        for number in 0..10_000_u32 {
            assert!(rates.take(at(0), IpAddr::from(number.to_be_bytes())));
        }
    }
}
