//! Child processes: found beside this executable, ended politely, never left behind.

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use common::host::signals::{self, SecondSignal};
use common::host::{Stop, credentials};
use common::stream_url::StreamUrl;
use rustix::process::{Pid, Signal, getpgid, kill_process, kill_process_group};
use serde_json::Value;

use crate::exit::Error;

/// How long a child may take to end on SIGTERM before it is killed.
pub const GRACE: Duration = Duration::from_secs(3);

/// How often a child's state is polled.
const POLL: Duration = Duration::from_millis(20);

/// A stop that Ctrl-C or SIGTERM requests.
pub fn watch_for_interrupt() -> Result<Stop, String> {
    let stop = Stop::new();
    signals::watch(&stop, SecondSignal::Ignored)?;
    Ok(stop)
}

/// [`Error::Interrupted`] once `stopped` is requested.
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

/// A command for a child that is killed when this process ends, however it ends: see [`crate::parent_death`].
pub fn child(executable: &Path) -> Result<Command, String> {
    let mut command = Command::new(sibling("framelag")?);
    command.args(["with-parent", &std::process::id().to_string()]).arg(executable);
    Ok(command)
}

/// The same for a program of ours.
pub fn own_child(name: &str) -> Result<Command, String> {
    child(&sibling(name)?)
}

/// What stands in a child's arguments for the URL of [`give_url`].
pub const URL_ARGUMENT: &str = "env:FRAMELAG_URL";

/// Gives a child its URL in the environment, where [`URL_ARGUMENT`] finds it: every user of the host can read command lines.
pub fn give_url(command: &mut Command, url: &StreamUrl) {
    command.env("FRAMELAG_URL", url.to_variable().reveal());
    for variable in credentials::VARIABLES {
        command.env_remove(variable);
    }
}

/// A child process whose standard error goes to a log file. Dropping it ends it.
#[derive(Debug)]
pub struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

/// The JSON lines of a child. They are read on a thread of its own, so that it never blocks; those that nobody takes are dropped.
pub type Events = Receiver<Value>;

/// Most events that wait to be taken.
const MAX_EVENTS: usize = 64;

impl Process {
    /// Starts `command` with standard output and error in `log`.
    pub fn start(name: &'static str, command: Command, log: PathBuf) -> Result<Self, String> {
        Self::spawn(name, command, log, Stdio::null(), None)
    }

    /// Starts a program of ours with `--json`, and returns its events too: it says itself which ports the system gave it.
    pub fn start_reporting(name: &'static str, mut command: Command, log: PathBuf) -> Result<(Self, Events), String> {
        command.arg("--json");
        let mut process = Self::spawn(name, command, log, Stdio::null(), Some(Stdio::piped()))?;
        let stdout = process.child.stdout.take().expect("it is piped");
        let (sender, events) = mpsc::sync_channel(MAX_EVENTS);
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = sender.try_send(serde_json::from_str(&line).unwrap_or_default());
            }
        });
        Ok((process, events))
    }

    /// Starts `command` with standard output and error in `log`, and returns the pipe to its standard input too.
    pub fn start_fed(name: &'static str, command: Command, log: PathBuf) -> Result<(Self, ChildStdin), String> {
        let mut process = Self::spawn(name, command, log, Stdio::piped(), None)?;
        let stdin = process.child.stdin.take().expect("it is piped");
        Ok((process, stdin))
    }

    /// Without an output of its own it goes to the log.
    fn spawn(
        name: &'static str,
        mut command: Command,
        log: PathBuf,
        stdin: Stdio,
        stdout: Option<Stdio>,
    ) -> Result<Self, String> {
        let cannot = |error: io::Error| format!("cannot write {}: {error}", log.display());
        let stderr = report::dir::create(&log).map_err(cannot)?;
        let stdout = stdout.map_or_else(|| stderr.try_clone().map(Stdio::from), Ok).map_err(cannot)?;
        // A group of its own: Ctrl-C in the terminal is for this process, which ends it.
        command.stdin(stdin).stdout(stdout).stderr(stderr).process_group(0);
        let child = command.spawn().map_err(|error| {
            let program = command.get_program().display();
            format!("cannot start {program}: {error}")
        })?;
        Ok(Self { name, child, log })
    }

    /// Waits for its first `event` as [`Process::wait_until`] does.
    pub fn wait_for_event(
        &mut self,
        events: &Events,
        event: &str,
        limit: Duration,
        what: &str,
        stopped: &Stop,
    ) -> Result<Value, Error> {
        let mut found = Value::Null;
        self.wait_until(limit, what, stopped, || {
            let line = events.try_iter().find(|line| line["event"] == event);
            line.map(|line| found = line).is_some()
        })?;
        Ok(found)
    }

    /// Waits until `ready`, for at most `limit`. `what` names in the error what the process did not do in time.
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

    /// An error with the end of the log if it has ended.
    pub fn check_running(&mut self) -> Result<(), String> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(format!("the {} ended early ({status}){}", self.name, self.log_tail())),
            Err(error) => Err(format!("cannot watch the {}: {error}", self.name)),
        }
    }

    /// Its exit code, or `None` if it still runs after `limit` or was killed.
    pub fn wait(&mut self, limit: Duration) -> Result<Option<i32>, String> {
        let status =
            wait(&mut self.child, limit).map_err(|error| format!("cannot watch the {}: {error}", self.name))?;
        Ok(status.and_then(|status| status.code()))
    }

    /// An error that says what it did, with the last line of its log.
    pub fn failure(&self, what: &str) -> Error {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let last = log.lines().next_back().unwrap_or("no output");
        Error::Failed(format!("the {} {what}: {last}", self.name))
    }

    /// The end of its log, to follow what it did.
    fn log_tail(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        match &lines[lines.len().saturating_sub(5)..] {
            [] => ", and said nothing".to_owned(),
            last => format!(":\n{}", last.join("\n")),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Ends `child`, and its process group if it leads one: with SIGTERM, then SIGKILL after [`GRACE`].
pub fn end(child: &mut Child) {
    if let Ok(None) = child.try_wait() {
        // It may have ended in between.
        let _ = signal(child, Signal::TERM);
    }
    if !matches!(wait(child, GRACE), Ok(Some(_))) {
        let _ = signal(child, Signal::KILL);
        let _ = child.wait();
    }
}

/// To its group if it leads one, which may outlive it; else to itself alone.
fn signal(child: &Child, signal: Signal) -> rustix::io::Result<()> {
    let id = Pid::from_child(child);
    if getpgid(Some(id)) == Ok(id) { kill_process_group(id, signal) } else { kill_process(id, signal) }
}

/// The child's status, or `None` if it still runs after `limit`.
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
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        (Process::start("publisher", command, log).expect("sh starts"), folder)
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
        // As if the signal came during the check.
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
