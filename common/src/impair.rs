//! A network that is worse than it could be: a seeded model of delay, jitter, loss, reordering, duplication and rate.
//!
//! Nothing here sends anything. Packets go in by [`Link::handle_packet`] with the time at which they are sent, and come
//! out of [`Link::poll_output`] when their time has come; [`Link::poll_timeout`] says when that is. The same seed,
//! conditions and packets give the same fate to every packet. A connection, which loses nothing and keeps its order,
//! is a [`Stream`].
//!
//! A packet meets, in this order:
//!
//! 1. **loss**: it is gone;
//! 2. the **queue** before the bottleneck: where it does not fit any more, it is gone;
//! 3. the bottleneck's **rate**: packets leave it one after the other;
//! 4. **delay** and **jitter**: the delay is at least `delay` and at most `delay + jitter`, uniformly. Jitter alone
//!    puts nothing out of order: a packet waits for those before it, as in a queue;
//! 5. **reordering**: it is held back by up to `hold` more, and those behind pass it;
//! 6. **duplication**: a second one arrives, with a delay of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::time::MonoTime;

mod stream;

pub use stream::Stream;

/// Packets under way at most; further ones are dropped. A link without a rate has no other bound but
/// [`MAX_UNDER_WAY_BYTES`].
pub const MAX_UNDER_WAY: usize = 65_536;

/// Bytes under way at most on a link; packets that would be more are dropped. Half a second of a gigabit link.
pub const MAX_UNDER_WAY_BYTES: usize = 64 << 20;

/// What a path does to what travels on it. The default does nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Conditions {
    /// Every packet takes at least this long.
    pub delay: Duration,
    /// It takes up to this much longer.
    pub jitter: Duration,
    /// Part of the packets that is lost, 0 to 1, each for itself.
    pub loss: f64,
    /// Part of the packets that arrives twice, 0 to 1.
    pub duplicate: f64,
    /// Part of the packets that others pass, 0 to 1.
    pub reorder: f64,
    /// Such packets are held back by up to this much.
    pub hold: Duration,
    /// Bits per second of the bottleneck; 0 is no bottleneck.
    pub rate_bps: u64,
    /// Bytes that may wait before the bottleneck.
    pub queue_bytes: usize,
}

/// What became of the packets so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Packets handed in.
    pub sent: u64,
    /// Packets handed out, duplicates included.
    pub delivered: u64,
    /// Lost on the way.
    pub lost: u64,
    /// Dropped before a full queue.
    pub dropped: u64,
    /// Sent twice.
    pub duplicated: u64,
    /// Held back.
    pub reordered: u64,
}

/// One direction of a path for packets.
#[derive(Debug)]
pub struct Link {
    conditions: Conditions,
    rng: StdRng,
    bottleneck: Bottleneck,
    /// By time of arrival, then in the order of sending.
    under_way: BTreeMap<(MonoTime, u64), Vec<u8>>,
    under_way_bytes: usize,
    /// Packets in order do not arrive before this.
    in_order: MonoTime,
    next: u64,
    counts: Counts,
}

/// When the bottleneck is free again.
#[derive(Clone, Copy, Debug, Default)]
struct Bottleneck {
    free: MonoTime,
}

impl Default for Conditions {
    fn default() -> Self {
        Self {
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            loss: 0.0,
            duplicate: 0.0,
            reorder: 0.0,
            hold: Duration::from_millis(10),
            rate_bps: 0,
            queue_bytes: 256 << 10,
        }
    }
}

impl Link {
    /// A link on which nothing is under way. `seed` decides over everything that is left to chance.
    pub fn new(conditions: Conditions, seed: u64) -> Self {
        Self {
            conditions,
            rng: StdRng::seed_from_u64(seed),
            bottleneck: Bottleneck::default(),
            under_way: BTreeMap::new(),
            under_way_bytes: 0,
            in_order: MonoTime::default(),
            next: 0,
            counts: Counts::default(),
        }
    }

    /// Other conditions for the packets sent from now on. Those under way keep their time.
    pub fn set_conditions(&mut self, conditions: Conditions) {
        self.conditions = conditions;
    }

    /// A packet is sent at `now`.
    pub fn handle_packet(&mut self, now: MonoTime, packet: Vec<u8>) {
        self.counts.sent += 1;
        if self.chance(self.conditions.loss) {
            self.counts.lost += 1;
            return;
        }
        let waiting = self.bottleneck.waiting_bytes(now, self.conditions.rate_bps);
        let full = self.conditions.rate_bps > 0 && waiting + packet.len() as u128 > self.conditions.queue_bytes as u128;
        let too_much = self.under_way_bytes + packet.len() > MAX_UNDER_WAY_BYTES;
        if full || too_much || self.under_way.len() >= MAX_UNDER_WAY {
            self.counts.dropped += 1;
            return;
        }
        let departure = self.bottleneck.pass(now, packet.len(), self.conditions.rate_bps);
        if self.chance(self.conditions.duplicate) {
            self.counts.duplicated += 1;
            self.deliver(departure, packet.clone());
        }
        self.deliver(departure, packet);
    }

    /// The next packet that has arrived by `now`.
    pub fn poll_output(&mut self, now: MonoTime) -> Option<Vec<u8>> {
        let first = self.under_way.first_entry().filter(|entry| entry.key().0 <= now)?;
        self.counts.delivered += 1;
        let packet = first.remove();
        self.under_way_bytes -= packet.len();
        Some(packet)
    }

    /// When the next packet arrives.
    pub fn poll_timeout(&self) -> Option<MonoTime> {
        self.under_way.first_key_value().map(|((at, _), _)| *at)
    }

    /// What became of the packets so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    fn deliver(&mut self, departure: MonoTime, packet: Vec<u8>) {
        let mut arrival = departure + self.conditions.transit(&mut self.rng);
        if self.chance(self.conditions.reorder) {
            self.counts.reordered += 1;
            arrival = arrival.max(self.in_order) + up_to(self.conditions.hold, &mut self.rng);
        } else {
            arrival = arrival.max(self.in_order);
            self.in_order = arrival;
        }
        self.under_way_bytes += packet.len();
        self.under_way.insert((arrival, self.next), packet);
        self.next += 1;
    }

    fn chance(&mut self, part: f64) -> bool {
        self.rng.random::<f64>() < part
    }
}

impl Conditions {
    /// How long one packet takes after the bottleneck.
    fn transit(&self, rng: &mut StdRng) -> Duration {
        self.delay + up_to(self.jitter, rng)
    }
}

impl Bottleneck {
    /// When the last bit of `len` bytes that are sent at `now` has left.
    fn pass(&mut self, now: MonoTime, len: usize, rate_bps: u64) -> MonoTime {
        let start = self.free.max(now);
        self.free = if rate_bps == 0 { now } else { start + time_of(len, rate_bps) };
        self.free
    }

    fn waiting_bytes(&self, now: MonoTime, rate_bps: u64) -> u128 {
        (self.free - now).as_nanos() * u128::from(rate_bps) / 8_000_000_000
    }
}

fn time_of(len: usize, rate_bps: u64) -> Duration {
    let nanos = len as u128 * 8_000_000_000 / u128::from(rate_bps.max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// A time from zero to `limit`, uniformly.
fn up_to(limit: Duration, rng: &mut StdRng) -> Duration {
    limit.mul_f64(rng.random::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> MonoTime {
        MonoTime::from_origin(Duration::from_millis(ms))
    }

    /// Sends `count` packets of 1,000 bytes, one a ms, numbered in their first two bytes; gives back when each that
    /// arrived did, and its number.
    fn send(link: &mut Link, count: u16) -> Vec<(MonoTime, u16)> {
        for number in 0..count {
            let mut packet = vec![0; 1_000];
            packet[..2].copy_from_slice(&number.to_be_bytes());
            link.handle_packet(at(number.into()), packet);
        }
        let mut arrived = Vec::new();
        while let Some(now) = link.poll_timeout() {
            let packet = link.poll_output(now).expect("a packet is due at its time-out");
            arrived.push((now, u16::from_be_bytes([packet[0], packet[1]])));
        }
        arrived
    }

    #[test]
    fn without_conditions_packets_arrive_as_they_were_sent() {
        let mut link = Link::new(Conditions::default(), 1);
        let arrived = send(&mut link, 500);
        assert!(arrived.iter().zip(0..).all(|((when, number), i)| *number == i && *when == at(i.into())));
        assert_eq!(link.counts().delivered, 500);
    }

    #[test]
    fn nothing_arrives_before_its_time() {
        let mut link = Link::new(Conditions { delay: Duration::from_millis(20), ..Conditions::default() }, 1);
        link.handle_packet(at(5), vec![1]);
        assert_eq!(link.poll_output(at(24)), None);
        assert_eq!(link.poll_timeout(), Some(at(25)));
        assert_eq!(link.poll_output(at(25)), Some(vec![1]));
        assert_eq!(link.poll_timeout(), None);
    }

    #[test]
    fn jitter_stays_in_its_bounds_and_keeps_the_order() {
        let conditions =
            Conditions { delay: Duration::from_millis(10), jitter: Duration::from_millis(8), ..Conditions::default() };
        let arrived = send(&mut Link::new(conditions, 7), 2_000);
        let delays: Vec<_> = arrived.iter().map(|(when, number)| *when - at((*number).into())).collect();
        assert!(arrived.is_sorted_by_key(|(_, number)| *number));
        assert!(delays.iter().all(|delay| (10..=18).contains(&delay.as_millis())), "{delays:?}");
        assert!(
            delays.iter().any(|delay| delay.as_millis() >= 16) && delays.iter().any(|delay| delay.as_millis() < 13)
        );
    }

    #[test]
    fn loss_and_duplication_come_about_as_often_as_asked() {
        let conditions = Conditions { loss: 0.1, duplicate: 0.05, ..Conditions::default() };
        let mut link = Link::new(conditions, 3);
        let arrived = send(&mut link, 20_000);
        let counts = link.counts();
        assert!((1_800..2_200).contains(&counts.lost), "{counts:?}");
        assert!((800..1_000).contains(&counts.duplicated), "{counts:?}");
        assert_eq!(counts.sent - counts.lost + counts.duplicated, counts.delivered);
        assert_eq!(counts.delivered, arrived.len() as u64);
    }

    #[test]
    fn reordered_packets_are_passed_but_not_for_ever() {
        let conditions = Conditions { reorder: 0.1, hold: Duration::from_millis(5), ..Conditions::default() };
        let mut link = Link::new(conditions, 3);
        let arrived = send(&mut link, 5_000);
        assert_eq!(arrived.len(), 5_000);
        let passed = arrived.windows(2).filter(|pair| pair[0].1 > pair[1].1).count();
        assert!(passed > 200, "{passed}");
        assert!(arrived.iter().all(|(when, number)| *when <= at(u64::from(*number) + 5)));
    }

    #[test]
    fn a_bottleneck_spaces_packets_out_and_a_full_queue_drops() {
        // 1,000 bytes at 4 Mbit/s take 2 ms, and one comes each ms: half of them must go.
        let conditions = Conditions { rate_bps: 4_000_000, queue_bytes: 10_000, ..Conditions::default() };
        let mut link = Link::new(conditions, 1);
        let arrived = send(&mut link, 1_000);
        assert!(arrived.windows(2).all(|pair| pair[1].0 - pair[0].0 >= Duration::from_millis(2)));
        assert!((485..=505).contains(&link.counts().dropped), "{:?}", link.counts());
        let longest = arrived.iter().map(|(when, number)| *when - at((*number).into())).max();
        assert!(longest <= Some(Duration::from_millis(20)), "{longest:?}: no older than a full queue");
    }

    #[test]
    fn the_same_seed_gives_the_same_fates() {
        let conditions = Conditions {
            jitter: Duration::from_millis(9),
            loss: 0.2,
            duplicate: 0.2,
            reorder: 0.2,
            ..Conditions::default()
        };
        let run = |seed| send(&mut Link::new(conditions.clone(), seed), 300);
        assert_eq!(run(11), run(11));
        assert_ne!(run(11), run(12));
    }

    #[test]
    fn other_conditions_count_for_what_is_sent_after_them() {
        let delayed = |ms| Conditions { delay: Duration::from_millis(ms), ..Conditions::default() };
        let mut link = Link::new(delayed(20), 1);
        link.handle_packet(at(0), vec![1]);
        link.set_conditions(delayed(5));
        link.handle_packet(at(1), vec![2]);
        assert_eq!((link.poll_output(at(19)), link.poll_timeout()), (None, Some(at(20))));
        assert_eq!((link.poll_output(at(20)), link.poll_output(at(20))), (Some(vec![1]), Some(vec![2])), "in order");
        link.handle_packet(at(30), vec![3]);
        assert_eq!(link.poll_timeout(), Some(at(35)));
    }

    #[test]
    fn bytes_under_way_are_bounded() {
        let mut link = Link::new(Conditions { delay: Duration::from_secs(1), ..Conditions::default() }, 1);
        (0..65).for_each(|_| link.handle_packet(at(0), vec![0; 1 << 20]));
        assert_eq!(link.counts().dropped, 1);
        assert!(link.poll_output(at(1_000)).is_some());
        link.handle_packet(at(1_000), vec![0; 1 << 20]);
        assert_eq!(link.counts().dropped, 1, "there is room again");
    }

    #[test]
    fn what_is_under_way_is_bounded() {
        let mut link = Link::new(Conditions { delay: Duration::from_secs(60), ..Conditions::default() }, 1);
        for _ in 0..MAX_UNDER_WAY + 10 {
            link.handle_packet(at(0), Vec::new());
        }
        assert_eq!(link.counts().dropped, 10);
    }
}
