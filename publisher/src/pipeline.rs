//! The order of the steps: capture → stamp → encode → packetize → send.

use std::sync::Arc;
use std::time::Duration;

use common::clock::{Clock, SystemClock};
use common::redact;
use common::time::MonoTime;
use serde_json::json;

use crate::capture::{self, Captured, Frame, Next, Pace, Source};
use crate::config::{Config, Destination};
use crate::error::Error;
use crate::event::{Log, Statistics};
use crate::output::{Counters, Output, Taken};
use crate::pace::Plan;
use crate::pictures::Pictures;
use crate::preview::Preview;
use crate::stamp::{self, Stamper};
use crate::stop::Stop;

/// Longest wait for a picture before the wish to end and the statistics are looked after.
const TICK: Duration = Duration::from_millis(50);
/// Time from one statistics line to the next.
const STATISTICS_EVERY: Duration = Duration::from_secs(1);

/// Publishes until the source ends, the duration is over, or `stop` is asked.
///
/// # Errors
/// Whatever ended the run before its time. What was connected is closed in any case.
pub fn run(config: &Config, stop: &Stop, log: Log) -> Result<Statistics, Error> {
    let handed_in = common::clock::is_handed_in()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let Some(source) = capture::open(config, &clock, stop, log)? else {
        let statistics = Statistics::default();
        log.ended(&statistics);
        return Ok(statistics);
    };
    let format = source.format();
    let marks = stamp::Config { corner: config.corner, stream_id: config.stream_id, text: config.text };
    let stamper = Stamper::new(format.size, marks)?;
    let output = Output::open(config, format, &clock, log)?;
    let pictures = config.pictures.as_ref().map(|wanted| Pictures::open(wanted, format, &stamper, log)).transpose()?;
    let preview = config.preview.then(|| Preview::open(format.size, stop.clone(), log));

    if handed_in {
        log.warn("test-clock", "this is a test: the clock of this publisher is not its host's");
    }
    let name = shown(&source.describe());
    log.info("source", &format!("{name}: {} at {:.4} per second", format.size, format.rate.as_f64()));
    log.started(json!({
        "source": name,
        "size": format.size.to_string(),
        "fps": format.rate.as_f64(),
        "encoder": encoder(config),
        "to": output.describe(),
    }));
    let mut pipeline =
        Pipeline { source, stamper, output, pictures, preview, clock, stop: stop.clone(), log, run: Run::default() };
    let result = pipeline.run(config.duration);
    let statistics = pipeline.statistics();
    // Much may go out only now; where the end fails, what is known stays as it is.
    let finished = pipeline.output.finish();
    let statistics = finished.as_ref().map_or(statistics, |counters| with_output(statistics, *counters));
    let kept = pipeline.pictures.as_ref().map_or(Ok(()), Pictures::finish);
    log.ended(&statistics);
    result.and(finished).and(kept).map(|()| statistics)
}

/// A source by name. ffmpeg reads URLs too, and those may hold a password.
fn shown(name: &str) -> String {
    if name.contains("://") { redact::secrets(name) } else { name.to_owned() }
}

/// What encodes, as `--encoder` has it; `None` where nothing is encoded.
fn encoder(config: &Config) -> Option<String> {
    (config.destination != Destination::Stdout).then(|| config.encoder.to_string())
}

struct Pipeline {
    source: Box<dyn Source>,
    stamper: Stamper,
    output: Output,
    pictures: Option<Pictures>,
    preview: Option<Preview>,
    clock: Arc<dyn Clock>,
    stop: Stop,
    log: Log,
    run: Run,
}

/// How far a run has come.
#[derive(Debug, Default)]
struct Run {
    /// When the first picture went out, and the plan of those after it.
    plan: Option<Plan>,
    first: Option<MonoTime>,
    last: Option<MonoTime>,
    frames: u64,
    implausible_capture_times: u64,
    reported: Option<MonoTime>,
}

impl Pipeline {
    fn run(&mut self, duration: Option<Duration>) -> Result<(), Error> {
        while !self.stop.is_asked() && !self.is_over(duration) {
            match self.source.next(TICK)? {
                Next::Frame(frame) => {
                    self.wait_for_turn();
                    if self.stop.is_asked() || self.is_over(duration) || self.publish(frame)? == Taken::NobodyReads {
                        break;
                    }
                }
                Next::Nothing => {}
                Next::End if self.run.frames == 0 => return Err(self.nothing_came()),
                Next::End => break,
            }
            self.report();
        }
        self.source.fault().map_or(Ok(()), |fault| Err(fault.into()))
    }

    fn nothing_came(&self) -> Error {
        capture::Error::Unusable { name: self.source.describe(), why: "holds no picture".to_owned() }.into()
    }

    fn is_over(&self, duration: Option<Duration>) -> bool {
        let elapsed = self.run.first.map(|first| self.clock.now().mono.saturating_since(first));
        matches!((elapsed, duration), (Some(elapsed), Some(duration)) if elapsed >= duration)
    }

    /// A planned picture waits for its time; a live one never does.
    fn wait_for_turn(&mut self) {
        if self.source.pace() == Pace::Live {
            return;
        }
        let now = self.clock.now().mono;
        let plan = self.run.plan.get_or_insert_with(|| Plan::new(self.source.format().rate, now));
        let due = plan.due();
        while !self.stop.is_asked() {
            let left = due.saturating_since(self.clock.now().mono);
            if left.is_zero() {
                break;
            }
            self.stop.sleep(left);
        }
        plan.advance(self.clock.now().mono);
    }

    fn publish(&mut self, mut frame: Frame) -> Result<Taken, Error> {
        let stamped = self.stamper.stamp(&mut frame.picture, &*self.clock);
        let taken = self.output.take(&frame, &stamped)?;
        let done = self.clock.now().mono;
        self.stamper.processed(done - stamped.at);

        self.run.first.get_or_insert(stamped.at);
        self.run.last = Some(stamped.at);
        self.run.frames += 1;
        self.run.implausible_capture_times += u64::from(frame.captured == Captured::Implausible);
        if let Some(preview) = &self.preview {
            preview.show(&frame.picture);
        }
        // Last, and without waiting: the picture is on its way.
        let used = match &self.pictures {
            Some(pictures) => pictures.put(stamped.sequence, frame.picture),
            None => frame.picture,
        };
        self.source.recycle(used);
        Ok(taken)
    }

    fn report(&mut self) {
        let now = self.clock.now().mono;
        let since = *self.run.reported.get_or_insert(now);
        if now - since >= STATISTICS_EVERY {
            self.run.reported = Some(since + STATISTICS_EVERY);
            self.log.statistics(&self.statistics());
        }
    }

    fn statistics(&self) -> Statistics {
        let span = self.run.first.zip(self.run.last).map(|(first, last)| last - first);
        let statistics = Statistics {
            seconds: span.unwrap_or_default().as_secs_f64(),
            frames: self.run.frames,
            // One may have been stamped that did not go out.
            fps: self.stamper.per_second(self.clock.now().mono).filter(|_| self.run.frames > 1),
            processing_ms: self.stamper.processing().map(|mean| mean.as_secs_f64() * 1e3),
            dropped_by_source: self.source.dropped(),
            implausible_capture_times: self.run.implausible_capture_times,
            missed: self.run.plan.as_ref().map_or(0, Plan::missed),
            ..Statistics::default()
        };
        with_output(statistics, self.output.counters())
    }
}

/// `statistics` with what the output counted.
fn with_output(statistics: Statistics, counters: Counters) -> Statistics {
    let Counters { bytes, dropped_by_encoder, dropped, reconnects } = counters;
    Statistics { bytes, dropped_by_encoder, dropped_by_sender: dropped, reconnects, ..statistics }
}
