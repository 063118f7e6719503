//! A camera that looks at the receiver's window: what screen and camera add to the latency.
//!
//! When the camera took a picture, less the PUB in its corner code, less the receiver's latency of that frame, is the time between
//! the window and the picture: the window system, scan-out, the panel, the camera's exposure and, if its driver gives no time, the
//! way to this program.

use std::collections::HashMap;
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
use publisher::config::{Config, Source};
use publisher::event::Log;

use super::measured::{Frame, Measured};
use super::output::Output;
use super::rig::Rig;
use crate::exit::Error;

/// For the user to point the camera.
const WARMUP: Duration = Duration::from_secs(4);

/// How long the camera looks.
const LOOKS_FOR: Duration = Duration::from_secs(8);

/// How long one picture is waited for before the end is checked for.
const POLL: Duration = Duration::from_millis(100);

/// More pictures than any camera takes in that time.
const MAX_SIGHTINGS: usize = 10_000;

/// Asked of a camera: larger than the code needs, since the window does not fill the picture.
const CAMERA_SIZE: &str = "1280x720";

/// What a picture of the camera shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sighting {
    taken: WallTime,
    /// By the driver, not when it arrived.
    by_driver: bool,
    code: Option<Payload>,
}

/// A camera that takes pictures on a thread of its own, from the start: a pipe that nobody reads would hold old ones.
pub struct Observer {
    camera: String,
    ending: Arc<AtomicBool>,
    thread: JoinHandle<Result<Vec<Sighting>, capture::Error>>,
}

impl Observer {
    /// Opens the camera and starts to look.
    pub fn start(camera: &str) -> Result<Self, Error> {
        let config = config(camera)?;
        if std::env::var_os("DISPLAY").is_none_or(|display| display.is_empty()) {
            let why = "--optical needs a window, and there is no display (DISPLAY is not set)";
            return Err(Error::Failed(why.to_owned()));
        }
        let ending = Arc::new(AtomicBool::new(false));
        let (opened, name) = mpsc::channel();
        let ends = Arc::clone(&ending);
        let look = move || look(&config, &opened, &ends);
        let thread = thread::Builder::new().name("camera".to_owned()).spawn(look);
        let thread = thread.map_err(|error| format!("cannot start a thread: {error}"))?;
        match name.recv() {
            Ok(camera) => Ok(Self { camera, ending, thread }),
            Err(_) => Err(match join(thread) {
                Err(error) => Error::new(error.is_usage(), format!("--optical: {error}")),
                Ok(_) => Error::Failed("--optical: no picture from the camera".to_owned()),
            }),
        }
    }

    /// Shows the stream in a window, and compares what the camera saw with the receiver's report.
    pub fn measure(self, rig: &mut Rig, output: &Output, stopped: &Stop) -> Result<Optical, Error> {
        output.step("screen and camera: point the camera at the window, large and square on");
        let shown = rig.play(&[], (WARMUP, LOOKS_FOR), stopped, |_, _| ());
        self.ending.store(true, Ordering::Relaxed);
        let sightings = join(self.thread).map_err(|error| Error::Failed(format!("--optical: {error}")));
        let Measured { frames, .. } = shown?;
        Ok(evaluate(self.camera, &sightings?, &frames))
    }
}

fn join(thread: JoinHandle<Result<Vec<Sighting>, capture::Error>>) -> Result<Vec<Sighting>, capture::Error> {
    // A thread that panicked said so on standard error.
    thread.join().unwrap_or_else(|_| Ok(Vec::new()))
}

/// The camera as the publisher would open it.
fn config(camera: &str) -> Result<Config, Error> {
    let size: &[&str] = if camera == "-" { &[] } else { &["--size", CAMERA_SIZE] };
    let arguments = [&["publisher", "--source", camera], size].concat();
    let config = publisher::args::Args::try_parse_from(arguments).map(Config::resolve);
    match config {
        Ok(Ok(config)) if matches!(config.source, Source::Camera(_) | Source::Stdin) => Ok(config),
        _ => Err(Error::Usage(format!(
            "--optical {camera:?} is not a camera: write camera, camera:N, or - for y4m from a pipe"
        ))),
    }
}

/// Looks until `ending`, or the end of the pictures. Sends the camera's name when it is open.
fn look(config: &Config, opened: &Sender<String>, ending: &AtomicBool) -> Result<Vec<Sighting>, capture::Error> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let source = capture::open(config, &clock, &Stop::new(), Log::new(false))?;
    let mut source = source.expect("nobody asks to stop");
    let _ = opened.send(source.describe());
    let (mut reader, mut sightings) = (Reader::new(), Vec::new());
    while !ending.load(Ordering::Relaxed) && sightings.len() < MAX_SIGHTINGS {
        match source.next(POLL)? {
            Next::Frame(frame) => {
                let arrived = clock.now().wall;
                let captured = frame.captured.time();
                let (taken, by_driver) = (captured.unwrap_or(arrived), captured.is_some());
                sightings.push(Sighting { taken, by_driver, code: reader.read(frame.picture.luma()) });
                source.recycle(frame.picture);
            }
            Next::Nothing => {}
            Next::End => break,
        }
    }
    Ok(sightings)
}

/// Compares what was seen with what was shown. Only pictures taken while the receiver measured count, and only the first of each
/// frame: later ones show how long it stayed.
fn evaluate(camera: String, sightings: &[Sighting], frames: &[Frame]) -> Optical {
    let shown: HashMap<u32, &Frame> =
        frames.iter().map(|frame| ((frame.sequence % u64::from(SEQUENCE_MODULUS)) as u32, frame)).collect();
    let measured = frames.first().zip(frames.last());
    let while_shown = |sighting: &&Sighting| {
        let taken = sighting.taken.as_micros();
        measured.is_some_and(|(first, last)| (first.presented_us..=last.presented_us).contains(&taken))
    };
    let counted: Vec<&Sighting> = sightings.iter().filter(while_shown).collect();
    let mut seen = std::collections::HashSet::new();
    let behind_the_window = |sighting: &&Sighting| {
        let code = sighting.code?;
        let frame = shown.get(&code.sequence)?;
        // Another stream's code has another PUB.
        let ours = frame.stamp_us() == code.time.as_micros();
        let age_us = sighting.taken.micros_since(code.time);
        (ours && seen.insert(code.sequence)).then(|| ms(age_us - frame.latency_us))
    };
    let screen_and_camera = counted.iter().filter_map(behind_the_window).collect();
    Optical {
        camera,
        pictures: counted.len() as u64,
        unreadable: counted.iter().filter(|sighting| sighting.code.is_none()).count() as u64,
        screen_and_camera_ms: OpticalMs::of(screen_and_camera),
        driver_time: !counted.is_empty() && counted.iter().all(|sighting| sighting.by_driver),
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

    fn sighting(n: u32, age_us: i64) -> Sighting {
        let time = WallTime::from_micros(pub_us(n));
        let code = Some(Payload { stream_id: 0, sequence: n, time });
        Sighting { taken: time.offset(age_us), by_driver: false, code }
    }

    #[test]
    fn what_is_left_of_a_sightings_age_is_screen_and_camera() {
        let frames: Vec<Frame> = (0..10).map(frame).collect();
        let dark = Sighting { code: None, ..sighting(4, 12_000) };
        let foreign = Payload { stream_id: 0, sequence: 5, time: WallTime::from_micros(START) };
        let sightings = [
            sighting(0, 4_000),
            sighting(1, 12_000),
            sighting(1, 18_000),
            sighting(2, 9_000),
            sighting(3, 15_000),
            dark,
            Sighting { code: Some(foreign), ..sighting(5, 12_000) },
            sighting(9, 30_000),
        ];
        let found = evaluate("a camera".to_owned(), &sightings, &frames);
        assert_eq!((found.pictures, found.unreadable), (6, 1), "those before and after the run do not count");
        assert_eq!(found.screen_and_camera_ms, Some(OpticalMs { count: 3, min: 4.0, p50: 7.0, p99: 10.0 }));
    }

    #[test]
    fn nothing_shown_or_seen_is_nothing_found() {
        assert_eq!(evaluate(String::new(), &[sighting(1, 9_000)], &[]).screen_and_camera_ms, None);
        let none = evaluate(String::new(), &[], &[frame(1)]);
        assert_eq!((none.pictures, none.screen_and_camera_ms, none.driver_time), (0, None, false));
    }

    #[test]
    fn cameras_are_named_as_sources_are() {
        for text in ["-", "camera", "camera:3"] {
            assert!(config(text).is_ok(), "{text}");
        }
        for text in ["", "camera:", "camera:x", "test", "film.mp4"] {
            assert!(matches!(config(text), Err(Error::Usage(_))), "{text}");
        }
    }
}
