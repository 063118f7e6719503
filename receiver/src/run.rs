//! One run: opens everything that it needs, takes the streams through [`pipeline`] until the end, and closes it.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use common::clock::Clock;
use common::host::pictures::Keeper;
use common::host::{Stop, SystemClock};
use common::time::{MonoTime, Now};
use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};

use crate::calibration;
use crate::config::Config;
use crate::decoding::Event;
use crate::metrics::{self, Exporter};
use crate::output::Output;
use crate::pictures;
use crate::pipeline::{self, Environment};
use crate::queue::Status;
use crate::render::Screen;
use crate::render::pixels::Slot;
use crate::render::snapshot::{self, Saving};
use crate::stream::Stream;
use crate::via;

mod browser;
mod clocks;
mod finish;
mod tell;

/// Events that wait for this thread; a decoding thread waits where they are too many.
const MAX_EVENTS: usize = 256;

/// How often the report is told that time passes; [`report::Recorder::tick`] asks for 20 times a second.
const TICK: Duration = Duration::from_millis(20);

/// How often a window is asked for keys.
const KEYS: Duration = Duration::from_millis(5);

/// How long the threads of all streams are waited for at the end.
const THREADS_LIMIT: Duration = Duration::from_secs(2);

/// How often the user is told how it goes.
const SECOND: Duration = Duration::from_secs(1);

/// Why a run cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The report cannot be written.
    #[error(transparent)]
    Report(#[from] report::Error),
    /// The calibration that was asked for.
    #[error(transparent)]
    Calibration(#[from] calibration::Unreadable),
    /// The file for pictures cannot be made.
    #[error("--pictures {}: {why}", file.display())]
    Pictures {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        why: std::io::Error,
    },
    /// The clock that a test meant to hand in.
    #[error(transparent)]
    TestClock(#[from] common::host::clock::Malformed),
    /// Metrics cannot be served.
    #[error(transparent)]
    Metrics(#[from] metrics::Error),
    /// No browser can play.
    #[error(transparent)]
    Via(#[from] via::Error),
    /// The system gives no thread.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
}

impl Error {
    /// Whether the user named something unusable.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Calibration(_) | Self::TestClock(_) | Self::Metrics(metrics::Error::Listen { .. }))
    }
}

/// Plays, measures and shows what `config` asks for, until its end, the user's, or `stop`. Returns the exit code.
///
/// The window, if there is one, belongs to the calling thread, which some systems want to be the main one.
///
/// # Errors
/// [`Error`] if the run cannot begin. What goes wrong later is in the summaries, and in the exit code.
pub fn run(config: &Config, stop: &Stop) -> Result<u8, Error> {
    match &config.via {
        Some(via) => Ok(browser::play(config, via, stop)?),
        None => play(config, stop),
    }
}

fn play(config: &Config, stop: &Stop) -> Result<u8, Error> {
    let handed_in = common::host::clock::is_handed_in()?;
    let clock = SystemClock::new();
    let calibration = calibration::find(config.calibration.as_deref(), clock.now().wall)?;
    let output = Output::new(config.json, config.duration, config.inputs.len() > 1);
    let exporter = Exporter::start(config, &output)?;
    let window = !config.headless && display_is_there(&output);
    let slots: Vec<_> =
        config.inputs.iter().map(|_| Arc::new(Slot::new(window || config.snapshot.is_some()))).collect();
    let started = clock.now();
    let streams = config.inputs.iter().map(|input| Stream::new(input, config, started));
    let mut streams = streams.collect::<Result<Vec<_>, _>>()?;
    streams.iter_mut().for_each(|stream| stream.calibrated(&calibration));
    let keeper = config.pictures.as_ref().map(|wanted| {
        pictures::keep(wanted, &output).map_err(|why| Error::Pictures { file: wanted.file.clone(), why })
    });
    let keeper = keeper.transpose()?;
    let (sender, events) = bounded(MAX_EVENTS);
    let environment = Environment { clock: clock.clone(), stop: Stop::new(), events: sender };
    let mut started_threads = Vec::new();
    for (index, (input, slot)) in config.inputs.iter().zip(&slots).enumerate() {
        started_threads.extend(pipeline::start(input, index, &environment, Arc::clone(slot), keeper.clone())?);
    }
    clocks::compare(&mut streams, config, &environment)?;
    if handed_in {
        output.warn("this is a test: the clock of this receiver is not its host's");
    }
    let screen = Screen::new(slots, window);
    let ending = environment.stop.clone();
    drop(environment);
    let saving = Saving::new(output.clone());
    let mut run = Run {
        config,
        clock,
        output,
        exporter,
        streams,
        screen,
        keeper,
        saving,
        ticked: started.mono,
        reported: started.mono,
    };
    run.publish(started);
    run.go(&events, stop);
    let code = run.finish();
    drop(events);
    end(&ending, started_threads);
    Ok(code)
}

/// Ends all threads but those that cannot be ended, which go with the process.
fn end(stop: &Stop, threads: Vec<JoinHandle<()>>) {
    stop.request();
    let until = Instant::now() + THREADS_LIMIT;
    for thread in threads {
        while !thread.is_finished() && Instant::now() < until {
            std::thread::sleep(KEYS);
        }
        if thread.is_finished() {
            // A thread that panicked has said so on standard error.
            let _ = thread.join();
        }
    }
}

fn display_is_there(output: &Output) -> bool {
    // Where windows come from an X server, it has to be named; elsewhere there always is a display.
    let x11 = cfg!(all(unix, not(target_os = "macos")));
    let there = !x11 || std::env::var_os("DISPLAY").is_some_and(|display| !display.is_empty());
    if !there {
        output.warn("there is no display (DISPLAY is not set): running headless");
    }
    there
}

/// Prints the notices of `stream`.
fn print_notices(output: &Output, stream: &mut Stream) {
    while let Some((event, text)) = stream.take_notice() {
        output.event(event, &stream.name, text);
    }
}

struct Run<'a> {
    config: &'a Config,
    clock: SystemClock,
    output: Output,
    exporter: Option<Exporter>,
    streams: Vec<Stream>,
    screen: Screen,
    keeper: Option<Arc<Keeper>>,
    saving: Saving,
    ticked: MonoTime,
    reported: MonoTime,
}

impl Run<'_> {
    fn go(&mut self, events: &Receiver<(usize, Event)>, stop: &Stop) {
        loop {
            let patience = if self.screen.is_wanted() { KEYS } else { TICK };
            let first = match events.recv_timeout(patience) {
                Ok(event) => Some(event),
                Err(RecvTimeoutError::Timeout) => None,
                // Every thread has ended, and what they had to say was taken in before.
                Err(RecvTimeoutError::Disconnected) => break,
            };
            // As many as may wait, so that a flood of them cannot keep the window from being drawn.
            first.into_iter().chain(events.try_iter().take(MAX_EVENTS)).for_each(|(index, event)| {
                self.event(index, event);
            });
            self.show();
            self.tick();
            let commands = self.screen.take_commands();
            if commands.snapshot {
                self.saving.save(self.screen.shown().cloned(), snapshot::name_at(chrono::Local::now()));
            }
            if commands.quit || self.is_over() || stop.is_requested() {
                break;
            }
        }
    }

    fn event(&mut self, index: usize, event: Event) {
        let now = self.clocks();
        let stream = &mut self.streams[index];
        match &event {
            Event::Status(Status::Disconnected(why)) => {
                self.output.event("disconnected", &stream.name, format_args!("{why}; trying again"))
            }
            Event::Status(Status::Waiting(what)) => self.output.event("waiting", &stream.name, what),
            Event::Status(Status::Ended(Err(why))) => self.output.event("failed", &stream.name, why),
            _ => {}
        }
        if stream.event(event, now) {
            self.output.event("connected", &stream.name, format_args!("playing {}", stream.url));
        }
    }

    /// Renders what is new, and observes the pictures that were shown by it, or needed no showing.
    fn show(&mut self) {
        if let Err(error) = pipeline::render(&mut self.screen, &mut self.streams, &self.clock) {
            self.output.warn(format_args!("no window ({error}): running headless"));
            self.screen.give_up(self.config.snapshot.is_some());
        }
        let window = self.screen.is_wanted();
        let now = self.clocks();
        pipeline::observe(&mut self.streams, window, now);
    }

    /// Both clocks, now. Every stream knows of the suspends that lie before.
    fn clocks(&mut self) -> Now {
        let now = self.clock.now();
        let slept = self.clock.slept();
        self.streams.iter_mut().for_each(|stream| stream.slept(slept, now));
        now
    }

    fn tick(&mut self) {
        let now = self.clocks();
        if now.mono - self.ticked >= TICK {
            self.ticked = now.mono;
            self.streams.iter_mut().for_each(|stream| stream.tick(now));
        }
        if now.mono - self.reported >= SECOND {
            self.reported = now.mono;
            self.publish(now);
            for stream in &mut self.streams {
                print_notices(&self.output, stream);
                if let Some(why) = stream.recorder().take_trouble() {
                    self.output.event(
                        "report",
                        &stream.name,
                        format_args!("{why}; measuring goes on without a report"),
                    );
                }
            }
            let elapsed = self.first_picture().map_or(Duration::ZERO, |first| now.mono - first);
            let live = self.streams.iter_mut().map(|stream| (stream.name.clone(), stream.recorder().live()));
            self.output.second(elapsed, live.collect::<Vec<_>>().iter().map(|(name, live)| (name.as_str(), *live)));
        }
    }

    /// Publishes the figures for other programs, if they may be scraped.
    fn publish(&mut self, now: Now) {
        if let Some(exporter) = &self.exporter {
            exporter.publish(self.streams.iter_mut().map(|stream| stream.metrics(now)).collect());
        }
    }

    fn first_picture(&self) -> Option<MonoTime> {
        self.streams.iter().filter_map(Stream::first_picture).min()
    }

    fn is_over(&self) -> bool {
        let end = self.config.duration.and_then(|duration| Some(self.first_picture()? + duration));
        let out_of_time = end.is_some_and(|end| self.clock.now().mono >= end);
        out_of_time || self.streams.iter().all(Stream::has_ended)
    }
}
