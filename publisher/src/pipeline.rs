//! The order of the steps: capture → stamp → encode → seal → send.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use common::clock::Clock;
use common::host::SystemClock;
use common::redact;
use serde_json::json;

use crate::capture::{self, Frame, Next, Pace, Source};
use crate::config::Config;
use crate::egress::Setup;
use crate::error::Error;
use crate::event::{Log, Statistics};
use crate::pictures::Pictures;
use crate::preview::Preview;
use crate::stamp::{self, Stamped, Stamper};
use common::host::Stop;

mod output;
mod progress;

use output::Output;
use progress::Progress;

/// Longest wait for a picture before `stop` and the statistics are looked at.
const TICK: Duration = Duration::from_millis(50);

/// Publishes until the source ends, the duration is over, or `stop` is asked.
///
/// # Errors
/// Whatever ended the run early. What was opened is closed in any case.
pub fn run(config: &Config, stop: &Stop, log: Log) -> Result<Statistics, Error> {
    let is_test_clock = common::host::clock::is_handed_in()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let Some(source) = capture::open(config, &clock, stop, log)? else {
        let statistics = Statistics::default();
        log.ended(&statistics);
        return Ok(statistics);
    };
    let format = source.format();
    let stamp = stamp::Config { corner: config.corner, stream_id: config.stream_id, text: config.text };
    let stamper = Stamper::new(format.size, stamp)?;
    let output = Output::open(&Setup { config, format, pace: source.pace(), clock: clock.clone(), log })?;
    let pictures = config.pictures.as_ref().map(|wanted| Pictures::open(wanted, format, &stamper, log)).transpose()?;
    let preview = config.preview.then(|| Preview::open(format.size, stop.clone(), log));

    if is_test_clock {
        log.warn("test-clock", "this is a test: the clock of this publisher is not its host's");
    }
    let name = without_secrets(&source.describe());
    log.info("source", &format!("{name}: {} at {:.4} per second", format.size, format.rate.as_f64()));
    log.started(json!({
        "source": name,
        "size": format.size.to_string(),
        "fps": format.rate.as_f64(),
        "encoder": output.encodes().then(|| config.encoder.to_string()),
        "rate_control": output.encodes().then(|| config.tuning.control.name()),
        "buffer": config.tuning.buffer,
        "encoder_options": config.tuning.options.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "to": output.describe(),
    }));
    let (stop, progress) = (stop.clone(), Progress::default());
    let mut pipeline = Pipeline { source, stamper, output, pictures, preview, clock, stop, log, progress };
    let result = pipeline.run(config.duration);
    let statistics = pipeline.statistics();
    // Much may go out only now; where that fails, the statistics stay as they are.
    let finished = pipeline.output.finish(statistics, &*pipeline.clock);
    let kept = pipeline.pictures.as_ref().map_or(Ok(()), Pictures::finish);
    log.ended(finished.as_ref().unwrap_or(&statistics));
    let statistics = result.and(finished)?;
    kept.map(|()| statistics)
}

/// A source's name. ffmpeg reads URLs too, and those may hold a password.
fn without_secrets(name: &str) -> String {
    if name.contains("://") { redact::secrets(name) } else { name.to_owned() }
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
    progress: Progress,
}

impl Pipeline {
    fn run(&mut self, duration: Option<Duration>) -> Result<(), Error> {
        loop {
            match self.capture(duration)? {
                Next::Frame(frame) => {
                    if self.publish(frame)?.is_break() {
                        break;
                    }
                }
                Next::Nothing => {}
                Next::End => break,
            }
            self.report();
        }
        self.source.fault().map_or(Ok(()), |fault| Err(fault.into()))
    }

    /// The next picture, when it is its turn; the end where the run is over.
    fn capture(&mut self, duration: Option<Duration>) -> Result<Next, Error> {
        if self.is_over(duration) {
            return Ok(Next::End);
        }
        let next = self.source.next(TICK)?;
        match next {
            Next::Frame(_) => self.wait_for_turn(),
            Next::End if self.progress.frames == 0 => return Err(self.no_picture()),
            Next::Nothing | Next::End => {}
        }
        Ok(if self.is_over(duration) { Next::End } else { next })
    }

    /// Takes a captured picture through the other steps. Breaks where nothing reads the output any more.
    fn publish(&mut self, mut frame: Frame) -> Result<ControlFlow<()>, Error> {
        let stamped = self.stamper.stamp(&mut frame.picture, &*self.clock);
        let flow = match &mut self.output {
            Output::Pictures(egress) => egress.send(&frame.picture)?,
            Output::Frames(frames) => {
                let time = frames.sealer.expect(frame.captured, &stamped);
                let force_key = frames.take_key_request();
                frames.egress.take_shift().into_iter().for_each(|phase| self.progress.shift(phase));
                frames.encoder.encode(&frame.picture, time, force_key)?;
                while let Some(encoded) = frames.encoder.next_frame()? {
                    let sealed = frames.sealer.seal(encoded, self.clock.now().mono);
                    sealed.map_or(Ok(()), |sealed| frames.egress.send(sealed))?;
                }
                ControlFlow::Continue(())
            }
        };
        self.published(frame, &stamped);
        Ok(flow)
    }

    /// The picture is on its way: counts and shows it, and gives its memory back to the source.
    fn published(&mut self, frame: Frame, stamped: &Stamped) {
        self.stamper.processed(self.clock.now().mono - stamped.at);
        self.progress.count(stamped.at, frame.captured);
        if let Some(preview) = &self.preview {
            preview.show(&frame.picture);
        }
        let used = match &self.pictures {
            Some(pictures) => pictures.put(stamped.sequence, frame.picture),
            None => frame.picture,
        };
        self.source.recycle(used);
    }

    fn is_over(&self, duration: Option<Duration>) -> bool {
        self.stop.is_requested() || self.progress.has_lasted(duration, self.clock.now().mono)
    }

    fn no_picture(&self) -> Error {
        capture::Error::Unusable { name: self.source.describe(), why: "holds no picture".to_owned() }.into()
    }

    /// A planned picture waits for its time; a live one never does.
    fn wait_for_turn(&mut self) {
        if self.source.pace() == Pace::Live {
            return;
        }
        let plan = self.progress.plan(self.source.format().rate, self.clock.now().mono);
        let due = plan.due();
        while !self.stop.is_requested() {
            let left = due.saturating_since(self.clock.now().mono);
            if left.is_zero() {
                break;
            }
            self.stop.sleep(left);
        }
        plan.advance(self.clock.now().mono);
    }

    fn report(&mut self) {
        if self.progress.take_report(self.clock.now().mono) {
            self.log.statistics(&self.statistics());
        }
    }

    fn statistics(&self) -> Statistics {
        self.output.count(Statistics {
            seconds: self.progress.span().as_secs_f64(),
            frames: self.progress.frames,
            // One may have been stamped that was not sent.
            fps: self.stamper.per_second(self.clock.now().mono).filter(|_| self.progress.frames > 1),
            processing_ms: self.stamper.processing().map(|mean| mean.as_secs_f64() * 1e3),
            dropped_by_source: self.source.dropped(),
            implausible_capture_times: self.progress.implausible_capture_times,
            missed: self.progress.missed(),
            ..Statistics::default()
        })
    }
}
