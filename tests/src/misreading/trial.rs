//! One picture after another, each with what is done to it.

use common::code::{Corner, Layout, Painter, Payload, Reader, SEQUENCE_MODULUS};
use common::frame::Picture;
use common::time::WallTime;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{Footage, Kind, SIZE};
use crate::corner_code::{COLUMNS, ROWS, place};

/// From one frame to the next, in µs.
const FRAME_US: i64 = 33_333;

/// Its reader is locked to the code's place from the first reading on, as in a stream.
pub(super) struct Trial<'a> {
    random: StdRng,
    footage: &'a Footage,
    painter: Painter,
    picture: Picture,
    other: Picture,
    reader: Reader,
}

impl<'a> Trial<'a> {
    pub(super) fn new(seed: u64, footage: &'a Footage) -> Self {
        let painter = Painter::new(SIZE, Corner::TopLeft).expect("large enough");
        let random = StdRng::seed_from_u64(seed);
        let (picture, other) = (Picture::black(SIZE), Picture::black(SIZE));
        Self { random, footage, painter, picture, other, reader: Reader::new() }
    }

    /// The codes that may be read, and what is read. Every other time the reader has seen the frame before the damage.
    pub(super) fn run(&mut self, kind: Kind) -> ([Option<Payload>; 2], Option<Payload>) {
        let painted = self.payloads();
        if !kind.has_code() {
            self.without_code(kind, &painted[0]);
            return ([None; 2], self.reader.read(self.picture.luma()));
        }
        if kind == Kind::Dissolve {
            self.take_footage();
        }
        self.painter.paint(&mut self.picture, &painted[0]);
        if self.random.random() {
            self.reader.read(self.picture.luma());
        }
        self.painter.paint(&mut self.other, &painted[1]);
        match kind {
            Kind::Flipped => self.flip(),
            Kind::Replaced => self.replace(),
            Kind::Covered => self.cover(),
            Kind::Cut => self.cut(),
            Kind::Tear => self.tear(),
            Kind::Blend => self.blend(),
            Kind::Dissolve => self.dissolve(),
            Kind::Noise | Kind::RandomCells | Kind::Footage => {}
        }
        (painted.map(Some), self.reader.read(self.picture.luma()))
    }

    /// Of two frames, one after the other.
    fn payloads(&mut self) -> [Payload; 2] {
        let random = &mut self.random;
        let first = Payload {
            stream_id: random.random(),
            sequence: random.random_range(0..SEQUENCE_MODULUS - 1),
            time: WallTime::from_micros(random.random_range(0..1 << 51)),
        };
        let jitter = random.random_range(-5_000..5_000);
        let time = WallTime::from_micros(first.time.as_micros() + FRAME_US + jitter);
        [first, Payload { sequence: first.sequence + 1, time, ..first }]
    }

    fn without_code(&mut self, kind: Kind, beneath: &Payload) {
        match kind {
            Kind::RandomCells => {
                self.painter.paint(&mut self.picture, beneath);
                self.random_cells();
            }
            Kind::Footage => self.take_footage(),
            _ => self.random.fill(self.picture.planes_mut()[0]),
        }
    }

    fn take_footage(&mut self) {
        for to in [&mut self.picture, &mut self.other] {
            take_part(&mut self.random, self.footage, to);
        }
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

    /// Moves the picture, up to where nearly all of the code is outside.
    fn cut(&mut self) {
        let bounds = self.painter.layout().bounds();
        let right = self.random.random_range(0..bounds.x + bounds.width) as usize;
        let down = self.random.random_range(0..bounds.y + bounds.height) as usize;
        let stride = SIZE.width as usize;
        let from = self.picture.clone();
        let [luma, ..] = self.picture.planes_mut();
        luma.fill(self.random.random());
        for (row, from) in luma.chunks_exact_mut(stride).zip(from.luma().data.chunks_exact(stride).skip(down)) {
            row[..stride - right].copy_from_slice(&from[right..]);
        }
    }

    fn tear(&mut self) {
        let bounds = self.painter.layout().bounds();
        let seam = self.random.random_range(bounds.y..bounds.y + bounds.height) as usize * SIZE.width as usize;
        let [below, ..] = self.other.planes();
        self.picture.planes_mut()[0][seam..].copy_from_slice(&below[seam..]);
    }

    fn blend(&mut self) {
        let noise = self.random.random_range(1..60);
        self.mix();
        for sample in self.picture.planes_mut()[0].iter_mut() {
            *sample = (i32::from(*sample) + self.random.random_range(-noise..noise)).clamp(0, 255) as u8;
        }
    }

    fn dissolve(&mut self) {
        if self.random.random() {
            take_part(&mut self.random, self.footage, &mut self.other);
        }
        self.mix();
    }

    fn mix(&mut self) {
        let weight = self.random.random_range(0..=256);
        let [other, ..] = self.other.planes();
        for (sample, other) in self.picture.planes_mut()[0].iter_mut().zip(other) {
            *sample = ((i32::from(*sample) * weight + i32::from(*other) * (256 - weight)) >> 8) as u8;
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

/// Fills `to` with a part of a picture, mirrored or not, with any brightness and contrast.
fn take_part(random: &mut StdRng, footage: &Footage, to: &mut Picture) {
    let luma = footage.0[random.random_range(0..footage.0.len())].luma();
    let (width, height) = (SIZE.width as usize, SIZE.height as usize);
    let (x, y) = (random.random_range(0..=luma.width - width), random.random_range(0..=luma.height - height));
    let (gain, offset) = (random.random_range(64..512), random.random_range(-60..60));
    let mirror: bool = random.random();
    for (n, row) in to.planes_mut()[0].chunks_exact_mut(width).enumerate() {
        row.copy_from_slice(&luma.data[(y + n) * luma.stride + x..][..width]);
        if mirror {
            row.reverse();
        }
        row.iter_mut().for_each(|v| *v = (((i32::from(*v) * gain) >> 8) + offset).clamp(0, 255) as u8);
    }
}
