//! The test pattern: a scene that a camera slowly pans over, balls that move before it, and sensor noise.
//!
//! Detail and noise cost an encoder bits as a real picture does; flat colour bars would flatter every figure. The
//! scene and the noise are made once, so that a picture is little more than a copy.

use std::f32::consts::TAU;
use std::time::Duration;

use common::frame::{Picture, Size};

use super::{Captured, DEFAULT_SIZE, Error, Format, Frame, Next};
use crate::config::RequestedFormat;
use crate::rate::FrameRate;

/// The same pictures every time.
const SEED: u64 = 0x5eed_0f1a_e1a6;
/// How far the scene reaches beyond the picture, in samples.
const PAN: Size = Size::new(256, 128);
/// Length of one pan to the right and back, in seconds.
const PAN_PERIOD_S: f32 = 11.0;
/// Noise samples: a row takes its noise from anywhere among them.
const NOISE: usize = 1 << 16;
/// The noise's standard deviation in luma steps, about that of a webcam in a lit room.
const NOISE_SIGMA: f32 = 2.0;
/// Size of the largest features of the scene, in samples.
const COARSEST: usize = 128;

/// The test pattern.
pub struct Source {
    format: Format,
    scene: Scene,
    noise: Vec<i8>,
    random: Random,
    number: u64,
    free: Vec<Picture>,
}

impl Source {
    /// The pattern in the size and rate of `requested`, or 640x480 at 30 per second.
    pub fn new(requested: RequestedFormat) -> Self {
        let size = requested.size.unwrap_or(DEFAULT_SIZE);
        let rate = requested.rate.unwrap_or(FrameRate::THIRTY);
        let mut random = Random(SEED);
        let scene = Scene::new(Size::new(size.width + PAN.width, size.height + PAN.height), &mut random);
        let noise = (0..NOISE + size.width as usize).map(|_| random.normal(NOISE_SIGMA)).collect();
        Self { format: Format { size, rate }, scene, noise, random, number: 0, free: Vec::new() }
    }

    fn draw_next(&mut self, picture: &mut Picture) {
        let seconds = self.format.rate.time_of(self.number).as_secs_f32();
        self.copy_scene(picture, pan_at(seconds));
        for ball in &BALLS {
            ball.draw(picture, seconds);
        }
        self.add_noise(picture);
        self.number += 1;
    }

    fn copy_scene(&self, picture: &mut Picture, (x, y): (usize, usize)) {
        let planes = picture.planes_mut().into_iter().zip(&self.scene.planes);
        for (index, (plane, scene)) in planes.enumerate() {
            // Chroma planes are half as wide, and so is everything about them.
            let halved = usize::from(index > 0);
            let (width, stride) = (self.format.size.width as usize >> halved, self.scene.width >> halved);
            let rows = scene.chunks_exact(stride).skip(y >> halved);
            for (to, from) in plane.chunks_exact_mut(width).zip(rows) {
                to.copy_from_slice(&from[x >> halved..][..width]);
            }
        }
    }

    fn add_noise(&mut self, picture: &mut Picture) {
        let width = self.format.size.width as usize;
        let [luma, ..] = picture.planes_mut();
        for row in luma.chunks_exact_mut(width) {
            let start = self.random.below(NOISE as u32) as usize;
            for (sample, noise) in row.iter_mut().zip(&self.noise[start..]) {
                *sample = sample.saturating_add_signed(*noise);
            }
        }
    }
}

impl super::Source for Source {
    fn format(&self) -> Format {
        self.format
    }

    fn describe(&self) -> String {
        "test pattern".to_owned()
    }

    fn next(&mut self, _limit: Duration) -> Result<Next, Error> {
        let mut picture = self.free.pop().unwrap_or_else(|| Picture::black(self.format.size));
        self.draw_next(&mut picture);
        Ok(Next::Frame(Frame { picture, captured: Captured::Unknown }))
    }

    fn recycle(&mut self, picture: Picture) {
        self.free.push(picture);
    }
}

/// The pattern's pictures at 30 per second, for benches and tests that need some; it never ends.
pub fn pictures(size: Size) -> impl Iterator<Item = Picture> {
    let mut source = Source::new(RequestedFormat { size: Some(size), ..RequestedFormat::default() });
    std::iter::repeat_with(move || {
        let mut picture = Picture::black(size);
        source.draw_next(&mut picture);
        picture
    })
}

/// Left and top of the picture in the scene: forth and back without a jump, in even steps so that chroma follows.
fn pan_at(seconds: f32) -> (usize, usize) {
    let phase = TAU * seconds / PAN_PERIOD_S;
    let along = |range: u32, phase: f32| ((0.5 - 0.5 * phase.cos()) * range as f32) as usize & !1;
    (along(PAN.width, phase), along(PAN.height, phase * 0.6))
}

/// What lies behind: clouds of every size, and blocks with hard edges before them.
struct Scene {
    planes: [Vec<u8>; 3],
    width: usize,
}

impl Scene {
    fn new(size: Size, random: &mut Random) -> Self {
        let (width, height) = (size.width as usize, size.height as usize);
        let mut luma = vec![110.0; size.area()];
        let mut cell = COARSEST;
        while cell >= 4 {
            // Larger features stand out more, as in nature: amplitude follows size.
            add_clouds(&mut luma, width, cell, 1.6 * (cell as f32).powf(0.75), random);
            cell /= 2;
        }
        let chroma_width = width / 2;
        let mut chroma = [(); 2].map(|()| vec![128.0; size.chroma().area()]);
        for plane in &mut chroma {
            add_clouds(plane, chroma_width, COARSEST / 2, 36.0, random);
        }
        for _ in 0..size.area() / 12_000 {
            let block = Block::new(width, height, random);
            block.add(&mut luma, width, block.steps[0], 1);
            block.add(&mut chroma[0], chroma_width, block.steps[1], 2);
            block.add(&mut chroma[1], chroma_width, block.steps[2], 2);
        }
        let to_bytes =
            |plane: Vec<f32>, low, high| plane.into_iter().map(|value| value.clamp(low, high) as u8).collect();
        let [u, v] = chroma;
        Self { planes: [to_bytes(luma, 24.0, 228.0), to_bytes(u, 40.0, 216.0), to_bytes(v, 40.0, 216.0)], width }
    }
}

/// Adds smooth noise with features of `cell` samples: random heights on a lattice, blended in between.
fn add_clouds(plane: &mut [f32], width: usize, cell: usize, amplitude: f32, random: &mut Random) {
    let columns = width / cell + 2;
    let rows = plane.len() / width / cell + 2;
    let lattice: Vec<f32> = (0..columns * rows).map(|_| (random.unit() - 0.5) * amplitude).collect();
    let smooth = |t: f32| t * t * (3.0 - 2.0 * t);
    let across: Vec<f32> = (0..cell).map(|x| smooth(x as f32 / cell as f32)).collect();
    for (y, row) in plane.chunks_exact_mut(width).enumerate() {
        let down = across[y % cell];
        let (above, below) = (&lattice[y / cell * columns..], &lattice[(y / cell + 1) * columns..]);
        for (x, value) in row.iter_mut().enumerate() {
            let (column, t) = (x / cell, across[x % cell]);
            let top = above[column] + (above[column + 1] - above[column]) * t;
            let bottom = below[column] + (below[column + 1] - below[column]) * t;
            *value += top + (bottom - top) * down;
        }
    }
}

/// A rectangle that is lighter or darker than what is behind it.
struct Block {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
    steps: [f32; 3],
}

impl Block {
    fn new(width: usize, height: usize, random: &mut Random) -> Self {
        let mut side = || 2 * (4 + random.below(36) as usize);
        let (block_width, block_height) = (side(), side());
        let mut place =
            |range: usize, taken: usize| random.below(range.saturating_sub(taken).max(1) as u32) as usize & !1;
        let (left, top) = (place(width, block_width), place(height, block_height));
        let mut step = |range: f32| (random.unit() - 0.5) * range;
        Self { left, top, width: block_width, height: block_height, steps: [step(120.0), step(60.0), step(60.0)] }
    }

    /// Adds `step` to its samples in a plane that is `divisor` times smaller than luma.
    fn add(&self, plane: &mut [f32], stride: usize, step: f32, divisor: usize) {
        let rows = plane.chunks_exact_mut(stride).skip(self.top / divisor).take(self.height / divisor);
        for row in rows {
            for value in row.iter_mut().skip(self.left / divisor).take(self.width / divisor) {
                *value += step;
            }
        }
    }
}

/// A shaded ball on a closed path.
struct Ball {
    /// Radius as a part of the picture's height.
    radius: f32,
    /// Turns per second along x and y.
    pace: (f32, f32),
    /// Colour: Y at its brightest, U, V.
    colour: [u8; 3],
}

const BALLS: [Ball; 3] = [
    Ball { radius: 0.11, pace: (0.23, 0.31), colour: [210, 90, 170] },
    Ball { radius: 0.08, pace: (0.41, 0.17), colour: [190, 170, 90] },
    Ball { radius: 0.05, pace: (0.19, 0.73), colour: [220, 60, 140] },
];

impl Ball {
    fn draw(&self, picture: &mut Picture, seconds: f32) {
        let size = picture.size();
        let (width, height) = (size.width as f32, size.height as f32);
        let radius = self.radius * height;
        let x = (0.5 + 0.4 * (TAU * self.pace.0 * seconds).sin()) * width;
        let y = (0.5 + 0.35 * (TAU * self.pace.1 * seconds + 1.0).sin()) * height;
        let [luma, u, v] = picture.planes_mut();
        let bright = f32::from(self.colour[0]);
        for_disc(luma, size, (x, y), radius, |inside| (bright * (0.35 + 0.65 * inside)) as u8);
        for_disc(u, size.chroma(), (x / 2.0, y / 2.0), radius / 2.0, |_| self.colour[1]);
        for_disc(v, size.chroma(), (x / 2.0, y / 2.0), radius / 2.0, |_| self.colour[2]);
    }
}

/// Sets the samples of a disc; `value` is told how far inside they lie, 0 at the edge to 1 in the middle.
fn for_disc(plane: &mut [u8], size: Size, (x, y): (f32, f32), radius: f32, value: impl Fn(f32) -> u8) {
    let rows = (y - radius).max(0.0) as usize..(y + radius).clamp(0.0, size.height as f32) as usize;
    for row in rows {
        let dy = row as f32 - y;
        let half = (radius * radius - dy * dy).max(0.0).sqrt();
        let columns = (x - half).max(0.0) as usize..(x + half).clamp(0.0, size.width as f32) as usize;
        for column in columns {
            let dx = column as f32 - x;
            plane[row * size.width as usize + column] = value(1.0 - (dx * dx + dy * dy) / (radius * radius));
        }
    }
}

/// A small generator (xorshift64*), since the pattern must be the same on every machine and in every release.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) as u32
    }

    /// 0 to `limit` − 1.
    fn below(&mut self, limit: u32) -> u32 {
        ((u64::from(self.next()) * u64::from(limit)) >> 32) as u32
    }

    /// 0 to 1.
    fn unit(&mut self) -> f32 {
        (self.next() >> 8) as f32 / (1 << 24) as f32
    }

    /// Nearly normal with deviation `sigma`: the sum of four even ones.
    fn normal(&mut self, sigma: f32) -> i8 {
        let sum: f32 = (0..4).map(|_| self.unit() - 0.5).sum();
        (sum * sigma * 3.0_f32.sqrt()).round() as i8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pictures(size: Size, count: usize) -> Vec<Picture> {
        super::pictures(size).take(count).collect()
    }

    #[test]
    fn it_moves_and_is_the_same_every_time() {
        let size = Size::new(640, 480);
        let (first, second) = (pictures(size, 3), pictures(size, 3));
        assert_eq!(first, second);
        assert_ne!(first[1], first[2]);
    }

    #[test]
    fn it_has_detail_and_contrast() {
        for size in [Size::new(256, 144), Size::new(1280, 720)] {
            let picture = &pictures(size, 1)[0];
            let [luma, ..] = picture.planes();
            let mean = luma.iter().map(|&y| f64::from(y)).sum::<f64>() / luma.len() as f64;
            let spread = (luma.iter().map(|&y| (f64::from(y) - mean).powi(2)).sum::<f64>() / luma.len() as f64).sqrt();
            assert!((60.0..180.0).contains(&mean), "mean {mean}");
            assert!(spread > 20.0, "spread {spread}");
        }
    }

    #[test]
    fn every_even_size_can_be_drawn() {
        for size in [Size::new(2, 2), Size::new(128, 64), Size::new(16, 400), Size::new(400, 16)] {
            assert_eq!(pictures(size, 40).len(), 40);
        }
    }

    #[test]
    fn noise_has_the_deviation_it_should() {
        let mut random = Random(SEED);
        let squares: f64 = (0..20_000).map(|_| f64::from(random.normal(NOISE_SIGMA)).powi(2)).sum();
        let sigma = (squares / 20_000.0).sqrt();
        assert!((1.8..2.2).contains(&sigma), "{sigma}");
    }
}
