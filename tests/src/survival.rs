//! What a video path leaves of the corner code: stamps real footage, sends it through encoders or changes it as
//! players do, and reads it.

use std::ops::AddAssign;

use common::code::{Corner, Painter, Payload, Reader, Rect, TooSmall};
use common::frame::{Luma, Picture, Size};
use common::time::WallTime;

use crate::corner_code;

mod change;
mod clip;
mod codec;

pub use change::Change;
pub use clip::Clip;
pub use codec::{Codec, through};

/// Size, frames per second and bit rate to encode at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Picture size.
    pub size: Size,
    /// Frames per second.
    pub fps: u32,
    /// Bit rate in kbit/s. The rate control's buffer holds one frame's share of it.
    pub kbps: u32,
}

const fn setting(width: u32, height: u32, fps: u32, kbps: u32) -> Setting {
    Setting { size: Size::new(width, height), fps, kbps }
}

/// Low-bandwidth settings, from barely moving thumbnails up.
pub const LOW_BANDWIDTH: [Setting; 18] = [
    setting(256, 144, 1, 6),
    setting(256, 144, 4, 20),
    setting(512, 228, 1, 20),
    setting(512, 228, 6, 80),
    setting(512, 228, 12, 125),
    setting(512, 228, 25, 250),
    setting(1024, 576, 1, 120),
    setting(1024, 576, 6, 300),
    setting(1024, 576, 12, 500),
    setting(1024, 576, 25, 750),
    setting(1280, 720, 1, 150),
    setting(1280, 720, 6, 450),
    setting(1280, 720, 12, 650),
    setting(1280, 720, 25, 1400),
    setting(1920, 1080, 1, 400),
    setting(1920, 1080, 6, 1000),
    setting(1920, 1080, 12, 1800),
    setting(1920, 1080, 25, 3000),
];

impl Setting {
    /// framelag's own reports leave out what comes before.
    const START_UP_SECONDS: usize = 2;

    /// Pictures of the start of a stream: two seconds of it, where rate control has no measure of the pictures yet.
    pub const fn start_up(self) -> usize {
        self.fps as usize * Self::START_UP_SECONDS
    }
}

/// How the codes of a run of pictures came out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Read, and the frame's own.
    pub right: usize,
    /// The encoder skipped it: the picture says the code of an earlier frame, or it is not read and equals the one
    /// before it sample by sample. It is not new.
    pub skipped: usize,
    /// The encoder skipped most of its code: the block is nearer to that of the frame before than any reader could tell
    /// from the frame's own. It is not read, and not new either.
    pub partly_skipped: usize,
    /// Not read.
    pub unread: usize,
    /// Read, and the code of no frame up to this one. Must never happen.
    pub wrong: usize,
}

impl Tally {
    /// Pictures that were not skipped, and whose code was not.
    pub const fn new_pictures(self) -> usize {
        self.right + self.unread + self.wrong
    }

    /// Readings per new picture; `None` where there was none.
    pub fn share(self) -> Option<f64> {
        (self.new_pictures() > 0).then(|| self.right as f64 / self.new_pictures() as f64)
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.right += other.right;
        self.skipped += other.skipped;
        self.partly_skipped += other.partly_skipped;
        self.unread += other.unread;
        self.wrong += other.wrong;
    }
}

/// Reads a stream's pictures in order with one reader, and counts its start apart.
#[derive(Debug, Default)]
pub struct Watch {
    reader: Reader,
    start_up_pictures: usize,
    seen: usize,
    before: Vec<u8>,
    /// The first pictures.
    pub start_up: Tally,
    /// All others.
    pub after: Tally,
}

impl Watch {
    /// The first `start_up` pictures are counted apart.
    pub fn new(start_up: usize) -> Self {
        Self { start_up_pictures: start_up, ..Self::default() }
    }

    /// Goes on with a reader that has found the code already.
    pub fn with(reader: Reader) -> Self {
        Self { reader, ..Self::default() }
    }

    /// Picture `n`, counted from 0, should say [`payload`]`(n)`.
    pub fn look(&mut self, luma: Luma<'_>) {
        let n = self.seen;
        self.seen += 1;
        let tally = if n < self.start_up_pictures { &mut self.start_up } else { &mut self.after };
        let of_earlier = |read: &Payload| (read.sequence as usize) < n && *read == payload(read.sequence as usize);
        match self.reader.read(luma) {
            Some(read) if read == payload(n) => tally.right += 1,
            Some(read) if of_earlier(&read) => tally.skipped += 1,
            Some(_) => tally.wrong += 1,
            None if self.before == luma.data => tally.skipped += 1,
            None if n > 0 && self.reader.bounds().is_some_and(|code| mostly(n - 1, luma, code)) => {
                tally.partly_skipped += 1
            }
            None => tally.unread += 1,
        }
        self.before.clear();
        self.before.extend_from_slice(luma.data);
    }
}

/// Bytes in which a block may differ from the code of a frame and still be nearer to it than to any other code: two
/// differ in seven at least.
const NEARER: usize = 6;

/// Whether the block in `code` shows frame `n` more or less.
fn mostly(n: usize, luma: Luma<'_>, code: Rect) -> bool {
    const MIDDLE: u8 = 126;
    let white = |index: usize| {
        let (column, row) = corner_code::place(index);
        let middle = |start: u32, side: u32, cell: usize, cells: usize| {
            start as usize + side as usize * (2 * cell + 1) / (2 * cells)
        };
        let x = middle(code.x, code.width, column, corner_code::COLUMNS);
        let y = middle(code.y, code.height, row, corner_code::ROWS);
        luma.data[y.min(luma.height - 1) * luma.stride + x.min(luma.width - 1)] > MIDDLE
    };
    let seen = |byte: usize| (0..8).fold(0, |bits, bit| bits << 1 | u8::from(white(byte * 8 + bit)));
    let painted = corner_code::painted(corner_code::codeword(&corner_code::message(&payload(n))));
    painted.iter().enumerate().filter(|(byte, painted)| seen(*byte) != **painted).count() <= NEARER
}

/// The payload that [`stamped`] paints into frame `n`: 40 ms apart, with the low bits as busy as a real clock's.
pub fn payload(n: usize) -> Payload {
    let jitter = (n as i64).wrapping_mul(0x9e37_79b9) & 0xfff;
    let time = WallTime::from_micros(1_763_722_800_000_000 + n as i64 * 40_000 + jitter);
    Payload { stream_id: 1, sequence: n as u32, time }
}

/// The first `count` pictures of the clip at `fps`, over and over where it is shorter, each with its own code.
///
/// # Errors
/// Where the pictures are too small for it.
pub fn stamped(
    clip: &Clip,
    fps: u32,
    corner: Corner,
    count: usize,
) -> Result<impl Iterator<Item = Picture> + Send + '_, TooSmall> {
    let mut painter = Painter::new(clip.size(), corner)?;
    Ok((0..count).map(move |n| {
        let mut picture = clip.at(n, fps).clone();
        painter.paint(&mut picture, &payload(n));
        picture
    }))
}
