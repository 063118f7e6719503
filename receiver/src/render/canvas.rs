//! What is shown: pictures, each fitted into a cell of its own, in the pixels of the window.

use common::code::Rect;
use common::frame::Size;

use super::pixels::Pixels;

/// An image of the window's size, `0x00RRGGBB` per pixel, row by row.
#[derive(Clone, Debug)]
pub struct Canvas {
    size: Size,
    data: Vec<u32>,
    columns: Vec<usize>,
}

impl Canvas {
    /// A black canvas.
    pub fn new(size: Size) -> Self {
        Self { size, data: vec![0; size.area()], columns: Vec::new() }
    }

    /// Width × height.
    pub const fn size(&self) -> Size {
        self.size
    }

    /// The pixels.
    pub fn data(&self) -> &[u32] {
        &self.data
    }

    /// Makes it black and of another size.
    pub(crate) fn resize(&mut self, size: Size) {
        self.size = size;
        self.data.clear();
        self.data.resize(size.area(), 0);
    }

    /// The pixels of row `y` from `x` on, at most `width`; fewer or none at the edges.
    pub(crate) fn row_mut(&mut self, x: u32, y: u32, width: u32) -> &mut [u32] {
        if y >= self.size.height || x >= self.size.width {
            return &mut [];
        }
        let start = y as usize * self.size.width as usize + x as usize;
        let width = width.min(self.size.width - x);
        &mut self.data[start..start + width as usize]
    }

    /// Makes `part` black.
    pub(crate) fn clear(&mut self, part: Rect) {
        (part.y..part.y + part.height).for_each(|y| self.row_mut(part.x, y, part.width).fill(0));
    }

    /// Draws `pixels` so that they fill `place`: see [`fit`].
    pub(crate) fn draw(&mut self, pixels: &Pixels, place: Rect) {
        let from_width = pixels.size.width as usize;
        let scaled = |to: u32, from: u32, n: u32| (u64::from(n) * u64::from(from) / u64::from(to.max(1))) as usize;
        let mut columns = std::mem::take(&mut self.columns);
        columns.clear();
        columns.extend((0..place.width).map(|x| scaled(place.width, pixels.size.width, x)));
        for y in 0..place.height {
            let start = scaled(place.height, pixels.size.height, y) * from_width;
            let from = &pixels.data[start..start + from_width];
            let to = self.row_mut(place.x, place.y + y, place.width);
            if to.len() == from.len() {
                to.copy_from_slice(from);
            } else {
                to.iter_mut().zip(&columns).for_each(|(to, &x)| *to = from[x]);
            }
        }
        self.columns = columns;
    }
}

/// The largest rectangle of the shape of `content` in the middle of `cell`.
pub(crate) fn fit(content: Size, cell: Rect) -> Rect {
    let (w, h) = (u64::from(content.width.max(1)), u64::from(content.height.max(1)));
    let (cell_w, cell_h) = (u64::from(cell.width), u64::from(cell.height));
    let (width, height) = if cell_w * h <= cell_h * w {
        (cell.width, (cell_w * h / w) as u32)
    } else {
        ((cell_h * w / h) as u32, cell.height)
    };
    Rect { x: cell.x + (cell.width - width) / 2, y: cell.y + (cell.height - height) / 2, width, height }
}

/// The cells of a grid of `count` on a canvas of `size`: as square a grid as there is, filled row by row.
pub(crate) fn cells(size: Size, count: usize) -> Vec<Rect> {
    let count = u32::try_from(count).unwrap_or(u32::MAX).max(1);
    let columns = columns(count);
    let rows = count.div_ceil(columns);
    let cell = |n: u32| {
        let edge = |side: u32, at: u32, of: u32| (u64::from(side) * u64::from(at) / u64::from(of)) as u32;
        let (column, row) = (n % columns, n / columns);
        let (x, y) = (edge(size.width, column, columns), edge(size.height, row, rows));
        let (right, bottom) = (edge(size.width, column + 1, columns), edge(size.height, row + 1, rows));
        Rect { x, y, width: right - x, height: bottom - y }
    };
    (0..count).map(cell).collect()
}

/// The canvas on which a grid of `count` pictures of at most `picture` needs no scaling.
pub(crate) fn natural(picture: Size, count: usize) -> Size {
    let count = u32::try_from(count).unwrap_or(u32::MAX).max(1);
    let columns = columns(count);
    let side = |side: u32, times: u32| side.saturating_mul(times).clamp(1, Size::MAX_SIDE);
    Size::new(side(picture.width, columns), side(picture.height, count.div_ceil(columns)))
}

fn columns(count: u32) -> u32 {
    (1..=count).find(|side| side.saturating_mul(*side) >= count).unwrap_or(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CELL: Rect = Rect { x: 10, y: 0, width: 100, height: 50 };

    #[test]
    fn pictures_keep_their_shape() {
        assert_eq!(fit(Size::new(200, 100), CELL), CELL);
        assert_eq!(fit(Size::new(4, 3), CELL), Rect { x: 27, y: 0, width: 66, height: 50 });
        assert_eq!(fit(Size::new(400, 100), CELL), Rect { x: 10, y: 12, width: 100, height: 25 });
        assert_eq!(fit(Size::new(8192, 1), CELL).height, 0);
    }

    #[test]
    fn scaling_takes_the_nearest_pixel_and_stays_inside() {
        let pixels = Pixels { size: Size::new(2, 1), data: vec![1, 2], ..Pixels::empty() };
        let mut canvas = Canvas::new(Size::new(6, 4));
        let place = fit(pixels.size, Rect { x: 0, y: 0, width: 6, height: 4 });
        canvas.draw(&pixels, place);
        assert_eq!(place, Rect { x: 0, y: 0, width: 6, height: 3 });
        assert_eq!(canvas.data()[..6], [1, 1, 1, 2, 2, 2]);
        assert_eq!(canvas.data()[18..], [0; 6]);
        canvas.resize(Size::new(1, 1));
        canvas.draw(&pixels, Rect { x: 0, y: 0, width: 6, height: 4 });
        assert_eq!(canvas.data(), [1]);
    }

    #[test]
    fn grids_are_nearly_square_and_cover_the_canvas() {
        for (count, columns, rows) in [(1, 1, 1), (2, 2, 1), (3, 2, 2), (4, 2, 2), (5, 3, 2), (16, 4, 4)] {
            assert_eq!(natural(Size::new(10, 10), count), Size::new(10 * columns, 10 * rows), "{count}");
            let cells = cells(Size::new(101, 53), count);
            assert_eq!((cells.len(), cells[0].x, cells[0].y), (count, 0, 0));
        }
        assert_eq!(cells(Size::new(101, 50), 2)[1], Rect { x: 50, y: 0, width: 51, height: 50 });
    }
}
