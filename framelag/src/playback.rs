//! One run of the receiver, as a process.

use std::path::PathBuf;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use common::host::Stop;
use common::stream_url::StreamUrl;

use crate::exit::Error;
use crate::processes::{Events, Process, URL_ARGUMENT, check, give_url, own_child};

/// How long the receiver may take to show a picture, and again to end.
const LIMIT: Duration = Duration::from_secs(20);

/// How long a browser may take from one join to the first picture of the next.
const JOIN_LIMIT: Duration = Duration::from_secs(60);

/// How often everything that runs is checked.
const POLL: Duration = Duration::from_millis(50);

/// Exit codes with a report that can be read: done, and inconclusive. Here it is judged by its frames.
const WITH_REPORT: [i32; 2] = [0, 3];

/// What a receiver is to do.
pub struct Playback<'a> {
    pub url: &'a StreamUrl,
    /// More flags.
    pub arguments: &'a [&'a str],
    /// How often a browser plays; 1 where the receiver itself does.
    pub joins: u32,
    /// From its first picture on.
    pub warmup: Duration,
    /// After the warm-up.
    pub measured: Duration,
    /// How much longer than usual the first picture may take.
    pub gop_time: Duration,
    /// Folder for its report.
    pub report: PathBuf,
    /// File for its log.
    pub log: PathBuf,
}

impl Playback<'_> {
    /// Runs a receiver to its end. `watch` is called all along, with whether the warm-up is over, and fails if something else that the
    /// receiver needs has ended.
    pub fn run(self, stopped: &Stop, mut watch: impl FnMut(bool) -> Result<(), String>) -> Result<(), Error> {
        let (mut receiver, events) = self.start()?;
        let mut begins: Option<Instant> = None;
        let mut limit = Instant::now() + LIMIT + self.gop_time;
        loop {
            match events.recv_timeout(POLL) {
                Ok(event) if begins.is_none() && event["event"] == "connected" => {
                    let first_measured = Instant::now() + self.warmup;
                    let rest = (self.measured + JOIN_LIMIT) * self.joins.saturating_sub(1);
                    (begins, limit) = (Some(first_measured), first_measured + self.measured + rest + LIMIT);
                }
                Err(RecvTimeoutError::Disconnected) if begins.is_some() => break,
                Err(RecvTimeoutError::Disconnected) => return Err(receiver.failure("ended before its first picture")),
                Ok(_) | Err(RecvTimeoutError::Timeout) => {}
            }
            let now = Instant::now();
            if now > limit {
                return Err(receiver.failure(if begins.is_some() { "did not end" } else { "showed no picture" }));
            }
            check(stopped)?;
            watch(begins.is_some_and(|begins| begins <= now))?;
        }
        let code = receiver.wait(LIMIT)?;
        if code.is_some_and(|code| WITH_REPORT.contains(&code)) { Ok(()) } else { Err(receiver.failure("failed")) }
    }

    fn start(&self) -> Result<(Process, Events), String> {
        let millis = |duration: Duration| format!("{}ms", duration.as_millis());
        let mut command = own_child("receiver")?;
        give_url(&mut command, self.url);
        command.arg(URL_ARGUMENT).args(self.arguments).arg("--report").arg(&self.report);
        command.args(["--warmup", &millis(self.warmup), "--duration", &millis(self.warmup + self.measured)]);
        // One of many runs: none of them is a step of a CI job.
        command.env_remove("GITHUB_STEP_SUMMARY");
        Process::start_reporting("receiver", command, self.log.clone())
    }
}
