//! The red text on the picture: when it was shown, how many come per second, and how old it is.

use common::code::Rect;
use common::glyphs::Glyphs;

use super::canvas::Canvas;

/// The colour of the text, `0x00RRGGBB`.
pub const RED: u32 = 0x00ff_3030;

/// Draws lines of text into the bottom left of a picture, on a box that dims it.
#[derive(Debug)]
pub struct Overlay {
    glyphs: Glyphs,
    for_height: u32,
}

impl Overlay {
    /// Text lines per picture height, and in a small picture.
    const LINES_PER_HEIGHT: (u32, u32) = (24, 12);
    /// Rows of a line that is read with ease: smaller ones are for pictures that have no room for it.
    const EASY_LINE_HEIGHT: u32 = 16;

    /// An overlay that fits itself to the first picture it is drawn on.
    pub fn new() -> Self {
        Self { glyphs: Glyphs::new(0), for_height: 0 }
    }

    /// Draws `lines` inside `area`, above `avoid` where that would be covered otherwise.
    pub fn draw(&mut self, canvas: &mut Canvas, area: Rect, lines: &[String], avoid: Option<Rect>) {
        if self.for_height != area.height {
            self.for_height = area.height;
            let easy = Self::EASY_LINE_HEIGHT.min(area.height / Self::LINES_PER_HEIGHT.1);
            self.glyphs = Glyphs::new(easy.max(area.height / Self::LINES_PER_HEIGHT.0));
        }
        let place = self.place(area, lines, avoid);
        dim(canvas, place);
        let mut y = place.y + self.padding();
        for line in lines {
            let x = place.x + self.padding();
            self.glyphs
                .for_each_halo_span(line, |dx, dy, coverage| blend(canvas, place, (x + dx, y + dy), coverage, 0));
            self.glyphs.for_each_span(line, |dx, dy, coverage| blend(canvas, place, (x + dx, y + dy), coverage, RED));
            y += self.glyphs.line_height();
        }
    }

    fn padding(&self) -> u32 {
        self.glyphs.line_height() / 4
    }

    /// The box of the text.
    fn place(&self, area: Rect, lines: &[String], avoid: Option<Rect>) -> Rect {
        let text_width = lines.iter().map(|line| self.glyphs.width(line)).max().unwrap_or(0);
        let text_height = self.glyphs.line_height() * u32::try_from(lines.len()).unwrap_or(0);
        let width = (text_width + 2 * self.padding()).min(area.width);
        let height = (text_height + 2 * self.padding()).min(area.height);
        let bottom = Rect { x: area.x, y: area.y + area.height - height, width, height };
        match avoid.filter(|avoid| overlap(bottom, *avoid)) {
            Some(avoid) => Rect { y: avoid.y.saturating_sub(height).max(area.y), ..bottom },
            None => bottom,
        }
    }
}

impl Default for Overlay {
    fn default() -> Self {
        Self::new()
    }
}

fn overlap(a: Rect, b: Rect) -> bool {
    a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height
}

/// Leaves a quarter of the brightness, so that red stands out from any picture and the picture is still seen.
fn dim(canvas: &mut Canvas, part: Rect) {
    for y in part.y..part.y + part.height {
        canvas.row_mut(part.x, y, part.width).iter_mut().for_each(|pixel| *pixel = (*pixel >> 2) & 0x003f_3f3f);
    }
}

fn blend(canvas: &mut Canvas, clip: Rect, (x, y): (u32, u32), coverage: &[u8], colour: u32) {
    let right = clip.x + clip.width;
    let width = u32::try_from(coverage.len()).unwrap_or(u32::MAX).min(right.saturating_sub(x));
    if y >= clip.y + clip.height {
        return;
    }
    for (pixel, &part) in canvas.row_mut(x, y, width).iter_mut().zip(coverage) {
        let mix = |shift: u32| {
            let (from, to) = (*pixel >> shift & 0xff, colour >> shift & 0xff);
            ((from * (255 - u32::from(part)) + to * u32::from(part)) / 255) << shift
        };
        *pixel = mix(16) | mix(8) | mix(0);
    }
}

#[cfg(test)]
mod tests {
    use common::frame::Size;

    use super::*;

    fn lines() -> [String; 3] {
        ["REC: 12:34:56.789", "REC FPS: 30.0", "LAT: 12.3ms"].map(str::to_owned)
    }

    fn drawn(size: Size, background: u32, avoid: Option<Rect>) -> Canvas {
        let mut canvas = Canvas::new(size);
        (0..size.height).for_each(|y| canvas.row_mut(0, y, size.width).fill(background));
        let area = Rect { x: 0, y: 0, width: size.width, height: size.height };
        Overlay::new().draw(&mut canvas, area, &lines(), avoid);
        canvas
    }

    /// Rows that hold pixels of nearly the text's colour.
    fn red_rows(canvas: &Canvas) -> Vec<usize> {
        let red = |p: &u32| p >> 16 & 0xff > 200 && p >> 8 & 0xff < 0x60 && p & 0xff < 0x60;
        let rows = canvas.data().chunks_exact(canvas.size().width as usize).enumerate();
        rows.filter(|(_, row)| row.iter().any(red)).map(|(y, _)| y).collect()
    }

    #[test]
    fn three_red_lines_stand_at_the_bottom_of_every_picture_size() {
        for (width, height) in [(256, 144), (640, 480), (1280, 720), (1920, 1080), (641, 481)] {
            for background in [0, 0xff_ffff, 0xff_0000] {
                let rows = red_rows(&drawn(Size::new(width, height), background, None));
                let text = rows.iter().filter(|&&y| y * 10 > height as usize * 6).count();
                assert!(text >= 3 * 6, "{width}x{height} on {background:06x}: {rows:?}");
                assert!(background == 0xff_0000 || rows.iter().all(|&y| y * 10 > height as usize * 6));
            }
        }
    }

    #[test]
    fn text_stays_above_a_code_in_its_corner() {
        let code = Rect { x: 16, y: 400, width: 200, height: 60 };
        let rows = red_rows(&drawn(Size::new(640, 480), 0xff_ffff, Some(code)));
        assert!(rows.iter().all(|&y| (300..400).contains(&y)), "{rows:?}");
    }

    #[test]
    fn a_cell_smaller_than_the_text_is_not_left() {
        let mut canvas = Canvas::new(Size::new(200, 64));
        let area = Rect { x: 20, y: 20, width: 30, height: 20 };
        Overlay::new().draw(&mut canvas, area, &lines(), None);
        let drawn_at = |(at, pixel): (usize, &u32)| (*pixel != 0).then_some((at as u32 % 200, at as u32 / 200));
        let drawn: Vec<_> = canvas.data().iter().enumerate().filter_map(drawn_at).collect();
        assert!(!drawn.is_empty() && drawn.iter().all(|&(x, y)| (20..50).contains(&x) && (20..40).contains(&y)));
    }
}
