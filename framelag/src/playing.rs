//! One run of the receiver, as a process.

use common::host::Stop;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use common::stream_url::StreamUrl;
use serde_json::Value;

use crate::processes::{Error, URL_ARGUMENT, check, end, give_url, leashed, sibling, wait};

/// How long the receiver may take until it shows a picture, and again to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often it is looked whether all goes well.
const POLL: Duration = Duration::from_millis(50);

/// Exit codes with a report that can be read: done, and inconclusive. Here it is judged by its frames.
const WITH_REPORT: [i32; 2] = [0, 3];

/// What a receiver is to do.
pub struct Playing<'a> {
    /// What to play.
    pub url: &'a StreamUrl,
    /// More flags.
    pub arguments: &'a [&'a str],
    /// From its first picture on.
    pub warmup: Duration,
    /// After the warm-up.
    pub measured: Duration,
    /// How much longer than usual the first picture may take.
    pub gop_time: Duration,
    /// Where its report goes.
    pub report: PathBuf,
    /// Where its log goes.
    pub log: PathBuf,
}

/// A receiver that runs. Dropping it ends it.
pub struct Receiver {
    child: Child,
    warmup: Duration,
    measured: Duration,
    gop_time: Duration,
    report: PathBuf,
    log: PathBuf,
}

impl Receiver {
    /// Starts it.
    pub fn start(playing: Playing<'_>) -> Result<Self, Error> {
        let Playing { url, arguments, warmup, measured, gop_time, report, log } = playing;
        let stderr = report::dir::create(&log).map_err(|error| format!("cannot write {}: {error}", log.display()))?;
        let millis = |duration: Duration| format!("{}ms", duration.as_millis());
        let mut command = leashed(&sibling("receiver")?)?;
        give_url(&mut command, url);
        command.arg(URL_ARGUMENT).args(arguments).args(["--json", "--report"]).arg(&report);
        command.args(["--warmup", &millis(warmup), "--duration", &millis(warmup + measured)]);
        // One of many runs: none of them is a step of a CI job.
        command.env_remove("GITHUB_STEP_SUMMARY");
        // A group of its own: Ctrl-C is for this process, which ends it.
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr).process_group(0);
        let child = command.spawn().map_err(|error| format!("cannot start the receiver: {error}"))?;
        Ok(Self { child, warmup, measured, gop_time, report, log })
    }

    /// Waits for its end, and calls `measuring` when its warm-up is over. `watch` says where something else that it needs has
    /// ended. Gives back the report folder.
    pub fn run(
        mut self,
        mut watch: impl FnMut() -> Result<(), String>,
        stopped: &Stop,
        measuring: impl FnOnce(),
    ) -> Result<PathBuf, Error> {
        let stdout = self.child.stdout.take().ok_or_else(|| "the receiver has no standard output".to_owned())?;
        let lines = events(stdout);
        let first_picture = self.wait_for_picture(&lines, &mut watch, stopped)?;
        let (mut measuring, begins) = (Some(measuring), first_picture + self.warmup);
        let limit = begins + self.measured + PATIENCE;
        loop {
            let now = Instant::now();
            let patience = if measuring.is_some() { POLL.min(begins - now) } else { POLL };
            match lines.recv_timeout(patience) {
                Err(RecvTimeoutError::Disconnected) => break,
                _ if Instant::now() > limit => return Err(self.failure("did not end")),
                Ok(_) | Err(RecvTimeoutError::Timeout) => {}
            }
            if now >= begins {
                measuring.take().into_iter().for_each(|measuring| measuring());
            }
            check(stopped)?;
            watch()?;
        }
        let status = wait(&mut self.child, PATIENCE).map_err(|error| format!("cannot watch the receiver: {error}"))?;
        match status.and_then(|status| status.code()) {
            Some(code) if WITH_REPORT.contains(&code) => Ok(self.report.clone()),
            _ => Err(self.failure("failed")),
        }
    }

    fn wait_for_picture(
        &self,
        lines: &mpsc::Receiver<String>,
        watch: &mut impl FnMut() -> Result<(), String>,
        stopped: &Stop,
    ) -> Result<Instant, Error> {
        let limit = Instant::now() + PATIENCE + self.gop_time;
        loop {
            match lines.recv_timeout(POLL) {
                Ok(event) if event == "connected" => return Ok(Instant::now()),
                Err(RecvTimeoutError::Disconnected) => return Err(self.failure("ended before its first picture")),
                _ if Instant::now() > limit => return Err(self.failure("showed no picture")),
                Ok(_) | Err(RecvTimeoutError::Timeout) => {}
            }
            check(stopped)?;
            watch()?;
        }
    }

    /// An error with the end of the log.
    fn failure(&self, what: &str) -> Error {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let last = log.lines().next_back().unwrap_or("no output");
        Error::Failed(format!("the receiver {what}: {last}"))
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// The events of a receiver's JSON lines, read on a thread of its own.
fn events(stdout: ChildStdout) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let line: Value = serde_json::from_str(&line).unwrap_or_default();
            // Nobody listens any more: the pipe is read to its end all the same, so that the receiver does not block.
            let _ = sender.send(line["event"].as_str().unwrap_or_default().to_owned());
        }
    });
    receiver
}
