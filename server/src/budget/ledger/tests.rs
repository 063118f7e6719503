use std::time::Duration;

use super::*;

/// Connections by the second they came or last asked, one owner per number.
struct Books {
    ledger: Ledger,
    now: MonoTime,
    last: u64,
}

impl Books {
    fn new(total: usize) -> Self {
        let limits = Limits { total, rtsp_reserve: 3, http_reserve: 2 };
        Self { ledger: Ledger::new(limits), now: MonoTime::default(), last: 0 }
    }

    /// A connection of owner `peer` that stands as it says; those evicted are gone at once.
    fn try_enter(&mut self, peer: u8, listener: Listener, priority: Priority) -> Result<(u64, Vec<u64>), Full> {
        self.last += 1;
        self.now = self.now + Duration::from_secs(1);
        let (id, peer) = (self.last, IpAddr::from([192, 0, 2, peer]));
        let evicted = self.ledger.admit(self.now, id, peer, listener)?;
        evicted.iter().for_each(|id| self.ledger.remove(*id));
        self.ledger.set_priority(self.now, id, priority);
        Ok((id, evicted))
    }

    fn enter(&mut self, peer: u8, priority: Priority) -> u64 {
        let (id, evicted) = self.try_enter(peer, Listener::Rtsp, priority).expect("there is room");
        assert_eq!(evicted, [0; 0]);
        id
    }

    /// The sums are those that a walk over all entries gives.
    fn check(&self) {
        let Ledger { entries, order, .. } = &self.ledger;
        let sum = |counts: &dyn Fn(&Entry) -> bool| -> usize {
            entries.values().filter(|entry| !entry.leaving && counts(entry)).map(|entry| entry.held).sum()
        };
        assert_eq!(order.in_total(), sum(&|entry| !entry.in_reserve));
        assert_eq!(order.in_reserve(Listener::Rtsp), sum(&|entry| entry.in_reserve));
        assert_eq!(order.leaving(), entries.values().filter(|entry| entry.leaving).count());
        for owner in (0..=255).map(|peer| IpAddr::from([192, 0, 2, peer])) {
            assert_eq!(order.share(owner), sum(&|entry| entry.owner == owner));
        }
        let staying = |priority| {
            let stays = move |entry: &&Entry| entry.priority == priority && !(entry.leaving || entry.in_reserve);
            entries.values().filter(stays)
        };
        for priority in [Priority::Idle, Priority::Plays, Priority::Publishes] {
            let most = staying(priority).map(|entry| order.share(entry.owner)).max();
            assert_eq!(order.first(priority).map(|first| first.share), most);
        }
    }

    fn evicts(&mut self, peer: u8, priority: Priority) -> Vec<u64> {
        self.try_enter(peer, Listener::Rtsp, priority).expect("there is room").1
    }
}

#[test]
fn below_the_total_one_address_may_have_everything() {
    let mut books = Books::new(100);
    for _ in 0..100 {
        books.enter(1, Priority::Plays);
    }
    assert_eq!(books.ledger.used(), 100);
}

#[test]
fn the_one_silent_for_longest_goes_first() {
    let mut books = Books::new(3);
    let [first, second, third] = [1, 1, 1].map(|peer| books.enter(peer, Priority::Idle));
    books.ledger.touch(books.now + Duration::from_secs(1), first);
    assert_eq!(books.evicts(1, Priority::Idle), [second]);
    assert_eq!(books.evicts(2, Priority::Idle), [third], "also for others");
}

#[test]
fn who_plays_or_publishes_does_not_go_for_its_own_address() {
    let mut books = Books::new(3);
    let idle = books.enter(1, Priority::Idle);
    books.enter(1, Priority::Plays);
    books.enter(1, Priority::Publishes);
    assert_eq!(books.evicts(1, Priority::Plays), [idle]);
    // From now on there is the reserve only, which is for saying what one wants.
    let (id, evicted) = books.try_enter(1, Listener::Rtsp, Priority::Idle).expect("the reserve");
    assert_eq!((books.ledger.confirm(id, false), evicted), (Err(Full), vec![]));
    assert_eq!(books.ledger.confirm(id, true), Ok(vec![]), "a publisher that comes back");
}

#[test]
fn the_address_that_holds_most_pays() {
    let mut books = Books::new(6);
    let playing: Vec<_> = (0..4).map(|_| books.enter(1, Priority::Plays)).collect();
    books.enter(2, Priority::Idle);
    books.enter(2, Priority::Plays);
    // Its own idle one first, where it may not take from others.
    let newcomer = books.evicts(3, Priority::Plays);
    assert_eq!(newcomer, [5], "who neither plays nor publishes, whoever it is, unless it holds less");
    assert_eq!(books.evicts(3, Priority::Plays), [playing[3]], "then the newest of who holds most");
    assert_eq!(
        books.try_enter(1, Listener::Rtsp, Priority::Idle).map(|(id, _)| books.ledger.confirm(id, false)),
        Ok(Err(Full))
    );
}

#[test]
fn publishers_go_after_players() {
    let mut books = Books::new(4);
    let publishes = books.enter(1, Priority::Publishes);
    let plays = [1, 1].map(|peer| books.enter(peer, Priority::Plays));
    let other = books.enter(1, Priority::Publishes);
    assert_eq!(books.evicts(2, Priority::Plays), [plays[1]]);
    assert_eq!(books.evicts(3, Priority::Plays), [plays[0]]);
    assert_eq!(books.evicts(4, Priority::Plays), [other]);
    assert_ne!(publishes, other);
}

#[test]
fn an_address_that_holds_little_is_safe_from_one_that_holds_much() {
    let mut books = Books::new(10);
    books.enter(2, Priority::Idle);
    for _ in 0..9 {
        books.enter(1, Priority::Plays);
    }
    let (id, evicted) = books.try_enter(1, Listener::Rtsp, Priority::Idle).expect("the reserve");
    assert_eq!((evicted, books.ledger.confirm(id, false)), (vec![], Err(Full)));
}

#[test]
fn many_addresses_with_one_connection_each_keep_nobody_out() {
    let mut books = Books::new(50);
    for peer in 1..=50 {
        books.enter(peer, Priority::Idle);
    }
    assert_eq!(books.evicts(100, Priority::Plays), [1]);
}

#[test]
fn both_doors_keep_a_reserve_and_who_sits_in_it_makes_room() {
    let mut books = Books::new(2);
    for _ in 0..2 {
        books.enter(1, Priority::Publishes);
    }
    for listener in [Listener::Http, Listener::Rtsp] {
        let mut came = Vec::new();
        for _ in 0..20 {
            let (id, evicted) = books.try_enter(1, listener, Priority::Idle).expect("always");
            came.push(id);
            assert!(evicted.iter().all(|id| came.contains(id)), "one of the same listener");
        }
    }
    assert_eq!(books.ledger.used(), 2 + 2 + 3);
}

#[test]
fn udp_ports_are_claimed_and_given_back() {
    let mut books = Books::new(5);
    let publisher = books.enter(1, Priority::Publishes);
    assert_eq!(books.ledger.claim(publisher, 2), Ok(vec![]));
    let other = books.enter(1, Priority::Plays);
    assert_eq!(books.ledger.claim(other, 2), Err(Full), "its own address plays already");
    assert_eq!(books.ledger.claim(other, 1), Ok(vec![]));
    books.ledger.unclaim(publisher, 2);
    assert_eq!(books.ledger.used(), 3);
    // A publisher that came back over UDP finds three in the reserve.
    let mut books = Books::new(1);
    books.enter(1, Priority::Publishes);
    let (id, _) = books.try_enter(1, Listener::Rtsp, Priority::Idle).expect("the reserve");
    assert_eq!((books.ledger.confirm(id, true), books.ledger.claim(id, 2)), (Ok(vec![]), Ok(vec![])));
    assert_eq!(books.ledger.claim(id, 1), Err(Full));
}

#[test]
fn any_order_of_events_keeps_to_the_total() {
    let (mut books, mut state) = (Books::new(40), 1_u64);
    let mut live = Vec::new();
    for _ in 0..20_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let priority = [Priority::Idle, Priority::Plays, Priority::Publishes][(state >> 40) as usize % 3];
        let peer = (state >> 33) as u8 % 7;
        match (state >> 50) % 4 {
            0 => drop(live.pop().map(|id| books.ledger.remove(id))),
            1 => live.iter().rev().take(1).for_each(|id| drop(books.ledger.claim(*id, 2))),
            2 => live.iter().rev().take(2).for_each(|id| drop(books.ledger.confirm(*id, state % 5 == 0))),
            _ => live.extend(books.try_enter(peer, Listener::Rtsp, priority).map(|(id, _)| id)),
        }
        let leaving: Vec<_> =
            live.iter().copied().filter(|id| books.ledger.entries.get(id).is_none_or(|e| e.leaving)).collect();
        leaving.iter().for_each(|id| books.ledger.remove(*id));
        live.retain(|id| !leaving.contains(id));
        assert!(books.ledger.used() <= 43, "{}", books.ledger.used());
        books.check();
    }
}

#[test]
fn a_connection_that_takes_more_makes_another_idle_one_go_not_itself() {
    let mut books = Books::new(3);
    let [first, second, third] = [1, 1, 1].map(|peer| books.enter(peer, Priority::Idle));
    assert_eq!(
        books.ledger.claim(first, 2),
        Ok(vec![second, third]),
        "the one silent for longest is the one that asks"
    );
    assert_eq!(books.ledger.claim(second, 1), Err(Full), "it has to go");
    books.check();
}

#[test]
fn what_is_refused_sends_nobody_away() {
    let mut books = Books::new(3);
    let idle = books.enter(1, Priority::Idle);
    let [player, _] = [1, 1].map(|peer| books.enter(peer, Priority::Plays));
    assert_eq!(books.ledger.claim(player, 2), Err(Full), "one goes, and that is not enough");
    assert_eq!((books.ledger.leaving(), books.ledger.used()), (0, 3));
    assert_eq!(books.evicts(2, Priority::Plays), [idle]);
    books.check();
}

#[test]
fn what_the_process_may_have_is_shared_out() {
    for (limit, open, total) in [(32, 12, 14), (256, 12, 174), (1_024, 12, 908), (1 << 20, 12, 4_044)] {
        let limits = Limits::of(limit, open);
        assert_eq!(limits.total, total, "{limit}");
        assert!(limits.rtsp_reserve >= 2 && limits.http_reserve >= 2);
        assert!(limits.total + limits.rtsp_reserve + limits.http_reserve + open < limit);
    }
    assert_eq!(Limits::of(8, 12).total, 0);
}
