use super::*;
use crate::sync::Responder;
use crate::time::WallTime;

const START: i64 = 1_763_722_800_000_000;

fn at(ms: u64) -> MonoTime {
    MonoTime::from_origin(Duration::from_millis(ms))
}

fn wall(ms: u64) -> WallTime {
    WallTime::from_micros(START + ms as i64 * 1_000)
}

fn target() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 8554))
}

fn prober(protocol: Protocol) -> Prober {
    Prober::new(protocol, target(), 1)
}

/// A request that goes out at `ms`, and the answer of a host whose clock reads as ours.
fn ask(prober: &mut Prober, ms: u64, host: u32) -> [u8; wire::LEN] {
    let request = prober.poll_transmit(at(ms)).expect("one is due");
    let nonce = wire::parse_request(&request).expect("it is one");
    Responder::new(host).answer(nonce, wall(ms + 1), wall(ms + 1))
}

#[track_caller]
fn refused(prober: &Prober, why: Refusal) {
    assert_eq!((prober.counts.of(why), prober.counts.refused()), (1, 1), "{:?}", prober.counts);
}

#[test]
fn it_asks_in_a_burst_and_then_steadily() {
    let mut prober = prober(Protocol::Framelag);
    let mut times = Vec::new();
    let mut now = at(0);
    while times.len() < 12 {
        now = prober.poll_timeout().expect("it goes on").max(now);
        let answer = ask(&mut prober, u64::try_from(now.since_origin().as_millis()).expect("small"), 5);
        prober.handle_datagram(now + Duration::from_millis(2), target(), &answer);
        times.push(now.since_origin().as_millis());
    }
    assert_eq!(times, [0, 40, 80, 120, 160, 200, 240, 280, 530, 780, 1_030, 1_280]);
    let view = prober.view();
    assert_eq!((view.counts.sent, view.counts.answered, view.host), (12, 12, Some(5)));
    assert!(view.fix.is_some());
}

#[test]
fn a_clock_that_never_answers_is_asked_ever_more_seldom() {
    let mut prober = prober(Protocol::Framelag);
    let mut last = at(0);
    for _ in 0..400 {
        last = prober.poll_timeout().expect("it goes on");
        prober.poll_transmit(last).expect("it is due");
    }
    assert_eq!(prober.poll_timeout().map(|next| next - last), Some(SLOWEST));
    assert!(prober.asked.len() <= MAX_REMEMBERED);
    assert_eq!(prober.view().fix, None);
}

#[test]
fn nonsense_is_refused_for_what_is_wrong_with_it() {
    let mut other = prober(Protocol::Framelag);
    let answer = ask(&mut other, 0, 5);
    other.handle_datagram(at(2), SocketAddr::from(([192, 0, 2, 1], 8555)), &answer);
    refused(&other, Refusal::Address);
    for (change, why) in [
        ((0, b'X'), Refusal::Format),
        ((4, 9), Refusal::Version),
        ((8, 0xff), Refusal::Nonce),
        ((28, 0x70), Refusal::Times),
        ((34, 0xff), Refusal::Times),
    ] {
        let mut prober = prober(Protocol::Framelag);
        let mut answer = ask(&mut prober, 0, 5);
        answer[change.0] ^= change.1;
        prober.handle_datagram(at(2), target(), &answer);
        refused(&prober, why);
        assert_eq!(prober.view().fix, None, "{why:?}");
    }
    let mut short = prober(Protocol::Framelag);
    let answer = ask(&mut short, 0, 5);
    short.handle_datagram(at(2), target(), &answer[..wire::LEN - 1]);
    refused(&short, Refusal::Length);
}

#[test]
fn late_and_repeated_answers_are_refused() {
    let mut late = prober(Protocol::Framelag);
    let answer = ask(&mut late, 0, 5);
    late.handle_datagram(at(0) + ANSWER_LIMIT + Duration::from_micros(1), target(), &answer);
    refused(&late, Refusal::Late);
    let mut twice = prober(Protocol::Framelag);
    let answer = ask(&mut twice, 0, 5);
    twice.handle_datagram(at(2), target(), &answer);
    twice.handle_datagram(at(3), target(), &answer);
    refused(&twice, Refusal::Nonce);
    assert_eq!(twice.counts.answered, 1);
}

#[test]
fn one_answer_that_contradicts_is_refused_once_the_next_agrees_with_the_first() {
    let mut prober = prober(Protocol::Framelag);
    for (ms, ahead) in [(0, 0), (40, 5_000), (80, 0)] {
        let request = prober.poll_transmit(at(ms)).expect("one is due");
        let nonce = wire::parse_request(&request).expect("it is one");
        let there = wall(ms + 1 + ahead);
        prober.handle_datagram(at(ms + 2), target(), &Responder::new(5).answer(nonce, there, there));
        assert_eq!(prober.view().fix.is_some(), ahead == 0);
    }
    refused(&prober, Refusal::Jump);
    assert_eq!(prober.counts.answered, 2);
}

#[test]
fn another_host_behind_the_address_is_another_clock() {
    let mut prober = prober(Protocol::Framelag);
    for (ms, host) in [(0, 5), (40, 5), (80, 6)] {
        let answer = ask(&mut prober, ms, host);
        prober.handle_datagram(at(ms + 2), target(), &answer);
    }
    let view = prober.view();
    assert_eq!((view.host, view.counts.answered, view.restarts.count), (Some(6), 3, 0));
}

#[test]
fn an_ntp_server_is_left_alone_when_it_says_so() {
    for (code, goes_on) in [(b"RATE", true), (b"DENY", false)] {
        let mut prober = prober(Protocol::Ntp);
        let request = prober.poll_transmit(at(0)).expect("one is due");
        let nonce = u64::from_be_bytes(request[40..].try_into().expect("eight bytes"));
        let mut kiss = ntp::tests::good(nonce, wall(1), wall(1));
        kiss[1] = 0;
        kiss[12..16].copy_from_slice(code);
        let mut forged = kiss;
        forged[24] ^= 1;
        prober.handle_datagram(at(2), target(), &forged);
        assert_eq!(prober.counts.of(Refusal::Nonce), 1);
        assert_eq!(prober.poll_timeout(), Some(at(2_000)), "nobody else can say so");
        prober.handle_datagram(at(2), target(), &kiss);
        assert_eq!(prober.counts.of(Refusal::KissOfDeath), 1);
        assert_eq!(prober.poll_timeout(), goes_on.then_some(at(16_002)));
    }
}

#[test]
fn an_ntp_servers_clock_is_found_with_its_distance() {
    let mut prober = prober(Protocol::Ntp);
    let request = prober.poll_transmit(at(0)).expect("one is due");
    let nonce = u64::from_be_bytes(request[40..].try_into().expect("eight bytes"));
    prober.handle_datagram(at(2), target(), &ntp::tests::good(nonce, wall(1), wall(1)));
    let now = crate::time::Now { wall: wall(2), mono: at(2) };
    let found = prober.view().fix.expect("it is known").estimate(now, at(2)).expect("it is new");
    assert!(found.offset_us.abs() < 1_000 && (26_000..26_020).contains(&found.bound_us), "{found:?}");
}

#[test]
fn a_suspend_of_this_host_ends_what_is_known_at_once() {
    let slept = Duration::from_secs(3);
    let mut prober = prober(Protocol::Framelag);
    for ms in [0, 40] {
        let answer = ask(&mut prober, ms, 5);
        prober.handle_slept(at(ms + 2), Duration::ZERO);
        prober.handle_datagram(at(ms + 2), target(), &answer);
    }
    let before = prober.view();
    assert!(before.fix.is_some());
    assert_eq!(before.awake(NAP), before, "two clocks are not read at once");
    assert_eq!(before.awake(slept).fix, None, "whoever still holds the view of before");
    let in_flight = ask(&mut prober, 80, 5);
    // Monotonic time stood still.
    prober.handle_slept(at(81), slept);
    assert_eq!(prober.view().fix, None);
    prober.handle_datagram(at(82), target(), &in_flight);
    assert_eq!((prober.view().fix, prober.counts.of(Refusal::Nonce)), (None, 1), "it was sent before the suspend");
    let mut times = Vec::new();
    for _ in 0..9 {
        let due = prober.poll_timeout().expect("it goes on");
        let ms = u64::try_from(due.since_origin().as_millis()).expect("small");
        let answer = ask(&mut prober, ms, 5);
        prober.handle_slept(due + Duration::from_millis(2), slept);
        prober.handle_datagram(due + Duration::from_millis(2), target(), &answer);
        assert!(prober.view().awake(slept).fix.is_some());
        times.push(ms);
    }
    assert_eq!(times, [81, 121, 161, 201, 241, 281, 321, 361, 611], "in a burst again");
    let view = prober.view();
    assert_eq!((view.restarts.count, view.counts.answered), (0, 11), "it is no jump of the other clock");
}

#[test]
fn the_addresses_of_a_name_are_asked_in_turn_until_one_answers() {
    let deaf = SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], 8554));
    let mut prober = Prober::new(Protocol::Framelag, deaf, 1).or([target()]);
    let mut targets = Vec::new();
    for _ in 0..60 {
        let due = prober.poll_timeout().expect("it goes on");
        prober.poll_transmit(due).expect("it is due");
        targets.push(prober.target());
    }
    assert!(targets[..8].iter().all(|asked| *asked == deaf));
    assert!(targets[8..16].iter().all(|asked| *asked == target()));
    assert!(targets[16..24].iter().all(|asked| *asked == deaf));
    assert!(targets[41..].windows(2).all(|pair| pair[0] != pair[1]), "seldom, but every time another");
    for _ in 0..20 {
        let due = prober.poll_timeout().expect("it goes on");
        let ms = u64::try_from(due.since_origin().as_millis()).expect("small");
        let answer = ask(&mut prober, ms, 5);
        if prober.target() == target() {
            prober.handle_datagram(at(ms + 2), target(), &answer);
        }
    }
    assert_eq!((prober.target(), prober.view().host), (target(), Some(5)), "who answers is stayed with");
    assert!(prober.counts.answered >= 18, "{:?}", prober.counts);
}
