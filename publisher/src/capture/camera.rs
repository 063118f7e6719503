//! The webcam: always the newest picture, in the mode nearest to the requested one, and recovery after a loss.
//!
//! A driver is a queue: a slow reader sees old pictures, and a reader may block forever once the camera is gone. So a
//! separate thread (`worker`) reads pictures as fast as they come, converts them, and leaves the newest one in a `slot`
//! with room for one; dropped pictures are counted. The pipeline's thread watches the times of pictures (`watch`):
//! silence or an error is reported within 2 s, and the thread keeps trying to reopen the camera. A thread that hangs in a
//! driver call is abandoned, a bounded number of times.
//!
//! # Drivers
//!
//! `v4l` is the default on Linux; `nokhwa` is what other systems have. In the camera VM of the tests (the kernel's `vivid`, and a
//! USB camera in software) both notice an unplugged camera at once. A camera that stops without being unplugged is reported as
//! lost, whatever the driver does: with `v4l` it is then reopened; nokhwa cannot be interrupted, so its thread is abandoned,
//! and the next one opens the camera when the first one releases it (15 s of silence: back 1.3 s after it resumed).
//! `docs/cameras.md` compares them.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use common::clock::Clock;
use common::frame::Picture;
use common::time::MonoTime;

use super::{Format, Next, Pace};
use crate::config::RequestedFormat;
use crate::event::Log;

mod choice;
mod driver;
mod error;
mod jpeg;
mod layout;
mod mode;
mod nokhwa;
mod running;
mod slot;
#[cfg(target_os = "linux")]
mod v4l2;
mod watch;
mod worker;

pub use choice::Choice;
use driver::{CameraInfo, Driver, Failure};
pub use error::Error;
pub use layout::Layout;

use mode::{Offer, TargetMode};
use running::Running;
use slot::{Event, Slot, Update};
use watch::Watch;
use worker::Worker;

/// A thread that has been silent for so long hangs in a driver call: none here may take more than 5 s.
const HUNG: Duration = Duration::from_secs(10);
/// Most threads that are abandoned.
const MAX_HUNG: u32 = 3;

/// A camera.
pub struct Source {
    driver: Arc<dyn Driver>,
    slot: Arc<Slot>,
    clock: Arc<dyn Clock>,
    log: Log,
    /// The number that the user named.
    number: u32,
    wanted: TargetMode,
    /// The camera as it was first started: size and rate of the stream.
    first: Running,
    watch: Watch,
    /// The last reported reason of a loss.
    last_reason: String,
    hung: u32,
}

/// The driver of that name: the one place that knows which there are.
fn driver(choice: Choice) -> Arc<dyn Driver> {
    match choice {
        #[cfg(target_os = "linux")]
        Choice::V4l => Arc::new(v4l2::V4l2),
        Choice::Nokhwa => Arc::new(nokhwa::Nokhwa::default()),
    }
}

/// The number of the first camera; one that is busy or forbidden counts, so that the user learns of it.
pub fn first(choice: Choice) -> Option<u32> {
    let driver = driver(choice);
    let usable = |camera: &CameraInfo| match driver.offers(camera.number, TargetMode::from(RequestedFormat::default()))
    {
        Ok(offers) => !offers.is_empty(),
        Err(error) => matches!(error, Error::Busy { .. } | Error::Denied { .. }),
    };
    driver.find().into_iter().find(usable).map(|camera| camera.number)
}

/// All cameras with formats, sizes and rates, for people.
pub fn list(choice: Choice) -> String {
    list_of(&*driver(choice))
}

fn list_of(driver: &dyn Driver) -> String {
    let mut text = String::new();
    let wanted = TargetMode::from(RequestedFormat::default());
    for CameraInfo { number, name } in driver.find() {
        let lines = match driver.offers(number, wanted) {
            // The second node of a USB camera.
            Ok(offers) if offers.is_empty() => continue,
            Ok(offers) => offers.iter().map(line).collect(),
            Err(error) => format!("    {error}\n"),
        };
        // Writing to a String cannot fail.
        let _ = write!(text, "camera:{number}  {name} (/dev/video{number})\n{lines}");
    }
    if text.is_empty() {
        text.push_str("no camera found: plug one in, or use the test pattern with --source test\n");
    }
    text
}

fn line(offer: &Offer) -> String {
    let rates: Vec<String> = offer.rates.iter().map(ToString::to_string).collect();
    format!("    {}  {:<11} at {} fps\n", offer.layout, offer.sizes.to_string(), rates.join(", "))
}

impl Source {
    /// Starts camera `number` through this driver in the mode nearest to `requested` (640x480 at 30 where it says nothing).
    ///
    /// # Errors
    /// [`Error`], with what to do about it, and [`super::Error::Start`] where there can be no thread.
    pub fn open(
        choice: Choice,
        number: u32,
        requested: RequestedFormat,
        clock: Arc<dyn Clock>,
        log: Log,
    ) -> Result<Self, super::Error> {
        Self::with(driver(choice), number, requested, clock, log)
    }

    fn with(
        driver: Arc<dyn Driver>,
        number: u32,
        requested: RequestedFormat,
        clock: Arc<dyn Clock>,
        log: Log,
    ) -> Result<Self, super::Error> {
        let (slot, wanted) = (Arc::new(Slot::new()), TargetMode::from(requested));
        start(&driver, &slot, &clock, number, wanted, None)?;
        let Some(started) = slot.wait_until_running(HUNG) else {
            slot.close();
            return Err(Error::Hung { number }.into());
        };
        let first = started?;
        let watch = Watch::new(first.mode.rate, clock.now().mono);
        Ok(Self { driver, slot, clock, log, number, wanted, first, watch, last_reason: String::new(), hung: 0 })
    }

    /// A picture came: the camera is back, where it was lost.
    fn frame_came(&mut self, now: MonoTime) {
        if let Some(away) = self.watch.frame(now) {
            let running = self.slot.running().unwrap_or_else(|| self.first.clone());
            let seconds = away.as_secs_f64();
            self.log
                .info("camera-back", &format!("{} is back after {seconds:.1} s: {}", running.label(), running.mode));
            self.last_reason.clear();
        }
    }

    /// The camera is lost; reports each reason once.
    fn lose(&mut self, now: MonoTime, why: String) {
        if self.watch.is_lost() && self.last_reason == why {
            return;
        }
        let label = self.slot.running().unwrap_or_else(|| self.first.clone()).label();
        self.log.warn(
            "camera-lost",
            &format!("{label} stopped giving pictures ({why}): the stream resumes when it is back"),
        );
        self.watch.lose(now);
        self.last_reason = why;
    }

    /// No picture came: checks for silence, and that the thread is alive.
    fn look_after(&mut self, now: MonoTime) -> Result<(), super::Error> {
        if self.watch.is_overdue(now) {
            let why = self.slot.trouble().unwrap_or_else(|| Failure::Silent.to_string());
            self.lose(now, why);
        }
        if now.saturating_since(self.slot.beat()) < HUNG {
            return Ok(());
        }
        if self.hung == MAX_HUNG {
            return Err(Error::Hung { number: self.number }.into());
        }
        self.hung += 1;
        let before = self.slot.running();
        start(&self.driver, &self.slot, &self.clock, self.number, self.wanted, before)
    }
}

/// Starts a capture thread in a new turn.
fn start(
    driver: &Arc<dyn Driver>,
    slot: &Arc<Slot>,
    clock: &Arc<dyn Clock>,
    number: u32,
    wanted: TargetMode,
    before: Option<Running>,
) -> Result<(), super::Error> {
    let turn = slot.begin(clock.now().mono);
    let (driver, slot, clock) = (driver.clone(), slot.clone(), clock.clone());
    let worker = Worker { driver, slot, turn, clock, number, wanted, before };
    let spawned = std::thread::Builder::new().name("camera".to_owned()).spawn(move || worker.run());
    spawned.map(drop).map_err(|why| super::Error::Start("the camera's thread", why))
}

impl Drop for Source {
    fn drop(&mut self) {
        self.slot.close();
    }
}

impl super::Source for Source {
    fn format(&self) -> Format {
        Format { size: self.first.mode.size, rate: self.first.mode.rate }
    }

    fn describe(&self) -> String {
        let Running { mode, .. } = &self.first;
        let nearest = match mode.is(self.wanted) {
            true => String::new(),
            false => format!(", nearest to the {} asked for", self.wanted),
        };
        format!("{}: {mode}{nearest}", self.first.label())
    }

    fn pace(&self) -> Pace {
        Pace::Live
    }

    fn next(&mut self, limit: Duration) -> Result<Next, super::Error> {
        let news = self.slot.take(limit);
        let now = self.clock.now().mono;
        match news {
            Update::Frame(frame) => {
                self.frame_came(now);
                return Ok(Next::Frame(frame));
            }
            Update::Event(Event::Refused(error)) => return Err(error.into()),
            Update::Event(Event::Lost(why)) => self.lose(now, why),
            Update::Nothing => {}
        }
        self.look_after(now)?;
        Ok(Next::Nothing)
    }

    fn recycle(&mut self, picture: Picture) {
        self.slot.recycle(picture);
    }

    fn dropped(&self) -> u64 {
        self.slot.dropped()
    }

    fn fault(&self) -> Option<super::Error> {
        let lost = || Error::Lost { number: self.number, why: self.last_reason.clone() };
        self.watch.is_lost().then(|| lost().into())
    }
}

impl Running {
    /// The camera's number and name.
    fn label(&self) -> String {
        format!("camera {} ({})", self.number, self.name)
    }
}

#[cfg(test)]
mod tests;
