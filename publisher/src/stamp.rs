//! The last act before encoding: the time is read and painted into the picture.
//!
//! The corner code is for the receiver, the green text for people. Both are painted straight into the Y, U and V
//! planes. The text stands at the top left, below the code where that is in the same corner; the receiver's red text
//! stands at the bottom left.

use std::time::Duration;

use chrono::{DateTime, Local, Timelike};
use common::clock::Clock;
use common::code::{Corner, Painter, Payload, Rect, SEQUENCE_MODULUS, TooSmall};
use common::frame::{Picture, Size};
use common::glyphs::Glyphs;
use common::time::{MonoTime, Now, WallTime};

use crate::pace::Meter;

/// What is painted.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Corner of the code.
    pub corner: Corner,
    /// Number in the code that tells streams apart.
    pub stream_id: u8,
    /// Whether the green text is painted.
    pub text: bool,
}

/// What was painted, and when.
#[derive(Clone, Copy, Debug)]
pub struct Stamped {
    /// Sequence in the code, modulo 2²⁴.
    pub sequence: u32,
    /// PUB: read just before painting.
    pub stamp: WallTime,
    /// The same moment on the monotonic clock.
    pub at: MonoTime,
    /// Painting ended.
    pub painted: WallTime,
}

impl Stamped {
    /// The wall time of `mono`, carried over from PUB by the monotonic clock, so that a step of the wall clock does
    /// not tear the frame's times apart.
    pub fn wall_at(&self, mono: MonoTime) -> WallTime {
        self.now().wall_at(mono)
    }

    /// PUB on both clocks.
    pub fn now(&self) -> Now {
        Now { wall: self.stamp, mono: self.at }
    }
}

/// Stamps one picture after another.
pub struct Stamper {
    config: Config,
    painter: Painter,
    text: Text,
    sequence: u32,
    rate: Meter,
    processing: Option<Duration>,
}

impl Stamper {
    /// Stamps pictures of `size`.
    ///
    /// # Errors
    /// [`TooSmall`] where the code does not fit.
    pub fn new(size: Size, config: Config) -> Result<Self, TooSmall> {
        let painter = Painter::new(size, config.corner)?;
        let text = Text::new(size, painter.layout().bounds());
        Ok(Self { config, painter, text, sequence: 0, rate: Meter::default(), processing: None })
    }

    /// Reads the clock and paints.
    pub fn stamp(&mut self, picture: &mut Picture, clock: &dyn Clock) -> Stamped {
        let now = clock.now();
        let sequence = self.sequence;
        self.sequence = (sequence + 1) % SEQUENCE_MODULUS;
        self.rate.tick(now.mono);
        self.painter.paint(picture, &Payload { stream_id: self.config.stream_id, sequence, time: now.wall });
        if self.config.text {
            self.text.paint(
                picture,
                [time_line(now.wall), rate_line(self.rate.per_second(now.mono)), processing_line(self.processing)],
            );
        }
        Stamped { sequence, stamp: now.wall, at: now.mono, painted: now.wall_at(clock.now().mono) }
    }

    /// What the code covers.
    pub fn code(&self) -> Rect {
        self.painter.layout().bounds()
    }

    /// What the text may cover; `None` where none is painted.
    pub fn text(&self) -> Option<Rect> {
        self.config.text.then(|| self.text.bounds())
    }

    /// Tells how long a frame took from PUB until it was handed to the sender; shown on the frames after it.
    pub fn processed(&mut self, took: Duration) {
        // A tenth of the newest: quick to follow, slow enough to be read.
        self.processing = Some(self.processing.map_or(took, |mean| (mean * 9 + took) / 10));
    }

    /// Pictures per second over the last second; `None` before the second picture.
    pub fn per_second(&self, now: MonoTime) -> Option<f64> {
        self.rate.per_second(now)
    }

    /// The processing time that is shown.
    pub fn processing(&self) -> Option<Duration> {
        self.processing
    }
}

/// `PUB: HH:MM:SS.mmm` in the host's time zone.
fn time_line(time: WallTime) -> String {
    match DateTime::from_timestamp_micros(time.as_micros()) {
        Some(utc) => {
            let local = utc.with_timezone(&Local);
            let millis = local.nanosecond() / 1_000_000 % 1000;
            format!("PUB: {:02}:{:02}:{:02}.{millis:03}", local.hour(), local.minute(), local.second())
        }
        None => "PUB: --:--:--.---".to_owned(),
    }
}

fn rate_line(per_second: Option<f64>) -> String {
    per_second.map_or_else(|| "FPS: --.-".to_owned(), |rate| format!("FPS: {rate:04.1}"))
}

fn processing_line(processing: Option<Duration>) -> String {
    processing.map_or_else(|| "LAT: --.-ms".to_owned(), |took| format!("LAT: {:04.1}ms", took.as_secs_f64() * 1e3))
}

/// Paints lines of green text with a dark halo.
struct Text {
    glyphs: Glyphs,
    left: u32,
    top: u32,
    /// Of the picture.
    size: Size,
}

/// The widest line.
const TIME_SHAPE: &str = "PUB: HH:MM:SS.mmm";

/// Green in BT.601 limited range, as (Y, U, V).
const GREEN: [u8; 3] = [145, 54, 34];
const BLACK: u8 = 16;

impl Text {
    /// Text at the top left of pictures of `size` that keeps clear of `code`.
    fn new(size: Size, code: Rect) -> Self {
        let glyphs = Glyphs::for_picture(size);
        let margin = glyphs.line_height() / 4;
        let width = glyphs.width(TIME_SHAPE);
        let meets_code = code.y <= 3 * glyphs.line_height() + margin && code.x <= margin + width;
        Self { left: margin, top: if meets_code { code.y + code.height + margin } else { margin }, glyphs, size }
    }

    /// Where its lines lie, as far as that is in the picture.
    fn bounds(&self) -> Rect {
        let (x, y) = (self.left.min(self.size.width), self.top.min(self.size.height));
        let width = self.glyphs.width(TIME_SHAPE).min(self.size.width - x);
        Rect { x, y, width, height: (3 * self.glyphs.line_height()).min(self.size.height - y) }
    }

    fn paint(&self, picture: &mut Picture, lines: [String; 3]) {
        for (line, top) in lines.iter().zip((self.top..).step_by(self.glyphs.line_height() as usize)) {
            self.paint_line(picture, line, top);
        }
    }

    fn paint_line(&self, picture: &mut Picture, line: &str, top: u32) {
        let size = picture.size();
        let [luma, u, v] = picture.planes_mut();
        let chroma_width = size.chroma().width as usize;
        self.glyphs.for_each_halo_span(line, |x, y, coverage| {
            if let Some(row) = span(luma, size, self.left + x, top + y, coverage.len()) {
                row.iter_mut().zip(coverage).for_each(|(sample, &coverage)| *sample = mix(*sample, BLACK, coverage));
            }
        });
        self.glyphs.for_each_span(line, |x, y, coverage| {
            let (x, y) = (self.left + x, top + y);
            let Some(row) = span(luma, size, x, y, coverage.len()) else { return };
            row.iter_mut().zip(coverage).for_each(|(sample, &coverage)| *sample = mix(*sample, GREEN[0], coverage));
            let chroma_row = y as usize / 2 * chroma_width;
            for (column, &coverage) in (x as usize..).zip(coverage) {
                let at = chroma_row + column / 2;
                u[at] = mix(u[at], GREEN[1], coverage);
                v[at] = mix(v[at], GREEN[2], coverage);
            }
        });
    }
}

/// The `length` samples at `x`, `y`; `None` where they are not all in the picture.
fn span(luma: &mut [u8], size: Size, x: u32, y: u32, length: usize) -> Option<&mut [u8]> {
    let inside = y < size.height && x as usize + length <= size.width as usize;
    inside.then(|| &mut luma[y as usize * size.width as usize + x as usize..][..length])
}

/// `from` where `coverage` is 0, `to` where it is 255.
fn mix(from: u8, to: u8, coverage: u8) -> u8 {
    let weight = u32::from(coverage) + u32::from(coverage >> 7);
    ((u32::from(from) * (256 - weight) + u32::from(to) * weight) >> 8) as u8
}
