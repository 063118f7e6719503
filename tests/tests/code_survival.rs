//! The corner code comes through the lowest rates that are in use. `code_survival` among the examples tries all, with
//! more pictures: `docs/corner-code-survival.md`.

use common::code::{Corner, Layout};
use common::frame::Size;
use framelag_tests::need;
use framelag_tests::survival::{Clip, Codec, LOW_BANDWIDTH, Setting, Tally, Watch, stamped, through};

/// Encoded at each setting.
const PICTURES: usize = 16;

#[test]
fn every_code_is_read_after_openh264() {
    // The three lowest, and one of each larger size.
    for setting in [0, 1, 2, 4, 6, 10].map(|n| LOW_BANDWIDTH[n]) {
        let watch = watched(Codec::OpenH264, setting, PICTURES, 0);
        assert_eq!(watch.after, Tally { right: PICTURES, ..Tally::default() }, "{setting:?}");
    }
}

#[test]
fn codes_are_read_after_x264() {
    for setting in [0, 1, 2, 4, 6].map(|n| LOW_BANDWIDTH[n]) {
        expect_nearly_all(Codec::X264, setting);
    }
}

#[test]
fn codes_are_read_after_a_transcoder_to_half_the_rate() {
    expect_nearly_all(Codec::Transcoded, LARGER);
}

#[test]
fn codes_are_read_after_h265() {
    expect_nearly_all(Codec::X265, LARGER);
}

#[test]
fn codes_are_read_after_vp9() {
    expect_nearly_all(Codec::Vp9, LARGER);
}

#[test]
fn the_code_takes_little_of_the_picture() {
    for Setting { size, .. } in LOW_BANDWIDTH.into_iter().chain([LARGER]).filter(|s| s.size.area() >= 640 * 480) {
        let limit = if size.area() < 1280 * 720 { 0.04 } else { 0.025 };
        for corner in Corner::ALL {
            let bounds = Layout::new(size, corner).expect("large enough").bounds();
            let share = f64::from(bounds.width * bounds.height) / size.area() as f64;
            assert!(share <= limit, "{size}: {share}");
        }
    }
}

const LARGER: Setting = Setting { size: Size::new(640, 480), fps: 25, kbps: 1000 };

/// x264 and others may skip a part of a picture under load; the start of a stream is theirs, too. What is left is read.
#[track_caller]
fn expect_nearly_all(codec: Codec, setting: Setting) {
    let start = setting.start_up().min(PICTURES / 2);
    let Watch { start_up, after, .. } = watched(codec, setting, start + PICTURES, start);
    assert_eq!((after.wrong, start_up.wrong), (0, 0), "{setting:?}");
    assert_eq!(after.unread, 0, "{setting:?}: {after:?}");
    assert!(after.right >= PICTURES - 2, "{setting:?}: {after:?}");
}

fn watched(codec: Codec, setting: Setting, count: usize, start: usize) -> Watch {
    let clip = Clip::load(&need::footage("bikes.mp4"), setting.size).expect("ffmpeg reads the clip");
    let mut watch = Watch::new(start);
    let pictures = stamped(&clip, setting.fps, Corner::TopLeft, count).expect("large enough");
    through(codec, setting, pictures, |luma| watch.look(luma)).expect("the codec takes all pictures");
    watch
}
