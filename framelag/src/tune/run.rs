//! One run: a server, a publisher and a receiver as their users start them, with networks between them, and what came of it.
//! Everything that it starts ends with it.

use common::host::Stop;
use std::fs::File;
use std::path::Path;
use std::time::Duration;

use analyze::quality;
use analyze::sweep::{Figures, Outcome};
use common::stream_url::StreamUrl;
use common::transport::Transport;
use framelag::plan::Plan;
use publisher::config::Source;
use report::dir::Dir;
use report::saved::Saved;
use report::warning::{Code, Warning};

use super::matrix::{Cell, Turn};
use super::meeting::{Meeting, Probe};
use super::path::Path as Network;
use crate::playing::{Playing, Receiver};
use crate::processes::{Error, Process, URL_ARGUMENT, give_url, leashed, sibling};

/// The folder of all runs.
const RUNS: &str = "runs";

/// How long the publisher may take until its stream can be played: a camera or a child process may be slow to open.
const PUBLISH_LIMIT: Duration = Duration::from_secs(20);

/// How long the receiver tries to connect.
const WAIT: &str = "15s";

/// Pictures as stamped and as decoded, in a run's folder.
const STAMPED: &str = "stamped.y4m";
const DECODED: &str = "decoded.y4m";

/// What a run gave.
#[derive(Debug)]
pub struct Ran {
    /// As the receiver says.
    pub outcome: Outcome,
    /// Why nothing can be said of its figures, or it failed.
    pub why: Option<String>,
    /// What was measured.
    pub figures: Figures,
}

/// A run's folder in the sweep's.
pub fn place(turn: Turn) -> String {
    format!("{RUNS}/{}", name(turn))
}

fn name(turn: Turn) -> String {
    format!("cell-{:03}-repeat-{}", turn.cell, turn.repeat)
}

/// Runs `cell` with everything that it leaves in its [`place`] in `out`, which is made anew.
///
/// # Errors
/// [`Error::Interrupted`], and where its folder cannot be made: a run that fails is one of the sweep's results.
pub fn run(plan: &Plan, cell: &Cell, turn: Turn, out: &Dir, stopped: &Stop) -> Result<Ran, Error> {
    let name = name(turn);
    let made = out.inside(RUNS).and_then(|runs| runs.anew(&name)).map_err(|error| {
        format!("cannot create the folder {}: {error}", out.path().join(RUNS).join(&name).display())
    })?;
    let folder = made.path();
    let measured = measure(plan, cell, turn, folder, stopped);
    for name in [STAMPED, DECODED] {
        // They are large, and were compared. Where there is none there is nothing to delete.
        let _ = made.remove(name);
    }
    match measured {
        Ok(ran) => Ok(ran),
        Err(Error::Interrupted) => Err(Error::Interrupted),
        Err(Error::Failed(why)) => {
            // Logs come in lines; a cell of a table is one.
            let why: Vec<&str> = why.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
            let why = common::redact::secrets(&why.join(" | ").replace(": | ", ": "));
            // What was measured until then is of a run that did not come to its end: it is in the folder, not here.
            Ok(Ran { outcome: Outcome::Failed, why: Some(why), figures: Figures::default() })
        }
    }
}

fn measure(plan: &Plan, cell: &Cell, turn: Turn, folder: &Path, stopped: &Stop) -> Result<Ran, Error> {
    let mut meeting = Meeting::prepare(&cell.parts.server, folder, stopped)?;
    let seed = |way: u64| network_seed(plan.seed, turn.repeat, way);
    let uplink = |server| Network::start(server, &cell.parts.uplink, cell.pushed == Transport::Udp, seed(0));
    let uplink = meeting.url().map(uplink).transpose()?;
    let mut publisher = publish(plan, cell, uplink.as_ref(), folder)?;
    let server = match meeting.url() {
        Some(url) => url.clone(),
        None => embedded(&mut publisher, stopped)?,
    };
    let there = Probe::new(&server);
    let published = || meeting.check_running().is_err() || there.has_stream();
    publisher.wait_until(PUBLISH_LIMIT, "publish", stopped, published)?;
    meeting.check_running()?;
    let downlink = Network::start(&server, &cell.parts.downlink, cell.played == Transport::Udp, seed(1))?;

    let mut flags = flags(&cell.parts.receiver);
    flags.extend(keep_pictures(plan, cell, &folder.join(DECODED)));
    let mut arguments = vec!["--headless", "--wait", WAIT];
    arguments.extend(flags.iter().map(String::as_str));
    let receiver = Receiver::start(Playing {
        url: &downlink.url,
        arguments: &arguments,
        warmup: plan.warmup,
        measured: plan.duration,
        gop_time: cell.gop_time,
        report: folder.to_owned(),
        log: folder.join("receiver.log"),
    })?;
    let watch = || publisher.check_running().and_then(|()| meeting.check_running());
    let report = receiver.run(watch, stopped, || {})?;
    // Its pictures are whole when it has ended.
    drop(publisher);
    let mut ran = figures(&report)?;
    if plan.quality {
        add_quality(&mut ran.figures, folder);
    }
    Ok(ran)
}

/// The flags that keep pictures at either end.
fn keep_pictures(plan: &Plan, cell: &Cell, file: &Path) -> Vec<String> {
    let flags = [format!("--pictures={}", file.display()), format!("--pictures-every={}", cell.pictures_every)];
    if plan.quality { flags.into() } else { Vec::new() }
}

/// Compares the pictures that both ends kept. Where they cannot be compared, as where none came through, there is no quality,
/// which the log says; latency is no worse for it.
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

/// Cells of one block meet the same luck, and those of another block another; so do not the two networks of a run.
fn network_seed(seed: u64, repeat: u32, way: u64) -> u64 {
    // Proxies count on from their seed for each connection: far apart, no two meet.
    seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add((u64::from(repeat) * 2 + way) << 32)
}

/// Publishes by `uplink`; without one, at a server in the publisher, on ports of the system's choosing.
fn publish(plan: &Plan, cell: &Cell, uplink: Option<&Network>, folder: &Path) -> Result<Process, String> {
    let mut all = flags(&cell.parts.publisher);
    match uplink {
        Some(_) => all.push(format!("--to={URL_ARGUMENT}")),
        None => all.extend(["--rtsp=127.0.0.1:0", "--http=127.0.0.1:0"].map(str::to_owned)),
    }
    let config = cell.parts.publisher_config()?;
    if matches!(config.source, Source::File(_)) {
        all.push("--loop".to_owned());
    }
    all.extend(keep_pictures(plan, cell, &folder.join(STAMPED)));
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let mut command = leashed(&sibling("publisher")?)?;
    if let Some(uplink) = uplink {
        give_url(&mut command, &uplink.url);
    }
    Process::start_reporting("publisher", command, &all, "started", folder.join("publisher.log"))
}

/// Where the server in `publisher` can be played from, as it says itself.
fn embedded(publisher: &mut Process, stopped: &Stop) -> Result<StreamUrl, Error> {
    let report = publisher.wait_for_report(PUBLISH_LIMIT, "start", stopped)?;
    let url = report["to"].as_str().and_then(|url| url.parse().ok());
    url.ok_or_else(|| format!("the publisher did not report its URL: {report}").into())
}

fn flags(flags: &[(&'static str, String)]) -> Vec<String> {
    flags.iter().map(|(flag, value)| format!("{flag}={value}")).collect()
}

/// What decided over the outcome, and no other warning: a result has room for a sentence.
fn why(warnings: &[Warning], outcome: Outcome) -> String {
    let decides = |code: Code| match outcome {
        Outcome::Failed => matches!(code, Code::Failed | Code::ReportNotWritten),
        Outcome::Ok | Outcome::Inconclusive => code.is_inconclusive(),
    };
    let reasons: Vec<&str> =
        warnings.iter().filter(|warning| decides(warning.code)).map(|warning| &*warning.message).collect();
    if reasons.is_empty() { "the receiver gave no reason".to_owned() } else { reasons.join(" | ") }
}

fn figures(report: &Path) -> Result<Ran, Error> {
    let run = Saved::open(report).map_err(|error| error.to_string())?.run;
    let outcome = Outcome::from(run.outcome);
    let why = (outcome != Outcome::Ok).then(|| why(&run.warnings, outcome));
    Ok(Ran { outcome, why, figures: Figures::of(&run) })
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
