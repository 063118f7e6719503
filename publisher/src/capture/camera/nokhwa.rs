//! Cameras through nokhwa, beside [`super::v4l2`] on Linux and alone elsewhere. The only file that knows the `nokhwa` crate.
//!
//! What nokhwa 0.10.11 does not do, by its source and as seen in the camera VM of the tests:
//!
//! * Waiting has no limit: a camera that stops without being unplugged holds [`Camera::frame_raw`] until it goes on. Another
//!   thread finds out (`watch`), so the loss is reported in time; but a second stream of that camera is refused ("Device or resource
//!   busy"), so nothing is opened until the first one lets go.
//! * A camera that another program left in a format that nokhwa does not know (UYVY), or at a rate that is no whole number,
//!   cannot be opened: nokhwa reads what is set before it sets anything.
//! * Rates that are no whole number cannot be used (and 12.5, which is 25/2, is listed as 25), and of a range of sizes only the
//!   smallest and the largest are known.
//! * Its capture time is the kernel's without the clock that it is of, so it cannot be believed, and is left out.
//! * The driver's count of pictures and its marks on garbled ones are not passed on. Neither are the lengths of rows and pictures:
//!   rows are taken as unpadded, and a JPEG that was cut ends in bytes of an earlier one.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use common::frame::Size;
use nokhwa::utils::{
    ApiBackend, CameraFormat, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType, Resolution,
};
use nokhwa::{Camera, NokhwaError, query};

use super::Error;
use super::driver::{self, Age, CameraInfo, Failure, Raw};
use super::layout::Layout;
use super::mode::{self, Mode, Offer, Rates, Sizes, TargetMode};
use crate::rate::FrameRate;

/// Layouts that nokhwa knows, by its names.
const FORMATS: [(FrameFormat, Layout); 6] = [
    (FrameFormat::YUYV, Layout::Yuyv),
    (FrameFormat::NV12, Layout::Nv12),
    (FrameFormat::MJPEG, Layout::Mjpeg),
    (FrameFormat::RAWRGB, Layout::Rgb),
    (FrameFormat::RAWBGR, Layout::Bgr),
    (FrameFormat::GRAY, Layout::Grey),
];
/// Rates above are none: nokhwa lists 30000/1001 as 30000.
const MAX_RATE: u32 = 1000;
/// `EINVAL` and `ENOTTY`: a node that is asked for pictures' formats and has none.
const NO_PICTURES: [i32; 2] = [22, 25];

/// The cameras that nokhwa reaches.
#[derive(Default)]
pub struct Nokhwa {
    /// Shared with the one stream that may be open.
    stream: Arc<()>,
}

impl driver::Driver for Nokhwa {
    fn find(&self) -> Vec<CameraInfo> {
        let listed = catch_unwind(|| query(ApiBackend::Auto).unwrap_or_default()).unwrap_or_default();
        let found = listed.iter().filter_map(|camera| {
            Some(CameraInfo { number: camera.index().as_index().ok()?, name: camera.human_name() })
        });
        let mut found: Vec<CameraInfo> = found.collect();
        found.sort_by_key(|camera| camera.number);
        found
    }

    fn offers(&self, number: u32, _wanted: TargetMode) -> Result<Vec<Offer>, Error> {
        match ask(number, || offers(number)) {
            Err(Error::NoMode { .. }) => Ok(Vec::new()),
            asked => asked,
        }
    }

    fn open(&self, number: u32, wanted: TargetMode) -> Result<Box<dyn driver::Stream>, Error> {
        if Arc::strong_count(&self.stream) > 1 {
            return Err(Error::System { number, why: "nokhwa still waits for its next picture".to_owned() });
        }
        let offers = ask(number, || offers(number))?;
        let mode = mode::choose(&offers, wanted).ok_or(Error::NoMode { number })?;
        let camera = ask(number, || start(number, mode))?;
        let rate = FrameRate::new(camera.frame_rate().into(), 1).unwrap_or(mode.rate);
        Ok(Box::new(Stream { camera, mode: Mode { rate, ..mode }, _only: self.stream.clone() }))
    }
}

/// Asks nokhwa about camera `number`; a panic of its own becomes a refusal.
fn ask<T>(number: u32, question: impl FnOnce() -> Result<T, NokhwaError>) -> Result<T, Error> {
    match catch_unwind(AssertUnwindSafe(question)) {
        Ok(answer) => answer.map_err(|error| refusal(number, &error)),
        Err(_) => Err(Error::System { number, why: "nokhwa broke down over it".to_owned() }),
    }
}

/// What nokhwa's refusal means for the user.
fn refusal(number: u32, error: &NokhwaError) -> Error {
    let text = error.to_string();
    let code = system_code(&text);
    match error {
        // Nothing that it lists is a format and whole rate that it knows.
        NokhwaError::GetPropertyError { property, .. } if property == "CameraFormat" => Error::NoMode { number },
        NokhwaError::GetPropertyError { .. } if code.is_some_and(|code| NO_PICTURES.contains(&code)) => {
            Error::NoMode { number }
        }
        _ => Error::of_system(number, code, format!("nokhwa: {text}; another --camera-driver may do")),
    }
}

/// What an error in the midst of pictures means.
fn failure(error: &NokhwaError) -> Failure {
    let text = error.to_string();
    Failure::of_system(system_code(&text), text)
}

/// The system's number for an error, which nokhwa passes on as text alone.
fn system_code(text: &str) -> Option<i32> {
    let (_, rest) = text.rsplit_once("(os error ")?;
    rest.split_once(')')?.0.parse().ok()
}

fn offers(number: u32) -> Result<Vec<Offer>, NokhwaError> {
    let any = FORMATS.map(|(format, _)| format);
    let requested = RequestedFormat::with_formats(RequestedFormatType::None, &any);
    let mut camera = Camera::new(CameraIndex::Index(number), requested)?;
    Ok(sorted(&camera.compatible_camera_formats()?))
}

/// nokhwa's list, which comes in no order, by layout and size.
fn sorted(listed: &[CameraFormat]) -> Vec<Offer> {
    let mut rates_of: BTreeMap<(Layout, u32, u32), BTreeSet<u32>> = BTreeMap::new();
    for entry in listed.iter().filter(|entry| (1..=MAX_RATE).contains(&entry.frame_rate())) {
        if let Some(layout) = layout(entry.format()) {
            rates_of.entry((layout, entry.width(), entry.height())).or_default().insert(entry.frame_rate());
        }
    }
    let offer = |((layout, width, height), rates): (_, BTreeSet<u32>)| {
        let rates = rates.into_iter().filter_map(|rate| FrameRate::new(rate.into(), 1).ok()).map(Rates::One);
        Offer { layout, sizes: Sizes::One(Size::new(width, height)), rates: rates.collect() }
    };
    rates_of.into_iter().map(offer).collect()
}

fn layout(format: FrameFormat) -> Option<Layout> {
    FORMATS.iter().find(|(known, _)| *known == format).map(|(_, layout)| *layout)
}

fn format(layout: Layout) -> Option<FrameFormat> {
    FORMATS.iter().find(|(_, known)| *known == layout).map(|(format, _)| *format)
}

/// Opens the camera in this mode, at the nearest rate that it has; nokhwa refuses where the driver would take another one.
fn start(number: u32, mode: Mode) -> Result<Camera, NokhwaError> {
    let unknown = || NokhwaError::GeneralError(format!("{} is unknown", mode.layout));
    let format = format(mode.layout).ok_or_else(unknown)?;
    let size = Resolution::new(mode.size.width, mode.size.height);
    // "Closest", since a rate that was listed may be the numerator of one that the camera has: an opening camera is held against
    // a list that has no such rates. And not `set_camera_requset`, which has that list not, and fails with one fixed rate.
    let near = RequestedFormatType::Closest(CameraFormat::new(size, format, mode.rate.numerator()));
    let mut camera = Camera::new(CameraIndex::Index(number), RequestedFormat::with_formats(near, &[format]))?;
    camera.open_stream()?;
    Ok(camera)
}

/// A running stream.
struct Stream {
    camera: Camera,
    mode: Mode,
    /// Given back when the camera is closed: fields are dropped in their order.
    _only: Arc<()>,
}

impl driver::Stream for Stream {
    fn mode(&self) -> Mode {
        self.mode
    }

    /// Waits for as long as it takes: there is no limit to give.
    fn read(&mut self, _limit: Duration, take: &mut dyn FnMut(Raw<'_>)) -> Result<(), Failure> {
        let bytes = self.camera.frame_raw().map_err(|error| failure(&error))?;
        take(Raw { bytes: &bytes, stride: 0, age: Age::Unknown, skipped: 0 });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(format: FrameFormat, width: u32, height: u32, rate: u32) -> CameraFormat {
        CameraFormat::new(Resolution::new(width, height), format, rate)
    }

    #[test]
    fn the_list_is_sorted_and_rates_that_are_numerators_are_left_out() {
        let listed = [
            entry(FrameFormat::MJPEG, 640, 480, 30),
            entry(FrameFormat::YUYV, 640, 480, 30_000),
            entry(FrameFormat::YUYV, 640, 480, 30),
            entry(FrameFormat::YUYV, 320, 240, 25),
            entry(FrameFormat::YUYV, 640, 480, 15),
            entry(FrameFormat::YUYV, 640, 480, 30),
            entry(FrameFormat::NV12, 640, 480, 0),
        ];
        let offer = |layout, width, height, rates: &[u32]| Offer {
            layout,
            sizes: Sizes::One(Size::new(width, height)),
            rates: rates.iter().map(|&rate| Rates::One(FrameRate::new(rate.into(), 1).expect("a rate"))).collect(),
        };
        let expected = [
            offer(Layout::Yuyv, 320, 240, &[25]),
            offer(Layout::Yuyv, 640, 480, &[15, 30]),
            offer(Layout::Mjpeg, 640, 480, &[30]),
        ];
        assert_eq!(sorted(&listed), expected);
    }

    #[test]
    fn formats_and_layouts_name_each_other() {
        for (known, expected) in FORMATS {
            assert_eq!((layout(known), format(expected)), (Some(expected), Some(known)));
        }
        assert_eq!(format(Layout::Uyvy), None);
    }

    #[test]
    fn refusals_become_what_the_user_can_do() {
        let refused = |error: &str| refusal(3, &NokhwaError::OpenStreamError(error.to_owned()));
        assert_eq!(refused("No such file or directory (os error 2)"), Error::Missing { number: 3 });
        assert_eq!(refused("Device or resource busy (os error 16)"), Error::Busy { number: 3 });
        assert_eq!(refused("Permission denied (os error 13)"), Error::Denied { number: 3 });
        for other in ["unsupported", "(os error", "(os error x)", "Input/output error (os error 5)"] {
            let text = refused(other).to_string();
            assert!(text.contains(other) && text.contains("--camera-driver"), "{text}");
        }
        let property = |property: &str, error: &str| {
            refusal(3, &NokhwaError::GetPropertyError { property: property.to_owned(), error: error.to_owned() })
        };
        assert_eq!(property("CameraFormat", "Failed to Fufill"), Error::NoMode { number: 3 });
        assert_eq!(property("FrameFormat", "Invalid argument (os error 22)"), Error::NoMode { number: 3 });
        assert!(matches!(property("FrameFormat", "unsupported"), Error::System { .. }));
    }

    #[test]
    fn failures_are_told_apart() {
        let failed = |error: &str| failure(&NokhwaError::ReadFrameError(error.to_owned()));
        assert_eq!(failed("No such device (os error 19)"), Failure::Unplugged);
        assert!(matches!(failed("VIDIOC_DQBUF"), Failure::Broken(_)));
    }

    #[test]
    fn a_panic_is_a_refusal() {
        let broken: Result<(), Error> = ask(3, || panic!("on purpose"));
        assert!(matches!(broken, Err(Error::System { number: 3, .. })));
    }

    #[test]
    fn nothing_is_opened_while_a_stream_is_held() {
        use driver::Driver as _;
        let wanted = TargetMode::from(crate::config::RequestedFormat::default());
        let driver = Nokhwa::default();
        let held = driver.stream.clone();
        let refused = driver.open(4_000_000, wanted).err().expect("held").to_string();
        assert!(refused.ends_with("nokhwa still waits for its next picture"), "{refused}");
        drop(held);
        assert_eq!(driver.open(4_000_000, wanted).err(), Some(Error::Missing { number: 4_000_000 }));
    }
}
