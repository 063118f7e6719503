//! What cameras offer, and which of it is taken.

use std::fmt;

use common::frame::Size;

use super::layout::Layout;
use crate::capture::DEFAULT_SIZE;
use crate::config::{RequestedFormat, can_be_encoded};
use crate::rate::FrameRate;

/// One way in which a camera can be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// How each picture is laid out.
    pub layout: Layout,
    /// Size of each picture.
    pub size: Size,
    /// Pictures per second, by the driver's word.
    pub rate: FrameRate,
}

impl Mode {
    /// Whether this is what was asked for; rates that are written alike count as the same.
    pub fn is(&self, wanted: TargetMode) -> bool {
        let layout = wanted.layout.is_none_or(|layout| layout == self.layout);
        layout && self.size == wanted.size && short(self.rate) == short(wanted.rate)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} at {} fps", self.size, self.layout, short(self.rate))
    }
}

/// What is asked of a camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetMode {
    /// Picture size.
    pub size: Size,
    /// Pictures per second.
    pub rate: FrameRate,
    /// Layout, where it is to be a certain one.
    pub layout: Option<Layout>,
}

impl From<RequestedFormat> for TargetMode {
    fn from(requested: RequestedFormat) -> Self {
        Self {
            size: requested.size.unwrap_or(DEFAULT_SIZE),
            rate: requested.rate.unwrap_or(FrameRate::THIRTY),
            layout: requested.layout,
        }
    }
}

impl fmt::Display for TargetMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.size)?;
        if let Some(layout) = self.layout {
            write!(f, " {layout}")?;
        }
        write!(f, " at {}", short(self.rate))
    }
}

/// One entry of a camera's list: a layout, its size or sizes, and the rates that go with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// How pictures are laid out.
    pub layout: Layout,
    /// Size or sizes.
    pub sizes: Sizes,
    /// Rates.
    pub rates: Vec<Rates>,
}

/// One picture size, or all between two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sizes {
    /// One.
    One(Size),
    /// From the smallest to the largest, each side in its own steps.
    Steps {
        /// Smallest.
        min: Size,
        /// Largest.
        max: Size,
        /// Step of each side; at least 1x1.
        step: Size,
    },
}

impl Sizes {
    /// The size in here that is nearest to `wanted`; with even sides, where there is one.
    pub fn nearest(self, wanted: Size) -> Size {
        match self {
            Self::One(size) => size,
            Self::Steps { min, max, step } => Size::new(
                nearest_side(min.width, max.width, step.width, wanted.width),
                nearest_side(min.height, max.height, step.height, wanted.height),
            ),
        }
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(size) => write!(f, "{size}"),
            Self::Steps { min, max, step } => write!(f, "{min} to {max} in steps of {step}"),
        }
    }
}

/// One rate, or all between two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rates {
    /// One.
    One(FrameRate),
    /// From the slowest to the fastest.
    Between(FrameRate, FrameRate),
}

impl Rates {
    /// The rate in here that is nearest to `wanted`.
    pub fn nearest(self, wanted: FrameRate) -> FrameRate {
        match self {
            Self::One(rate) => rate,
            Self::Between(slowest, _) if wanted.as_f64() < slowest.as_f64() => slowest,
            Self::Between(_, fastest) if wanted.as_f64() > fastest.as_f64() => fastest,
            Self::Between(..) => wanted,
        }
    }
}

impl fmt::Display for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::One(rate) => write!(f, "{}", short(rate)),
            Self::Between(slowest, fastest) => write!(f, "{} to {}", short(slowest), short(fastest)),
        }
    }
}

/// The mode nearest to `wanted`: first by the layout that was asked for, if one was, then by size, by rate, and by the
/// order of layouts. `None` where no mode can be encoded.
///
/// Distance in size is the sum of both sides' differences; of two that are as near, the larger or faster is taken.
pub fn choose(offers: &[Offer], wanted: TargetMode) -> Option<Mode> {
    let modes = offers.iter().flat_map(|offer| {
        let size = offer.sizes.nearest(wanted.size);
        let layout = offer.layout;
        offer.rates.iter().map(move |rates| Mode { layout, size, rate: rates.nearest(wanted.rate) })
    });
    let other = |mode: &Mode| wanted.layout.is_some_and(|layout| layout != mode.layout);
    let distance =
        |mode: &Mode| mode.size.width.abs_diff(wanted.size.width) + mode.size.height.abs_diff(wanted.size.height);
    let off_rate = |mode: &Mode| (mode.rate.as_f64() - wanted.rate.as_f64()).abs();
    modes.filter(|mode| can_be_encoded(mode.size)).min_by(|a, b| {
        (other(a), distance(a))
            .cmp(&(other(b), distance(b)))
            .then(b.size.area().cmp(&a.size.area()))
            .then(off_rate(a).total_cmp(&off_rate(b)))
            .then(b.rate.as_f64().total_cmp(&a.rate.as_f64()))
            .then(a.layout.cmp(&b.layout))
    })
}

/// The side on the grid from `min` in steps of `step` up to `max` that is nearest to `wanted`, even where one is.
fn nearest_side(min: u32, max: u32, step: u32, wanted: u32) -> u32 {
    let step = step.max(1);
    let at = |index: u32| min.saturating_add(index.saturating_mul(step));
    let last = max.saturating_sub(min) / step;
    let below = (wanted.saturating_sub(min) / step).min(last);
    let around = below.saturating_sub(1)..=below.saturating_add(2).min(last);
    around.map(at).min_by_key(|side| (side % 2, side.abs_diff(wanted), u32::MAX - side)).unwrap_or(min)
}

/// A rate as people write it: 30, 29.97, 7.5.
fn short(rate: FrameRate) -> String {
    let text = format!("{:.2}", rate.as_f64());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(text: &str) -> FrameRate {
        text.parse().expect("a rate")
    }

    fn wanted(width: u32, height: u32, fps: &str) -> TargetMode {
        TargetMode { size: Size::new(width, height), rate: rate(fps), layout: None }
    }

    fn offer(layout: Layout, width: u32, height: u32, rates: &[&str]) -> Offer {
        let rates = rates.iter().map(|text| Rates::One(rate(text))).collect();
        Offer { layout, sizes: Sizes::One(Size::new(width, height)), rates }
    }

    fn chosen(offers: &[Offer], wanted: TargetMode) -> String {
        choose(offers, wanted).map_or_else(|| "none".to_owned(), |mode| mode.to_string())
    }

    /// As a common webcam has it: large pictures at full rate as MJPG only.
    fn webcam() -> Vec<Offer> {
        vec![
            offer(Layout::Yuyv, 640, 480, &["30", "15"]),
            offer(Layout::Yuyv, 1280, 720, &["10", "5"]),
            offer(Layout::Mjpeg, 640, 480, &["30", "15"]),
            offer(Layout::Mjpeg, 1280, 720, &["30"]),
            offer(Layout::Mjpeg, 1920, 1080, &["30"]),
        ]
    }

    #[test]
    fn size_goes_before_rate_and_rate_before_layout() {
        for (asked, expected) in [
            (wanted(640, 480, "30"), "640x480 YUYV at 30 fps"),
            (wanted(640, 480, "60"), "640x480 YUYV at 30 fps"),
            (wanted(1280, 720, "30"), "1280x720 MJPG at 30 fps"),
            (wanted(1280, 720, "10"), "1280x720 YUYV at 10 fps"),
            (wanted(1280, 960, "30"), "1280x720 MJPG at 30 fps"),
            (wanted(3840, 2160, "30"), "1920x1080 MJPG at 30 fps"),
            (wanted(160, 120, "1"), "640x480 YUYV at 15 fps"),
        ] {
            assert_eq!(chosen(&webcam(), asked), expected, "{asked}");
        }
    }

    #[test]
    fn a_layout_that_is_asked_for_goes_first_where_there_is_one() {
        let asked = |layout| TargetMode { layout: Some(layout), ..wanted(640, 480, "30") };
        assert_eq!(chosen(&webcam(), asked(Layout::Mjpeg)), "640x480 MJPG at 30 fps");
        assert_eq!(chosen(&webcam(), asked(Layout::Nv12)), "640x480 YUYV at 30 fps");
        let mode = choose(&webcam(), asked(Layout::Nv12)).expect("a mode");
        assert!(mode.is(wanted(640, 480, "30")) && !mode.is(asked(Layout::Nv12)));
        assert_eq!(asked(Layout::Nv12).to_string(), "640x480 NV12 at 30");
    }

    #[test]
    fn of_two_as_near_the_larger_and_faster_is_taken() {
        let offers = [offer(Layout::Yuyv, 600, 480, &["30"]), offer(Layout::Yuyv, 680, 480, &["20", "40"])];
        assert_eq!(chosen(&offers, wanted(640, 480, "30")), "680x480 YUYV at 40 fps");
    }

    #[test]
    fn sizes_that_cannot_be_encoded_are_passed_over() {
        let odd = offer(Layout::Yuyv, 641, 481, &["30"]);
        let huge = offer(Layout::Yuyv, 4096, 2160, &["30"]);
        assert_eq!(chosen(&[odd.clone(), huge.clone()], wanted(640, 480, "30")), "none");
        let even = offer(Layout::Yuyv, 320, 240, &["30"]);
        assert_eq!(chosen(&[odd, huge, even], wanted(640, 480, "30")), "320x240 YUYV at 30 fps");
        assert_eq!(chosen(&[], wanted(640, 480, "30")), "none");
    }

    #[test]
    fn a_range_of_sizes_and_rates_gives_what_is_asked_or_its_end() {
        let sizes = Sizes::Steps { min: Size::new(48, 32), max: Size::new(1920, 1080), step: Size::new(8, 1) };
        let rates = vec![Rates::Between(rate("1"), rate("60"))];
        let offers = [Offer { layout: Layout::Nv12, sizes, rates }];
        for (asked, expected) in [
            (wanted(640, 480, "29.97"), "640x480 NV12 at 29.97 fps"),
            (wanted(642, 480, "120"), "640x480 NV12 at 60 fps"),
            (wanted(2, 2, "0.5"), "48x32 NV12 at 1 fps"),
            (wanted(4000, 3000, "30"), "1920x1080 NV12 at 30 fps"),
        ] {
            assert_eq!(chosen(&offers, asked), expected, "{asked}");
        }
    }

    #[test]
    fn odd_grids_and_hostile_ranges_end_in_a_side_between_the_ends() {
        assert_eq!(nearest_side(1, 99, 1, 50), 50);
        assert_eq!(nearest_side(1, 99, 1, 51), 52, "odd sides cannot be encoded");
        assert_eq!(nearest_side(5, 5, 0, 9), 5);
        assert_eq!(nearest_side(9, 2, 4, 100), 9);
        for wanted in [0, 7, u32::MAX] {
            assert!((3..=u32::MAX).contains(&nearest_side(3, u32::MAX, 1, wanted)));
        }
    }
}
