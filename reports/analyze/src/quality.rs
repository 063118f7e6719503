//! How much of a picture comes through: decoded pictures against those that were stamped.
//!
//! Both come as the y4m files of [`common::y4m`], which `--pictures` writes at both ends, and are matched by the
//! sequence number in each `FRAME` line. Luma is compared; the corner code and the publisher's text are left out, because
//! they are painted, sharp, and nobody's picture.
//!
//! * **PSNR** is 10·log₁₀(255² / MSE), with the mean squared error over all compared samples of all pictures, as ffmpeg's
//!   `psnr` filter has its `average`: not the mean of the pictures' own PSNRs, in which one equal picture would be infinite.
//! * **SSIM** is the mean of the local index of Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli, "Image Quality
//!   Assessment: From Error Visibility to Structural Similarity", IEEE Transactions on Image Processing 13 (4), 2004: a
//!   Gaussian window of 11 × 11 samples with σ = 1.5, K₁ = 0.01, K₂ = 0.03, wherever the window lies whole in what is compared.
//!   ffmpeg's `ssim` filter takes plain blocks of 8 × 8 at every fourth sample instead (as x264 does), and gives other figures.

use std::io::{BufReader, Read};

use common::code::SEQUENCE_MODULUS;

mod error;
mod input;
mod mask;
mod ssim;

pub use error::{Error, InputError, Side};
use input::Input;
use mask::{Mask, PEAK};

/// The PSNR of pictures that are equal, whose own is infinite, and the most that others are said to have, dB: one sample in
/// 150,000 that is off by one gives as much, which nobody sees. So a path that changes nothing has a figure that is better than any.
pub const MAX_PSNR_DB: f64 = 100.0;

/// What a comparison found.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Quality {
    /// Pictures that were in both and were compared.
    pub frames: u64,
    /// Stamped pictures read: reading ends with the shorter file.
    pub stamped: u64,
    /// Decoded pictures read.
    pub decoded: u64,
    /// PSNR of luma over all pictures, in dB; [`MAX_PSNR_DB`] where they are equal.
    pub psnr_db: f64,
    /// PSNR of the worst picture.
    pub psnr_worst_db: f64,
    /// Mean SSIM of luma; 1 where they are equal.
    pub ssim: f64,
    /// SSIM of the worst picture.
    pub ssim_worst: f64,
}

/// Compares decoded pictures with the stamped ones of the same numbers, holding one of each at a time.
///
/// # Errors
/// [`Error`]: a file that is none of ours or is cut off, scaled pictures, nothing in common.
pub fn compare(stamped: impl Read, decoded: impl Read) -> Result<Quality, Error> {
    let mut stamped = Input::open(Side::Stamped, BufReader::new(stamped))?;
    let mut decoded = Input::open(Side::Decoded, BufReader::new(decoded))?;
    let size = stamped.size();
    if size != decoded.size() {
        return Err(Error::Scaled { stamped: size, decoded: decoded.size() });
    }
    let mask = Mask { size, areas: stamped.areas()? };
    let mut sums = Sums::default();
    let mut windows = ssim::Windows::new(&mask).ok_or(Error::TooSmall(size))?;
    let (mut more_stamped, mut more_decoded) = (stamped.next()?, decoded.next()?);
    while let (Some(sent), Some(came)) = (more_stamped, more_decoded) {
        let ahead = ahead(sent, came);
        if ahead == 0 {
            sums.add(mask.mse(stamped.luma(), decoded.luma()), windows.mean(stamped.luma(), decoded.luma()));
        }
        if ahead <= 0 {
            more_stamped = stamped.next()?;
        }
        if ahead >= 0 {
            more_decoded = decoded.next()?;
        }
    }
    sums.quality(stamped.count(), decoded.count())
}

/// How far number `a` is ahead of `b`, where numbers begin again after the largest.
fn ahead(a: u32, b: u32) -> i64 {
    let modulus = i64::from(SEQUENCE_MODULUS);
    let difference = (i64::from(a) - i64::from(b)).rem_euclid(modulus);
    if difference < modulus / 2 { difference } else { difference - modulus }
}

/// What has been found so far.
#[derive(Default)]
struct Sums {
    frames: u64,
    mse: f64,
    worst_mse: f64,
    ssim: f64,
    worst_ssim: Option<f64>,
}

impl Sums {
    fn add(&mut self, mse: f64, ssim: f64) {
        self.frames += 1;
        self.mse += mse;
        self.worst_mse = self.worst_mse.max(mse);
        self.ssim += ssim;
        self.worst_ssim = Some(self.worst_ssim.map_or(ssim, |worst| worst.min(ssim)));
    }

    fn quality(self, stamped: u64, decoded: u64) -> Result<Quality, Error> {
        let Some(ssim_worst) = self.worst_ssim else { return Err(Error::NoneMatch { stamped, decoded }) };
        let frames = self.frames;
        Ok(Quality {
            frames,
            stamped,
            decoded,
            psnr_db: psnr(self.mse / frames as f64),
            psnr_worst_db: psnr(self.worst_mse),
            ssim: self.ssim / frames as f64,
            ssim_worst,
        })
    }
}

/// In dB, at most [`MAX_PSNR_DB`].
fn psnr(mse: f64) -> f64 {
    (10.0 * (PEAK * PEAK / mse).log10()).min(MAX_PSNR_DB)
}

#[cfg(test)]
mod tests;
