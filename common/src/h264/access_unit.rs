//! An access unit up to its first slice.

use super::bits::{Bits, unescape};
use super::{NalKind, START_CODE, start_code};

/// payloadType of a recovery point (ITU-T H.264 annex D.1.8).
const RECOVERY_POINT: u32 = 6;

/// So many bytes of an SEI NAL unit are looked through: several times what encoders put before a recovery point.
const SEI_LEN_MAX: usize = 4 << 10;

/// What comes before the first slice of an access unit, and that slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessUnit<'a> {
    /// All of it, in Annex B form.
    pub data: &'a [u8],
    /// Its sequence parameter set.
    pub sps: Option<&'a [u8]>,
    /// Its picture parameter set.
    pub pps: Option<&'a [u8]>,
    /// It is a recovery point: decoding that begins here gives right pictures after so many frames (recovery_frame_cnt).
    pub recovery: Option<u32>,
    /// From its first slice, header byte first, to the end of the unit: later slices follow behind start codes.
    pub slice: Option<&'a [u8]>,
}

impl<'a> AccessUnit<'a> {
    /// Parses an access unit in Annex B form. What comes after the first slice header costs nothing, however long it is.
    pub fn parse(annex_b: &'a [u8]) -> Self {
        let mut found = Self { data: annex_b, sps: None, pps: None, recovery: None, slice: None };
        let mut begin = start_code(annex_b, 0).map(|at| at + START_CODE.len());
        while let Some(from) = begin {
            let rest = &annex_b[from..];
            let kind = NalKind::of(rest);
            if matches!(kind, Some(NalKind::Slice | NalKind::Idr)) {
                found.slice = Some(rest);
                break;
            }
            let end = start_code(annex_b, from);
            begin = end.map(|at| at + START_CODE.len());
            let nal = &annex_b[from..end.unwrap_or(annex_b.len())];
            let nal = &nal[..nal.len() - nal.iter().rev().take_while(|&&b| b == 0).count()];
            match kind {
                Some(NalKind::Sps) => found.sps = Some(nal),
                Some(NalKind::Pps) => found.pps = Some(nal),
                Some(NalKind::Sei) => found.recovery = found.recovery.or_else(|| recovery_point(nal)),
                _ => {}
            }
        }
        found
    }

    /// It begins with a slice of an IDR picture.
    pub fn idr(&self) -> bool {
        self.slice.and_then(NalKind::of) == Some(NalKind::Idr)
    }
}

/// recovery_frame_cnt, where the SEI NAL unit `nal` (header byte first, no start code) holds a recovery point.
pub fn recovery_point(nal: &[u8]) -> Option<u32> {
    let payload = nal.get(1..)?;
    // payloadSize counts bytes without those that prevent emulation (7.3.2.3).
    let rbsp = unescape(&payload[..payload.len().min(SEI_LEN_MAX)]);
    let mut rest = &rbsp[..];
    // rbsp_trailing_bits alone are left at the end.
    while rest.len() > 2 {
        let kind = number(&mut rest)?;
        let size = number(&mut rest)? as usize;
        if kind == RECOVERY_POINT {
            let message = &rest[..rest.len().min(size)];
            return Bits::new(message, 0).unsigned("recovery_frame_cnt", 65_535).ok();
        }
        rest = rest.get(size..)?;
    }
    None
}

/// A payload's type or size (7.3.2.3.1): 255 for each byte of ones, and the next one.
fn number(rest: &mut &[u8]) -> Option<u32> {
    let mut sum: u32 = 0;
    loop {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        sum = sum.saturating_add(u32::from(byte));
        if byte != u8::MAX {
            return Some(sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_before_the_first_slice_is_seen_and_nothing_behind_it() {
        let unit = [
            &[0, 0, 0, 1, 0x09, 0x30][..],
            &[0, 0, 0, 1, 0x67, 1, 2],
            &[0, 0, 1, 0x68, 3, 0],
            &[0, 0, 0, 1, 0x06, 5, 1, 0xaa, 6, 1, 0xc4, 0x80],
            &[0, 0, 1, 0x41, 0x9a, 0, 0, 1, 0x67, 9],
        ]
        .concat();
        let seen = AccessUnit::parse(&unit);
        assert_eq!((seen.sps, seen.pps, seen.recovery), (Some(&[0x67, 1, 2][..]), Some(&[0x68, 3][..]), Some(0)));
        assert_eq!((seen.slice.map(|slice| slice[0]), seen.idr()), (Some(0x41), false));
        assert!(AccessUnit::parse(&[0, 0, 1, 0x65, 0x88]).idr());
        let noise = AccessUnit::parse(&[0xff; 40]);
        assert_eq!((noise.sps, noise.pps, noise.recovery, noise.slice), (None, None, None, None));
    }

    #[test]
    fn messages_are_as_long_as_they_say_without_emulation_prevention() {
        // Four bytes of user data: 0 0 1 0xaa.
        assert_eq!(recovery_point(&[0x06, 5, 4, 0, 0, 3, 1, 0xaa, 6, 1, 0xc4, 0x80]), Some(0));
        // 0 0 0 0 0 1, and 32,767 frames to go: fifteen zeros, a one, and fifteen zeros.
        assert_eq!(recovery_point(&[0x06, 5, 6, 0, 0, 3, 0, 0, 3, 0, 1, 6, 4, 0, 1, 0, 0, 0x80]), Some(32_767));
        let far = [&[0x06, 5, 255, 255, 255, 9][..], &[1; 3 * 255 + 9], &[6, 1, 0xc4, 0x80]].concat();
        assert_eq!(recovery_point(&far), Some(0));
    }

    #[test]
    fn recovery_points_are_found_behind_other_messages() {
        // x264's intra-refresh with 12 frames to go: ue(12) is 0001101.
        assert_eq!(recovery_point(&[0x06, 0x06, 0x01, 0x1b, 0x80]), Some(12));
        assert_eq!(recovery_point(&[0x06, 0xff, 0x05, 0x02, 1, 2, 0x06, 0x01, 0xc4, 0x80]), Some(0));
        for bad in [
            &[][..],
            &[0x06],
            &[0x06, 0x06],
            &[0x06, 0x06, 0x05, 0, 0, 0, 0, 0],
            &[0x06, 0x01, 0xff, 0x80],
            &[0x06, 5, 1, 6, 0x80],
        ] {
            assert_eq!(recovery_point(bad), None, "{bad:?}");
        }
    }
}
