//! Tries to get a wrong reading out of the reader: pictures without a code, and codes that were damaged or mixed.

use std::ops::AddAssign;

use common::code::{Corner, Layout, Painter, Payload, Reader, SEQUENCE_MODULUS};
use common::frame::{Picture, Size};
use common::time::WallTime;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::corner_code::{COLUMNS, ROWS, place};

/// Small, so that many are tried.
const SIZE: Size = Size::new(160, 96);
/// From one frame to the next, in µs.
const FRAME_US: i64 = 33_333;

/// What is done to a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Every sample random.
    Noise,
    /// Every cell where the code would be random, below a whole finder.
    RandomCells,
    /// A code with some cells flipped.
    Flipped,
    /// A code with some bytes replaced, 3 to 8: more than can be mended, but close to a codeword.
    Replaced,
    /// A code with a part covered.
    Covered,
    /// The upper part of one frame above the lower part of another.
    Tear,
    /// The mean of two frames, with any weights, and noise.
    Blend,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Noise, Self::RandomCells, Self::Flipped, Self::Replaced, Self::Covered, Self::Tear, Self::Blend];
}

/// How trials ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Read: a code that was painted.
    pub right: u64,
    /// Not read.
    pub none: u64,
    /// Read: a code that was not painted. Must never happen.
    pub wrong: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.right += other.right;
        self.none += other.none;
        self.wrong += other.wrong;
    }
}

/// `count` trials of `kind`, the same for the same `seed`.
pub fn trials(kind: Kind, count: u64, seed: u64) -> Tally {
    let mut trial = Trial::new(seed);
    let mut tally = Tally::default();
    for _ in 0..count {
        let painted = trial.prepare(kind);
        match trial.reader.read(trial.picture.luma()) {
            None => tally.none += 1,
            Some(read) if painted.contains(&Some(read)) => tally.right += 1,
            Some(_) => tally.wrong += 1,
        }
    }
    tally
}

/// Its reader is locked to the code's place from the first reading on, as in a stream.
struct Trial {
    random: StdRng,
    painter: Painter,
    picture: Picture,
    other: Picture,
    reader: Reader,
}

impl Trial {
    fn new(seed: u64) -> Self {
        let painter = Painter::new(SIZE, Corner::TopLeft).expect("large enough");
        let random = StdRng::seed_from_u64(seed);
        Self { random, painter, picture: Picture::black(SIZE), other: Picture::black(SIZE), reader: Reader::new() }
    }

    /// Makes the picture; returns the codes that may be read in it.
    fn prepare(&mut self, kind: Kind) -> [Option<Payload>; 2] {
        let random = &mut self.random;
        let first = Payload {
            stream_id: random.random(),
            sequence: random.random_range(0..SEQUENCE_MODULUS - 1),
            time: WallTime::from_micros(random.random_range(0..1 << 51)),
        };
        let jitter = random.random_range(-5_000..5_000);
        let time = WallTime::from_micros(first.time.as_micros() + FRAME_US + jitter);
        let second = Payload { sequence: first.sequence + 1, time, ..first };
        if kind == Kind::Noise {
            random.fill(self.picture.planes_mut()[0]);
            return [None; 2];
        }
        self.painter.paint(&mut self.picture, &first);
        self.painter.paint(&mut self.other, &second);
        match kind {
            Kind::Noise => {}
            Kind::RandomCells => self.random_cells(),
            Kind::Flipped => self.flip(),
            Kind::Replaced => self.replace(),
            Kind::Covered => self.cover(),
            Kind::Tear => self.tear(),
            Kind::Blend => self.blend(),
        }
        // Random cells may only be read as what lay below them where none was changed, which does not happen.
        if kind == Kind::RandomCells { [None; 2] } else { [Some(first), Some(second)] }
    }

    fn random_cells(&mut self) {
        for index in 0..160 {
            if self.random.random() {
                self.invert(place(index));
            }
        }
    }

    fn flip(&mut self) {
        for _ in 0..self.random.random_range(1..40) {
            let cell = (self.random.random_range(0..COLUMNS), self.random.random_range(0..ROWS));
            self.invert(cell);
        }
    }

    fn replace(&mut self) {
        for _ in 0..self.random.random_range(3..=8) {
            let byte = self.random.random_range(0..20);
            let flips: u8 = self.random.random();
            (0..8).filter(|bit| flips >> bit & 1 == 1).for_each(|bit| self.invert(place(byte * 8 + bit)));
        }
    }

    fn cover(&mut self) {
        let bounds = self.painter.layout().bounds();
        let (width, height) = (bounds.width as usize, bounds.height as usize);
        let left = bounds.x as usize + self.random.random_range(0..width);
        let top = bounds.y as usize + self.random.random_range(0..height);
        let (across, down) = (self.random.random_range(1..width), self.random.random_range(1..height));
        let level = self.random.random();
        let stride = SIZE.width as usize;
        for row in self.picture.planes_mut()[0].chunks_exact_mut(stride).skip(top).take(down) {
            let right = (left + across).min(stride);
            row[left..right].fill(level);
        }
    }

    fn tear(&mut self) {
        let bounds = self.painter.layout().bounds();
        let seam = self.random.random_range(bounds.y..bounds.y + bounds.height) as usize * SIZE.width as usize;
        let [below, ..] = self.other.planes();
        self.picture.planes_mut()[0][seam..].copy_from_slice(&below[seam..]);
    }

    fn blend(&mut self) {
        let weight = self.random.random_range(0..=256);
        let noise = self.random.random_range(1..60);
        let [other, ..] = self.other.planes();
        for (sample, other) in self.picture.planes_mut()[0].iter_mut().zip(other) {
            let mixed = (i32::from(*sample) * weight + i32::from(*other) * (256 - weight)) >> 8;
            *sample = (mixed + self.random.random_range(-noise..noise)).clamp(0, 255) as u8;
        }
    }

    fn invert(&mut self, (column, row): (usize, usize)) {
        let layout: Layout = self.painter.layout();
        let (bounds, cell) = (layout.bounds(), layout.cell() as usize);
        let (x, y) = (bounds.x as usize + column * cell, bounds.y as usize + row * cell);
        let stride = SIZE.width as usize;
        for row in self.picture.planes_mut()[0].chunks_exact_mut(stride).skip(y).take(cell) {
            row[x..x + cell].iter_mut().for_each(|sample| *sample = 251 - *sample);
        }
    }
}
