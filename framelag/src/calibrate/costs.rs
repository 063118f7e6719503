//! What stamping and reading cost on this machine, and the resolution of its clocks.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use analyze::calibration::{Costs, Spread, TimerUs, Timers};
use common::code::{Corner, Painter, Payload, Reader, Rect};
use common::frame::{Picture, Size};
use common::host::SystemClock;
use common::time::WallTime;
use publisher::stamp::{self, Stamper};
use receiver::render::canvas::Canvas;
use receiver::render::overlay::Overlay;
use rustix::time::{ClockId, clock_getres};

/// How often each operation is timed.
const ROUNDS: usize = 1_000;

/// Readings of a clock to find its smallest step.
const READINGS: usize = 100_000;

/// What stamping, reading and drawing cost for pictures of `size`.
pub fn in_process(size: Size) -> Result<Costs, String> {
    let cannot = |error: common::code::TooSmall| error.to_string();
    let mut picture = Picture::black(size);
    let mut painter = Painter::new(size, Corner::TopLeft).map_err(cannot)?;
    let payload = |round: usize| Payload {
        stream_id: 0,
        sequence: round as u32,
        time: WallTime::from_micros(1_700_000_000_000_000 + 16_667 * round as i64),
    };
    let paint = timed(|round| painter.paint(&mut picture, &payload(round)));

    // Each code is painted first, which is not timed: no two readings are alike.
    let mut reader = Reader::new();
    let mut reads = Vec::with_capacity(ROUNDS);
    for round in 0..ROUNDS {
        painter.paint(&mut picture, &payload(round));
        let begun = Instant::now();
        let read = reader.read(picture.luma());
        reads.push(micros(begun.elapsed()));
        if read != Some(payload(round)) {
            return Err(format!("painted code {round} could not be read back"));
        }
    }

    let config = stamp::Config { corner: Corner::TopLeft, stream_id: 0, text: true };
    let mut stamper = Stamper::new(size, config).map_err(cannot)?;
    let clock = SystemClock::new();
    let stamp = timed(|_| {
        stamper.stamp(&mut picture, &clock);
    });

    let mut canvas = Canvas::new(size);
    let mut overlay = Overlay::new();
    let area = Rect { x: 0, y: 0, width: size.width, height: size.height };
    let lines = ["REC: 00:00:00.000", "REC FPS: 60.0", "LAT: 12.3ms"].map(str::to_owned);
    let overlay = timed(|_| overlay.draw(&mut canvas, area, &lines, None));
    Ok(Costs { paint, stamp, read: Spread::of(reads), overlay, receiver_read: None })
}

fn timed(mut act: impl FnMut(usize)) -> Option<Spread> {
    let time = |round| {
        let begun = Instant::now();
        act(round);
        micros(begun.elapsed())
    };
    Spread::of((0..ROUNDS).map(time).collect())
}

/// The resolution of the clocks.
pub fn timers() -> Timers {
    let origin = Instant::now();
    let wall = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timers {
        wall: TimerUs { resolution: resolution(ClockId::Realtime), smallest_step: smallest_step(wall) },
        monotonic: TimerUs {
            resolution: resolution(ClockId::Monotonic),
            smallest_step: smallest_step(|| origin.elapsed()),
        },
    }
}

fn resolution(clock: ClockId) -> f64 {
    let resolution = clock_getres(clock);
    resolution.tv_sec as f64 * 1e6 + resolution.tv_nsec as f64 / 1e3
}

/// The smallest difference, in µs, of two readings that are not the same.
fn smallest_step(read: impl Fn() -> Duration) -> Option<f64> {
    let mut last = read();
    let mut step = || {
        let now = read();
        let step = now.checked_sub(std::mem::replace(&mut last, now));
        step.filter(|step| !step.is_zero())
    };
    (0..READINGS).filter_map(|_| step()).min().map(micros)
}

fn micros(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_costs_something_and_clocks_step() {
        let costs = in_process(Size::new(640, 480)).expect("the code fits and is read");
        for cost in [costs.paint, costs.stamp, costs.read, costs.overlay] {
            let Spread { count, p50, p99, max } = cost.expect("it was timed");
            assert!(count == ROUNDS as u64 && 0.0 < p50 && p50 <= p99 && p99 <= max, "{cost:?}");
        }
        let timers = timers();
        for timer in [timers.wall, timers.monotonic] {
            assert!(timer.resolution > 0.0 && timer.smallest_step > Some(0.0), "{timer:?}");
        }
    }
}
