//! What tests need beside the binaries under test. Something that is missing fails the test, by name.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::binary;

/// What installs everything that tests need.
const REMEDY: &str = "run `make test-tools`";

/// The path of program `name` on `PATH`.
///
/// # Panics
///
/// Where there is none.
pub fn tool(name: &str) -> PathBuf {
    find(name).unwrap_or_else(|| panic!("this test needs {name}, which is not on PATH: {REMEDY}"))
}

/// The path of program `name`, where `PATH` has it.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Checks that GStreamer has each of `elements`.
///
/// # Panics
///
/// Where it has not.
pub fn gstreamer_elements(elements: &[&str]) {
    for element in elements {
        let found = Command::new(tool("gst-inspect-1.0"))
            .args(["--exists", element])
            .stderr(Stdio::null())
            .status()
            .expect("gst-inspect-1.0 starts");
        assert!(found.success(), "this test needs GStreamer's {element}, which is not installed: {REMEDY}");
    }
}

/// Debian's own Python, which has GStreamer's bindings, or else the one on `PATH`.
pub fn python() -> PathBuf {
    let system = Path::new("/usr/bin/python3");
    if system.is_file() { system.to_owned() } else { tool("python3") }
}

/// A clip of real footage: `bigbuckbunny.mp4` (1280x720, 25 fps, 5.3 s), `bikes.mp4` (640x272, 25 fps, 10 s) or
/// `carphone_pristine.mp4` (176x144, 30 fps, 4 s).
///
/// # Panics
///
/// Where it has not been fetched.
pub fn footage(name: &str) -> PathBuf {
    let clip = binary::repository().join("footage").join(name);
    assert!(clip.is_file(), "no {}: run `scripts/footage.sh`", clip.display());
    clip
}

/// Something that `make test-tools` makes in the target folder.
///
/// # Panics
///
/// Where it has not been made.
pub fn made(path: &str) -> PathBuf {
    let made = binary::target_dir().join(path);
    assert!(made.exists(), "no {}: {REMEDY}", made.display());
    made
}

/// MediaMTX, the one peer that is optional: `$MEDIAMTX`, or `mediamtx` on `PATH`. Says so where there is none.
pub fn mediamtx() -> Option<PathBuf> {
    let found = framelag::mediamtx::find();
    if found.is_none() {
        // Not by `eprintln!`: the test runner keeps that to itself where a test passes, and nobody would see the gap.
        let _ = writeln!(std::io::stderr(), "MediaMTX was not tried: neither $MEDIAMTX nor PATH has one");
    }
    found
}
