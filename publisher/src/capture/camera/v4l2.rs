//! Cameras of Linux (Video4Linux, version 2). The only file that knows the `v4l` crate.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use common::frame::Size;
use rustix::time::{ClockId, clock_gettime};
use v4l::buffer::{Flags, Metadata, Type};
use v4l::frameinterval::FrameIntervalEnum;
use v4l::framesize::FrameSizeEnum;
use v4l::io::traits::{CaptureStream as _, Stream as _};
use v4l::prelude::{Device, MmapStream};
use v4l::video::Capture as _;
use v4l::video::capture::Parameters;
use v4l::{Format, FourCC, Fraction};

use super::Error;
use super::driver::{self, Age, CameraInfo, Failure, Raw};
use super::layout::Layout;
use super::mode::{self, Mode, Offer, Rates, Sizes, TargetMode};
use crate::config::can_be_encoded;
use crate::rate::FrameRate;

/// Where the kernel lists video devices.
const DEVICES: &str = "/sys/class/video4linux";
/// Buffers asked of the driver: one is read, one is filled, and two more bear a short stall of this program.
const BUFFERS: u32 = 4;
/// Older capture times are not believed: the driver holds at most [`BUFFERS`] pictures.
const MAX_AGE: Duration = Duration::from_secs(10);
/// Entries of a camera's list that are looked at; a driver that lists without end is not to hang the program.
const MAX_OFFERS: usize = 1000;
/// `POLLIN` of poll(2).
const POLLIN: i16 = 1;

/// The kernel's cameras.
pub struct V4l2;

impl driver::Driver for V4l2 {
    fn find(&self) -> Vec<CameraInfo> {
        let entries = std::fs::read_dir(DEVICES).into_iter().flatten().flatten();
        let mut cameras: Vec<CameraInfo> = entries
            .filter_map(|entry| {
                let number = entry.file_name().to_str()?.strip_prefix("video")?.parse().ok()?;
                Some(CameraInfo { number, name: name(number)? })
            })
            .collect();
        cameras.sort_by_key(|camera| camera.number);
        cameras
    }

    fn offers(&self, number: u32, wanted: TargetMode) -> Result<Vec<Offer>, Error> {
        Ok(offers(&open_device(number)?, wanted))
    }

    fn open(&self, number: u32, wanted: TargetMode) -> Result<Box<dyn driver::Stream>, Error> {
        let device = open_device(number)?;
        let offers = offers(&device, wanted);
        let chosen = mode::choose(&offers, wanted).ok_or(Error::NoMode { number })?;
        let stream = Stream::start(&device, chosen).map_err(|why| refusal(number, why))?;
        match (can_be_encoded(stream.mode.size), stream.mode.layout == chosen.layout) {
            (true, true) => Ok(Box::new(stream)),
            _ => Err(Error::NoMode { number }),
        }
    }
}

fn open_device(number: u32) -> Result<Device, Error> {
    Device::new(number as usize).map_err(|why| refusal(number, why))
}

fn name(number: u32) -> Option<String> {
    let file: PathBuf = [DEVICES, &format!("video{number}"), "name"].iter().collect();
    let text = std::fs::read(file).ok()?;
    Some(String::from_utf8_lossy(&text).trim().to_owned())
}

/// What the system's refusal means for the user.
fn refusal(number: u32, why: io::Error) -> Error {
    Error::of_system(number, why.raw_os_error(), why.to_string())
}

/// What `device` can do in the layouts that are read here.
fn offers(device: &Device, wanted: TargetMode) -> Vec<Offer> {
    let formats = device.enum_formats().unwrap_or_default();
    let layouts = formats.iter().filter_map(|format| Layout::from_fourcc(format.fourcc.repr));
    let sizes = layouts.flat_map(|layout| sizes(device, layout).into_iter().map(move |sizes| (layout, sizes)));
    let offer = |(layout, sizes): (Layout, Sizes)| {
        let rates = rates(device, layout, sizes.nearest(wanted.size));
        Offer { layout, sizes, rates }
    };
    sizes.take(MAX_OFFERS).map(offer).collect()
}

fn sizes(device: &Device, layout: Layout) -> Vec<Sizes> {
    let listed = device.enum_framesizes(FourCC::new(&layout.fourcc())).unwrap_or_default();
    listed
        .into_iter()
        .map(|entry| match entry.size {
            FrameSizeEnum::Discrete(size) => Sizes::One(Size::new(size.width, size.height)),
            FrameSizeEnum::Stepwise(steps) => Sizes::Steps {
                min: Size::new(steps.min_width, steps.min_height),
                max: Size::new(steps.max_width, steps.max_height),
                step: Size::new(steps.step_width, steps.step_height),
            },
        })
        .collect()
}

/// The rates of `size`. A camera that lists none is taken at its own rate, which is read back when it is opened.
fn rates(device: &Device, layout: Layout, size: Size) -> Vec<Rates> {
    let listed = device.enum_frameintervals(FourCC::new(&layout.fourcc()), size.width, size.height).unwrap_or_default();
    let rates: Vec<Rates> = listed
        .into_iter()
        .filter_map(|entry| match entry.interval {
            FrameIntervalEnum::Discrete(interval) => Some(Rates::One(rate(interval)?)),
            // The longest interval is the slowest rate.
            FrameIntervalEnum::Stepwise(steps) => Some(Rates::Between(rate(steps.max)?, rate(steps.min)?)),
        })
        .collect();
    if rates.is_empty() { vec![Rates::One(FrameRate::THIRTY)] } else { rates }
}

/// The rate of pictures that lie `interval` seconds apart.
fn rate(interval: Fraction) -> Option<FrameRate> {
    FrameRate::new(interval.denominator.into(), interval.numerator.into()).ok()
}

/// A running stream of mapped buffers.
struct Stream {
    inner: MmapStream<'static>,
    mode: Mode,
    /// Bytes from one row to the next.
    stride: usize,
    /// The driver's number of the last picture.
    sequence: Option<u32>,
}

impl Stream {
    fn start(device: &Device, mode: Mode) -> io::Result<Self> {
        let asked = Format::new(mode.size.width, mode.size.height, FourCC::new(&mode.layout.fourcc()));
        let format = device.set_format(&asked)?;
        let interval = Fraction::new(mode.rate.denominator(), mode.rate.numerator());
        // Fixed-rate cameras may reject S_PARM, and some G_PARM too.
        let told = device.set_params(&Parameters::new(interval)).or_else(|_| device.params());
        let rate = told.ok().and_then(|told| rate(told.interval)).unwrap_or(mode.rate);
        let layout = Layout::from_fourcc(format.fourcc.repr).unwrap_or(mode.layout);

        let mut inner = MmapStream::with_buffers(device, Type::VideoCapture, BUFFERS)?;
        // Buffer 0 counts as read already: the first `next` gives it to the driver.
        for index in 1..BUFFERS as usize {
            inner.queue(index)?;
        }
        inner.start()?;
        let size = Size::new(format.width, format.height);
        Ok(Self { inner, mode: Mode { layout, size, rate }, stride: format.stride as usize, sequence: None })
    }

    /// Whether the driver has a picture, or an error to tell of, within `limit`.
    fn is_ready(&self, limit: Duration) -> io::Result<bool> {
        let millis = i32::try_from(limit.as_millis()).unwrap_or(i32::MAX);
        match self.inner.handle().poll(POLLIN, millis) {
            Ok(ready) => Ok(ready > 0),
            // A signal: the caller's next wait goes on.
            Err(why) if why.kind() == io::ErrorKind::Interrupted => Ok(true),
            Err(why) => Err(why),
        }
    }
}

impl driver::Stream for Stream {
    fn mode(&self) -> Mode {
        self.mode
    }

    fn read(&mut self, limit: Duration, take: &mut dyn FnMut(Raw<'_>)) -> Result<(), Failure> {
        if !self.is_ready(limit).map_err(failure)? {
            return Err(Failure::Silent);
        }
        self.inner.set_timeout(limit);
        let (mut skips, mut missed) = (0, 0);
        loop {
            let handle = self.inner.handle();
            let (bytes, meta) = self.inner.next().map_err(failure)?;
            missed += missing(self.sequence.replace(meta.sequence), meta.sequence);
            let newer = handle.poll(POLLIN, 0).is_ok_and(|ready| ready > 0);
            if newer && skips < BUFFERS {
                skips += 1;
                continue;
            }
            // A picture that the driver knows to be garbled is handed on as an empty one, to be counted.
            let garbled = meta.flags.contains(Flags::ERROR);
            let used = if garbled { 0 } else { (meta.bytesused as usize).min(bytes.len()) };
            let skipped = missed + u64::from(skips);
            take(Raw { bytes: &bytes[..used], stride: self.stride, age: age(meta), skipped });
            return Ok(());
        }
    }
}

/// What an error in the midst of pictures means.
fn failure(why: io::Error) -> Failure {
    match why.raw_os_error() {
        // The `v4l` crate's own, without a number.
        None if why.kind() == io::ErrorKind::TimedOut => Failure::Silent,
        code => Failure::of_system(code, why.to_string()),
    }
}

/// Pictures that the driver numbered between `last` and `this` and had no buffer for.
fn missing(last: Option<u32>, this: u32) -> u64 {
    const MAX_GAP: u32 = 1000; // beyond it the driver began to count anew
    let gap = last.map_or(0, |last| this.wrapping_sub(last).saturating_sub(1));
    if gap <= MAX_GAP { u64::from(gap) } else { 0 }
}

/// How long ago the driver captured this picture, by its own monotonic time.
///
/// Other times are of no use: "unknown" is a driver's from before clocks were named (wall or monotonic, who knows), and
/// "copy" was put on by whoever wrote the picture into a loopback device. A driver that names neither clock nor time has
/// none.
fn age(meta: &Metadata) -> Age {
    let captured = time(meta.timestamp.sec, meta.timestamp.usec.saturating_mul(1_000));
    if meta.flags & Flags::TIMESTAMP_MASK != Flags::TIMESTAMP_MONOTONIC {
        return if captured == Some(Duration::ZERO) { Age::Unknown } else { Age::Implausible };
    }
    let now = clock_gettime(ClockId::Monotonic);
    let age = time(now.tv_sec, now.tv_nsec).zip(captured).and_then(|(now, captured)| plausible(now, captured));
    age.map_or(Age::Implausible, Age::Known)
}

/// `None` for what is no time at all: negative, or with a second or more of nanoseconds.
fn time(seconds: i64, nanos: i64) -> Option<Duration> {
    const SECOND: u32 = 1_000_000_000;
    let nanos = u32::try_from(nanos).ok().filter(|nanos| *nanos < SECOND)?;
    Some(Duration::new(seconds.try_into().ok()?, nanos))
}

/// How long before `now` a picture with time `captured` was captured; `None` for no time, one to come (the kernel's
/// virtual camera names the end of the frame's period), or one that is older than [`MAX_AGE`].
fn plausible(now: Duration, captured: Duration) -> Option<Duration> {
    now.checked_sub(captured).filter(|&age| !captured.is_zero() && age <= MAX_AGE)
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn refusals_become_what_the_user_can_do() {
        let refused = |errno: Errno| refusal(3, errno.into());
        assert!(matches!(refused(Errno::NOENT), Error::Missing { number: 3 }));
        assert!(matches!(refused(Errno::NODEV), Error::Missing { number: 3 }));
        assert!(matches!(refused(Errno::BUSY), Error::Busy { number: 3 }));
        assert!(matches!(refused(Errno::ACCESS), Error::Denied { number: 3 }));
        assert!(matches!(refused(Errno::IO), Error::System { number: 3, .. }));
    }

    #[test]
    fn failures_are_told_apart() {
        assert_eq!(failure(Errno::NODEV.into()), Failure::Unplugged);
        assert_eq!(failure(io::Error::new(io::ErrorKind::TimedOut, "VIDIOC_DQBUF")), Failure::Silent);
        assert!(matches!(failure(Errno::IO.into()), Failure::Broken(_)));
    }

    #[test]
    fn implausible_capture_times_are_none() {
        let s = Duration::from_secs;
        assert_eq!(plausible(s(100), s(99)), Some(s(1)));
        for captured in [s(0), s(101), s(89)] {
            assert_eq!(plausible(s(100), captured), None, "{captured:?}");
        }
    }

    #[test]
    fn a_capture_time_counts_where_the_driver_says_that_it_is_monotonic() {
        let now = clock_gettime(ClockId::Monotonic).tv_sec;
        let meta =
            |flags, sec, usec| Metadata { flags, timestamp: v4l::Timestamp::new(sec, usec), ..Metadata::default() };
        let monotonic = Flags::TIMESTAMP_MONOTONIC | Flags::DONE;
        assert!(matches!(age(&meta(monotonic, now, 0)), Age::Known(age) if age < MAX_AGE));
        for (sec, usec) in [(0, 0), (now + 60, 0), (-1, 0), (now, -1), (now, 1_000_000), (i64::MAX, i64::MAX)] {
            assert_eq!(age(&meta(monotonic, sec, usec)), Age::Implausible, "{sec} s {usec} µs");
        }
        for of_no_clock in [Flags::TIMESTAMP_UNKNOWN, Flags::TIMESTAMP_COPY] {
            assert_eq!(age(&meta(of_no_clock, now, 0)), Age::Implausible);
            assert_eq!(age(&meta(of_no_clock, 0, 0)), Age::Unknown);
        }
    }

    #[test]
    fn gaps_in_the_drivers_count_are_pictures_that_nobody_took() {
        assert_eq!(missing(None, 7), 0);
        assert_eq!(missing(Some(7), 8), 0);
        assert_eq!(missing(Some(7), 10), 2);
        assert_eq!(missing(Some(u32::MAX), 1), 1);
        assert_eq!(missing(Some(7), 0), 0, "the driver began anew");
    }

    #[test]
    fn a_camera_that_does_not_exist_is_missing() {
        use driver::Driver as _;
        let wanted = TargetMode::from(crate::config::RequestedFormat::default());
        assert!(matches!(V4l2.open(4_000_000, wanted), Err(Error::Missing { number: 4_000_000 })));
    }
}
