//! What players and screens do to pictures, on the luma plane.

use image::imageops::{self, FilterType};
use image::{GrayImage, Luma};
use imageproc::filter::gaussian_blur_f32;
use imageproc::noise::gaussian_noise;

/// One thing that is done.
#[derive(Clone, Copy, Debug)]
pub enum Change {
    /// Width and height times these.
    Scaled(f64, f64, FilterType),
    /// Black bars of these parts of width and height on each side, and with `true` scaled back to the size before.
    Boxed(f64, f64, bool),
    /// Cropped by 2 % of each side, and with `true` scaled back to the size before.
    Cropped(bool),
    /// Each level by this.
    Levels(&'static str, fn(f32) -> f32),
    /// Gaussian, by this part of a cell.
    Blurred(f32),
    /// Gaussian, of this standard deviation in levels.
    Noisy(f64),
}

/// Of common players and scalers.
const FILTERS: [FilterType; 5] =
    [FilterType::Nearest, FilterType::Triangle, FilterType::CatmullRom, FilterType::Gaussian, FilterType::Lanczos3];
/// From 0.4 to 3, with what comes between, and by different factors across and down.
const SCALES: [(f64, f64); 9] =
    [(0.4, 0.4), (0.5, 0.5), (0.63, 0.63), (0.75, 0.75), (1.5, 1.5), (2.0, 2.0), (3.0, 3.0), (1.0, 1.4), (0.75, 0.6)];
const BLACK: Luma<u8> = Luma([16]);

impl Change {
    /// All that are tried.
    pub fn all() -> Vec<Self> {
        let scaled = SCALES.into_iter().flat_map(|(x, y)| FILTERS.map(|filter| Self::Scaled(x, y, filter)));
        let boxes = [(0.0, 1.0 / 6.0), (1.0 / 6.0, 0.0), (1.0 / 3.0, 1.0 / 3.0)];
        let boxed = boxes.into_iter().flat_map(|(x, y)| [false, true].map(|back| Self::Boxed(x, y, back)));
        let others = [
            Self::Cropped(false),
            Self::Cropped(true),
            Self::Levels("limited range stretched to full", |v| (v - 16.0) * 255.0 / 219.0),
            Self::Levels("full range squeezed to limited", |v| v * 219.0 / 255.0 + 16.0),
            Self::Levels("gamma 0.7", |v| (v / 255.0).powf(0.7) * 255.0),
            Self::Levels("gamma 1.4", |v| (v / 255.0).powf(1.4) * 255.0),
            Self::Levels("a quarter of the contrast", |v| v * 0.25 + 90.0),
            Self::Blurred(1.0 / 3.0),
            Self::Noisy(12.0),
        ];
        scaled.chain(boxed).chain(others).collect()
    }

    /// As people say it.
    pub fn name(self) -> String {
        let back = |back| if back { ", scaled back" } else { "" };
        match self {
            Self::Scaled(x, y, filter) if x == y => format!("scaled by {x}, {filter:?}"),
            Self::Scaled(x, y, filter) => format!("scaled by {x} × {y}, {filter:?}"),
            Self::Boxed(x, y, again) => format!("bars of {:.0} % × {:.0} %{}", x * 100.0, y * 100.0, back(again)),
            Self::Cropped(again) => format!("cropped by 2 % of each edge{}", back(again)),
            Self::Levels(name, _) => name.to_owned(),
            Self::Blurred(by) => format!("blurred by {by:.2} of a cell"),
            Self::Noisy(sigma) => format!("noise, σ = {sigma}"),
        }
    }

    /// Does it to a picture whose code has cells of `cell` samples. Noise is another for each `seed`.
    pub fn apply(self, picture: &GrayImage, cell: f32, seed: u64) -> GrayImage {
        let (width, height) = picture.dimensions();
        let part = |side: u32, part: f64| (f64::from(side) * part).round() as u32;
        let scaled_back = |changed, back| {
            if back { imageops::resize(&changed, width, height, FilterType::Triangle) } else { changed }
        };
        match self {
            Self::Scaled(x, y, filter) => imageops::resize(picture, part(width, x), part(height, y), filter),
            Self::Boxed(x, y, back) => {
                let (x, y) = (part(width, x), part(height, y));
                let mut boxed = GrayImage::from_pixel(width + 2 * x, height + 2 * y, BLACK);
                imageops::replace(&mut boxed, picture, x.into(), y.into());
                scaled_back(boxed, back)
            }
            Self::Cropped(back) => {
                let (x, y) = (width / 50, height / 50);
                scaled_back(imageops::crop_imm(picture, x, y, width - 2 * x, height - 2 * y).to_image(), back)
            }
            Self::Levels(_, change) => {
                let mut changed = picture.clone();
                changed.iter_mut().for_each(|v| *v = change(f32::from(*v)).round().clamp(0.0, 255.0) as u8);
                changed
            }
            Self::Blurred(by) => gaussian_blur_f32(picture, cell * by),
            Self::Noisy(sigma) => gaussian_noise(picture, 0.0, sigma, seed),
        }
    }
}
