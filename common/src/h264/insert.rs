//! Putting an SEI message into an access unit.

use std::ops::Range;

use super::{NalKind, START_CODE, start_code};

/// The four-byte start code (ITU-T H.264 section B.1.1): zero_byte, then start_code_prefix_one_3bytes.
pub const LONG_START_CODE: [u8; 4] = [0, 0, 0, 1];

/// Puts the SEI NAL unit `nal` (header byte first, no start code) before the first slice of an access unit in annex B form,
/// where it has to stand (section 7.4.1.2.3), and says where it lies then. An access unit without a slice gets it at the end.
///
/// Moves the slices by `nal.len() + 4` bytes, and to another buffer only where `annex_b` has less capacity left.
pub fn insert_sei(annex_b: &mut Vec<u8>, nal: &[u8]) -> Range<usize> {
    let at = first_slice(annex_b).unwrap_or(annex_b.len());
    annex_b.splice(at..at, LONG_START_CODE.iter().chain(nal).copied());
    let begin = at + LONG_START_CODE.len();
    begin..begin + nal.len()
}

/// Where the start code of the first slice begins, a zero_byte before it included.
fn first_slice(annex_b: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = start_code(annex_b, from)?;
        from = at + START_CODE.len();
        if matches!(NalKind::of(&annex_b[from..]), Some(NalKind::Slice | NalKind::Idr)) {
            let zero_byte = at.checked_sub(1).is_some_and(|before| annex_b[before] == 0);
            return Some(at - usize::from(zero_byte));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::nals;
    use super::*;

    const SEI: [u8; 3] = [6, 5, 0x80];

    #[test]
    fn an_sei_message_stands_between_parameter_sets_and_slices() {
        let (sps, pps, first, second) = ([0x67, 1], [0x68, 2], [0x65, 0x88, 3], [0x65, 0x48, 4]);
        let (short, long) = (&[0, 0, 1][..], &[0, 0, 0, 1][..]);
        for (set, slice) in [(long, long), (short, short), (short, long)] {
            let mut unit = [set, &sps[..], set, &pps[..], slice, &first[..], slice, &second[..]].concat();
            let at = insert_sei(&mut unit, &SEI);
            assert_eq!(unit[at.clone()], SEI);
            assert_eq!(unit[at.end..], [slice, &first[..], slice, &second[..]].concat());
            assert_eq!(nals(&unit).collect::<Vec<_>>(), [&sps[..], &pps, &SEI, &first, &second]);
        }
    }

    #[test]
    fn a_unit_that_begins_with_a_slice_or_has_none_gets_it_too() {
        let mut unit = vec![0, 0, 1, 0x41, 9];
        assert_eq!(insert_sei(&mut unit, &SEI), 4..7);
        assert_eq!(nals(&unit).collect::<Vec<_>>(), [&SEI[..], &[0x41, 9]]);
        for mut bare in [vec![], vec![0, 0, 1], vec![0, 0, 1, 0x67, 1], vec![7; 9]] {
            let at = insert_sei(&mut bare, &SEI);
            assert_eq!((bare[at.clone()].to_vec(), at.end), (SEI.to_vec(), bare.len()));
        }
    }

    #[test]
    fn nothing_is_allocated_where_there_is_room() {
        let mut unit = Vec::with_capacity(100 + 4 + SEI.len());
        unit.extend([0, 0, 0, 1, 0x65]);
        unit.resize(100, 0xab);
        let (buffer, capacity) = (unit.as_ptr(), unit.capacity());
        insert_sei(&mut unit, &SEI);
        assert_eq!((unit.as_ptr(), unit.capacity(), unit.len()), (buffer, capacity, 107));
    }
}
