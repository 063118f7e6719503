//! SEI NAL units with the publisher's stamp, in and out of access units.

use std::ops::Range;

use super::{NalKind, START_CODE, start_code};
use crate::sei::{self, Stamp};

/// A NAL unit header with type 6 and nal_ref_idc 0.
const HEADER: u8 = 6;
/// rbsp_trailing_bits after whole bytes.
const TRAILING: u8 = 0x80;
/// The four-byte start code (ITU-T H.264 section B.1.1): zero_byte, then start_code_prefix_one_3bytes.
pub const LONG_START_CODE: [u8; 4] = [0, 0, 0, 1];

/// The SEI NAL unit with the SEI message `message`, without start code.
pub fn sei_nal(message: &[u8]) -> Vec<u8> {
    [&[HEADER], message, &[TRAILING]].concat()
}

/// Puts an SEI NAL unit with `message` before the first slice of an access unit in Annex B form, where it has to stand
/// (section 7.4.1.2.3), and returns where the unit lies, without its start code. An access unit without a slice gets it at the end.
///
/// Moves the slices, and to another buffer only if `annex_b` has less capacity left than [`sei::ROOM`].
pub fn insert_sei(annex_b: &mut Vec<u8>, message: &[u8]) -> Range<usize> {
    let at = first_slice(annex_b).unwrap_or(annex_b.len());
    let nal = std::iter::once(&HEADER).chain(message).chain([&TRAILING]);
    annex_b.splice(at..at, LONG_START_CODE.iter().chain(nal).copied());
    let begin = at + LONG_START_CODE.len();
    begin..begin + message.len() + 2
}

/// The stamp of an access unit in Annex B form, looked for before its first slice.
pub fn find_stamp(annex_b: &[u8]) -> Option<Stamp> {
    let mut begin = start_code(annex_b, 0);
    while let Some(at) = begin {
        let nal = &annex_b[at + START_CODE.len()..];
        let end = match NalKind::of(nal)? {
            NalKind::Slice | NalKind::Idr => return None,
            _ => start_code(nal, 0),
        };
        if NalKind::of(nal) == Some(NalKind::Sei)
            && let Some(stamp) = sei::find(&nal[..end.unwrap_or(nal.len())])
        {
            return Some(stamp);
        }
        begin = end.map(|end| at + START_CODE.len() + end);
    }
    None
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
    use crate::frame::{CaptureClock, PublisherTimes};
    use crate::sei::Origin;
    use crate::time::WallTime;

    const MESSAGE: [u8; 1] = [5];
    const SEI: [u8; 3] = [6, 5, 0x80];

    #[test]
    fn an_sei_message_stands_between_parameter_sets_and_slices() {
        let (sps, pps, first, second) = ([0x67, 1], [0x68, 2], [0x65, 0x88, 3], [0x65, 0x48, 4]);
        let (short, long) = (&[0, 0, 1][..], &[0, 0, 0, 1][..]);
        for (set, slice) in [(long, long), (short, short), (short, long)] {
            let mut unit = [set, &sps[..], set, &pps[..], slice, &first[..], slice, &second[..]].concat();
            let at = insert_sei(&mut unit, &MESSAGE);
            assert_eq!(unit[at.clone()], SEI);
            assert_eq!(unit[at.end..], [slice, &first[..], slice, &second[..]].concat());
            assert_eq!(nals(&unit).collect::<Vec<_>>(), [&sps[..], &pps, &SEI, &first, &second]);
        }
    }

    #[test]
    fn a_unit_that_begins_with_a_slice_or_has_none_gets_it_too() {
        let mut unit = vec![0, 0, 1, 0x41, 9];
        assert_eq!(insert_sei(&mut unit, &MESSAGE), 4..7);
        assert_eq!(nals(&unit).collect::<Vec<_>>(), [&SEI[..], &[0x41, 9]]);
        for mut bare in [vec![], vec![0, 0, 1], vec![0, 0, 1, 0x67, 1], vec![7; 9]] {
            let at = insert_sei(&mut bare, &MESSAGE);
            assert_eq!((bare[at.clone()].to_vec(), at.end), (SEI.to_vec(), bare.len()));
        }
    }

    #[test]
    fn nothing_is_allocated_where_there_is_room() {
        let mut unit = Vec::with_capacity(100 + 4 + SEI.len());
        unit.extend([0, 0, 0, 1, 0x65]);
        unit.resize(100, 0xab);
        let (buffer, capacity) = (unit.as_ptr(), unit.capacity());
        insert_sei(&mut unit, &MESSAGE);
        assert_eq!((unit.as_ptr(), unit.capacity(), unit.len()), (buffer, capacity, 107));
    }

    #[test]
    fn the_stamp_is_found_before_the_first_slice_alone() {
        let (time, origin) = (WallTime::from_micros(1_763_722_800_000_000), Origin { host: 1, run: 2 });
        let times = PublisherTimes { captured: None, stamp: time, painted: time, encoded: time, sent: time };
        let capture_clock = CaptureClock::None;
        let stamp = Stamp { stream_id: 1, sequence: 2, origin, times, capture_clock, reference: None };
        let message = sei::message(&stamp);
        let foreign = [0, 0, 1, 6, 5, 16, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0x80];
        let mut unit = [&[0, 0, 0, 1, 0x67, 1, 2, 0, 0, 1, 0x68, 3][..], &foreign, &[0, 0, 1, 0x65, 0x88]].concat();
        insert_sei(&mut unit, &message);
        assert_eq!(find_stamp(&unit), Some(stamp));
        let behind_a_slice = [&[0, 0, 1, 0x65, 0x88][..], &message, &[0, 0, 1], &sei_nal(&message)].concat();
        assert_eq!(find_stamp(&behind_a_slice), None);
        for end in 0..unit.len() - 6 {
            assert_eq!(find_stamp(&unit[..end]), None, "cut at {end}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>) {
            proptest::prop_assert_eq!(find_stamp(&[&[0, 0, 1, 6][..], &bytes].concat()), None);
        }
    }
}
