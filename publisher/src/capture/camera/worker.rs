//! The capture thread: opens the camera, reads it, converts its pictures, and gets it back when it is lost.

use std::sync::Arc;
use std::time::Duration;

use common::clock::Clock;
use common::frame::{Picture, Size};

use super::driver::{Age, CameraInfo, Driver, Raw, Stream};
use super::layout::Layout;
use super::mode::{Mode, TargetMode};
use super::running::Running;
use super::slot::{Event, Slot, Turn};
use super::watch;
use super::{Error, jpeg};
use crate::capture::{Captured, Frame, convert};

/// Time from one attempt to get a camera back to the next.
const RETRY: Duration = Duration::from_millis(250);

/// What one capture thread works with.
pub struct Worker {
    /// Reaches cameras.
    pub driver: Arc<dyn Driver>,
    /// Takes pictures and events.
    pub slot: Arc<Slot>,
    /// This thread's turn.
    pub turn: Turn,
    /// Times of pictures.
    pub clock: Arc<dyn Clock>,
    /// The camera's number, as the user named it.
    pub number: u32,
    /// What the user asked for.
    pub wanted: TargetMode,
    /// The camera as it was, where it is to be got back: same name, same size.
    pub before: Option<Running>,
}

impl Worker {
    /// Works until the turn ends, or the camera is refused.
    pub fn run(mut self) {
        let mut jpeg = jpeg::Decoder::new();
        while self.is_turn() {
            match self.open() {
                Ok((running, stream)) => {
                    self.before = Some(running.clone());
                    if !self.slot.set_running(self.turn, running) {
                        return;
                    }
                    self.read(stream, &mut jpeg);
                }
                // Pulled out: said when its pictures stopped.
                Err(Error::Missing { .. }) if self.before.is_some() => {}
                Err(error) if self.before.is_none() || matches!(error, Error::OtherSize { .. }) => {
                    return self.slot.tell(self.turn, Event::Refused(error));
                }
                Err(error) => self.slot.tell(self.turn, Event::Lost(error.to_string())),
            }
            self.slot.sleep(self.turn, RETRY);
        }
    }

    fn is_turn(&self) -> bool {
        self.slot.is_turn(self.turn, self.clock.now().mono)
    }

    /// Opens the camera; the one that was lost, wherever it is now.
    fn open(&self) -> Result<(Running, Box<dyn Stream>), Error> {
        let found = self.driver.find();
        let Some(before) = &self.before else {
            let stream = self.driver.open(self.number, self.wanted)?;
            return Ok((running(&found, self.number, stream.mode()), stream));
        };
        let wanted = TargetMode { size: before.mode.size, ..self.wanted };
        let mut refusal = Error::Missing { number: before.number };
        for number in candidates(&found, before) {
            match self.driver.open(number, wanted) {
                Ok(stream) if stream.mode().size == wanted.size => {
                    return Ok((running(&found, number, stream.mode()), stream));
                }
                Ok(stream) => {
                    let found = stream.mode().size;
                    refusal = Error::OtherSize { number, found, expected: wanted.size };
                }
                // The second node of a USB camera has its name and no pictures.
                Err(Error::NoMode { .. }) => {}
                Err(error) => refusal = error,
            }
        }
        Err(refusal)
    }

    /// Reads pictures until there are no more.
    fn read(&self, mut stream: Box<dyn Stream>, jpeg: &mut jpeg::Decoder) {
        let mode = stream.mode();
        let mut limit = watch::FIRST;
        while self.is_turn() {
            let read = stream.read(limit, &mut |raw| self.take(mode, &raw, jpeg));
            if let Err(failure) = read {
                return self.slot.tell(self.turn, Event::Lost(failure.to_string()));
            }
            limit = watch::longest_silence(mode.rate);
        }
    }

    fn take(&self, mode: Mode, raw: &Raw<'_>, jpeg: &mut jpeg::Decoder) {
        let now = self.clock.now();
        let captured = match raw.age {
            Age::Unknown => Captured::Unknown,
            Age::Known(age) => Captured::At(now.wall.offset(-i64::try_from(age.as_micros()).unwrap_or(i64::MAX))),
            Age::Implausible => Captured::Implausible,
        };
        let mut picture = self.slot.spare(mode.size);
        match to_i420(mode, raw, &mut picture, jpeg) {
            Ok(()) => self.slot.put(self.turn, Frame { picture, captured }, raw.skipped),
            Err(why) => {
                tracing::debug!("picture of camera {} left out: {why}", self.number);
                self.slot.recycle(picture);
                self.slot.put_nothing(self.turn, why, raw.skipped);
            }
        }
    }
}

fn running(found: &[CameraInfo], number: u32, mode: Mode) -> Running {
    let name = found.iter().find(|camera| camera.number == number).map(|camera| camera.name.clone());
    Running { number, name: name.unwrap_or_default(), mode }
}

/// Where the camera that was lost may be: first at its number under its name, then elsewhere under its name, and last
/// at its number under another name.
fn candidates(found: &[CameraInfo], before: &Running) -> Vec<u32> {
    let rank = |camera: &&CameraInfo| match (camera.name == before.name, camera.number == before.number) {
        (true, true) => 0,
        (true, false) => 1,
        _ => 2,
    };
    let fits = |camera: &&CameraInfo| camera.name == before.name || camera.number == before.number;
    let mut fitting: Vec<&CameraInfo> = found.iter().filter(fits).collect();
    fitting.sort_by_key(rank);
    fitting.into_iter().map(|camera| camera.number).collect()
}

/// Converts one picture, or says why it cannot be shown.
fn to_i420(mode: Mode, raw: &Raw<'_>, picture: &mut Picture, jpeg: &mut jpeg::Decoder) -> Result<(), String> {
    if mode.layout == Layout::Mjpeg {
        return jpeg.decode(raw.bytes, picture).map_err(|why| format!("its JPEG is not usable: {why}"));
    }
    // Some drivers leave the stride at 0 for rows without padding.
    let stride = if raw.stride == 0 { row_bytes(mode.layout, mode.size) } else { raw.stride };
    let needed = least_bytes(mode, stride);
    if raw.bytes.len() < needed {
        return Err(format!("its picture is cut: {} of {needed} bytes", raw.bytes.len()));
    }
    let convert = match mode.layout {
        Layout::Nv12 => convert::nv12,
        Layout::I420 => convert::i420,
        Layout::Yuyv => convert::yuyv,
        Layout::Uyvy => convert::uyvy,
        Layout::Rgb => convert::rgb,
        Layout::Bgr => convert::bgr,
        Layout::Grey | Layout::Mjpeg => convert::grey,
    };
    convert(raw.bytes, stride, picture);
    Ok(())
}

/// Bytes of a row (of the first plane) without padding.
fn row_bytes(layout: Layout, size: Size) -> usize {
    let width = size.width as usize;
    match layout {
        Layout::Nv12 | Layout::I420 | Layout::Grey | Layout::Mjpeg => width,
        Layout::Yuyv | Layout::Uyvy => 2 * width,
        Layout::Rgb | Layout::Bgr => 3 * width,
    }
}

/// The fewest bytes of a whole picture.
fn least_bytes(mode: Mode, stride: usize) -> usize {
    let luma = stride * mode.size.height as usize;
    match mode.layout {
        Layout::Nv12 | Layout::I420 => luma + luma / 2,
        _ => luma,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate::FrameRate;

    fn mode(layout: Layout) -> Mode {
        Mode { layout, size: Size::new(4, 2), rate: FrameRate::THIRTY }
    }

    #[test]
    fn a_camera_is_looked_for_by_number_and_name_then_by_either() {
        let camera = |number, name: &str| CameraInfo { number, name: name.to_owned() };
        let before = Running { number: 2, name: "webcam".to_owned(), mode: mode(Layout::Yuyv) };
        let found = [camera(0, "built in"), camera(2, "other"), camera(3, "webcam"), camera(4, "webcam")];
        assert_eq!(candidates(&found, &before), [3, 4, 2]);
        let same = [camera(1, "webcam"), camera(2, "webcam")];
        assert_eq!(candidates(&same, &before), [2, 1]);
        assert!(candidates(&[camera(0, "built in")], &before).is_empty());
    }

    #[test]
    fn cut_pictures_are_refused_and_whole_ones_taken_in_every_layout() {
        let mut jpeg = jpeg::Decoder::new();
        for layout in Layout::ALL.into_iter().filter(|&layout| layout != Layout::Mjpeg) {
            let mode = mode(layout);
            let whole = least_bytes(mode, row_bytes(layout, mode.size));
            let bytes = vec![100; whole];
            let mut picture = Picture::black(mode.size);
            let raw = |bytes| Raw { bytes, stride: 0, age: Age::Unknown, skipped: 0 };
            let error = to_i420(mode, &raw(&bytes[1..]), &mut picture, &mut jpeg).expect_err("cut");
            assert!(error.contains(&format!("{} of {whole}", whole - 1)), "{error}");
            assert_eq!(picture, Picture::black(mode.size), "{layout}");
            to_i420(mode, &raw(&bytes), &mut picture, &mut jpeg).expect("whole");
            assert_ne!(picture, Picture::black(mode.size), "{layout}");
        }
        let raw = Raw { bytes: b"no JPEG", stride: 0, age: Age::Unknown, skipped: 0 };
        assert!(to_i420(mode(Layout::Mjpeg), &raw, &mut Picture::black(Size::new(4, 2)), &mut jpeg).is_err());
    }
}
