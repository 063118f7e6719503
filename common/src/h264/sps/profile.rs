//! A set of one profile written as one of another.

use super::super::bits::{Bits, Writer, unescape};

const MAIN: u8 = 77;
const HIGH: u8 = 100;
const SCALABLE_BASELINE: u8 = 83;

/// chroma_format_idc 1, 8 bits of luma and chroma, no bypass, no scaling matrix: what Main does not write because it has nothing else.
const CHROMA: (u32, u8) = (0b10_1100, 7);

/// Puts the sequence parameter set of profile Main or High `nal` (header byte first, no start code) into `out`, behind a start
/// code, as one of Scalable Baseline: its syntax is that of High, and its pictures are shown in the order of decoding. Nothing
/// else in it changes. `false`, and nothing in `out`, for other profiles.
pub fn as_scalable_baseline(nal: &[u8], out: &mut Vec<u8>) -> bool {
    match nal {
        [header, HIGH, rest @ ..] => {
            out.extend([0, 0, 0, 1, *header, SCALABLE_BASELINE]);
            out.extend(rest);
            true
        }
        [header, MAIN, ..] => main(*header, &unescape(&nal[1..]), out).is_some(),
        _ => false,
    }
}

fn main(header: u8, payload: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let last = payload.iter().rposition(|&byte| byte != 0)?;
    let end = 8 * last + 7 - payload[last].trailing_zeros() as usize;
    let mut bits = Bits::new(payload, 24);
    bits.unsigned("seq_parameter_set_id", 31).ok()?;
    let id = 24..bits.at();
    let mut writer = Writer::default();
    writer.fixed(u32::from(SCALABLE_BASELINE), 8);
    let copy = |from: usize, to: usize, writer: &mut Writer| {
        let mut bits = Bits::new(payload, from);
        (from..to).try_for_each(|_| bits.flag().map(|bit| writer.fixed(u32::from(bit), 1))).ok()
    };
    copy(8, id.end, &mut writer)?;
    writer.fixed(CHROMA.0, CHROMA.1);
    copy(id.end, end, &mut writer)?;
    writer.nal(header, out);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::Sps;
    use super::*;

    #[test]
    fn nothing_but_the_profile_changes() {
        // x264 at 128x96, profiles Main and High, both with B-frames.
        let main = [
            0x67, 0x4d, 0x40, 0x0a, 0xec, 0xa1, 0x06, 0xd8, 0x08, 0x80, 0x00, 0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x1e,
            0x07, 0x89, 0x12, 0xcb,
        ];
        let high = [
            0x67, 0x64, 0x00, 0x0a, 0xac, 0xd9, 0x42, 0x0d, 0xb0, 0x11, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00, 0x00, 0x03,
            0x00, 0x3c, 0x0f, 0x12, 0x25, 0x96,
        ];
        for nal in [&main[..], &high] {
            let before = Sps::parse(nal).expect("good");
            let mut out = Vec::new();
            assert!(as_scalable_baseline(nal, &mut out));
            let after = Sps::parse(&out[4..]).expect("still good");
            assert_eq!(after.profile_level_id[0], SCALABLE_BASELINE);
            assert_eq!(
                (after.size, after.format, after.order.reorders),
                (before.size, before.format, before.order.reorders)
            );
            assert!(after.order.reorders.is_some(), "it is read to its end");
        }
    }

    #[test]
    fn other_profiles_stay_as_they_are() {
        for nal in [
            &[][..],
            &[0x67],
            &[0x67, 0x42, 0xc0, 0x1e, 0x8c],
            &[0x67, 0x4d],
            &[0x67, 0x4d, 0, 0, 0],
            &[0x67, 0x7a, 0, 10],
        ] {
            let mut out = Vec::new();
            assert!(!as_scalable_baseline(nal, &mut out) && out.is_empty(), "{nal:?}");
        }
    }
}
