//! `framelag doctor`: what is there, what is missing, and the command that installs it.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use framelag::mediamtx;
use publisher::capture::camera;
use serde::Serialize;

use crate::processes::sibling;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print one JSON object per check to standard output.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Finding {
    name: &'static str,
    state: State,
    detail: String,
    /// What to type or do if it is missing.
    fix: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    /// framelag works without it, but does less or is slower.
    Missing,
    /// framelag does not work without it.
    Broken,
}

/// Prints the findings. Exit code 1 if something is broken.
pub fn run(args: &Args) -> u8 {
    let findings = [
        ("binaries", State::Broken, binaries()),
        ("camera", State::Missing, camera()),
        ("display", State::Missing, display()),
        ("ffmpeg", State::Missing, ffmpeg()),
        ("openh264", State::Missing, openh264()),
        ("mediamtx", State::Missing, mediamtx()),
        ("clock", State::Missing, clock()),
    ];
    let findings = findings.map(|(name, otherwise, check)| match check {
        Ok(detail) => Finding { name, state: State::Ok, detail, fix: None },
        Err((detail, fix)) => Finding { name, state: otherwise, detail, fix: Some(fix) },
    });
    for finding in &findings {
        print(finding, args.json);
    }
    u8::from(findings.iter().any(|finding| finding.state == State::Broken))
}

fn print(finding: &Finding, json: bool) {
    if json {
        return println!("{}", serde_json::json!(finding));
    }
    let Finding { name, state, detail, fix } = finding;
    let state = match state {
        State::Ok => "ok",
        State::Missing => "missing",
        State::Broken => "broken",
    };
    println!("{state:<8} {name:<9} {detail}");
    if let Some(fix) = fix {
        println!("{:18} → {fix}", "");
    }
}

/// What is installed; the error is what is missing, and the fix.
type Check = Result<String, (String, &'static str)>;

fn missing(detail: impl Into<String>, fix: &'static str) -> Check {
    Err((detail.into(), fix))
}

fn binaries() -> Check {
    match sibling("publisher").and_then(|_| sibling("receiver")) {
        Ok(_) => Ok(format!("framelag, publisher and receiver {}", env!("CARGO_PKG_VERSION"))),
        Err(detail) => missing(detail, "cargo build --release --workspace"),
    }
}

fn camera() -> Check {
    match camera::first(camera::Choice::default()) {
        Some(index) => Ok(format!("number {index}; `publisher --list-cameras` lists its formats")),
        None => missing("none found; the publisher shows a test pattern", "plug in a webcam, or use --source FILE"),
    }
}

fn display() -> Check {
    let fix = "run in a desktop session, or `xvfb-run receiver …`, or use `receiver --headless`";
    match env::var("DISPLAY") {
        Ok(name) if !name.is_empty() => match x11_socket(&name) {
            Some(socket) if !socket.exists() => {
                missing(format!("DISPLAY is {name}, but {} does not exist", socket.display()), fix)
            }
            _ => Ok(format!("DISPLAY is {name}")),
        },
        _ => missing("DISPLAY is not set; the receiver runs headless", fix),
    }
}

/// The socket of a local display such as `:0` or `:1.0`; `None` for a remote one.
fn x11_socket(display: &str) -> Option<PathBuf> {
    let number = display.strip_prefix(':')?.split('.').next()?;
    Some(Path::new("/tmp/.X11-unix").join(format!("X{number}")))
}

fn ffmpeg() -> Check {
    match first_line("ffmpeg", &["-version"]) {
        Some(line) => Ok(line),
        None => missing("not on PATH; only y4m and raw files can be published", "apt-get install ffmpeg"),
    }
}

/// Whether the openh264 inside this executable was assembled with nasm: its SIMD routines then have symbols.
fn openh264() -> Check {
    let fix = "apt-get install nasm && cargo clean --release -p openh264-sys2 && cargo build --release --workspace";
    let read = |name| sibling(name).ok().and_then(|path| fs::read(path).ok());
    let has = |bytes: &[u8], symbol: &str| bytes.windows(symbol.len()).any(|window| window == symbol.as_bytes());
    match read("publisher") {
        Some(bytes) if has(&bytes, "WelsSampleSad16x16_sse2") => Ok("built with nasm (SIMD)".to_owned()),
        Some(bytes) if cfg!(target_arch = "x86_64") && has(&bytes, "WelsCreateSVCEncoder") => {
            missing("built without nasm: encoding takes 2 to 3 times as long", fix)
        }
        Some(_) => Ok("built in; cannot tell whether this build has SIMD".to_owned()),
        None => missing("the publisher's executable cannot be read", "cargo build --release --workspace"),
    }
}

fn mediamtx() -> Check {
    match mediamtx::find() {
        Some(path) => Ok(path.display().to_string()),
        None => missing(
            "neither on PATH nor in $MEDIAMTX; the embedded server is used",
            "put mediamtx on PATH to measure through it: https://mediamtx.org",
        ),
    }
}

/// Matters only between two hosts: on one host both ends read the same clock.
fn clock() -> Check {
    let fix = "timedatectl set-ntp true   (or install chrony)";
    let timesyncd = Path::new("/run/systemd/timesync/synchronized");
    if timesyncd.exists() {
        return Ok("synchronised by systemd-timesyncd".to_owned());
    }
    if let Some(line) = first_line("chronyc", &["-c", "tracking"]) {
        return match chrony_offset(&line) {
            Some(offset) => Ok(format!("synchronised by chrony, {offset} s off")),
            None => missing("chrony runs but is not synchronised (yet)", "chronyc sources"),
        };
    }
    match first_line("timedatectl", &["show", "--property=NTPSynchronized", "--value"]).as_deref() {
        Some("yes") => Ok("synchronised, according to timedatectl".to_owned()),
        Some("no") => missing("not synchronised; latencies between two hosts would be wrong", fix),
        _ => missing("no time service found; latencies between two hosts would be wrong", fix),
    }
}

/// The system clock's offset in seconds out of a `chronyc -c tracking` line; `None` where its last field, the leap
/// status, says that the clock is not synchronised. Fields: chrony's `client.c`, in the order of the long report.
fn chrony_offset(line: &str) -> Option<&str> {
    let fields: Vec<&str> = line.split(',').collect();
    (*fields.last()? != "Not synchronised").then(|| fields.get(4).copied()).flatten()
}

/// The first line that a successful `program args…` prints.
fn first_line(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().next().map(|line| line.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_displays_have_a_socket_and_remote_ones_do_not() {
        assert_eq!(x11_socket(":1.0"), Some(PathBuf::from("/tmp/.X11-unix/X1")));
        assert_eq!(x11_socket("host:0"), None);
    }

    #[test]
    fn chrony_tells_its_offset_only_when_it_is_synchronised() {
        let line = |leap| {
            format!("C0A80101,ntp.example,3,1763722800.1,-0.000012,0.00001,0.0001,1.2,0.0,0.1,0.02,0.001,64.2,{leap}")
        };
        assert_eq!(chrony_offset(&line("Normal")), Some("-0.000012"));
        assert_eq!(chrony_offset(&line("Not synchronised")), None);
        assert_eq!(chrony_offset(""), None);
    }

    #[test]
    fn first_line_is_trimmed_and_absent_for_failures() {
        assert_eq!(first_line("sh", &["-c", "echo ' one '; echo two"]).as_deref(), Some("one"));
        assert_eq!(first_line("sh", &["-c", "echo one; exit 1"]), None);
        assert_eq!(first_line("framelag-no-such-program", &[]), None);
    }
}
