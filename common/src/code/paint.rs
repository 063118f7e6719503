//! Painting: the last thing that happens to a picture before it is encoded.

use super::grid::{self, COLUMNS};
use super::{Corner, Layout, Payload, TooSmall, word};
use crate::frame::{Picture, Size};

/// Luma of a black cell: BT.601 limited-range black.
const BLACK: u8 = 16;
/// Luma of a white cell: BT.601 limited-range white.
const WHITE: u8 = 235;
/// Chroma under the code: no colour.
const NEUTRAL: u8 = 128;

/// Paints codes into pictures of one size.
#[derive(Debug)]
pub struct Painter {
    size: Size,
    layout: Layout,
}

impl Painter {
    /// A painter for pictures of `size` with the code in `corner`.
    ///
    /// # Errors
    /// [`TooSmall`] if the code has no room.
    pub fn new(size: Size, corner: Corner) -> Result<Self, TooSmall> {
        Ok(Self { size, layout: Layout::new(size, corner)? })
    }

    /// Where the code lies.
    pub const fn layout(&self) -> Layout {
        self.layout
    }

    /// Paints `payload` into `picture`: luma cells of 16 and 235, chroma 128 beneath. The sequence is taken modulo
    /// [`super::SEQUENCE_MODULUS`].
    ///
    /// # Panics
    /// Where `picture` has another size than the painter was made for.
    pub fn paint(&mut self, picture: &mut Picture, payload: &Payload) {
        assert_eq!(picture.size(), self.size, "the painter was made for another size");
        let cells = grid::cells(&word::encode(payload));
        let bounds = self.layout.bounds();
        let (x, y) = (bounds.x as usize, bounds.y as usize);
        let (width, cell) = (bounds.width as usize, self.layout.cell() as usize);
        let stride = self.size.width as usize;
        let [luma, u, v] = picture.planes_mut();
        for (row, cells) in cells.chunks_exact(COLUMNS).enumerate() {
            let first = (y + row * cell) * stride + x;
            for (column, &white) in cells.iter().enumerate() {
                luma[first + column * cell..][..cell].fill(if white { WHITE } else { BLACK });
            }
            for line in 1..cell {
                luma.copy_within(first..first + width, first + line * stride);
            }
        }
        let chroma_stride = self.size.chroma().width as usize;
        for plane in [u, v] {
            let rows = plane.chunks_exact_mut(chroma_stride).skip(y / 2).take(bounds.height as usize / 2);
            for row in rows {
                row[x / 2..][..width / 2].fill(NEUTRAL);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::WallTime;

    #[test]
    fn painting_touches_only_its_bounds() {
        let size = Size::new(641, 481);
        for corner in Corner::ALL {
            let mut picture =
                Picture::from_i420(size, vec![77; Picture::bytes(size)]).expect("the number of bytes is right");
            let mut painter = Painter::new(size, corner).expect("large enough");
            let payload = Payload { stream_id: 1, sequence: 2, time: WallTime::from_micros(3) };
            painter.paint(&mut picture, &payload);
            let r = painter.layout().bounds();
            for (plane, shift) in picture.planes().into_iter().zip([0, 1, 1]) {
                let stride = if shift == 0 { size.width } else { size.chroma().width } as usize;
                for (i, &sample) in plane.iter().enumerate() {
                    let (x, y) = ((i % stride) as u32, (i / stride) as u32);
                    let inside = (r.x >> shift..(r.x + r.width) >> shift).contains(&x)
                        && (r.y >> shift..(r.y + r.height) >> shift).contains(&y);
                    assert_eq!(sample != 77, inside, "{corner} {x},{y}");
                }
            }
        }
    }
}
