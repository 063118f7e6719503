//! One run: a server, a publisher and a receiver as users start them, with networks between them, and its result. Everything that
//! it starts ends with it.

use common::host::Stop;
use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use analyze::quality;
use analyze::sweep::{Figures, Outcome};
use common::stream_url::{Error as UrlError, StreamUrl};
use common::transport::Transport;
use framelag::plan::Plan;
use publisher::config::Source;
use report::dir::Dir;
use report::saved::Saved;
use report::warning::{Code, Warning};

use super::matrix::{Cell, Trial};
use super::route::Route;
use super::server::RunServer;
use crate::exit::Error;
use crate::local_server::{ask, has_stream};
use crate::playback::Playback;
use crate::processes::{Events, Process, URL_ARGUMENT, check, give_url, own_child};

/// Folder of all runs in a sweep's folder.
const RUNS: &str = "runs";

/// How long until the stream can be played: a camera or a child process may be slow to open.
const PUBLISH_LIMIT: Duration = Duration::from_secs(20);

/// Extra time for a browser to start and to show its first picture.
const BROWSER_LIMIT: Duration = Duration::from_secs(90);

/// How often the processes are checked while a playlist fills.
const POLL: Duration = Duration::from_millis(100);

/// How often the playlist is requested while it fills.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// How long the receiver tries to connect.
const WAIT: &str = "15s";

/// Pictures as stamped and as decoded, in a run's folder.
const STAMPED: &str = "stamped.y4m";
const DECODED: &str = "decoded.y4m";

/// What came of a run.
#[derive(Debug)]
pub struct Measured {
    /// According to the receiver.
    pub outcome: Outcome,
    /// Why it failed or is inconclusive.
    pub why: Option<String>,
    pub figures: Figures,
    /// Figures of each join; empty without a browser.
    pub joins: Vec<Figures>,
    /// The browser, if one played.
    pub player: Option<String>,
}

/// The run's folder, relative to the sweep's.
pub fn place(trial: Trial) -> String {
    format!("{RUNS}/{}", name(trial))
}

fn name(trial: Trial) -> String {
    format!("cell-{:03}-repeat-{}", trial.cell, trial.repeat)
}

/// Runs `cell` and leaves everything in its [`place`] in `out`, which is cleared first.
///
/// # Errors
/// [`Error::Interrupted`], or its folder cannot be made. A run that fails is not an error but a result.
pub fn run(plan: &Plan, cell: &Cell, trial: Trial, out: &Dir, stopped: &Stop) -> Result<Measured, Error> {
    let name = name(trial);
    let made = out.inside(RUNS).and_then(|runs| runs.anew(&name)).map_err(|error| {
        format!("cannot create the folder {}: {error}", out.path().join(RUNS).join(&name).display())
    })?;
    let folder = made.path();
    let measured = measure(plan, cell, trial, folder, stopped);
    for name in [STAMPED, DECODED] {
        // They are large, and were compared. There may be none.
        let _ = made.remove(name);
    }
    match measured {
        Ok(ran) => Ok(ran),
        Err(Error::Interrupted) => Err(Error::Interrupted),
        Err(error) => {
            // A log has lines; a cell of a table is one.
            let why = error.to_string();
            let why: Vec<&str> = why.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
            let why = common::redact::secrets(&why.join(" | ").replace(": | ", ": "));
            // What was measured until then stays in the folder: it is not the result of a whole run.
            let (outcome, figures) = (Outcome::Failed, Figures::default());
            Ok(Measured { outcome, why: Some(why), figures, joins: Vec::new(), player: None })
        }
    }
}

fn measure(plan: &Plan, cell: &Cell, trial: Trial, folder: &Path, stopped: &Stop) -> Result<Measured, Error> {
    let mut server = RunServer::start(&cell.parts.server(), &cell.parts.segments, folder, stopped)?;
    let seed = |side: u64| network_seed(plan.seed, trial.repeat, side);
    let uplink = |url| Route::start(url, &cell.parts.uplink, cell.publisher_transport == Transport::Udp, seed(0));
    let uplink = server.url.as_ref().map(uplink).transpose()?;
    let (mut publisher, events) = publish(plan, cell, uplink.as_ref(), folder)?;
    let url = match server.url.clone() {
        Some(url) => url,
        None => embedded(&mut publisher, &events, stopped)?,
    };
    let published = || server.check_running().is_err() || has_stream(&url);
    publisher.wait_until(PUBLISH_LIMIT, "publish", stopped, published)?;
    server.check_running()?;
    let http = server.http;
    let mut watch = || publisher.check_running().and_then(|()| server.check_running());
    let url = match cell.via.zip(http) {
        Some((via, http)) => {
            let path = format!("/cam/{}", via.file());
            fill(cell.fill, stopped, || ask(http, &path), &mut watch)?;
            format!("http://{http}{path}").parse().map_err(|error: UrlError| error.to_string())?
        }
        None => url,
    };
    let downlink = Route::start(&url, &cell.parts.downlink, cell.receiver_transport == Transport::Udp, seed(1))?;
    play(plan, cell, &downlink, folder, stopped, watch)?;
    // The stored pictures are complete once it has exited.
    drop(publisher);
    let mut ran = figures(folder)?;
    if keeps_pictures(plan, cell) {
        add_quality(&mut ran.figures, folder);
    }
    Ok(ran)
}

/// Requests `ask` until the playlist has its full length, as viewers of a running stream find it.
fn fill(
    time: Duration,
    stopped: &Stop,
    ask: impl Fn(),
    mut watch: impl FnMut() -> Result<(), String>,
) -> Result<(), Error> {
    let until = Instant::now() + time;
    let mut asked: Option<Instant> = None;
    while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        check(stopped)?;
        watch()?;
        if asked.is_none_or(|asked| asked.elapsed() >= ASK_AGAIN) {
            ask();
            asked = Some(Instant::now());
        }
        stopped.sleep(left.min(POLL));
    }
    Ok(())
}

/// Waits for the receiver to exit.
fn play(
    plan: &Plan,
    cell: &Cell,
    route: &Route,
    folder: &Path,
    stopped: &Stop,
    mut watch: impl FnMut() -> Result<(), String>,
) -> Result<(), Error> {
    let mut flags = cell.parts.receiver_flags();
    flags.extend(keep_pictures(plan, cell, &folder.join(DECODED)));
    if cell.via.is_some() {
        // No SEI reaches a page, so state the clock explicitly.
        flags.extend([format!("--joins={}", plan.joins()), "--clock=same-host".to_owned()]);
    }
    let mut arguments = vec!["--headless", "--wait", WAIT];
    arguments.extend(flags.iter().map(String::as_str));
    let playback = Playback {
        url: &route.url,
        arguments: &arguments,
        joins: if cell.via.is_some() { plan.joins() } else { 1 },
        warmup: plan.warmup,
        measured: plan.duration,
        gop_time: cell.gop_time + if cell.via.is_some() { BROWSER_LIMIT } else { Duration::ZERO },
        report: folder.to_owned(),
        log: folder.join("receiver.log"),
    };
    playback.run(stopped, |_| watch()).map_err(|error| match (error, failure(folder)) {
        (Error::Failed(_), Some(why)) => Error::Failed(format!("the receiver failed: {why}")),
        (error, _) => error,
    })
}

/// Returns the reason for a failed run from its report, if any.
fn failure(folder: &Path) -> Option<String> {
    let run = Saved::open(folder).ok()?.run;
    run.warnings.iter().any(|warning| warning.code == Code::Failed).then(|| why(&run.warnings, Outcome::Failed))
}

/// Whether both ends keep pictures for comparison; a browser keeps none.
const fn keeps_pictures(plan: &Plan, cell: &Cell) -> bool {
    plan.quality && cell.via.is_none()
}

/// The flags that keep pictures at either end.
fn keep_pictures(plan: &Plan, cell: &Cell, file: &Path) -> Vec<String> {
    let flags = [format!("--pictures={}", file.display()), format!("--pictures-every={}", cell.pictures_every)];
    if keeps_pictures(plan, cell) { flags.into() } else { Vec::new() }
}

/// Compares the pictures that both ends kept. If they cannot be compared, such as when none came through, a warning is logged and
/// there is no quality.
fn add_quality(figures: &mut Figures, folder: &Path) {
    let open = |name| File::open(folder.join(name));
    let compared = open(STAMPED).and_then(|stamped| Ok((stamped, open(DECODED)?)));
    let compared = compared
        .map_err(|error| error.to_string())
        .and_then(|(stamped, decoded)| quality::compare(stamped, decoded).map_err(|error| error.to_string()));
    match compared {
        Ok(quality) => {
            figures.psnr_db = Some(quality.psnr_db);
            figures.ssim = Some(quality.ssim);
        }
        Err(why) => tracing::warn!("{}: no picture quality: {why}", folder.display()),
    }
}

/// The same for all cells of a block, so that they have the same losses; another for each block and each side of the server.
fn network_seed(seed: u64, repeat: u32, side: u64) -> u64 {
    // A proxy counts on from its seed for each connection: these are far apart.
    seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add((u64::from(repeat) * 2 + side) << 32)
}

/// Publishes by `uplink`; without one, to a server in the publisher, on ports of the system's choosing.
fn publish(plan: &Plan, cell: &Cell, uplink: Option<&Route>, folder: &Path) -> Result<(Process, Events), String> {
    let mut command = own_child("publisher")?;
    command.args(&cell.parts.publisher).args(keep_pictures(plan, cell, &folder.join(STAMPED)));
    match uplink {
        Some(route) => {
            give_url(&mut command, &route.url);
            command.arg(format!("--to={URL_ARGUMENT}"));
        }
        None => drop(command.args(["--rtsp=127.0.0.1:0", "--http=127.0.0.1:0"])),
    }
    if matches!(cell.parts.publisher_config()?.source, Source::File(_)) {
        command.arg("--loop");
    }
    Process::start_reporting("publisher", command, folder.join("publisher.log"))
}

/// The URL of the server in `publisher`, which says so itself.
fn embedded(publisher: &mut Process, events: &Events, stopped: &Stop) -> Result<StreamUrl, Error> {
    let event = publisher.wait_for_event(events, "started", PUBLISH_LIMIT, "start", stopped)?;
    let url = event["to"].as_str().and_then(|url| url.parse().ok());
    url.ok_or_else(|| format!("the publisher did not report its URL: {event}").into())
}

/// The warnings that decided the outcome, and no others: a result has room for a sentence.
fn why(warnings: &[Warning], outcome: Outcome) -> String {
    let decides = |code: Code| match outcome {
        Outcome::Failed => matches!(code, Code::Failed | Code::ReportNotWritten),
        Outcome::Ok | Outcome::Inconclusive => code.is_inconclusive(),
    };
    let reasons: Vec<&str> =
        warnings.iter().filter(|warning| decides(warning.code)).map(|warning| &*warning.message).collect();
    if reasons.is_empty() { "the receiver gave no reason".to_owned() } else { reasons.join(" | ") }
}

fn figures(report: &Path) -> Result<Measured, Error> {
    let run = Saved::open(report).map_err(|error| error.to_string())?.run;
    let outcome = run.outcome;
    let why = (outcome != Outcome::Ok).then(|| why(&run.warnings, outcome));
    let joins = run.joins().iter().map(|(_, join)| Figures::of(join)).collect();
    let player = run.browser.as_ref().map(|browser| browser.player.clone());
    Ok(Measured { outcome, why, figures: Figures::of(&run), joins, player })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_says_what_decided_over_it_and_nothing_else() {
        let warnings = [
            Warning::new(Code::SeiMissing, "no SEI"),
            Warning::new(Code::FewSamples, "only 3"),
            Warning::new(Code::Failed, "gone"),
        ];
        assert_eq!(why(&warnings, Outcome::Inconclusive), "only 3");
        assert_eq!(why(&warnings, Outcome::Failed), "gone");
        assert_eq!(why(&warnings[..1], Outcome::Inconclusive), "the receiver gave no reason");
    }
}
