//! `framelag calibrate`: the instrument is proved on the machine that it is used on.
//!
//! Server, publisher and receiver run as they always do, all in one session and on one clock. A source of ours feeds the publisher, and
//! knows when it handed each picture over; a proxy of ours stands before the receiver, delays what passes it, and knows when
//! each frame came and went. What the receiver says of a frame is held against that, frame by frame.

mod costs;
mod error;
mod file;
mod load;
mod optical;
mod output;
mod plan;
mod play;
mod rig;
mod session;
mod source;
mod tap;
mod wakes;

use error::Error;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use analyze::calibration::{Calibration, Costs, MIN_FRAMES, Outcome, Settings};
use chrono::{SecondsFormat, Utc};
use common::units::parse_duration;
use report::calibration::default_path;

use crate::processes::{check, watch_for_interrupt};
use common::host::command_line::USAGE;
use file::File;
use optical::Camera;
use output::Output;
use rig::Rig;
use session::WARMUP;
use wakes::Wakes;

/// Pictures per second: enough for a p99 in some seconds. No delay is a whole number of pictures, nor near one: where it is,
/// the receiver decodes while the publisher encodes, and on few CPUs one waits for the other.
const FPS: u32 = 55;

/// Decides over the order of the delays and over the jitter.
const SEED: u64 = 1;

/// Exit codes as in the interface: a goal that is missed is a broken assertion.
const INCONCLUSIVE: u8 = 3;
const MISSED: u8 = 99;

/// Checks the figures on this machine: injects known delays between server and receiver and reports how far off the
/// measured ones are.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  framelag calibrate                       takes about a minute; later reports of this machine quote it
  framelag calibrate --optical camera      also measure screen and camera: point the webcam at the window
  framelag calibrate --out here.json --json

Keep the machine idle meanwhile. The calibration records how busy it was.

Exit codes: 0 every delay is within the goal (half of the frames off by at most 0.2 ms, 99% by 1 ms), 99 one is not, or
times of publisher or receiver are impossible, 3 the machine was too busy or there were too few frames, 1 could not run,
2 usage error.")]
pub struct Args {
    /// Write the calibration to this file [default: framelag/calibration.json in $XDG_STATE_HOME or ~/.local/state].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// How long to measure each of the 7 delays, in four parts.
    #[arg(long, value_name = "TIME", default_value = "6s", value_parser = parse_duration)]
    duration: Duration,
    /// Print JSON lines, and nothing else, to standard output.
    #[arg(long)]
    json: bool,
    /// Also measure screen and camera, with a camera that sees the receiver's window: camera, camera:N, or - for its
    /// pictures as y4m on standard input.
    #[arg(long, value_name = "CAMERA")]
    optical: Option<Camera>,
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
    let logs = tempfile::tempdir().map_err(|error| format!("cannot create a folder for the logs: {error}"))?;

    let looking = args.optical.map(optical::Looking::start).transpose()?;
    let watch = load::Watch::start();
    let mut rig = Rig::start(logs.path(), FPS, SEED, &stopped)?;
    let seen = looking.map(|looking| looking.measure(&mut rig, &output, &stopped)).transpose()?;
    let wakes = Wakes::start()?;
    let (mut session, receiver_read) = session::run(&mut rig, args.duration, SEED, &output, &stopped)?;
    let wake_us = wakes.finish();
    drop(rig);
    session.load = watch.finish(wake_us);

    output.step("costs and timers");
    let settings = Settings {
        size: rig::SIZE.to_string(),
        fps: FPS,
        measured_s: args.duration.as_secs_f64(),
        warmup_s: WARMUP.as_secs_f64(),
        seed: SEED,
    };
    let mut found = Calibration::new(made, settings, &session);
    found.costs_us = Costs { receiver_read, ..costs::in_process(rig::SIZE)? };
    found.timers = costs::timers();
    if let Some(seen) = seen {
        found.add_optical(seen);
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
            "--duration {:?} is too short: a p99 needs {MIN_FRAMES} frames, which takes at least {least:?}",
            args.duration
        )));
    }
    let default = || default_path(std::env::var_os("XDG_STATE_HOME"), std::env::var_os("HOME"));
    args.out
        .clone()
        .or_else(default)
        .ok_or_else(|| Error::Usage("no place for the calibration ($HOME is not set): use --out FILE".to_owned()))
}

/// What a progress bar counts.
fn steps(args: &Args) -> u64 {
    u64::from(plan::ROUNDS) + 1 + u64::from(args.optical.is_some())
}
