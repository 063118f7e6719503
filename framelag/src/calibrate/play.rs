//! One run of the receiver, and what it left in its report.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use reports::calibration::MeanAndMax;
use serde_json::Value;

use super::{Error, check};
use crate::processes::{Process, end, sibling, wait};

/// How long the receiver may take until it shows a picture, and again to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often it is looked whether all goes well.
const POLL: Duration = Duration::from_millis(50);

/// Exit codes with a report that can be read: done, and inconclusive. Here it is judged by its frames.
const WITH_REPORT: [i32; 2] = [0, 3];

/// A receiver that runs. Dropping it ends it.
pub struct Receiver {
    child: Child,
    /// From its first picture on.
    warmup: Duration,
    measured: Duration,
    report: PathBuf,
    log: PathBuf,
}

/// What a receiver measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Played {
    /// Each frame with a latency, in order.
    pub frames: Vec<Frame>,
    /// What reading the code cost.
    pub read_cost: Option<MeanAndMax>,
}

/// One frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its number.
    pub sequence: u64,
    /// Present − PUB.
    pub latency_us: i64,
    /// When it was presented, µs since the Unix epoch.
    pub presented_us: i64,
}

impl Receiver {
    /// Starts it with a report and a log in `folder`.
    pub fn start(
        url: &str,
        arguments: &[&str],
        warmup: Duration,
        measured: Duration,
        folder: &Path,
    ) -> Result<Self, Error> {
        let (report, log) = (folder.join("run"), folder.join("receiver.log"));
        let stderr = File::create(&log).map_err(|error| format!("cannot write {}: {error}", log.display()))?;
        let millis = |duration: Duration| format!("{}ms", duration.as_millis());
        let mut command = Command::new(sibling("receiver")?);
        command.arg(url).args(arguments).args(["--json", "--report"]).arg(&report);
        command.args(["--warmup", &millis(warmup), "--duration", &millis(warmup + measured)]);
        // A calibration is many runs: none of them is a step of a CI job.
        command.env_remove("GITHUB_STEP_SUMMARY");
        // A group of its own: Ctrl-C is for this process, which ends it.
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr).process_group(0);
        let child = command.spawn().map_err(|error| format!("cannot start the receiver: {error}"))?;
        Ok(Self { child, warmup, measured, report, log })
    }

    /// Waits for its end, and calls `measuring` when its warm-up is over. Gives back the report folder.
    pub fn run(
        mut self,
        publisher: &mut Process,
        stopped: &AtomicBool,
        measuring: impl FnOnce(),
    ) -> Result<PathBuf, Error> {
        let stdout = self.child.stdout.take().ok_or_else(|| "the receiver has no standard output".to_owned())?;
        let lines = events(stdout);
        let first_picture = self.wait_for_picture(&lines, publisher, stopped)?;
        let (mut measuring, begins) = (Some(measuring), first_picture + self.warmup);
        let limit = begins + self.measured + PATIENCE;
        loop {
            let now = Instant::now();
            let patience = if measuring.is_some() { POLL.min(begins - now) } else { POLL };
            match lines.recv_timeout(patience) {
                Err(RecvTimeoutError::Disconnected) => break,
                _ if Instant::now() > limit => return Err(self.failure("does not end")),
                Ok(_) | Err(RecvTimeoutError::Timeout) => {}
            }
            if now >= begins {
                measuring.take().into_iter().for_each(|measuring| measuring());
            }
            check(stopped)?;
            publisher.check_running()?;
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
        publisher: &mut Process,
        stopped: &AtomicBool,
    ) -> Result<Instant, Error> {
        let limit = Instant::now() + PATIENCE;
        loop {
            match lines.recv_timeout(POLL) {
                Ok(event) if event == "connected" => return Ok(Instant::now()),
                Err(RecvTimeoutError::Disconnected) => return Err(self.failure("ended before its first picture")),
                _ if Instant::now() > limit => return Err(self.failure("shows no picture")),
                Ok(_) | Err(RecvTimeoutError::Timeout) => {}
            }
            check(stopped)?;
            publisher.check_running()?;
        }
    }

    /// An error with the end of the log.
    fn failure(&self, what: &str) -> Error {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let last = log.lines().next_back().unwrap_or("it said nothing");
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

/// What a report folder says.
pub fn read(report: &Path) -> Result<Played, Error> {
    let read = |name: &str| {
        let path = report.join(name);
        fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))
    };
    let run: Value = serde_json::from_str(&read("run.json")?).map_err(|error| format!("run.json: {error}"))?;
    let read_cost = serde_json::from_value(run["own_cost_us"]["read"].clone()).ok();
    Ok(Played { frames: frames(&read("frames.csv")?)?, read_cost })
}

/// The frames of `frames.csv` that have a latency.
fn frames(text: &str) -> Result<Vec<Frame>, Error> {
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let column = |name: &str| {
        let index = header.iter().position(|column| *column == name);
        index.ok_or_else(|| Error::Failed(format!("frames.csv has no column {name}")))
    };
    let [sequence, latency, presented] = [column("seq")?, column("latency_us")?, column("presented_us")?];
    let frame = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        let number = |index: usize| fields.get(index)?.parse::<i64>().ok();
        Some(Frame {
            sequence: u64::try_from(number(sequence)?).ok()?,
            latency_us: number(latency)?,
            presented_us: number(presented)?,
        })
    };
    Ok(lines.filter_map(frame).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_without_a_latency_are_left_out() {
        let text = "seq,outcome,latency_us,presented_us\n7,measured,5000,1700\n8,lost,,\n9,late,6000,1800\n";
        let frame = |sequence, latency_us, presented_us| Frame { sequence, latency_us, presented_us };
        assert_eq!(frames(text).expect("good"), [frame(7, 5000, 1700), frame(9, 6000, 1800)]);
        assert!(frames("seq,outcome\n").is_err());
    }
}
