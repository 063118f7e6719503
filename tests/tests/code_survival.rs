//! The corner code comes through the lowest rates that are in use. `code_survival` among the examples tries all.

use common::code::Corner;
use framelag_tests::need;
use framelag_tests::survival::{self, LOW_BANDWIDTH, Tally};

/// Encoded at each setting.
const FRAMES: usize = 16;

#[test]
fn every_code_is_read_after_openh264() {
    // The three lowest, and one of each larger size.
    for setting in [0, 1, 2, 4, 6, 10].map(|n| LOW_BANDWIDTH[n]) {
        let mut pictures =
            survival::footage(&need::footage("bikes.mp4"), setting, FRAMES).expect("ffmpeg reads the clip");
        survival::stamp(&mut pictures, Corner::TopLeft).expect("large enough");
        let decoded = survival::through_openh264(&pictures, setting).expect("openh264 takes all pictures");
        assert_eq!(survival::tally(&decoded), Tally { right: FRAMES, ..Tally::default() }, "{setting:?}");
    }
}
