//! The browser process: started headless with an empty profile, and killed with its whole process group.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::host::parent_death;
use common::printable::excerpt;
use rustix::process::{Pid, Signal, geteuid, kill_process_group};
use tempfile::TempDir;

/// Time to exit after SIGTERM before it is killed.
const GRACE: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(20);

/// File in the profile with the browser's standard error.
const SAID: &str = "stderr";
/// Bytes of it that are looked at.
const SAID_MAX: u64 = 4 << 10;
/// Most characters of a line that are shown.
const LINE_MAX: usize = 200;

/// Chromium flags: autoplay, no screen, and no background network traffic.
const CHROMIUM: [&str; 10] = [
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
];

/// The equivalent Firefox preferences.
const FIREFOX: &str = "\
user_pref(\"media.autoplay.default\", 0);
user_pref(\"media.autoplay.blocking_policy\", 0);
user_pref(\"app.update.enabled\", false);
user_pref(\"browser.shell.checkDefaultBrowser\", false);
user_pref(\"browser.startup.homepage_override.mstone\", \"ignore\");
user_pref(\"datareporting.policy.dataSubmissionEnabled\", false);
user_pref(\"network.captive-portal-service.enabled\", false);
user_pref(\"network.connectivity-service.enabled\", false);
user_pref(\"toolkit.telemetry.reportingpolicy.firstRun\", false);
";

/// The browser to use: `chromium`, `firefox`, a path, or `none` if the user opens the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Chromium or a browser based on it.
    Chromium,
    /// Firefox.
    Firefox,
    /// Path of an executable of either.
    Path(PathBuf),
    /// The user opens the page by hand.
    None,
}

impl Choice {
    /// Parses a typed value.
    ///
    /// # Errors
    /// Fails if it is neither a name nor a path.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "chromium" => Ok(Self::Chromium),
            "firefox" => Ok(Self::Firefox),
            "none" => Ok(Self::None),
            path if path.contains('/') || Path::new(path).is_file() => Ok(Self::Path(path.into())),
            _ => Err("use chromium, firefox, none, or a path such as /usr/bin/chromium".to_owned()),
        }
    }

    fn names(&self) -> &'static [&'static str] {
        match self {
            Self::Chromium => &["chromium", "chromium-browser", "google-chrome"],
            Self::Firefox => &["firefox", "firefox-esr"],
            Self::Path(_) | Self::None => &[],
        }
    }

    fn executable(&self) -> Option<PathBuf> {
        if let Self::Path(path) = self {
            return path.is_file().then(|| path.clone());
        }
        let folders = std::env::var_os("PATH")?;
        let find =
            |name: &&str| std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|file| file.is_file());
        self.names().iter().find_map(find)
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chromium => f.write_str("chromium"),
            Self::Firefox => f.write_str("firefox"),
            Self::Path(path) => path.display().fmt(f),
            Self::None => f.write_str("none"),
        }
    }
}

/// Why the browser does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not installed.
    #[error(
        "--browser {choice}: {}; --browser PATH names another, and --browser none prints a URL to open by hand",
        missing(choice)
    )]
    Missing {
        /// What was requested.
        choice: Choice,
    },
    /// It does not start.
    #[error("cannot start {}: {why}", program.display())]
    Start {
        /// The executable.
        program: PathBuf,
        /// The system's error.
        why: io::Error,
    },
    /// The profile folder cannot be created.
    #[error("cannot create a profile for the browser: {0}")]
    Profile(io::Error),
}

fn missing(choice: &Choice) -> String {
    match choice.names() {
        [] => "there is no such file".to_owned(),
        names => format!("no {} on PATH", names.join(", ")),
    }
}

/// A running browser, killed on drop.
#[derive(Debug)]
pub(super) struct Browser {
    child: Child,
    profile: Option<TempDir>,
}

impl Browser {
    /// Opens `page`; returns `None` if the user opens it.
    pub(super) fn open(choice: &Choice, page: &str) -> Result<Option<Self>, Error> {
        if *choice == Choice::None {
            return Ok(None);
        }
        let program = choice.executable().ok_or_else(|| Error::Missing { choice: choice.clone() })?;
        let profile = tempfile::Builder::new().prefix("framelag-browser-").tempdir().map_err(Error::Profile)?;
        let mut command = parent_death::command(&program);
        arguments(&mut command, &program, profile.path()).map_err(Error::Profile)?;
        let said = File::create(profile.path().join(SAID)).map_err(Error::Profile)?;
        command.arg(page).stdin(Stdio::null()).stdout(Stdio::null()).stderr(said);
        // Redirect what a browser keeps outside its profile, too. Use its own process group, so that Ctrl-C reaches
        // only the receiver.
        command.env("HOME", profile.path()).env("TMPDIR", profile.path()).process_group(0);
        let child = command.spawn().map_err(|why| Error::Start { program, why })?;
        Ok(Some(Self { child, profile: Some(profile) }))
    }

    /// Returns how the browser exited, if it did, and what it said last unless somebody else ended it.
    pub(super) fn has_ended(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok().flatten()?;
        if [Signal::KILL, Signal::TERM, Signal::INT].iter().any(|signal| status.signal() == Some(signal.as_raw())) {
            return Some(status.to_string());
        }
        let said = self.profile.as_ref().and_then(|profile| last_line(&profile.path().join(SAID)));
        Some(said.map_or(status.to_string(), |said| format!("{status}: {said}")))
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = Pid::from_raw(self.child.id().cast_signed()) {
            // The process group has already exited.
            let _ = kill_process_group(group, signal);
        }
    }
}

/// The last line of a file that is not empty.
fn last_line(file: &Path) -> Option<String> {
    let mut file = File::open(file).ok()?;
    let start = file.metadata().ok()?.len().saturating_sub(SAID_MAX);
    file.seek(SeekFrom::Start(start)).ok()?;
    let mut text = Vec::new();
    file.take(SAID_MAX).read_to_end(&mut text).ok()?;
    let text = String::from_utf8_lossy(&text);
    text.lines().rfind(|line| !line.trim().is_empty()).map(|line| excerpt(line.trim(), LINE_MAX))
}

fn arguments(command: &mut Command, program: &Path, profile: &Path) -> io::Result<()> {
    let name = program.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    if name.contains("firefox") {
        std::fs::write(profile.join("user.js"), FIREFOX)?;
        command.args(["--headless", "--no-remote", "--profile"]).arg(profile);
    } else {
        command.args(CHROMIUM).args(sandbox(geteuid().is_root())).arg(format!("--user-data-dir={}", profile.display()));
    }
    Ok(())
}

/// Chromium refuses to run as root inside its sandbox.
const fn sandbox(is_root: bool) -> &'static [&'static str] {
    if is_root { &["--no-sandbox"] } else { &[] }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.signal(Signal::TERM);
        let until = Instant::now() + GRACE;
        while self.has_ended().is_none() && Instant::now() < until {
            std::thread::sleep(POLL);
        }
        self.signal(Signal::KILL);
        let _ = self.child.wait();
        // Its child processes may keep writing for a moment.
        let profile = self.profile.take().map(TempDir::keep);
        let until = Instant::now() + GRACE;
        while let Some(profile) = &profile
            && std::fs::remove_dir_all(profile).is_err()
            && profile.exists()
            && Instant::now() < until
        {
            std::thread::sleep(POLL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_root_does_without_the_sandbox() {
        assert!(CHROMIUM.iter().chain(sandbox(false)).all(|flag| !flag.contains("sandbox")));
        assert_eq!(sandbox(true), ["--no-sandbox"]);
    }

    #[test]
    fn what_is_no_name_is_a_path_and_one_that_is_missing_is_named() {
        assert_eq!(Choice::parse("firefox"), Ok(Choice::Firefox));
        assert!(Choice::parse("opera").expect_err("it is no path").contains("or a path"));
        let choice = Choice::parse("/nowhere/chromium").expect("it is a path");
        let error = Browser::open(&choice, "http://h/").expect_err("it is missing").to_string();
        assert!(error.contains("--browser /nowhere/chromium: there is no such file"), "{error}");
        assert!(Browser::open(&Choice::None, "http://h/").expect("nothing to do").is_none());
    }
}
