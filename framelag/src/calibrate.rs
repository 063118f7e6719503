//! `framelag calibrate`: the instrument is proved on the machine that it is used on.
//!
//! Server, publisher and receiver run as they always do, with a proxy of ours before the receiver that delays what passes
//! it by times that are known, since it notes them itself. What the receiver measures beyond the runs without delay is
//! compared with what was injected beyond them.

mod costs;
mod file;
mod optical;
mod output;
mod play;
mod rig;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use chrono::{SecondsFormat, Utc};
use common::units::parse_duration;
use reports::calibration::{
    Asked, Calibration, Costs, MIN_FRAMES, MeanAndMax, Measured, Outcome, Settings, default_path,
};

use crate::USAGE;
use crate::processes::{self, check, watch_for_interrupt};
use file::File;
use optical::Camera;
use output::Output;
use rig::Rig;

/// What is injected, in this order: delay and jitter in ms. The first and the last, together, are what all are compared with;
/// how far they are apart shows what the machine alone changed meanwhile. The jitter is less than the time between two pictures: with
/// more they would come in bursts, and wait for each other in the decoder, which is latency but not injected.
const PHASES: [(u64, u64); 8] = [(0, 0), (5, 0), (20, 0), (100, 0), (500, 0), (20, 10), (100, 12), (0, 0)];

/// Pictures per second: enough for a p99 in some seconds. No delay is a whole number of pictures, nor near one: where it is,
/// the receiver decodes while the publisher encodes, and on few CPUs one waits for the other.
const FPS: u32 = 55;

/// Left out of each phase.
const WARMUP: Duration = Duration::from_secs(1);

/// Decides over the jitter.
const SEED: u64 = 1;

/// Exit codes as in the interface: a goal that is missed is a broken assertion.
const INCONCLUSIVE: u8 = 3;
const MISSED: u8 = 99;

/// Proves the figures on this machine: injects known delays between server and receiver and says how far the measured
/// ones are off.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  framelag calibrate                       about a minute; reports of this machine quote it from then on
  framelag calibrate --optical camera      first, what screen and camera add: point the webcam at the window that opens
  framelag calibrate --out here.json --json

While it runs the machine should do what it does when you measure: nothing else, or its usual load.

Exit codes: 0 every phase is within the goal (p50 off by at most 0.5 ms, p99 by 2 ms), 99 one is not (what it is
instead is written, and quoted), 3 too few frames to say, 1 it could not run, 2 wrong usage.")]
pub struct Args {
    /// Where the calibration goes [default: framelag/calibration.json in $XDG_STATE_HOME or ~/.local/state].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// How long each of the 8 delays is measured.
    #[arg(long, value_name = "TIME", default_value = "6s", value_parser = parse_duration)]
    duration: Duration,
    /// JSON lines on standard output, and nothing else there.
    #[arg(long)]
    json: bool,
    /// Measure screen and camera too: a camera that sees the receiver's window, as in camera or camera:1, or - for its
    /// pictures as y4m on standard input.
    #[arg(long, value_name = "CAMERA")]
    optical: Option<Camera>,
}

/// Why there is no calibration.
#[derive(Debug, thiserror::Error)]
enum Error {
    /// What the user has to change.
    #[error("{0}")]
    Usage(String),
    /// What went wrong.
    #[error("{0}")]
    Failed(String),
}

impl From<String> for Error {
    fn from(why: String) -> Self {
        Self::Failed(why)
    }
}

impl From<processes::Error> for Error {
    fn from(error: processes::Error) -> Self {
        Self::Failed(match error {
            processes::Error::Interrupted => "interrupted: nothing was written".to_owned(),
            processes::Error::Failed(why) => why,
        })
    }
}

/// Calibrates. Exit code: see [`Args`].
pub fn run(args: &Args) -> ExitCode {
    let error = match calibrate(args) {
        Ok(outcome) => {
            return ExitCode::from(match outcome {
                Outcome::Ok => 0,
                Outcome::GoalMissed => MISSED,
                Outcome::Inconclusive => INCONCLUSIVE,
            });
        }
        Err(error) => error,
    };
    eprintln!("error: {error}");
    ExitCode::from(if matches!(error, Error::Usage(_)) { USAGE } else { 1 })
}

fn calibrate(args: &Args) -> Result<Outcome, Error> {
    let file = File::prepare(place(args)?)?;
    let stopped = watch_for_interrupt()?;
    let output = Output::new(args.json, steps(args));
    let made = Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true);
    let logs = tempfile::tempdir().map_err(|error| format!("cannot make a folder for the logs: {error}"))?;

    let looking = args.optical.map(optical::Looking::start).transpose()?;
    let mut rig = Rig::start(logs.path(), FPS, SEED, &stopped)?;
    let seen = looking.map(|looking| looking.measure(&mut rig, &output, &stopped)).transpose()?;
    let (measured, receiver_read) = measure(args, &mut rig, &output, &stopped)?;
    drop(rig);

    output.step("costs and timers");
    let settings = Settings {
        size: rig::SIZE.to_string(),
        fps: FPS,
        measured_s: args.duration.as_secs_f64(),
        warmup_s: WARMUP.as_secs_f64(),
        seed: SEED,
    };
    let mut found = Calibration::new(made, settings, &measured);
    found.costs_us = Costs { receiver_read, ..costs::in_process(rig::SIZE)? };
    found.timers = costs::timers();
    found.sleep_overshoot_us = costs::sleep_overshoot();
    if let Some(seen) = seen {
        found.saw(seen);
    }
    check(&stopped)?;
    output.result(&found, &file.write(&found.to_json())?);
    Ok(found.outcome)
}

/// Where the calibration goes; an error where nothing could come of it.
fn place(args: &Args) -> Result<PathBuf, Error> {
    let least = Duration::from_secs(MIN_FRAMES.div_ceil(u64::from(FPS)));
    if args.duration < least {
        return Err(Error::Usage(format!(
            "--duration {:?} is too short: a p99 takes {MIN_FRAMES} frames, and so {least:?} at least",
            args.duration
        )));
    }
    let default = || default_path(std::env::var_os("XDG_STATE_HOME"), std::env::var_os("HOME"));
    args.out.clone().or_else(default).ok_or_else(|| {
        Error::Usage("there is no place for the calibration ($HOME is not set): say --out FILE".to_owned())
    })
}

/// What a progress bar counts.
fn steps(args: &Args) -> u64 {
    PHASES.len() as u64 + 1 + u64::from(args.optical.is_some())
}

/// Measures each delay; and what the receiver says that reading cost it, in the first.
fn measure(
    args: &Args,
    rig: &mut Rig,
    output: &Output,
    stopped: &AtomicBool,
) -> Result<(Vec<Measured>, Option<MeanAndMax>), Error> {
    let (mut all, mut cost) = (Vec::new(), None);
    for (delay, jitter) in PHASES {
        check(stopped)?;
        let asked = Asked { delay_ms: delay as f64, jitter_ms: jitter as f64 };
        output.step(&output::name_of(&asked));
        rig.delay(Duration::from_millis(delay), Duration::from_millis(jitter));
        let (played, injected) = rig.play(WARMUP, args.duration, stopped)?;
        let latencies_us = played.frames.iter().map(|frame| frame.latency_us).collect();
        cost = cost.or(played.read_cost);
        let measured = Measured { asked, injected, latencies_us };
        output.phase(&measured);
        all.push(measured);
    }
    Ok((all, cost))
}
