//! A camera that looks at the receiver's window: what screen and camera add to the latency.
//!
//! The age of what is seen is the time at which the camera took the picture, less the PUB in its corner code. Less the
//! receiver's own latency of the same frame, what is left lies behind the window and before the picture: the window system,
//! scan-out, the panel, the camera's exposure, and, where its driver gives no time, its way to this program.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use analyze::calibration::{Optical, OpticalMs};
use clap::Parser;
use common::clock::Clock;
use common::code::{Payload, Reader, SEQUENCE_MODULUS};
use common::host::Stop;
use common::host::SystemClock;
use common::time::WallTime;
use measure::units::ms;
use publisher::capture::{self, Next};
use publisher::config::Config;
use publisher::event::Log;

use super::Error;
use super::output::Output;
use super::play::{Frame, Played};
use super::rig::Rig;

/// For the user to point the camera.
const WARMUP: Duration = Duration::from_secs(4);

/// How long the camera looks.
const LOOKS_FOR: Duration = Duration::from_secs(8);

/// How long one picture is waited for before it is looked whether the end has come.
const PATIENCE: Duration = Duration::from_millis(100);

/// Pictures kept at most: more than any camera takes in that time.
const MAX_GLIMPSES: usize = 10_000;

/// What is asked of a camera: more samples than the code needs, since the window does not fill its picture.
const CAMERA_SIZE: &str = "1280x720";

/// Which camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Camera {
    /// The first.
    Any,
    /// `/dev/videoN`.
    Number(u32),
    /// y4m on standard input.
    Stdin,
}

impl FromStr for Camera {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "-" => Ok(Self::Stdin),
            "camera" => Ok(Self::Any),
            _ => {
                text.strip_prefix("camera:").and_then(|number| number.parse().ok()).map(Self::Number).ok_or_else(|| {
                    format!("{text:?} is not a camera: write camera, camera:N, or - for y4m from a pipe")
                })
            }
        }
    }
}

/// A picture that the camera took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Glimpse {
    taken: WallTime,
    /// By the driver, not when it arrived.
    by_driver: bool,
    code: Option<Payload>,
}

/// A camera that looks, on a thread of its own, from the start: a pipe that nobody reads would hold old pictures.
pub struct Looking {
    camera: String,
    ending: Arc<AtomicBool>,
    thread: JoinHandle<Result<Vec<Glimpse>, capture::Error>>,
}

impl Looking {
    /// Opens the camera and lets it look.
    pub fn start(camera: Camera) -> Result<Self, Error> {
        if std::env::var_os("DISPLAY").is_none_or(|display| display.is_empty()) {
            return Err(Error::Failed(
                "--optical needs a window, and there is no display (DISPLAY is not set)".to_owned(),
            ));
        }
        let config = config(camera)?;
        let ending = Arc::new(AtomicBool::new(false));
        let (opened, name) = mpsc::channel();
        let ends = Arc::clone(&ending);
        let look = move || look(&config, &opened, &ends);
        let thread = thread::Builder::new().name("camera".to_owned()).spawn(look);
        let thread = thread.map_err(|error| format!("cannot start a thread: {error}"))?;
        match name.recv() {
            Ok(camera) => Ok(Self { camera, ending, thread }),
            Err(_) => Err(match joined(thread) {
                Err(error) if error.is_usage() => Error::Usage(format!("--optical: {error}")),
                Err(error) => Error::Failed(format!("--optical: {error}")),
                Ok(_) => Error::Failed("--optical: no picture from the camera".to_owned()),
            }),
        }
    }

    /// Shows the stream in a window, and sets what was seen there against what the receiver says.
    pub fn measure(self, rig: &mut Rig, output: &Output, stopped: &Stop) -> Result<Optical, Error> {
        output.step("screen and camera: the camera must see the window, large and square on");
        let shown = rig.play(&[], (WARMUP, LOOKS_FOR), stopped, || (), |_| ());
        self.ending.store(true, Ordering::Relaxed);
        let glimpses = joined(self.thread).map_err(|error| Error::Failed(format!("--optical: {error}")));
        let Played { frames, .. } = shown?;
        Ok(evaluate(self.camera, &glimpses?, &frames))
    }
}

fn joined(thread: JoinHandle<Result<Vec<Glimpse>, capture::Error>>) -> Result<Vec<Glimpse>, capture::Error> {
    // A thread that panicked has said so on standard error, and has seen nothing.
    thread.join().unwrap_or_else(|_| Ok(Vec::new()))
}

/// The camera as the publisher would open it.
fn config(camera: Camera) -> Result<Config, Error> {
    let source = match camera {
        Camera::Any => "camera".to_owned(),
        Camera::Number(number) => format!("camera:{number}"),
        Camera::Stdin => "-".to_owned(),
    };
    let size: &[&str] = if camera == Camera::Stdin { &[] } else { &["--size", CAMERA_SIZE] };
    let arguments = [&["publisher", "--source", source.as_str()], size].concat();
    let args = publisher::args::Args::try_parse_from(arguments).map_err(|error| error.to_string())?;
    Config::resolve(args).map_err(|error| Error::Usage(format!("--optical: {error}")))
}

/// Looks until it is told to end, or the pictures do. Says the camera's name when it is open.
fn look(config: &Config, opened: &Sender<String>, ending: &AtomicBool) -> Result<Vec<Glimpse>, capture::Error> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let source = capture::open(config, &clock, &Stop::new(), Log::new(false))?;
    let mut source = source.expect("nobody asks to stop");
    // Where nobody waits any more the end comes soon.
    let _ = opened.send(source.describe());
    let (mut reader, mut glimpses) = (Reader::new(), Vec::new());
    while !ending.load(Ordering::Relaxed) && glimpses.len() < MAX_GLIMPSES {
        match source.next(PATIENCE)? {
            Next::Frame(frame) => {
                let arrived = clock.now().wall;
                let captured = frame.captured.time();
                let (taken, by_driver) = (captured.unwrap_or(arrived), captured.is_some());
                glimpses.push(Glimpse { taken, by_driver, code: reader.read(frame.picture.luma()) });
                source.recycle(frame.picture);
            }
            Next::Nothing => {}
            Next::End => break,
        }
    }
    Ok(glimpses)
}

/// Sets what was seen against what was shown. Only pictures taken while the receiver measured count, and of each frame the
/// first one: later ones show how long it stayed.
fn evaluate(camera: String, glimpses: &[Glimpse], frames: &[Frame]) -> Optical {
    let shown: HashMap<u32, &Frame> =
        frames.iter().map(|frame| ((frame.sequence % u64::from(SEQUENCE_MODULUS)) as u32, frame)).collect();
    let measured = frames.first().zip(frames.last());
    let while_shown = |glimpse: &&Glimpse| {
        let taken = glimpse.taken.as_micros();
        measured.is_some_and(|(first, last)| (first.presented_us..=last.presented_us).contains(&taken))
    };
    let counted: Vec<&Glimpse> = glimpses.iter().filter(while_shown).collect();
    let mut seen = std::collections::HashSet::new();
    let behind_the_window = |glimpse: &&Glimpse| {
        let code = glimpse.code?;
        let frame = shown.get(&code.sequence)?;
        // Another stream's code has another PUB.
        let ours = frame.stamp_us() == code.time.as_micros();
        let age_us = glimpse.taken.micros_since(code.time);
        (ours && seen.insert(code.sequence)).then(|| ms(age_us - frame.latency_us))
    };
    let screen_and_camera = counted.iter().filter_map(behind_the_window).collect();
    Optical {
        camera,
        pictures: counted.len() as u64,
        unreadable: counted.iter().filter(|glimpse| glimpse.code.is_none()).count() as u64,
        screen_and_camera_ms: OpticalMs::of(screen_and_camera),
        driver_time: !counted.is_empty() && counted.iter().all(|glimpse| glimpse.by_driver),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_700_000_000_000_000;

    /// Frame `n`, stamped at n × 20 ms and presented 5 ms later.
    fn frame(n: u32) -> Frame {
        Frame { sequence: n.into(), latency_us: 5_000, presented_us: pub_us(n) + 5_000, network_us: None }
    }

    fn pub_us(n: u32) -> i64 {
        START + i64::from(n) * 20_000
    }

    fn glimpse(n: u32, age_us: i64) -> Glimpse {
        let time = WallTime::from_micros(pub_us(n));
        let code = Some(Payload { stream_id: 0, sequence: n, time });
        Glimpse { taken: time.offset(age_us), by_driver: false, code }
    }

    #[test]
    fn what_is_left_of_a_glimpses_age_is_screen_and_camera() {
        let frames: Vec<Frame> = (0..10).map(frame).collect();
        let dark = Glimpse { code: None, ..glimpse(4, 12_000) };
        let foreign = Payload { stream_id: 0, sequence: 5, time: WallTime::from_micros(START) };
        let glimpses = [
            glimpse(0, 4_000),
            glimpse(1, 12_000),
            glimpse(1, 18_000),
            glimpse(2, 9_000),
            glimpse(3, 15_000),
            dark,
            Glimpse { code: Some(foreign), ..glimpse(5, 12_000) },
            glimpse(9, 30_000),
        ];
        let found = evaluate("a camera".to_owned(), &glimpses, &frames);
        assert_eq!((found.pictures, found.unreadable), (6, 1), "those before and after the run do not count");
        assert_eq!(found.screen_and_camera_ms, Some(OpticalMs { count: 3, min: 4.0, p50: 7.0, p99: 10.0 }));
    }

    #[test]
    fn nothing_shown_or_seen_is_nothing_found() {
        assert_eq!(evaluate(String::new(), &[glimpse(1, 9_000)], &[]).screen_and_camera_ms, None);
        let none = evaluate(String::new(), &[], &[frame(1)]);
        assert_eq!((none.pictures, none.screen_and_camera_ms, none.driver_time), (0, None, false));
    }

    #[test]
    fn cameras_are_named_as_sources_are() {
        for (text, camera) in [("-", Camera::Stdin), ("camera", Camera::Any), ("camera:3", Camera::Number(3))] {
            assert_eq!(text.parse(), Ok(camera));
            assert!(config(camera).is_ok(), "{text}");
        }
        for text in ["", "camera:", "camera:x", "test", "film.mp4"] {
            assert!(text.parse::<Camera>().is_err(), "{text}");
        }
    }
}
