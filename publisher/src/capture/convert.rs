//! Camera and pipe layouts to I420, without a detour through RGB.
//!
//! Each function takes rows without padding and pictures with even sides; bytes beyond the picture are ignored, and a
//! buffer that is too short leaves the rest of the picture as it was.

use common::frame::Picture;

/// NV12 (Y plane, then U and V in turn) to I420.
pub fn nv12(raw: &[u8], picture: &mut Picture) {
    let [y, u, v] = picture.planes_mut();
    let (luma, chroma) = raw.split_at(raw.len().min(y.len()));
    y[..luma.len()].copy_from_slice(luma);
    for ((u, v), pair) in u.iter_mut().zip(v).zip(chroma.chunks_exact(2)) {
        (*u, *v) = (pair[0], pair[1]);
    }
}

/// YUYV 4:2:2 (Y U Y V in turn) to I420: chroma is the mean of two rows.
pub fn yuyv(raw: &[u8], picture: &mut Picture) {
    let width = picture.size().width as usize;
    let [y, u, v] = picture.planes_mut();
    let row_pairs = raw.chunks_exact(4 * width);
    let chroma = u.chunks_exact_mut(width / 2).zip(v.chunks_exact_mut(width / 2));
    for ((rows, y), (u, v)) in row_pairs.zip(y.chunks_exact_mut(2 * width)).zip(chroma) {
        for (luma, pair) in y.iter_mut().zip(rows.chunks_exact(2)) {
            *luma = pair[0];
        }
        let (above, below) = rows.split_at(2 * width);
        let quads = above.chunks_exact(4).zip(below.chunks_exact(4));
        for ((u, v), (a, b)) in u.iter_mut().zip(v).zip(quads) {
            *u = mean(a[1], b[1]);
            *v = mean(a[3], b[3]);
        }
    }
}

/// The mean, rounded up.
pub fn mean(a: u8, b: u8) -> u8 {
    (u16::from(a) + u16::from(b)).div_ceil(2) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::frame::Size;

    #[test]
    fn yuyv_chroma_is_the_mean_of_two_rows() {
        let mut picture = Picture::black(Size::new(4, 2));
        yuyv(&[1, 10, 2, 20, 3, 30, 4, 40, 5, 11, 6, 22, 7, 30, 8, 41], &mut picture);
        let [y, u, v] = picture.planes();
        assert_eq!((y, u, v), ([1, 2, 3, 4, 5, 6, 7, 8].as_slice(), [11, 30].as_slice(), [21, 41].as_slice()));
    }

    #[test]
    fn buffers_of_any_length_do_no_harm() {
        for length in 0..80 {
            let raw = vec![200; length];
            let mut picture = Picture::black(Size::new(4, 4));
            nv12(&raw, &mut picture);
            yuyv(&raw, &mut picture);
        }
    }
}
