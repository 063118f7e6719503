//! No picture gives a reading that was not painted into it. `code_misreadings` among the examples tries millions.

use framelag_tests::misreading::{Footage, Kind, damaged_stream, trials};

/// Of each kind.
const TRIALS: u64 = 4_000;
/// Of the footage every one of so many pictures.
const STEP: usize = 25;

#[test]
fn damaged_and_mixed_codes_give_their_own_reading_or_none() {
    let footage = Footage::load(STEP).expect("ffmpeg reads the clips");
    for kind in Kind::ALL {
        let tally = trials(kind, TRIALS, 1, &footage);
        assert_eq!(tally.wrong, 0, "{kind:?}: {tally:?}");
        assert_eq!(tally.right > 0, kind.has_code(), "{kind:?}: {tally:?}");
        assert!(tally.none > 0, "{kind:?}: {tally:?}");
    }
}

#[test]
fn a_stream_with_bytes_damaged_gives_codes_of_its_own_or_none() {
    let tally = damaged_stream(2 * TRIALS as usize).expect("ffmpeg encodes and conceals");
    assert_eq!(tally.wrong, 0, "{tally:?}");
    assert!(tally.right > 0 && tally.none > 0, "{tally:?}");
}
