//! What the receiver makes of a world: every figure is known beforehand, to the microsecond.

use std::collections::HashSet;
use std::time::Duration;

use common::impair::Conditions;
use common::rtsp::push::Delivery;
use framelag_tests::report::{Frames, Report};
use report::{Outcome, Run};
use tempfile::TempDir;

use crate::player::play;
use crate::setup::{Pictures, Setup};
use crate::world::{FRAME, GOP, Sent, World};
use crate::{SECOND, for_seeds, recording};

const DELAY: Duration = Duration::from_millis(40);

const UDP: Delivery = Delivery::Udp(40_000, 40_001);

/// A world whose stamped pictures take [`DELAY`].
fn steady(delivery: Delivery) -> World {
    let network = Conditions { delay: DELAY, ..Conditions::default() };
    recording(0, Setup { delivery, network, pictures: Pictures::Stamped, ..Setup::drawn(0) })
}

/// What the receiver says.
struct Judged {
    run: Run,
    report: Report,
    _folder: TempDir,
}

/// Lets the last picture arrive, and has the receiver play it all.
fn judged(world: &mut World) -> Judged {
    world.hold_pictures(SECOND);
    world.run_for(DELAY);
    let folder = tempfile::tempdir().expect("a folder");
    let summary = play(world, folder.path());
    assert_ne!(summary.outcome(), Outcome::Failed, "{:?}", summary.run.warnings);
    Judged { run: summary.run, report: Report::read(folder.path()), _folder: folder }
}

/// A column of `frames.csv`, for the frames that have a value there.
fn micros(report: &Report, column: &str) -> Vec<i64> {
    report.column("frames.csv", column).iter().filter_map(|us| us.parse().ok()).collect()
}

fn ms(time: Duration) -> Option<f64> {
    Some(time.as_micros() as f64 / 1e3)
}

fn all_measured(count: usize) -> Frames {
    let count = count as u64;
    Frames { expected: count, measured: count, lost: 0, duplicate: 0, late: 0, unreadable: 0, undecodable: 0 }
}

#[test]
fn each_latency_of_a_minute_is_the_delay() {
    for (delivery, seconds) in [(Delivery::Tcp, 60), (UDP, 5)] {
        let mut world = steady(delivery);
        world.run_for(seconds * SECOND);
        let Judged { run, report, _folder } = judged(&mut world);
        let count = world.trace.frames.len();
        assert!(count >= seconds as usize * 30, "{count}");
        assert_eq!(report.accounted(), all_measured(count));
        for (column, time) in [
            ("latency_us", DELAY),
            ("network_us", DELAY),
            ("stamp_us", Duration::ZERO),
            ("encode_us", Duration::ZERO),
            ("send_us", Duration::ZERO),
            ("reassembly_us", Duration::ZERO),
            ("decode_us", Duration::ZERO),
            ("read_us", Duration::ZERO),
        ] {
            assert_eq!(micros(&report, column), vec![time.as_micros() as i64; count], "{column}");
        }
        let latency = run.latency_ms;
        assert_eq!([latency.min, latency.mean, latency.max], [ms(DELAY); 3]);
        assert_eq!((run.freezes.count, run.picture_age_ms.max), (Some(0), ms(DELAY + FRAME)));
        assert_eq!((run.outcome, run.clock.same_host, run.clock.steps), (Outcome::Ok, true, 0));
    }
}

/// How each frame ended, by the packets of it that arrived: `measured`, `lost` or `undecodable`.
fn fates(world: &World) -> Vec<&'static str> {
    let received: HashSet<_> = world.trace.received.iter().collect();
    let mut packets = world.trace.sent.iter().map(|packet| received.contains(packet));
    // Whether the packet before arrived; and whether the frame before was decoded.
    let (mut before, mut follows) = (true, false);
    let fate = |sent: &Sent| {
        let arrived: Vec<bool> = packets.by_ref().take(sent.packets).collect();
        // A frame after a gap may lack its front, but for one that begins with parameter sets.
        let is_whole = arrived.iter().all(|arrived| *arrived) && (before || sent.frame.is_key);
        before = arrived.last() == Some(&true);
        follows = is_whole && (follows || sent.frame.is_key);
        match (is_whole, follows) {
            (true, true) => "measured",
            (true, false) => "undecodable",
            (false, _) => "lost",
        }
    };
    world.trace.frames.iter().map(fate).collect()
}

/// The frames that were measured are those that could be decoded, each with the latency of the network; the others are counted
/// as what became of them.
fn check_fates(world: &World, report: &Report) -> Frames {
    let fates = fates(world);
    let count = |fate| fates.iter().filter(|other| **other == fate).count() as u64;
    let expected = Frames {
        expected: fates.len() as u64,
        measured: count("measured"),
        lost: count("lost"),
        undecodable: count("undecodable"),
        ..all_measured(0)
    };
    assert_eq!(report.accounted(), expected);
    let is_measured = |outcome: &str| outcome == "measured";
    let measured: Vec<_> = report.outcomes().iter().map(|outcome| is_measured(outcome)).collect();
    assert_eq!(measured, fates.iter().map(|fate| is_measured(fate)).collect::<Vec<_>>());
    assert_eq!(micros(report, "latency_us"), vec![DELAY.as_micros() as i64; expected.measured as usize]);
    expected
}

#[test]
fn a_lost_packet_costs_its_frame_and_those_up_to_the_next_key_frame() {
    let mut world = steady(UDP);
    // Of the frame after a key frame the first packet, of one in the middle another, and of a key frame the first.
    world.losses = [(2 * GOP + 1, 0), (5 * GOP + GOP / 2, 1), (8 * GOP, 0)].into();
    world.run_for(10 * SECOND);
    let Judged { run, report, _folder } = judged(&mut world);
    let frames = check_fates(&world, &report);
    let gop = u64::from(GOP);
    assert_eq!((frames.lost, frames.undecodable), (3, gop - 2 + gop / 2 - 1 + gop - 1));
    assert_eq!(run.pictures.refused, 0, "the network lost them, and not this receiver");
}

#[test]
fn frames_of_a_network_that_loses_packets_add_up() {
    for_seeds(0..4, |seed| {
        let network = Conditions { delay: DELAY, ..Conditions::default() };
        let lossy = Conditions { loss: 0.01, ..network.clone() };
        let setup =
            Setup { delivery: UDP, network: network.clone(), pictures: Pictures::Stamped, ..Setup::drawn(seed) };
        let mut world = recording(seed, setup);
        world.run_for(SECOND);
        world.set_network(lossy);
        world.run_for(8 * SECOND);
        world.set_network(network);
        world.run_for(2 * SECOND);
        let Judged { report, _folder, .. } = judged(&mut world);
        let frames = check_fates(&world, &report);
        assert!(frames.lost > 0 && frames.undecodable > 0 && frames.measured > frames.expected / 4, "{frames:?}");
    });
}

#[test]
fn pictures_that_stop_for_two_seconds_are_one_freeze() {
    let mut world = steady(Delivery::Tcp);
    world.run_for(5 * SECOND);
    world.hold_pictures(2 * SECOND);
    world.run_for(7 * SECOND);
    let Judged { run, report, _folder } = judged(&mut world);
    assert_eq!(report.accounted(), all_measured(world.trace.frames.len()));
    let gap = 2 * SECOND + FRAME;
    assert_eq!((run.freezes.count, run.freezes.total_ms, run.freezes.longest_ms), (Some(1), ms(gap), ms(gap)));
    assert_eq!((run.picture_age_ms.max, run.latency_ms.max), (ms(DELAY + gap), ms(DELAY)));
}

/// The picture of that moment takes two seconds, and those after it wait behind it.
#[test]
fn a_network_that_stands_still_for_two_seconds_ages_what_waits_in_it() {
    let stall = 2 * SECOND;
    let mut world = steady(UDP);
    world.run_for(5 * SECOND);
    let first = world.trace.frames.len();
    world.set_network(Conditions { delay: stall, ..Conditions::default() });
    world.run_until(SECOND, |world| world.trace.frames.len() > first);
    world.set_network(Conditions { delay: DELAY, ..Conditions::default() });
    world.run_for(7 * SECOND);
    let Judged { run, report, _folder } = judged(&mut world);
    let count = world.trace.frames.len();
    assert_eq!(report.accounted(), all_measured(count));
    let since = |number: usize| world.trace.frames[number].at - world.trace.frames[first].at;
    let latency = |number| if number < first { DELAY } else { stall.saturating_sub(since(number)).max(DELAY) };
    let latencies: Vec<_> = (0..count).map(|number| latency(number).as_micros() as i64).collect();
    assert_eq!(micros(&report, "latency_us"), latencies);
    let freeze = stall - DELAY + FRAME;
    assert_eq!((run.freezes.count, run.freezes.longest_ms), (Some(1), ms(freeze)));
    assert_eq!((run.picture_age_ms.max, run.latency_ms.max), (ms(stall + FRAME), ms(stall)));
}

#[test]
fn a_step_of_the_clock_is_dated_and_parts_the_latencies() {
    for step in [-400_000, 5_000] {
        let mut world = steady(Delivery::Tcp);
        world.run_for(5 * SECOND);
        world.step_wall(step);
        world.run_for(5 * SECOND);
        let Judged { run, report, _folder } = judged(&mut world);
        assert_eq!(report.accounted(), all_measured(world.trace.frames.len()));
        assert_eq!((run.clock.steps, run.clock.largest_step_us), (1, Some(step)));
        let sections: Vec<_> = run.sections.iter().map(|section| section.latency_ms.max).collect();
        assert_eq!((sections, run.latency_ms.min), (vec![ms(DELAY); 2], ms(DELAY)));
    }
}
