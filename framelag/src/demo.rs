//! `framelag demo`: server, publisher and receiver as three processes, on real input, ending with the summary.

use common::host::Stop;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitCode, ExitStatus};
use std::time::Duration;

use common::redact;
use common::units::parse_duration;
use framelag::programs::on_path;
use publisher::capture::camera;

use crate::processes::{Error, GRACE, Process, end, leashed, sibling, wait, watch_for_interrupt};
use crate::serving::Server;

/// Flags of `framelag demo`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How long to measure, from the first picture.
    #[arg(long, default_value = "10s", value_parser = parse_duration)]
    duration: Duration,
    /// What `publisher --source` takes. Default: a camera, else footage in ./footage, else the test pattern.
    #[arg(long)]
    source: Option<String>,
    /// Folder for the report and the logs of server and publisher.
    #[arg(long, value_name = "DIR", default_value = "framelag-report")]
    report: PathBuf,
    /// Do not open a window, even if there is a display.
    #[arg(long)]
    headless: bool,
}

/// How long the receiver waits for the first picture.
const FIRST_PICTURE_LIMIT: &str = "15s";

/// Clips that `scripts/footage.sh` brings; the first one found is taken.
const FOOTAGE: [&str; 2] = ["footage/bigbuckbunny.mp4", "footage/bikes.mp4"];

/// Runs the demo. Exit code: the receiver's, or 1 where a part could not run.
pub fn run(args: Args) -> ExitCode {
    match play(&args) {
        Ok(status) => ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(1)
        }
    }
}

fn play(args: &Args) -> Result<ExitStatus, Error> {
    // Ctrl-C reaches the receiver by itself (it shares the terminal); this process stays to collect what it says.
    let stopped = watch_for_interrupt()?;
    let dir = &args.report;
    fs::create_dir_all(dir).map_err(|error| format!("cannot create the report folder {}: {error}", dir.display()))?;

    let (source, why) = choose_source(args.source.as_deref());
    eprintln!("demo: source: {} ({why})", redact::secrets(&source));
    let server = Server::start(dir, [8554, 8080], &stopped)?;
    let url = server.url();
    let mut publisher = start_publisher(&source, &url, dir)?;
    server.wait_for_stream(&mut publisher, &stopped)?;
    eprintln!("demo: three processes: server ← publisher at {url}, receiver ← server");
    let status = play_receiver(args, &url, publisher, &stopped)?;
    eprintln!("demo: report: {}", dir.display());
    Ok(status)
}

/// The source and, in a few words, why it was taken.
fn choose_source(wanted: Option<&str>) -> (String, &'static str) {
    if let Some(source) = wanted {
        return (source.to_owned(), "as --source says");
    }
    if camera::first(camera::Choice::default()).is_some() {
        return ("camera".to_owned(), "found a webcam");
    }
    let clip = FOOTAGE.into_iter().find(|clip| Path::new(clip).is_file());
    match (clip, on_path("ffmpeg")) {
        (Some(clip), Some(_)) => (clip.to_owned(), "no webcam: playing footage"),
        (Some(_), None) => ("test".to_owned(), "no webcam, and no ffmpeg to read the footage: using the test pattern"),
        (None, _) => ("test".to_owned(), "no webcam and no ./footage: using the test pattern"),
    }
}

fn start_publisher(source: &str, url: &str, dir: &Path) -> Result<Process, String> {
    let mut arguments = vec!["--source", source, "--to", url];
    if Path::new(source).is_file() {
        arguments.push("--loop");
    }
    Process::start_leashed("publisher", &sibling("publisher")?, &arguments, dir.join("publisher.log"))
}

/// Runs the receiver in the foreground until it ends. A publisher that dies ends the demo.
fn play_receiver(args: &Args, url: &str, mut publisher: Process, stopped: &Stop) -> Result<ExitStatus, String> {
    let mut command = leashed(&sibling("receiver")?)?;
    command.arg(url).args(["--wait", FIRST_PICTURE_LIMIT]);
    command.arg("--duration").arg(format!("{}ms", args.duration.as_millis()));
    command.arg("--report").arg(&args.report);
    if args.headless {
        command.arg("--headless");
    }
    let mut receiver = command.spawn().map_err(|error| format!("cannot start the receiver: {error}"))?;
    loop {
        if let Some(status) = watch(&mut receiver, Duration::from_millis(100))? {
            return Ok(status);
        }
        if stopped.is_requested() {
            return finish(&mut receiver);
        }
        if let Err(why) = publisher.check_running() {
            end(&mut receiver);
            return Err(why);
        }
    }
}

/// Lets a receiver that has the signal too say its summary. A second signal would cut it short, so it is asked again
/// only where it did not get the first, as when this process alone was told to end.
fn finish(receiver: &mut Child) -> Result<ExitStatus, String> {
    match watch(receiver, GRACE)? {
        Some(status) => Ok(status),
        None => {
            end(receiver);
            watch(receiver, Duration::ZERO)?.ok_or_else(|| "the receiver does not end".to_owned())
        }
    }
}

fn watch(receiver: &mut Child, limit: Duration) -> Result<Option<ExitStatus>, String> {
    wait(receiver, limit).map_err(|error| format!("cannot watch the receiver: {error}"))
}
