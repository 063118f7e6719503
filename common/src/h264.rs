//! H.264 byte streams as far as a path has to look into them: NAL units in Annex B, and what an SPS and a slice say.

use std::ops::Range;

mod access_unit;
mod bits;
pub mod filler;
mod pic_order;
mod reorder;
mod sei;
mod slice;
mod sps;

pub use access_unit::{AccessUnit, recovery_point};
pub use pic_order::PicOrder;
pub use reorder::{Reorder, Step};
pub use sei::{LONG_START_CODE, find_stamp, insert_sei, sei_nal};
pub use slice::{Slice, SliceKind};
pub use sps::{Cycle, Format, Order, Output, Sps, SpsError, as_scalable_baseline};

/// What a NAL unit holds (ITU-T H.264 table 7-1), as far as a path treats it in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NalKind {
    /// A coded slice of a picture that is no IDR picture (types 1 to 4).
    Slice,
    /// A coded slice of an IDR picture (type 5): with the parameter sets, decoding can begin here.
    Idr,
    /// Supplemental enhancement information (type 6).
    Sei,
    /// Sequence parameter set (type 7).
    Sps,
    /// Picture parameter set (type 8).
    Pps,
    /// Access unit delimiter (type 9).
    Aud,
    /// Any other type, the number in the header.
    Other(u8),
}

impl NalKind {
    /// The kind of a NAL unit (without start code); `None` if it is empty.
    pub fn of(nal: &[u8]) -> Option<Self> {
        nal.first().map(|&header| Self::of_header(header))
    }

    /// The kind that the low five bits of a NAL unit's first byte name.
    pub const fn of_header(header: u8) -> Self {
        match header & 0x1f {
            1..=4 => Self::Slice,
            5 => Self::Idr,
            6 => Self::Sei,
            7 => Self::Sps,
            8 => Self::Pps,
            9 => Self::Aud,
            other => Self::Other(other),
        }
    }
}

/// The NAL units of an Annex B byte stream (ITU-T H.264 annex B), without start codes and trailing zeros. Empty ones
/// are left out, and so is what comes before the first start code.
pub fn nals(annex_b: &[u8]) -> impl Iterator<Item = &[u8]> {
    nal_ranges(annex_b).map(|range| &annex_b[range])
}

/// Where [`nals`] lie in `annex_b`.
pub fn nal_ranges(annex_b: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut begin = start_code(annex_b, 0).map(|at| at + START_CODE.len());
    std::iter::from_fn(move || {
        loop {
            let from = begin?;
            let next = start_code(annex_b, from);
            begin = next.map(|at| at + START_CODE.len());
            let nal = &annex_b[from..next.unwrap_or(annex_b.len())];
            // A NAL unit never ends in a zero byte (7.4.1): what there is belongs to the next, longer start code.
            let zeros = nal.iter().rev().take_while(|&&b| b == 0).count();
            if zeros < nal.len() {
                return Some(from..from + nal.len() - zeros);
            }
        }
    })
}

/// What comes before each NAL unit in Annex B, at least; before some, another zero byte.
pub const START_CODE: [u8; 3] = [0, 0, 1];

/// Where the next start code is, from `from` on. Looks at every third byte only, as long as they are above 1.
pub(crate) fn start_code(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(&[a, b, c]) = bytes.get(at..at + 3) {
        match (a, b, c) {
            (0, 0, 1) => return Some(at),
            (_, _, 2..) => at += 3,
            (_, 1.., 1) => at += 3,
            _ => at += 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn start_codes_of_both_lengths_split() {
        let stream =
            [&[0, 0, 0, 1, 0x67, 1, 2][..], &[0, 0, 1, 0x68, 3], &[0, 0, 0, 0, 1, 0x65, 0, 0, 3, 1, 9], &[0, 0]]
                .concat();
        let found: Vec<&[u8]> = nals(&stream).collect();
        assert_eq!(found, [&[0x67, 1, 2][..], &[0x68, 3], &[0x65, 0, 0, 3, 1, 9]]);
        let kinds: Vec<_> = found.iter().filter_map(|nal| NalKind::of(nal)).collect();
        assert_eq!(kinds, [NalKind::Sps, NalKind::Pps, NalKind::Idr]);
    }

    #[test]
    fn streams_without_nal_units_are_empty() {
        for bytes in [&[][..], &[0, 0], &[0, 0, 1], &[0, 0, 1, 0, 0, 1], &[1, 2, 3], &[0; 40]] {
            assert_eq!(nals(bytes).count(), 0, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn splitting_undoes_joining(nals_in in proptest::collection::vec(proptest::collection::vec(2u8.., 1..50), 0..10)) {
            let stream: Vec<u8> = nals_in.iter().flat_map(|nal| [&[0, 0, 0, 1], nal.as_slice()].concat()).collect();
            prop_assert_eq!(nals(&stream).collect::<Vec<_>>(), nals_in);
        }

        #[test]
        fn start_codes_are_found_where_a_plain_search_finds_them(bytes in proptest::collection::vec(0u8..4, 0..60)) {
            let plain = bytes.windows(3).position(|w| w == START_CODE);
            prop_assert_eq!(start_code(&bytes, 0), plain);
        }
    }
}
