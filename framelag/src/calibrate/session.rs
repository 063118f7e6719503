//! One session with all delays, and what is known of each of its frames.

use common::host::Stop;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use analyze::calibration;
use analyze::statistics::median;
use common::clock::Clock;
use common::code::SEQUENCE_MODULUS;
use common::host::SystemClock;
use common::impair::Conditions;
use common::time::Now;
use framelag::proxy::{Network, Proxy};
use measure::figures::CostUs;

use super::measured;
use super::output::Output;
use super::proxied::ProxiedFrame;
use super::rig::Rig;
use super::schedule::{self, Block, ROUNDS};
use crate::exit::Error;

/// Left out before the first block.
pub const WARMUP: Duration = Duration::from_secs(1);

/// After the last block: its frames are still in flight, and each block may have begun a little late.
const TAIL: Duration = Duration::from_secs(3);

/// Readings of two clocks whose median is taken: one of them may have been interrupted.
const READINGS: usize = 50;

/// When the frames of a block that count passed the proxy, µs since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Window {
    from_us: i64,
    until_us: i64,
}

/// Starts the blocks, one after the other.
struct Scheduler<'a> {
    blocks: &'a [Block],
    each: Duration,
    clock: SystemClock,
    /// When the next block begins; `None` before the first.
    due: Option<Instant>,
    windows: Vec<Window>,
}

/// Plays all blocks, each delay for `each` in all. Also returns the receiver's cost of reading codes. The session's load is not
/// filled in.
pub fn run(
    rig: &mut Rig,
    each: Duration,
    seed: u64,
    output: &Output,
    stopped: &Stop,
) -> Result<(calibration::Session, Option<CostUs>), Error> {
    let blocks = schedule::blocks(seed);
    let lasts = schedule::lasts(&blocks, each) + TAIL;
    let clock = SystemClock::new();
    let mut scheduler = Scheduler { blocks: &blocks, each, clock, due: None, windows: Vec::new() };
    let measured = rig.play(&["--headless"], (WARMUP, lasts), stopped, |proxy, measuring| {
        if measuring {
            scheduler.step(proxy, output);
        }
    })?;
    let windows = scheduler.windows;
    let (passed, handed) = rig.passed();
    let mut session = join(&handed, &passed, &measured.frames, &windows);
    session.blocks = blocks.iter().map(Block::injected_delay).collect();
    Ok((session, measured.read_cost))
}

impl Scheduler<'_> {
    /// Begins the next block if it is due.
    fn step(&mut self, proxy: &Proxy, output: &Output) {
        let now = Instant::now();
        let next = self.blocks.get(self.windows.len()).filter(|_| self.due.is_none_or(|due| due <= now));
        let Some(block) = next else { return };
        if self.windows.len().is_multiple_of(self.blocks.len() / ROUNDS as usize) {
            output.round(block.round + 1, ROUNDS);
        }
        let back = Conditions { delay: block.delay, jitter: block.jitter, ..Conditions::default() };
        proxy.set_network(Network { forward: Conditions::default(), back });
        let measured = self.each / ROUNDS;
        let from = self.clock.now().wall + block.skipped;
        self.windows.push(Window { from_us: from.as_micros(), until_us: (from + measured).as_micros() });
        self.due = Some(now + block.skipped + measured);
    }
}

/// Joins what the rig knows of each frame with what the receiver reported. Pictures were `handed` over in the order of their
/// sequence numbers, from 0.
fn join(
    handed: &[Now],
    passed: &[ProxiedFrame],
    reported: &[measured::Frame],
    windows: &[Window],
) -> calibration::Session {
    let number = |sequence: u64| (sequence % u64::from(SEQUENCE_MODULUS)) as u32;
    let reported: HashMap<u32, &measured::Frame> =
        reported.iter().map(|frame| (number(frame.sequence), frame)).collect();
    let (proxy, source) = (Wall::of(passed.iter().map(|unit| unit.read)), Wall::of(handed.iter().copied()));
    let mut session = calibration::Session::default();
    let (begin, end) = (windows.first().map(|window| window.from_us), windows.last().map(|window| window.until_us));
    for unit in passed {
        let in_us = proxy.at(unit.read);
        if begin.is_none_or(|begin| in_us < begin) || end.is_none_or(|end| in_us >= end) {
            continue;
        }
        let Some(block) = windows.iter().position(|window| (window.from_us..window.until_us).contains(&in_us)) else {
            session.left_out.transition += 1;
            continue;
        };
        let frame = reported.get(&unit.sequence).and_then(|frame| Some((*frame, frame.network_us?)));
        let Some(((frame, network), handed)) = frame.zip(handed.get(unit.sequence as usize)) else {
            session.left_out.incomplete += 1;
            continue;
        };
        session.frames.push(calibration::Frame {
            block,
            handed_us: source.at(*handed),
            stamp_us: frame.stamp_us(),
            sent_us: network.sent_us,
            in_us,
            first_out_us: proxy.at(unit.first_out),
            last_out_us: proxy.at(unit.last_out),
            received_us: network.received_us,
            presented_us: frame.presented_us,
        });
    }
    session.clock_moved_us = proxy.moved_us.max(source.moved_us);
    session
}

/// Wall time carried by the monotonic clock, so that neither an interrupted reading nor a step shifts one time against another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Wall {
    /// Wall less monotonic time.
    offset_us: i64,
    /// How far that moved between the readings.
    moved_us: i64,
}

impl Wall {
    fn of(readings: impl Iterator<Item = Now>) -> Self {
        let offsets: Vec<i64> =
            readings.map(|now| now.wall.as_micros() - now.mono.since_origin().as_micros() as i64).collect();
        let medians: Vec<i64> =
            offsets.chunks(READINGS).filter_map(|readings| median(readings.to_vec(), i64::cmp)).collect();
        let moved = medians.iter().max().zip(medians.iter().min()).map(|(most, least)| most - least);
        Self { offset_us: median(medians, i64::cmp).unwrap_or_default(), moved_us: moved.unwrap_or_default() }
    }

    fn at(self, now: Now) -> i64 {
        self.offset_us + now.mono.since_origin().as_micros() as i64
    }
}

#[cfg(test)]
mod tests {
    use analyze::calibration::LeftOut;
    use common::time::{MonoTime, WallTime};

    use super::*;

    const START: i64 = 1_700_000_000_000_000;

    /// `us` after the start, on a clock whose monotonic time began `origin` µs before it.
    fn at(us: i64, origin: i64) -> Now {
        let mono = MonoTime::from_origin(Duration::from_micros((us + origin) as u64));
        Now { wall: WallTime::from_micros(START + us), mono }
    }

    /// A frame every 10 ms: handed over, passed the proxy 3 ms later, with a delay of 5 ms.
    fn passed(n: i64) -> ProxiedFrame {
        let out = at(n * 10_000 + 8_000, 70);
        ProxiedFrame { sequence: n as u32, read: at(n * 10_000 + 3_000, 70), first_out: out, last_out: out }
    }

    fn reported(n: i64) -> measured::Frame {
        let received_us = START + n * 10_000 + 8_100;
        let network_us = Some(measured::Network { sent_us: START + n * 10_000 + 2_900, received_us });
        let (latency_us, presented_us) = (9_800, START + n * 10_000 + 10_000);
        measured::Frame { sequence: n as u64, latency_us, presented_us, network_us }
    }

    fn window(from: i64, until: i64) -> Window {
        Window { from_us: START + from * 10_000, until_us: START + until * 10_000 }
    }

    #[test]
    fn a_frame_is_what_three_say_of_it() {
        let handed: Vec<Now> = (0..1_000).map(|n| at(n * 10_000, 900)).collect();
        let all: Vec<ProxiedFrame> = (0..1_000).map(passed).collect();
        let mut frames: Vec<measured::Frame> = (0..1_000).map(reported).collect();
        frames[150].network_us = None;
        frames.remove(149);
        let session = join(&handed, &all, &frames, &[window(100, 200), window(230, 300)]);
        assert_eq!(session.left_out, LeftOut { transition: 30, incomplete: 2 });
        assert_eq!((session.frames.len(), session.clock_moved_us), (168, 0));
        let first = calibration::Frame {
            block: 0,
            handed_us: START + 1_000_000,
            stamp_us: START + 1_000_200,
            sent_us: START + 1_002_900,
            in_us: START + 1_003_000,
            first_out_us: START + 1_008_000,
            last_out_us: START + 1_008_000,
            received_us: START + 1_008_100,
            presented_us: START + 1_010_000,
        };
        assert_eq!(session.frames[0], first);
        assert_eq!(first.error_us(), -100);
        assert!(session.frames.iter().skip(98).all(|frame| frame.block == 1));
        assert_eq!(join(&[], &all, &frames, &[window(0, 9)]).left_out.incomplete, 9);
        assert_eq!(join(&handed, &all, &frames, &[]), calibration::Session::default());
    }

    #[test]
    fn a_step_of_the_wall_clock_shows_and_an_interrupted_reading_does_not() {
        let stepped = |n: i64, by: i64| Now { wall: at(n, 0).wall.offset(by), ..at(n, 0) };
        let interrupted = Wall::of((0..500).map(|n| stepped(n, if n % 9 == 0 { 5_000 } else { 0 })));
        assert_eq!(interrupted, Wall { offset_us: START, moved_us: 0 });
        let moved = Wall::of((0..500).map(|n| stepped(n, if n > 300 { 5_000 } else { 0 })));
        assert_eq!(moved, Wall { offset_us: START, moved_us: 5_000 });
    }
}
