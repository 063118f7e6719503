//! The sequence parameter set (ITU-T H.264 section 7.3.2.1.1), as far as size, format and the order of pictures.

use std::sync::Arc;

use super::bits::{Bits, unescape};
use crate::frame::Size;

mod error;
mod profile;
mod vui;

pub use error::SpsError;
pub use profile::as_scalable_baseline;

/// What a path wants to know from a sequence parameter set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sps {
    /// profile_idc, constraint flags and level_idc: what `profile-level-id` writes in hexadecimal (RFC 6184
    /// section 8.1).
    pub profile_level_id: [u8; 3],
    /// Size of the picture after cropping.
    pub size: Size,
    /// How its samples are coded.
    pub format: Format,
    /// How its pictures are numbered, and what they may refer to.
    pub order: Order,
}

/// How samples are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// chroma_format_idc: 0 is luma alone, 1 is 4:2:0, 2 is 4:2:2, 3 is 4:4:4.
    pub chroma: u8,
    /// Bits per sample, of luma or chroma, whichever has more.
    pub bits: u8,
    /// frame_mbs_only_flag is off: fields, or frames of two fields.
    pub interlaced: bool,
    /// Macroblocks in a row, and rows of them in a frame.
    pub macroblocks: (u32, u32),
}

/// How pictures are numbered, and what they may refer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Bits of frame_num, 4 to 16.
    pub frame_num_bits: u8,
    /// How the order of output is written.
    pub output: Output,
    /// max_num_ref_frames, 0 to 16.
    pub references: u8,
    /// max_num_reorder_frames: pictures that may be decoded before one that is shown earlier; `None` if it is not said.
    pub reorders: Option<u8>,
    /// Bit of gaps_in_frame_num_value_allowed_flag, counted in the unescaped bytes behind the NAL unit's header.
    pub(super) gaps_at: usize,
}

/// pic_order_cnt_type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// 0: each slice has so many low bits of its place, 4 to 16.
    Counted {
        /// Bits of pic_order_cnt_lsb.
        bits: u8,
    },
    /// 1: by differences to a cycle.
    Cycle(Cycle),
    /// 2: as decoded.
    Decoded,
}

/// The cycle that pictures are expected in (pic_order_cnt_type 1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle {
    /// delta_pic_order_always_zero_flag is off: slices say how far they differ from it.
    pub each: bool,
    /// offset_for_non_ref_pic.
    pub non_reference: i64,
    /// offset_for_ref_frame, 255 at most.
    pub offsets: Arc<[i64]>,
}

/// More of an SPS than this is not looked at: real ones, scaling lists included, have a few hundred bytes.
const LEN_MAX: usize = 1024;

impl Sps {
    /// Parses a NAL unit (header byte first, no start code).
    pub fn parse(nal: &[u8]) -> Result<Self, SpsError> {
        let [header, payload @ ..] = nal else { return Err(SpsError::Truncated) };
        if header & 0x9f != 7 {
            return Err(SpsError::NotSps);
        }
        let rbsp = unescape(&payload[..payload.len().min(LEN_MAX)]);
        let &[profile, constraints, level, ..] = rbsp.as_slice() else { return Err(SpsError::Truncated) };
        let mut bits = Bits::new(&rbsp, 24);
        bits.unsigned("seq_parameter_set_id", 31)?;
        let (chroma, sample_bits) = if has_chroma_format(profile) { read_chroma_format(&mut bits)? } else { (1, 8) };
        let frame_num_bits = bits.unsigned("log2_max_frame_num", 12)? as u8 + 4;
        let output = read_picture_order_count(&mut bits)?;
        let references = bits.unsigned("max_num_ref_frames", 16)? as u8;
        let gaps_at = bits.at();
        bits.flag()?;
        let (size, interlaced, macroblocks) = read_size(&mut bits, chroma)?;
        // A set that is cut off behind the picture's size says nothing more.
        let reorders = vui::reorders(&mut bits).unwrap_or_default();
        let format = Format { chroma, bits: sample_bits, interlaced, macroblocks };
        let order = Order { frame_num_bits, output, references, reorders, gaps_at };
        Ok(Self { profile_level_id: [profile, constraints, level], size, format, order })
    }

    /// No picture is decoded before one that is shown earlier: there are no B pictures in Baseline (annex A.2.1), and no other
    /// order where the set rules it out.
    pub const fn keeps_order(&self) -> bool {
        let [profile, ..] = self.profile_level_id;
        profile == 66 || matches!(self.order.output, Output::Decoded) || matches!(self.order.reorders, Some(0))
    }
}

/// The size after cropping, whether there are fields, and the macroblocks.
fn read_size(bits: &mut Bits<'_>, chroma: u8) -> Result<(Size, bool, (u32, u32)), SpsError> {
    const MACROBLOCKS_MAX: u32 = Size::MAX_SIDE / 16 - 1;
    let width_mbs = bits.unsigned("picture width", MACROBLOCKS_MAX)? + 1;
    let height_units = bits.unsigned("picture height", MACROBLOCKS_MAX)? + 1;
    let frame_mbs_only = bits.flag()?;
    if !frame_mbs_only {
        bits.flag()?;
    }
    bits.flag()?;
    // Table 6-1: cropping counts in chroma samples, and in pairs of rows if there are fields.
    let field_factor = if frame_mbs_only { 1 } else { 2 };
    let (crop_x, crop_y) = match chroma {
        1 => (2, 2 * field_factor),
        2 => (2, field_factor),
        _ => (1, field_factor),
    };
    let coded = Size::new(width_mbs * 16, height_units * 16 * field_factor);
    if coded.height > Size::MAX_SIDE {
        return Err(SpsError::OutOfRange("picture height"));
    }
    let macroblocks = (width_mbs, coded.height / 16);
    if !bits.flag()? {
        return Ok((coded, !frame_mbs_only, macroblocks));
    }
    let mut crop = || bits.unsigned("cropping", Size::MAX_SIDE);
    let (left, right, top, bottom) = (crop()?, crop()?, crop()?, crop()?);
    let width = coded.width.checked_sub((left + right) * crop_x).filter(|&w| w > 0);
    let height = coded.height.checked_sub((top + bottom) * crop_y).filter(|&h| h > 0);
    let size = width.zip(height).map(|(w, h)| Size::new(w, h)).ok_or(SpsError::OutOfRange("cropping"))?;
    Ok((size, !frame_mbs_only, macroblocks))
}

/// The profiles whose parameter sets carry chroma format and scaling lists.
const fn has_chroma_format(profile: u8) -> bool {
    matches!(profile, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135)
}

/// chroma_format_idc and the bits per sample.
fn read_chroma_format(bits: &mut Bits<'_>) -> Result<(u8, u8), SpsError> {
    let format = bits.unsigned("chroma_format_idc", 3)?;
    if format == 3 {
        bits.flag()?;
    }
    let depth = bits.unsigned("bit depth", 6)?.max(bits.unsigned("bit depth", 6)?) as u8 + 8;
    bits.flag()?;
    if bits.flag()? {
        for list in 0..if format == 3 { 12 } else { 8 } {
            if bits.flag()? {
                skip_scaling_list(bits, if list < 6 { 16 } else { 64 })?;
            }
        }
    }
    Ok((format as u8, depth))
}

fn skip_scaling_list(bits: &mut Bits<'_>, len: usize) -> Result<(), SpsError> {
    let mut last: i64 = 8;
    for _ in 0..len {
        let next = (last + bits.signed()? + 256).rem_euclid(256);
        if next == 0 {
            break;
        }
        last = next;
    }
    Ok(())
}

fn read_picture_order_count(bits: &mut Bits<'_>) -> Result<Output, SpsError> {
    Ok(match bits.unsigned("pic_order_cnt_type", 2)? {
        0 => Output::Counted { bits: bits.unsigned("log2_max_pic_order_cnt_lsb", 12)? as u8 + 4 },
        1 => {
            let each = !bits.flag()?;
            let non_reference = bits.signed()?;
            // offset_for_top_to_bottom_field
            bits.signed()?;
            let frames = bits.unsigned("num_ref_frames_in_pic_order_cnt_cycle", 255)?;
            let offsets = (0..frames).map(|_| bits.signed()).collect::<Result<_, _>>()?;
            Output::Cycle(Cycle { each, non_reference, offsets })
        }
        _ => Output::Decoded,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// x264, High profile, 1920x1080 (cropped from 1088), level 4.0.
    const HIGH_1080P: &[u8] = &[
        0x67, 0x64, 0x00, 0x28, 0xac, 0xd9, 0x40, 0x78, 0x02, 0x27, 0xe5, 0xc0, 0x44, 0x00, 0x00, 0x03, 0x00, 0x04,
        0x00, 0x00, 0x03, 0x00, 0xf0, 0x3c, 0x60, 0xc6, 0x58,
    ];
    /// openh264, constrained Baseline, 640x480.
    const BASELINE_VGA: &[u8] = &[0x67, 0x42, 0xc0, 0x1e, 0x8c, 0x8d, 0x40, 0x50, 0x1e, 0x90, 0x0f, 0x08, 0x84, 0x6a];

    #[test]
    fn sizes_and_profiles_of_real_encoders() {
        let high = Sps::parse(HIGH_1080P).expect("a good SPS");
        assert_eq!((high.profile_level_id, high.size), ([0x64, 0, 0x28], Size::new(1920, 1080)));
        let baseline = Sps::parse(BASELINE_VGA).expect("a good SPS");
        assert_eq!((baseline.profile_level_id, baseline.size), ([0x42, 0xc0, 0x1e], Size::new(640, 480)));
    }

    /// x264's defaults at 640x480: three B-frames, two of which may be decoded before an earlier one.
    const REORDERED: &[u8] = &[
        0x67, 0x64, 0x00, 0x1e, 0xac, 0xd9, 0x40, 0xa0, 0x3d, 0xb0, 0x11, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00, 0x00,
        0x03, 0x00, 0x3c, 0x0f, 0x16, 0x2d, 0x96,
    ];

    #[test]
    fn the_order_of_pictures_is_told_from_the_set() {
        let (high, baseline) = (Sps::parse(HIGH_1080P).expect("good"), Sps::parse(BASELINE_VGA).expect("good"));
        let reordered = Sps::parse(REORDERED).expect("good");
        assert_eq!((reordered.order.reorders, reordered.keeps_order()), (Some(2), false));
        assert_eq!(reordered.format, Format { chroma: 1, bits: 8, interlaced: false, macroblocks: (40, 30) });
        assert!(matches!(reordered.order.output, Output::Counted { .. }));
        assert_eq!(high.order.reorders, Some(2));
        assert!(baseline.keeps_order());
    }

    #[test]
    fn broken_parameter_sets_are_refused() {
        assert_eq!(Sps::parse(&[0x68, 1, 2, 3]), Err(SpsError::NotSps));
        for len in 0..9 {
            assert!(Sps::parse(&HIGH_1080P[..len]).is_err(), "{len} bytes");
        }
        assert_eq!(Sps::parse(&[&[0x67, 66, 0, 30][..], &[0; 1000]].concat()), Err(SpsError::OutOfRange("number")));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in any::<Vec<u8>>()) {
            let _ = Sps::parse(&bytes);
            let _ = Sps::parse(&[&[0x67, 100][..], &bytes].concat());
        }

        #[test]
        fn damaged_parameter_sets_give_sizes_within_the_limit(at in 1..HIGH_1080P.len(), bit in 0u8..8) {
            let mut nal = HIGH_1080P.to_vec();
            nal[at] ^= 1u8 << bit;
            if let Ok(sps) = Sps::parse(&nal) {
                prop_assert!(sps.size.width <= Size::MAX_SIDE && sps.size.height <= Size::MAX_SIDE);
            }
        }
    }
}
