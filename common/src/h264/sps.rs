//! The sequence parameter set (ITU-T H.264 section 7.3.2.1.1), as far as the picture's size.

use crate::frame::Size;

/// What a path wants to know from a sequence parameter set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sps {
    /// profile_idc, constraint flags and level_idc: what `profile-level-id` writes in hexadecimal (RFC 6184
    /// section 8.1).
    pub profile_level_id: [u8; 3],
    /// Size of the picture after cropping.
    pub size: Size,
}

/// A sequence parameter set that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpsError {
    /// The NAL unit has another type.
    #[error("the NAL unit is not a sequence parameter set")]
    NotSps,
    /// It ends too early.
    #[error("the sequence parameter set is cut off")]
    Truncated,
    /// A value that H.264 does not allow.
    #[error("the sequence parameter set holds a {0} that H.264 does not allow")]
    OutOfRange(&'static str),
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
        let mut bits = Bits { bytes: &rbsp, at: 24 };
        let size = read_size(&mut bits, profile)?;
        Ok(Self { profile_level_id: [profile, constraints, level], size })
    }
}

fn read_size(bits: &mut Bits<'_>, profile: u8) -> Result<Size, SpsError> {
    bits.unsigned("seq_parameter_set_id", 31)?;
    let chroma_format = if has_chroma_format(profile) { read_chroma_format(bits)? } else { 1 };
    bits.unsigned("log2_max_frame_num", 12)?;
    skip_picture_order_count(bits)?;
    bits.unsigned("max_num_ref_frames", 16)?;
    bits.flag()?;
    const MACROBLOCKS_MAX: u32 = Size::MAX_SIDE / 16 - 1;
    let width_mbs = bits.unsigned("picture width", MACROBLOCKS_MAX)? + 1;
    let height_units = bits.unsigned("picture height", MACROBLOCKS_MAX)? + 1;
    let frame_mbs_only = bits.flag()?;
    if !frame_mbs_only {
        bits.flag()?;
    }
    bits.flag()?;
    // Table 6-1: cropping counts in chroma samples, and in pairs of rows where there are fields.
    let field_factor = if frame_mbs_only { 1 } else { 2 };
    let (crop_x, crop_y) = match chroma_format {
        1 => (2, 2 * field_factor),
        2 => (2, field_factor),
        _ => (1, field_factor),
    };
    let coded = Size::new(width_mbs * 16, height_units * 16 * field_factor);
    if coded.height > Size::MAX_SIDE {
        return Err(SpsError::OutOfRange("picture height"));
    }
    if !bits.flag()? {
        return Ok(coded);
    }
    let mut crop = || bits.unsigned("cropping", Size::MAX_SIDE);
    let (left, right, top, bottom) = (crop()?, crop()?, crop()?, crop()?);
    let width = coded.width.checked_sub((left + right) * crop_x).filter(|&w| w > 0);
    let height = coded.height.checked_sub((top + bottom) * crop_y).filter(|&h| h > 0);
    width.zip(height).map(|(w, h)| Size::new(w, h)).ok_or(SpsError::OutOfRange("cropping"))
}

/// The profiles whose parameter sets carry chroma format and scaling lists.
const fn has_chroma_format(profile: u8) -> bool {
    matches!(profile, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135)
}

fn read_chroma_format(bits: &mut Bits<'_>) -> Result<u32, SpsError> {
    let format = bits.unsigned("chroma_format_idc", 3)?;
    if format == 3 {
        bits.flag()?;
    }
    bits.unsigned("bit depth", 6)?;
    bits.unsigned("bit depth", 6)?;
    bits.flag()?;
    if bits.flag()? {
        for list in 0..if format == 3 { 12 } else { 8 } {
            if bits.flag()? {
                skip_scaling_list(bits, if list < 6 { 16 } else { 64 })?;
            }
        }
    }
    Ok(format)
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

fn skip_picture_order_count(bits: &mut Bits<'_>) -> Result<(), SpsError> {
    match bits.unsigned("pic_order_cnt_type", 2)? {
        0 => {
            bits.unsigned("log2_max_pic_order_cnt_lsb", 12)?;
        }
        1 => {
            bits.flag()?;
            bits.signed()?;
            bits.signed()?;
            for _ in 0..bits.unsigned("num_ref_frames_in_pic_order_cnt_cycle", 255)? {
                bits.signed()?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// Takes the emulation prevention bytes out (7.3.1): the 3 in every 0 0 3.
fn unescape(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len());
    let mut zeros = 0;
    for &byte in payload {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        out.push(byte);
    }
    out
}

struct Bits<'a> {
    bytes: &'a [u8],
    /// The next bit, counted from the first byte's highest.
    at: usize,
}

impl Bits<'_> {
    fn flag(&mut self) -> Result<bool, SpsError> {
        let byte = self.bytes.get(self.at / 8).ok_or(SpsError::Truncated)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Ok(bit == 1)
    }

    /// ue(v) of at most `max` (9.1).
    fn unsigned(&mut self, what: &'static str, max: u32) -> Result<u32, SpsError> {
        self.exp_golomb()?.try_into().ok().filter(|&v| v <= max).ok_or(SpsError::OutOfRange(what))
    }

    /// se(v) (9.1.1).
    fn signed(&mut self) -> Result<i64, SpsError> {
        let code = self.exp_golomb()?;
        let half = i64::try_from(code.div_ceil(2)).map_err(|_| SpsError::OutOfRange("number"))?;
        Ok(if code % 2 == 1 { half } else { -half })
    }

    fn exp_golomb(&mut self) -> Result<u64, SpsError> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > 32 {
                return Err(SpsError::OutOfRange("number"));
            }
        }
        let mut value: u64 = 1;
        for _ in 0..zeros {
            value = value << 1 | u64::from(self.flag()?);
        }
        Ok(value - 1)
    }
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
