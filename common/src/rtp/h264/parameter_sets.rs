//! The parameter sets of a stream, which may come in its description, in its packets, or in both.

use crate::h264::{NalKind, Sps};

/// Longest parameter set that is kept, in bytes; real ones have tens.
pub(crate) const PARAMETER_SET_MAX: usize = 1024;
/// Most parameter sets that are kept: one SPS and its PPS.
const KEPT_MAX: usize = 8;

/// Puts `nal`, an SPS or PPS that came in the stream, into `sets` in place of the one that it replaces. `false` where it
/// changes nothing: it is known already, as is the rule, since most streams repeat their sets; or it is no good SPS or PPS.
pub(crate) fn keep_parameter_set(sets: &mut Vec<Vec<u8>>, nal: &[u8]) -> bool {
    let Some(kind @ (NalKind::Sps | NalKind::Pps)) = NalKind::of(nal) else { return false };
    let known = sets.iter().any(|set| set == nal);
    if known || nal.len() > PARAMETER_SET_MAX || (kind == NalKind::Sps && Sps::parse(nal).is_err()) {
        return false;
    }
    let replaces =
        |old: &Vec<u8>| NalKind::of(old) == Some(kind) && (kind == NalKind::Sps || pps_id(old) == pps_id(nal));
    match sets.iter().position(replaces) {
        Some(old) => nal.clone_into(&mut sets[old]),
        None if sets.len() >= KEPT_MAX => return false,
        None if kind == NalKind::Sps => sets.insert(0, nal.to_vec()),
        None => sets.push(nal.to_vec()),
    }
    true
}

/// A PPS's identifier, an Exp-Golomb number in front of everything else (H.264 section 7.3.2.2); `None` above 14, which
/// nobody uses.
fn pps_id(nal: &[u8]) -> Option<u8> {
    let first = *nal.get(1)?;
    let zeros = first.leading_zeros();
    (zeros <= 3).then(|| (first >> (7 - 2 * zeros)) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pps_of_another_identifier_is_kept_beside_the_first_up_to_a_limit() {
        let mut sets = Vec::new();
        for first in 0x10_u8..=0x7f {
            keep_parameter_set(&mut sets, &[0x68, first]);
        }
        assert_eq!(sets.len(), KEPT_MAX);
        assert_eq!(
            [0x80, 0x40, 0x60, 0x10, 0].map(|id| pps_id(&[0x68, id])),
            [Some(0), Some(1), Some(2), Some(7), None]
        );
    }

    #[test]
    fn only_what_is_new_and_good_changes_the_sets() {
        let mut sets = vec![vec![0x68, 0xce, 0x3c, 0x80]];
        for (nal, what) in [
            (&[0x68, 0xce, 0x3c, 0x80][..], "known"),
            (&[0x65, 0x88, 2], "a slice"),
            (&[0x67], "no SPS"),
            (&[], "nothing"),
        ] {
            assert!(!keep_parameter_set(&mut sets, nal), "{what}");
        }
        assert!(keep_parameter_set(&mut sets, &[0x68, 0xcb, 0]));
        assert_eq!(sets, [[0x68, 0xcb, 0]]);
    }
}
