use super::*;

fn at(ms: u64) -> MonoTime {
    MonoTime::from_origin(Duration::from_millis(ms))
}

/// Pictures of 10 ms latency every 40 ms, from 0 to `until`.
fn steady(until: u64) -> Screen {
    let mut screen = Screen::default();
    screen.open(at(0));
    for ms in (0..=until).step_by(40) {
        screen.show(at(ms), Some(10_000));
    }
    screen
}

#[test]
fn the_age_of_a_steady_stream_is_a_saw_tooth() {
    let screen = steady(4_000);
    assert_eq!(screen.whole().mean_us(), Some(30_000.0));
    assert_eq!(screen.whole().max_us(), Some(50_000));
    let median = screen.ages().quantile_us(0.5).expect("four seconds of ages");
    assert!((30_000..=31_000).contains(&median), "{median}");
    assert_eq!(screen.freezes(at(4_000)), Freezes::default());
}

#[test]
fn a_frozen_picture_grows_old_and_the_freeze_is_counted_once() {
    let mut screen = steady(1_000);
    screen.advance(at(1_500));
    assert_eq!(screen.age_us(at(1_500)), Some(510_000));
    let frozen = Duration::from_millis(500);
    let running = screen.freezes(at(1_500));
    assert_eq!(running, Freezes { count: 1, total: frozen, longest: frozen });
    screen.show(at(3_000), Some(10_000));
    screen.show(at(3_040), Some(10_000));
    let over = Duration::from_secs(2);
    assert_eq!(screen.freezes(at(3_050)), Freezes { count: 1, total: over, longest: over });
    assert_eq!(screen.whole().max_us(), Some(2_010_000));
}

#[test]
fn the_limit_follows_the_frame_rate() {
    let mut screen = steady(1_200);
    screen.show(at(1_200 + 189), Some(0));
    assert_eq!(screen.freezes(at(1_389)).count, 0);
    screen.show(at(1_389 + 200), Some(0));
    assert_eq!(screen.freezes(at(1_589)).count, 1);
}

#[test]
fn an_unreadable_picture_is_no_freeze_but_the_known_age_grows() {
    let mut screen = steady(1_000);
    for ms in (1_040..=2_000).step_by(40) {
        screen.show(at(ms), None);
    }
    assert_eq!(screen.freezes(at(2_000)).count, 0);
    assert_eq!(screen.age_us(at(2_000)), Some(1_010_000));
}

#[test]
fn the_warm_up_is_left_out() {
    let mut screen = Screen::default();
    screen.show(at(0), Some(900_000));
    screen.show(at(3_000), Some(10_000));
    screen.open(at(3_000));
    screen.show(at(3_040), Some(10_000));
    assert_eq!(screen.whole().max_us(), Some(50_000));
    assert_eq!(screen.freezes(at(3_040)).count, 0);
}

#[test]
fn a_suspend_ages_the_picture_and_is_a_freeze() {
    let mut screen = steady(1_000);
    screen.slept(Duration::from_secs(60));
    assert_eq!(screen.age_us(at(1_020)), Some(60_030_000));
    let frozen = Duration::from_millis(60_020);
    assert_eq!(screen.freezes(at(1_020)), Freezes { count: 1, total: frozen, longest: frozen });
    screen.show(at(1_040), Some(10_000));
    screen.show(at(1_080), Some(10_000));
    let frozen = Duration::from_millis(60_040);
    assert_eq!(screen.freezes(at(1_080)), Freezes { count: 1, total: frozen, longest: frozen });
    assert_eq!(screen.whole().max_us(), Some(60_050_000));
    // 1,000 ms and the last 40 of 10 to 50 ms, and 40 ms of 60 s more.
    assert_eq!(screen.whole().mean_us(), Some(30_000.0 + 60_000_000.0 * 40.0 / 1_080.0));
}

#[test]
fn a_long_pause_costs_little() {
    let mut screen = steady(40);
    screen.advance(at(86_400_000));
    assert!(screen.ages().count() >= 86_000_000, "{}", screen.ages().count());
    assert!(screen.ages().quantile_us(1.0).expect("a day of ages") > 86_000_000_000);
}
