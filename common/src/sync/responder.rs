//! The other end: answers requests, and not too many of one address.

use std::net::IpAddr;

use super::wire::{self, Answer};
use crate::peer::Rates;
use crate::time::{MonoTime, WallTime};

/// Answers that one address gets at once …
const BURST: f64 = 50.0;
/// … and in a second: a receiver or publisher asks four times a second, and several may share an address.
const PER_SECOND: f64 = 50.0;

/// Answers with this host's wall time.
#[derive(Debug)]
pub struct Responder {
    host: u32,
    /// Answers that each peer may still have.
    rates: Rates,
}

impl Responder {
    /// Answers as the host with this [`crate::sei::host_id`].
    pub fn new(host: u32) -> Self {
        Self { host, rates: Rates::new(BURST, PER_SECOND) }
    }

    /// Whether `bytes`, which came from `from`, is a request that is to be answered: its nonce.
    pub fn handle_datagram(&mut self, now: MonoTime, from: IpAddr, bytes: &[u8]) -> Option<u64> {
        let nonce = wire::parse_request(bytes)?;
        self.rates.take(now, from).then_some(nonce)
    }

    /// The answer to a request with `nonce` that came in at `there_in`, to be sent at `there_out`. A wall clock that was set
    /// back in between is no reason for times in the wrong order.
    pub fn answer(&self, nonce: u64, there_in: WallTime, there_out: WallTime) -> [u8; wire::LEN] {
        wire::answer(&Answer { nonce, host: self.host, there_in, there_out: there_out.max(there_in) })
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;
    use std::time::Duration;

    use super::*;

    fn at(ms: u64) -> MonoTime {
        MonoTime::from_origin(Duration::from_millis(ms))
    }

    #[test]
    fn a_request_is_answered_with_the_hosts_time() {
        let mut responder = Responder::new(5);
        let from = IpAddr::from([192, 0, 2, 1]);
        assert_eq!(responder.handle_datagram(at(0), from, &wire::request(77)), Some(77));
        assert_eq!(responder.handle_datagram(at(0), from, b"hello"), None);
        let [early, late] = [100, 200].map(WallTime::from_micros);
        let answer = wire::parse_answer(&responder.answer(77, early, late)).expect("it is one");
        assert_eq!(answer, Answer { nonce: 77, host: 5, there_in: early, there_out: late });
        let set_back = wire::parse_answer(&responder.answer(77, late, early)).expect("it is one");
        assert_eq!((set_back.there_in, set_back.there_out), (late, late));
    }

    #[test]
    fn one_address_gets_no_more_than_its_share() {
        let mut responder = Responder::new(5);
        let mut answered = |ms: u64, from: [u8; 4]| {
            (0..1_000).filter(|_| responder.handle_datagram(at(ms), from.into(), &wire::request(1)).is_some()).count()
        };
        assert_eq!(answered(0, [192, 0, 2, 1]), 50);
        assert_eq!(answered(0, [192, 0, 2, 2]), 50, "another address has its own");
        assert_eq!(answered(100, [192, 0, 2, 1]), 5);
        assert_eq!(answered(60_000, [192, 0, 2, 1]), 50);
    }

    #[test]
    fn a_network_of_ipv6_addresses_is_one() {
        let mut responder = Responder::new(5);
        let answered = (0..1_000_u128).filter(|host| {
            let from = Ipv6Addr::from_bits(0x2001_0db8 << 96 | host);
            responder.handle_datagram(at(0), from.into(), &wire::request(1)).is_some()
        });
        assert_eq!(answered.count(), 50);
    }
}
