//! No picture gives a reading that was not painted into it. `code_misreadings` among the examples tries millions.

use framelag_tests::misreading::{Kind, trials};

/// Of each kind.
const TRIALS: u64 = 4_000;

#[test]
fn damaged_and_mixed_codes_give_their_own_reading_or_none() {
    for kind in Kind::ALL {
        let tally = trials(kind, TRIALS, 1);
        assert_eq!(tally.wrong, 0, "{kind:?}: {tally:?}");
        let has_codes = !matches!(kind, Kind::Noise | Kind::RandomCells);
        assert_eq!(tally.right > 0, has_codes, "{kind:?}: {tally:?}");
        assert!(tally.none > 0, "{kind:?}: {tally:?}");
    }
}
