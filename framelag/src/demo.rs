//! `framelag demo`: server, publisher and receiver as three processes, on real input, ending with the summary.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use common::host::Stop;
use common::redact;
use common::units::parse_duration;
use framelag::programs::on_path;
use publisher::capture::camera;

use crate::exit::Error;
use crate::local_server::LocalServer;
use crate::processes::{GRACE, Process, end, own_child, wait, watch_for_interrupt};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Measure for this long, from the first picture.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_duration)]
    duration: Duration,
    /// Source, as for publisher --source [default: a camera, else a clip in ./footage, else the test pattern].
    #[arg(long)]
    source: Option<String>,
    /// Write the report and the logs of server and publisher to this folder.
    #[arg(long, value_name = "DIR", default_value = "framelag-report")]
    report: PathBuf,
    /// Do not open a window.
    #[arg(long)]
    headless: bool,
}

/// How often publisher and receiver are polled.
const POLL: Duration = Duration::from_millis(100);

/// How long the receiver waits for the first picture.
const FIRST_PICTURE_LIMIT: &str = "15s";

/// Clips that `scripts/footage.sh` downloads; the first one found is played.
const FOOTAGE: [&str; 2] = ["footage/bigbuckbunny.mp4", "footage/bikes.mp4"];

/// Runs the demo. The exit code is the receiver's, 1 if it was killed.
pub fn run(args: &Args) -> Result<u8, Error> {
    // Ctrl-C reaches the receiver by itself, which shares the terminal; this process stays until it has ended.
    let stopped = watch_for_interrupt()?;
    let dir = &args.report;
    fs::create_dir_all(dir).map_err(|error| format!("cannot create the report folder {}: {error}", dir.display()))?;

    let (source, why) = choose_source(args.source.as_deref());
    eprintln!("demo: source: {} ({why})", redact::secrets(&source));
    let server = LocalServer::start(dir, [8554, 8080], &[], &stopped)?;
    let url = server.url.to_string();
    let mut publisher = start_publisher(&source, &url, dir)?;
    server.wait_for_stream(&mut publisher, &stopped)?;
    eprintln!("demo: three processes: server ← publisher at {url}, receiver ← server");
    let status = play(args, &url, publisher, &stopped)?;
    eprintln!("demo: report: {}", dir.display());
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

/// The source, and why.
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
    let mut command = own_child("publisher")?;
    command.args(["--source", source, "--to", url]);
    if Path::new(source).is_file() {
        command.arg("--loop");
    }
    Process::start("publisher", command, dir.join("publisher.log"))
}

/// Runs the receiver in the foreground until it ends. If the publisher ends first, so does the demo.
fn play(args: &Args, url: &str, mut publisher: Process, stopped: &Stop) -> Result<ExitStatus, String> {
    let mut command = own_child("receiver")?;
    command.arg(url).args(["--wait", FIRST_PICTURE_LIMIT]);
    command.arg("--duration").arg(format!("{}ms", args.duration.as_millis()));
    command.arg("--report").arg(&args.report);
    if args.headless {
        command.arg("--headless");
    }
    let mut receiver = command.spawn().map_err(|error| format!("cannot start the receiver: {error}"))?;
    let mut watch = |limit| wait(&mut receiver, limit).map_err(|error| format!("cannot watch the receiver: {error}"));
    let mut failed = Ok(());
    while failed.is_ok() && !stopped.is_requested() {
        if let Some(status) = watch(POLL)? {
            return Ok(status);
        }
        failed = publisher.check_running();
    }
    // A receiver that got the signal too prints its summary, which a second signal would cut short.
    if failed.is_ok()
        && let Some(status) = watch(GRACE)?
    {
        return Ok(status);
    }
    end(&mut receiver);
    failed?;
    wait(&mut receiver, Duration::ZERO).ok().flatten().ok_or_else(|| "the receiver does not end".to_owned())
}
