//! Child processes: output captured line by line, waited for with a limit, killed when dropped.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::binary;
use rustix::process::{Pid, Signal};

/// How often a condition is looked at while it is waited for.
const POLL: Duration = Duration::from_millis(20);

/// Lines kept of one process; a process that prints more has something else wrong with it.
const LINES_MAX: usize = 100_000;

/// Describes a process before it starts. Standard input is empty and output is captured, unless told otherwise.
pub struct Builder {
    command: Command,
    name: String,
    raw_stdout: bool,
}

/// A running child process. Dropping it kills it and the processes that it started.
pub struct Process {
    name: String,
    child: Child,
    output: Arc<Output>,
    readers: Vec<JoinHandle<()>>,
    raw_stdout: Option<ChildStdout>,
}

/// What a process left behind.
#[derive(Debug)]
pub struct Finished {
    /// The exit code; `None` where a signal ended the process.
    pub code: Option<i32>,
    /// The signal that ended the process, where one did.
    pub signal: Option<i32>,
    /// Standard output, line by line.
    pub stdout: Vec<String>,
    /// Standard error, line by line.
    pub stderr: Vec<String>,
}

/// One of a process's two output streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stream {
    Stdout,
    Stderr,
}

/// The lines that a process has printed so far, from both streams in order of arrival.
#[derive(Default)]
struct Output {
    lines: Mutex<Vec<(Stream, String)>>,
    more: Condvar,
}

impl Builder {
    /// A process of program `program`.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let program = program.as_ref();
        let name = std::path::Path::new(program).file_name().unwrap_or(program).to_string_lossy().into_owned();
        let mut command = Command::new(program);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own, so that what it starts can be ended with it.
        command.process_group(0);
        // A test is no step of a CI service's summary.
        command.env_remove("GITHUB_STEP_SUMMARY").env_remove("RUST_LOG");
        // Nor does a test look at how its machine was calibrated: there is nothing.
        command.env("XDG_STATE_HOME", binary::target_dir().join("tests-state"));
        Self { command, name, raw_stdout: false }
    }

    /// Adds an argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// Adds arguments.
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.command.args(args);
        self
    }

    /// Adds the words of `line`, parted by blanks, as arguments.
    pub fn words(self, line: &str) -> Self {
        self.args(line.split_whitespace())
    }

    /// Runs the process in this folder.
    pub fn folder(mut self, folder: &std::path::Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Removes an environment variable.
    pub fn without_env(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Gives the process standard input: a pipe (see [`Process::take_stdin`]), a file, or another process's output.
    pub fn stdin(mut self, stdin: impl Into<Stdio>) -> Self {
        self.command.stdin(stdin);
        self
    }

    /// Sends standard output to a file, instead of keeping it.
    pub fn stdout(mut self, file: std::fs::File) -> Self {
        self.command.stdout(file);
        self
    }

    /// Leaves standard output to the caller (see [`Process::take_stdout`]): it is not text.
    pub fn raw_stdout(mut self) -> Self {
        self.raw_stdout = true;
        self
    }

    /// Starts the process.
    ///
    /// # Panics
    ///
    /// Where the program cannot be started.
    pub fn spawn(mut self) -> Process {
        let mut child = self.command.spawn().unwrap_or_else(|error| panic!("{} does not start: {error}", self.name));
        let output = Arc::new(Output::default());
        let stderr = child.stderr.take().expect("standard error is piped");
        let mut readers = vec![Output::collect(&output, Stream::Stderr, stderr)];
        let mut raw_stdout = child.stdout.take();
        if !self.raw_stdout {
            readers.extend(raw_stdout.take().map(|stdout| Output::collect(&output, Stream::Stdout, stdout)));
        }
        Process { name: self.name, child, output, readers, raw_stdout }
    }

    /// Runs the process to its end.
    ///
    /// # Panics
    ///
    /// Where it does not start or does not end within `limit`.
    pub fn run(self, limit: Duration) -> Finished {
        self.spawn().finish(limit)
    }
}

impl Process {
    /// The process's id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The pipe into the process, where it was started with [`Stdio::piped`] for standard input.
    pub fn take_stdin(&mut self) -> ChildStdin {
        self.child.stdin.take().expect("started with a pipe for standard input")
    }

    /// The process's standard output, where it was started with [`Builder::raw_stdout`].
    pub fn take_stdout(&mut self) -> ChildStdout {
        self.raw_stdout.take().expect("started with raw standard output")
    }

    /// Waits for the first line, of either stream, for which `wanted` has an answer, and returns the answer. Lines
    /// that were printed before the call count too.
    ///
    /// # Panics
    ///
    /// With all output, where the process ends or `limit` passes first.
    pub fn wait_for_line<T>(&mut self, what: &str, limit: Duration, wanted: impl Fn(&str) -> Option<T>) -> T {
        self.wait_for_line_after(0, what, limit, wanted)
    }

    /// Like [`Process::wait_for_line`], for the lines after the first `skipped` ones (see [`Process::line_count`]).
    pub fn wait_for_line_after<T>(
        &mut self,
        skipped: usize,
        what: &str,
        limit: Duration,
        wanted: impl Fn(&str) -> Option<T>,
    ) -> T {
        let deadline = Instant::now() + limit;
        let mut seen = skipped;
        loop {
            let ended = self.has_ended();
            let lines = self.output.wait_beyond(seen, POLL);
            if let Some(found) = lines.iter().find_map(|line| wanted(line)) {
                return found;
            }
            seen += lines.len();
            let why = match (ended && lines.is_empty() && self.readers.iter().all(JoinHandle::is_finished), deadline) {
                (true, _) => "ended",
                (false, deadline) if Instant::now() > deadline => "took too long",
                _ => continue,
            };
            panic!("{} {why} before this came: {what}\n{}", self.name, self.output.dump());
        }
    }

    /// Lines printed so far, on both streams.
    pub fn line_count(&self) -> usize {
        self.output.lock().len()
    }

    /// Everything printed so far, for the message of a failure.
    pub fn dump(&self) -> String {
        self.output.dump()
    }

    /// Whether the process has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child can be waited for").is_some()
    }

    /// Asks the process to end, as Ctrl-C does.
    pub fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    /// Ends the process at once (SIGKILL).
    pub fn kill(&self) {
        self.signal(Signal::KILL);
    }

    /// Stops the process where it is (SIGSTOP), until [`Process::resume`].
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets a stopped process go on (SIGCONT).
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Waits for the process to end.
    ///
    /// # Panics
    ///
    /// With all output, where it does not end within `limit`.
    pub fn finish(mut self, limit: Duration) -> Finished {
        let deadline = Instant::now() + limit;
        while !self.has_ended() {
            assert!(Instant::now() < deadline, "{} does not end within {limit:?}\n{}", self.name, self.output.dump());
            std::thread::sleep(POLL);
        }
        let status = self.child.wait().expect("a child can be waited for");
        // What a process of its group still holds open is not waited for.
        while !self.readers.iter().all(JoinHandle::is_finished) && Instant::now() < deadline {
            std::thread::sleep(POLL);
        }
        Finished::new(status, &self.output)
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id() as i32).expect("a process id is not zero");
        // A process that has ended already needs no signal.
        let _ = rustix::process::kill_process_group(pid, signal);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- {} printed:\n{}", self.name, self.output.dump());
        }
    }
}

impl Finished {
    fn new(status: ExitStatus, output: &Output) -> Self {
        let lines = output.lock();
        let of = |stream| lines.iter().filter(|(s, _)| *s == stream).map(|(_, line)| line.clone()).collect();
        Self { code: status.code(), signal: status.signal(), stdout: of(Stream::Stdout), stderr: of(Stream::Stderr) }
    }

    /// Checks the exit code.
    ///
    /// # Panics
    ///
    /// With all output, where it is another one.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "exit code (left) is not the expected one (right)\n{self}");
        self
    }
}

impl std::fmt::Display for Finished {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "exit code {:?}, signal {:?}", self.code, self.signal)?;
        for line in &self.stdout {
            writeln!(f, "out: {line}")?;
        }
        for line in &self.stderr {
            writeln!(f, "err: {line}")?;
        }
        Ok(())
    }
}

impl Output {
    /// Reads `pipe` to its end on a thread of its own.
    fn collect(output: &Arc<Self>, stream: Stream, pipe: impl Read + Send + 'static) -> JoinHandle<()> {
        let output = Arc::clone(output);
        std::thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            while pipe.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                let mut lines = output.lock();
                if lines.len() < LINES_MAX {
                    lines.push((stream, text));
                }
                output.more.notify_all();
                line.clear();
            }
        })
    }

    /// The lines after the first `seen` ones; waits for one, but no longer than `limit`.
    fn wait_beyond(&self, seen: usize, limit: Duration) -> Vec<String> {
        let lines = self.lock();
        let (lines, _) = self
            .more
            .wait_timeout_while(lines, limit, |lines| lines.len() <= seen)
            .expect("no thread panics while it holds the lines");
        lines.iter().skip(seen).map(|(_, line)| line.clone()).collect()
    }

    fn dump(&self) -> String {
        self.lock().iter().map(|(stream, line)| format!("{stream:?}: {line}\n")).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(Stream, String)>> {
        self.lines.lock().expect("no thread panics while it holds the lines")
    }
}

/// Waits until `condition` has an answer and returns it.
///
/// # Panics
///
/// Where it has none within `limit`.
#[track_caller]
pub fn wait_until<T>(what: &str, limit: Duration, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = condition() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {limit:?} for this in vain: {what}");
        std::thread::sleep(POLL);
    }
}

#[cfg(test)]
mod tests {
    use common::host::process::ProcessStat;

    use super::*;
    use crate::LIMIT;

    #[test]
    fn captures_both_streams_and_the_exit_code() {
        let finished = Builder::new("sh").args(["-c", "echo out; echo err >&2; exit 3"]).run(LIMIT).expect_code(3);
        assert_eq!((finished.stdout, finished.stderr), (vec!["out".to_owned()], vec!["err".to_owned()]));
    }

    #[test]
    fn waits_for_a_line_and_kills_what_it_started() {
        let mut process = Builder::new("sh").args(["-c", "sleep 600 & echo child $!; wait"]).spawn();
        let child: u32 =
            process.wait_for_line("the child's id", LIMIT, |line| line.strip_prefix("child ")?.parse().ok());
        drop(process);
        // Killed, it may stay in the table as a zombie until its new parent looks after it.
        wait_until("the grandchild's end", LIMIT, || {
            ProcessStat::of(child).is_none_or(|stat| stat.state == 'Z').then_some(())
        });
    }

    #[test]
    #[should_panic(expected = "ended before this came: a second line")]
    fn says_that_the_process_ended() {
        let mut process = Builder::new("echo").arg("first").spawn();
        process.wait_for_line("a second line", LIMIT, |line| (line == "second").then_some(()));
    }
}
