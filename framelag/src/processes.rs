//! Child processes of the demo, of a calibration and of a sweep: found beside this executable, ended politely, never left behind.

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use common::host::signals::{self, SecondSignal};
use common::host::{Stop, credentials};
use common::stream_url::StreamUrl;
use rustix::process::{Pid, Signal, getpgid, kill_process, kill_process_group};
use serde_json::Value;

/// How long a child may take to end after it was asked to, before it is killed.
pub const GRACE: Duration = Duration::from_secs(3);

/// How often a child's state is looked at.
const POLL: Duration = Duration::from_millis(20);

/// Why something that was waited for did not come about.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The user has had enough.
    #[error("interrupted")]
    Interrupted,
    /// What went wrong.
    #[error("{0}")]
    Failed(String),
}

impl From<String> for Error {
    fn from(why: String) -> Self {
        Self::Failed(why)
    }
}

/// Requested from Ctrl-C (or SIGTERM) on.
pub fn watch_for_interrupt() -> Result<Stop, String> {
    let stop = Stop::new();
    signals::watch(&stop, SecondSignal::Ignored)?;
    Ok(stop)
}

/// An error from Ctrl-C on.
pub fn check(stopped: &Stop) -> Result<(), Error> {
    if stopped.is_requested() { Err(Error::Interrupted) } else { Ok(()) }
}

/// The executable `name` in the folder of this one.
pub fn sibling(name: &str) -> Result<PathBuf, String> {
    let own = env::current_exe().map_err(|error| format!("cannot find the folder of this executable: {error}"))?;
    let path = own.with_file_name(name);
    if path.is_file() {
        return Ok(path);
    }
    Err(format!("{} does not exist: build it with `cargo build --release --workspace`", path.display()))
}

/// A command that starts `executable` so that it does not outlive this process, however this one ends: see
/// [`crate::leash`]. Its arguments follow.
pub fn leashed(executable: &Path) -> Result<Command, String> {
    let mut command = Command::new(sibling("framelag")?);
    command.args(["leash", &std::process::id().to_string()]).arg(executable);
    Ok(command)
}

/// What a child is told in a URL's place: see [`give_url`].
pub const URL_ARGUMENT: &str = "env:FRAMELAG_URL";

/// Gives a child its URL in the environment, where [`URL_ARGUMENT`] finds it: every user of the host reads command lines.
pub fn give_url(command: &mut Command, url: &StreamUrl) {
    command.env("FRAMELAG_URL", url.to_variable().reveal());
    for variable in credentials::VARIABLES {
        command.env_remove(variable);
    }
}

/// A child process whose output goes to a log file. Dropping it ends it.
#[derive(Debug)]
pub struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
    /// The one event that is waited for, of a child that reports.
    report: Option<Receiver<Value>>,
}

impl Process {
    /// Starts `executable args…`, [`leashed`], with standard output and error in `log`.
    pub fn start_leashed(name: &'static str, executable: &Path, args: &[&str], log: PathBuf) -> Result<Self, String> {
        Self::start(name, leashed(executable)?, args, log)
    }

    /// Starts one of our programs, by a [`leashed`] command, with `args…` and `--json`: [`Process::wait_for_report`] hands out the first of
    /// its JSON lines that tells of `event`. So a child says which ports the system gave it, and nobody has to choose them before it
    /// holds them. Standard error goes to `log`.
    pub fn start_reporting(
        name: &'static str,
        command: Command,
        args: &[&str],
        event: &'static str,
        log: PathBuf,
    ) -> Result<Self, String> {
        let args = [args, &["--json"]].concat();
        let streams = (Stdio::null(), Some(Stdio::piped()));
        let mut process = Self::spawn(name, command, &args, streams, log)?;
        process.report = process.child.stdout.take().map(|stdout| first(event, stdout));
        Ok(process)
    }

    /// Starts `executable args…`, [`leashed`], and gives back the pipe into it. Standard output and error go to `log`.
    pub fn start_fed(
        name: &'static str,
        executable: &Path,
        args: &[&str],
        log: PathBuf,
    ) -> Result<(Self, ChildStdin), String> {
        let mut process = Self::spawn(name, leashed(executable)?, args, (Stdio::piped(), None), log)?;
        let input = process.child.stdin.take().ok_or_else(|| format!("the {name} has no standard input"))?;
        Ok((process, input))
    }

    /// Starts `command args…`, with standard output and error in `log`.
    pub fn start(name: &'static str, command: Command, args: &[&str], log: PathBuf) -> Result<Self, String> {
        Self::spawn(name, command, args, (Stdio::null(), None), log)
    }

    /// Without an output of its own it goes to the log.
    fn spawn(
        name: &'static str,
        mut command: Command,
        args: &[&str],
        (input, out): (Stdio, Option<Stdio>),
        log: PathBuf,
    ) -> Result<Self, String> {
        let cannot = |error: io::Error| format!("cannot write {}: {error}", log.display());
        let err = report::dir::create(&log).map_err(cannot)?;
        let out = out.map_or_else(|| err.try_clone().map(Stdio::from), Ok).map_err(cannot)?;
        // A group of its own: Ctrl-C in the terminal is for the receiver, these end after it.
        command.args(args).stdin(input).stdout(out).stderr(err).process_group(0);
        let child = command.spawn().map_err(|error| {
            let program = command.get_program().display();
            format!("cannot start {program}: {error}")
        })?;
        Ok(Self { name, child, log, report: None })
    }

    /// The event that [`Process::start_reporting`] named, waited for as [`Process::wait_until`] does.
    pub fn wait_for_report(&mut self, limit: Duration, what: &str, stopped: &Stop) -> Result<Value, Error> {
        let report = self.report.take();
        let mut said = None;
        self.wait_until(limit, what, stopped, || {
            said = report.as_ref().and_then(|report| report.try_recv().ok());
            said.is_some()
        })?;
        said.ok_or_else(|| Error::Failed(format!("the {} did not {what}", self.name)))
    }

    /// Waits until `ready` says so, for at most `limit`, or until the user has had enough. `what` says in the error what did
    /// not come about.
    pub fn wait_until(
        &mut self,
        limit: Duration,
        what: &str,
        stopped: &Stop,
        mut ready: impl FnMut() -> bool,
    ) -> Result<(), Error> {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            check(stopped)?;
            self.check_running()?;
            if ready() {
                return Ok(());
            }
            thread::sleep(POLL);
        }
        Err(format!("the {} did not {what} within {limit:?}{}", self.name, self.log_tail()).into())
    }

    /// An error with the end of the log where the process is not running any more.
    pub fn check_running(&mut self) -> Result<(), String> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(format!("the {} ended early ({status}){}", self.name, self.log_tail())),
            Err(error) => Err(format!("cannot watch the {}: {error}", self.name)),
        }
    }

    /// What it said last, to go on with behind what it did.
    fn log_tail(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        match &lines[lines.len().saturating_sub(5)..] {
            [] => ", and said nothing".to_owned(),
            last => format!(":\n{}", last.join("\n")),
        }
    }
}

/// The first of a child's JSON lines that tells of `event`. All are read, on a thread of their own, so that it never blocks.
fn first(event: &'static str, stdout: ChildStdout) -> Receiver<Value> {
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let line: Value = serde_json::from_str(&line).unwrap_or_default();
            if line["event"] == event {
                // It has room for one; who has read that one wants no other.
                let _ = sender.try_send(line);
            }
        }
    });
    receiver
}

impl Drop for Process {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Asks `child`, and what it started where it leads a group, to end and waits for it; kills it where it does not within the
/// grace time.
pub fn end(child: &mut Child) {
    if let Ok(None) = child.try_wait() {
        // A failure here means that the child ended in between; waiting settles it either way.
        let _ = signal(child, Signal::TERM);
    }
    if !matches!(wait(child, GRACE), Ok(Some(_))) {
        let _ = signal(child, Signal::KILL);
        let _ = child.wait();
    }
}

/// To its group where it leads one, which outlives it where it started something; else to itself alone.
fn signal(child: &Child, signal: Signal) -> rustix::io::Result<()> {
    let id = Pid::from_child(child);
    if getpgid(Some(id)) == Ok(id) { kill_process_group(id, signal) } else { kill_process(id, signal) }
}

/// The child's status, or `None` where it still runs after `limit`.
pub fn wait(child: &mut Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    loop {
        let status = child.try_wait()?;
        if status.is_some() || Instant::now() >= deadline {
            return Ok(status);
        }
        thread::sleep(POLL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A shell that runs `script`, and the folder of its log.
    fn shell(script: &str) -> (Process, tempfile::TempDir) {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let log = folder.path().join("log");
        (Process::start("publisher", Command::new("/bin/sh"), &["-c", script], log).expect("sh starts"), folder)
    }

    const LIMIT: Duration = Duration::from_secs(30);

    #[test]
    fn a_process_that_ends_early_is_reported_with_the_end_of_its_log() {
        let (mut process, _folder) = shell("echo the reason >&2; exit 7");
        let error = process.wait_until(LIMIT, "publish", &Stop::new(), || false).expect_err("it ends");
        let error = error.to_string();
        assert!(error.contains("publisher ended early") && error.contains("the reason"), "{error}");
    }

    #[test]
    fn a_process_that_said_nothing_is_reported_in_a_whole_sentence() {
        let (mut process, _folder) = shell("echo; exit 7");
        let error = process.wait_until(LIMIT, "publish", &Stop::new(), || false).expect_err("it ends");
        assert_eq!(error.to_string(), "the publisher ended early (exit status: 7), and said nothing");
    }

    #[test]
    fn ctrl_c_ends_the_wait_for_a_process_that_does_not_do_its_part() {
        let (mut process, _folder) = shell("exec sleep 600");
        let stopped = Stop::new();
        // As if the signal came while it is looked.
        let looked = || {
            stopped.request();
            false
        };
        assert_eq!(process.wait_until(LIMIT, "publish", &stopped, looked), Err(Error::Interrupted));
    }

    #[test]
    fn ending_a_child_that_ignores_sigterm_kills_it() {
        let mut child = Command::new("/bin/sh")
            .args(["-c", "trap '' TERM; echo ready; while :; do sleep 1; done"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh starts");
        let mut ready = [0; 6];
        io::Read::read_exact(child.stdout.as_mut().expect("it is piped"), &mut ready).expect("the shell says ready");
        end(&mut child);
        assert!(child.try_wait().expect("the child can be waited for").is_some());
    }
}
