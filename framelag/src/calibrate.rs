//! `framelag calibrate`: proves the instrument on the machine that it is used on.
//!
//! Server, publisher and receiver run as users run them, in one session and on one clock. A source of our own feeds the publisher
//! and knows when it handed each picture over; a proxy before the receiver delays what passes and knows when each frame came and
//! went. The receiver's report is compared with that, frame by frame.

mod costs;
mod file;
mod load;
mod measured;
mod optical;
mod output;
mod proxied;
mod rig;
mod schedule;
mod session;
mod source;

use std::path::PathBuf;
use std::time::Duration;

use analyze::calibration::{Calibration, Costs, MIN_FRAMES, Outcome, Settings};
use chrono::{SecondsFormat, Utc};
use common::units::parse_duration;
use report::calibration::default_path;

use crate::exit::{Error, INCONCLUSIVE, MISSED};
use crate::processes::{check, watch_for_interrupt};
use file::File;
use load::{LoadMeter, WakeupLatency};
use output::Output;
use rig::Rig;
use session::WARMUP;

/// Pictures per second: enough for a p99 in some seconds. No delay is close to a whole number of pictures: then the receiver would
/// decode while the publisher encodes, and on few CPUs one waits for the other.
const FPS: u32 = 55;

/// Of the order of the delays and of the jitter.
const SEED: u64 = 1;

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  framelag calibrate                       about a minute; later reports on this machine quote it
  framelag calibrate --optical camera      also screen and camera: point the webcam at the window
  framelag calibrate --out here.json --json

Keep the machine idle meanwhile. The calibration records how busy it was.

Exit codes: 0 every delay is within the goal (half of the frames off by at most 0.2 ms, 99% by 1 ms), \
99 one is not, or times of publisher or receiver are impossible, 3 the machine was too busy or there were too few \
frames, 1 could not run, 2 usage error.")]
pub struct Args {
    /// Write the calibration to this file [default: framelag/calibration.json in $XDG_STATE_HOME or ~/.local/state].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Measure each of the 7 delays for this long, in four parts.
    #[arg(long, value_name = "TIME", default_value = "6s", value_parser = parse_duration)]
    duration: Duration,
    /// Print JSON lines, and nothing else, to standard output.
    #[arg(long)]
    json: bool,
    /// Also measure screen and camera, with a camera that sees the receiver's window: camera, camera:N, or - for its
    /// pictures as y4m on standard input.
    #[arg(long, value_name = "CAMERA")]
    optical: Option<String>,
}

pub fn run(args: &Args) -> Result<u8, Error> {
    let outcome = calibrate(args).map_err(|error| match error {
        Error::Interrupted => Error::Failed("interrupted: nothing was written".to_owned()),
        other => other,
    })?;
    Ok(match outcome {
        Outcome::Ok => 0,
        Outcome::GoalMissed => MISSED,
        Outcome::Inconclusive => INCONCLUSIVE,
    })
}

fn calibrate(args: &Args) -> Result<Outcome, Error> {
    let file = File::prepare(path(args)?)?;
    let stopped = watch_for_interrupt()?;
    let output = Output::new(args.json, schedule::ROUNDS as usize + 1 + usize::from(args.optical.is_some()));
    let made = Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true);
    let logs = tempfile::tempdir().map_err(|error| format!("cannot create a folder for the logs: {error}"))?;

    let camera = args.optical.as_deref().map(optical::Observer::start).transpose()?;
    let load = LoadMeter::start();
    let mut rig = Rig::start(logs.path(), FPS, SEED, &stopped)?;
    let optical = camera.map(|camera| camera.measure(&mut rig, &output, &stopped)).transpose()?;
    let wakeups = WakeupLatency::start()?;
    let (mut session, receiver_read) = session::run(&mut rig, args.duration, SEED, &output, &stopped)?;
    let wake_us = wakeups.finish();
    drop(rig);
    session.load = load.finish(wake_us);

    output.step("costs and timers");
    let settings = Settings {
        size: rig::SIZE.to_string(),
        fps: FPS,
        measured_s: args.duration.as_secs_f64(),
        warmup_s: WARMUP.as_secs_f64(),
        seed: SEED,
    };
    let mut calibration = Calibration::new(made, settings, &session);
    calibration.costs_us = Costs { receiver_read, ..costs::in_process(rig::SIZE)? };
    calibration.timers = costs::timers();
    if let Some(optical) = optical {
        calibration.add_optical(optical);
    }
    check(&stopped)?;
    output.result(&calibration, &file.write(&calibration.to_json())?);
    Ok(calibration.outcome)
}

/// Where the calibration goes; an error if it would be too short.
fn path(args: &Args) -> Result<PathBuf, Error> {
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
