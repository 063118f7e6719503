//! Camera and pipe layouts to I420, without a detour through RGB where the input is not RGB itself.
//!
//! Rows lie `stride` bytes apart, and pictures have even sides. Bytes beyond the picture are ignored; a buffer or
//! stride that is too short leaves the rest of the picture as it was.

use common::frame::Picture;
use yuv::{BufferStoreMut, YuvConversionMode, YuvPackedImage, YuvPlanarImageMut, YuvRange, YuvStandardMatrix};

/// NV12 (Y plane, then U and V in turn) to I420. Both planes have the same stride.
pub fn nv12(raw: &[u8], stride: usize, picture: &mut Picture) {
    let (width, height) = sides(picture);
    let [y, u, v] = picture.planes_mut();
    let (luma, chroma) = raw.split_at(raw.len().min(stride * height));
    copy_rows(luma, stride, y, width);
    let rows = u.chunks_exact_mut(width / 2).zip(v.chunks_exact_mut(width / 2));
    for ((u, v), row) in rows.zip(chroma.chunks(stride.max(1))) {
        for ((u, v), pair) in u.iter_mut().zip(v).zip(row.as_chunks::<2>().0) {
            (*u, *v) = (pair[0], pair[1]);
        }
    }
}

/// Three planes to I420. Rows of chroma lie half of `stride` apart.
pub fn i420(raw: &[u8], stride: usize, picture: &mut Picture) {
    let (width, height) = sides(picture);
    let [y, u, v] = picture.planes_mut();
    let (luma, chroma) = raw.split_at(raw.len().min(stride * height));
    let (first, second) = chroma.split_at(chroma.len().min(stride / 2 * (height / 2)));
    copy_rows(luma, stride, y, width);
    copy_rows(first, stride / 2, u, width / 2);
    copy_rows(second, stride / 2, v, width / 2);
}

/// YUYV 4:2:2 (Y U Y V in turn) to I420: chroma is the mean of two rows.
///
/// The `yuv` crate's own conversion to 4:2:0 takes the chroma of one row of each pair and drops the other's.
pub fn yuyv(raw: &[u8], stride: usize, picture: &mut Picture) {
    packed(raw, stride, picture, yuv::yuyv422_to_yuv422);
}

/// UYVY 4:2:2 (U Y V Y in turn) to I420: chroma is the mean of two rows.
pub fn uyvy(raw: &[u8], stride: usize, picture: &mut Picture) {
    packed(raw, stride, picture, yuv::uyvy422_to_yuv422);
}

/// Luma alone to I420 without colour.
pub fn grey(raw: &[u8], stride: usize, picture: &mut Picture) {
    let (width, _) = sides(picture);
    let [y, u, v] = picture.planes_mut();
    copy_rows(raw, stride, y, width);
    u.fill(128);
    v.fill(128);
}

/// R G B in turn to I420, BT.601 limited range.
pub fn rgb(raw: &[u8], stride: usize, picture: &mut Picture) {
    three_bytes(raw, stride, picture, yuv::rgb_to_yuv420);
}

/// B G R in turn to I420, BT.601 limited range.
pub fn bgr(raw: &[u8], stride: usize, picture: &mut Picture) {
    three_bytes(raw, stride, picture, yuv::bgr_to_yuv420);
}

type ToPlanes = fn(&mut YuvPlanarImageMut<'_, u8>, &YuvPackedImage<'_, u8>) -> Result<(), yuv::YuvError>;

/// Parts each row of 4:2:2 into planes, then takes the mean of the chroma of each two rows.
fn packed(raw: &[u8], stride: usize, picture: &mut Picture, part: ToPlanes) {
    let (width, _) = sides(picture);
    if stride < 2 * width {
        return;
    }
    let half = width / 2;
    let [y, u, v] = picture.planes_mut();
    let chroma = u.chunks_exact_mut(half).zip(v.chunks_exact_mut(half));
    let (mut lower_u, mut lower_v) = (vec![0; half], vec![0; half]);
    for ((rows, y), (u, v)) in row_pairs(raw, stride, 2 * width).zip(y.chunks_exact_mut(2 * width)).zip(chroma) {
        let (upper_y, lower_y) = y.split_at_mut(width);
        part_row(rows.0, [upper_y, u, v], part);
        part_row(rows.1, [lower_y, &mut lower_u, &mut lower_v], part);
        for (upper, lower) in [(u, &lower_u), (v, &lower_v)] {
            for (upper, lower) in upper.iter_mut().zip(lower) {
                *upper = mean(*upper, *lower);
            }
        }
    }
}

/// Parts one row of 4:2:2 into Y, U and V.
fn part_row(row: &[u8], [y, u, v]: [&mut [u8]; 3], part: ToPlanes) {
    let (width, half) = (y.len() as u32, u.len() as u32);
    let mut planes = YuvPlanarImageMut {
        y_plane: BufferStoreMut::Borrowed(y),
        y_stride: width,
        u_plane: BufferStoreMut::Borrowed(u),
        u_stride: half,
        v_plane: BufferStoreMut::Borrowed(v),
        v_stride: half,
        width,
        height: 1,
    };
    let packed = YuvPackedImage { yuy: row, yuy_stride: 2 * width, width, height: 1 };
    // It refuses only lengths that do not fit together.
    if let Err(why) = part(&mut planes, &packed) {
        tracing::debug!("row of a picture left out: {why}");
    }
}

type FromRgb = fn(
    &mut YuvPlanarImageMut<'_, u8>,
    &[u8],
    u32,
    YuvRange,
    YuvStandardMatrix,
    YuvConversionMode,
) -> Result<(), yuv::YuvError>;

fn three_bytes(raw: &[u8], stride: usize, picture: &mut Picture, convert: FromRgb) {
    let size = picture.size();
    let needed = stride * size.height as usize;
    let Ok(row_bytes) = u32::try_from(stride) else { return };
    if stride < 3 * size.width as usize || raw.len() < needed {
        return;
    }
    let [y, u, v] = picture.planes_mut();
    let mut planes = YuvPlanarImageMut {
        y_plane: BufferStoreMut::Borrowed(y),
        y_stride: size.width,
        u_plane: BufferStoreMut::Borrowed(u),
        u_stride: size.chroma().width,
        v_plane: BufferStoreMut::Borrowed(v),
        v_stride: size.chroma().width,
        width: size.width,
        height: size.height,
    };
    let (range, matrix) = (YuvRange::Limited, YuvStandardMatrix::Bt601);
    // What it would refuse are buffers that are too short, which were looked at above.
    if let Err(why) = convert(&mut planes, &raw[..needed], row_bytes, range, matrix, YuvConversionMode::Balanced) {
        tracing::debug!("RGB picture left out: {why}");
    }
}

/// Pairs of rows of `bytes` bytes; the last row may lack its padding.
fn row_pairs(raw: &[u8], stride: usize, bytes: usize) -> impl Iterator<Item = (&[u8], &[u8])> {
    raw.chunks(2 * stride).filter_map(move |two| Some((two.get(..bytes)?, two.get(stride..stride + bytes)?)))
}

fn copy_rows(from: &[u8], stride: usize, to: &mut [u8], width: usize) {
    if stride == width {
        let whole = from.len().min(to.len());
        to[..whole].copy_from_slice(&from[..whole]);
    } else if stride > width {
        for (to, from) in to.chunks_exact_mut(width).zip(from.chunks(stride)) {
            if let Some(from) = from.get(..width) {
                to.copy_from_slice(from);
            }
        }
    }
}

fn sides(picture: &Picture) -> (usize, usize) {
    (picture.size().width as usize, picture.size().height as usize)
}

/// The mean, rounded up.
pub fn mean(a: u8, b: u8) -> u8 {
    (u16::from(a) + u16::from(b)).div_ceil(2) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::frame::Size;

    type Convert = fn(&[u8], usize, &mut Picture);

    /// The picture of 4x2 that all layouts are to give.
    const EXPECTED: [u8; 12] = [1, 2, 3, 4, 5, 6, 7, 8, 11, 30, 21, 41];

    /// That picture in each layout, without and with padding, and its stride.
    fn golden() -> [(&'static str, Convert, Vec<u8>, usize); 6] {
        let yuyv_rows = [1, 10, 2, 20, 3, 30, 4, 40, 5, 11, 6, 22, 7, 30, 8, 41];
        let uyvy_rows = [10, 1, 20, 2, 30, 3, 40, 4, 11, 5, 22, 6, 30, 7, 41, 8];
        let mut padded = yuyv_rows[..8].to_vec();
        padded.extend([0xee; 3]);
        padded.extend(&yuyv_rows[8..]);
        [
            ("yuyv", yuyv, yuyv_rows.to_vec(), 8),
            ("yuyv padded", yuyv, padded, 11),
            ("uyvy", uyvy, uyvy_rows.to_vec(), 8),
            ("nv12", nv12, vec![1, 2, 3, 4, 5, 6, 7, 8, 11, 21, 30, 41], 4),
            ("nv12 padded", nv12, vec![1, 2, 3, 4, 0, 0, 5, 6, 7, 8, 0, 0, 11, 21, 30, 41], 6),
            ("i420", i420, EXPECTED.to_vec(), 4),
        ]
    }

    #[test]
    fn each_layout_becomes_the_same_picture() {
        for (name, convert, raw, stride) in golden() {
            let mut picture = Picture::black(Size::new(4, 2));
            convert(&raw, stride, &mut picture);
            assert_eq!(picture.data(), EXPECTED, "{name}");
        }
    }

    #[test]
    fn rows_of_any_length_are_converted_to_their_end() {
        for width in (2..150).step_by(2) {
            let raw: Vec<u8> = (0..2 * 2 * width).map(|n| (n * 37 % 251) as u8).collect();
            let mut picture = Picture::black(Size::new(width as u32, 2));
            yuyv(&raw, 2 * width, &mut picture);
            let luma: Vec<u8> = raw.iter().step_by(2).copied().collect();
            let chroma = |first: usize| -> Vec<u8> {
                (first..2 * width).step_by(4).map(|n| mean(raw[n], raw[n + 2 * width])).collect()
            };
            assert_eq!(picture.data(), [luma, chroma(1), chroma(3)].concat(), "{width}");
        }
    }

    #[test]
    fn rgb_and_bgr_are_bt601_in_limited_range() {
        // White, black, red, green, blue and what they are in BT.601 with luma 16 to 235.
        for (rgb_value, [y, u, v]) in [
            ([255, 255, 255], [235, 128, 128]),
            ([0, 0, 0], [16, 128, 128]),
            ([255, 0, 0], [81, 90, 240]),
            ([0, 255, 0], [145, 54, 34]),
            ([0, 0, 255], [41, 240, 110]),
        ] {
            let [r, g, b] = rgb_value;
            for (convert, pixel) in [(rgb as Convert, [r, g, b]), (bgr as Convert, [b, g, r])] {
                let mut picture = Picture::black(Size::new(2, 2));
                convert(&pixel.repeat(4), 6, &mut picture);
                let near = picture.data().iter().zip([y, y, y, y, u, v]).all(|(is, wanted)| is.abs_diff(wanted) <= 1);
                assert!(near, "{rgb_value:?}: {:?}", picture.data());
            }
        }
    }

    #[test]
    fn grey_has_no_colour() {
        let mut picture = Picture::from_i420(Size::new(2, 2), vec![9; 6]).expect("six bytes");
        grey(&[1, 2, 0, 3, 4, 0], 3, &mut picture);
        assert_eq!(picture.data(), [1, 2, 3, 4, 128, 128]);
    }

    #[test]
    fn buffers_and_strides_of_any_length_do_no_harm() {
        for stride in 0..16 {
            for length in 0..80 {
                let raw = vec![200; length];
                let mut picture = Picture::black(Size::new(4, 4));
                for convert in [nv12, i420, yuyv, uyvy, grey, rgb, bgr] {
                    convert(&raw, stride, &mut picture);
                }
            }
        }
    }
}
