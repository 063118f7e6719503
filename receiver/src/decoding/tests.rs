use common::h264::AccessUnit;
use common::host::SystemClock;
use common::media::Codec;
use common::time::MediaTime;

use super::*;
use crate::decode::h264::testing::{SMALL, x264};
use crate::queue::queue;

/// One IDR picture of six, and numbers that begin anew with each: High, with pic_order_cnt_type 0.
const COUNTED: [&str; 2] =
    ["-x264-params", "aud=1:keyint=6:min-keyint=6:scenecut=0:bframes=1:b-adapt=1:b-bias=-100:rc-lookahead=2"];

fn encoded(data: Vec<u8>, is_key: bool) -> Unit {
    let frame = EncodedFrame { codec: Codec::H264, data, is_key, time: MediaTime::default() };
    Unit::new(Body::Encoded(frame), MonoTime::default())
}

#[test]
fn the_decoder_is_open_before_the_first_frame_comes() {
    let (clock, slot) = (SystemClock::new(), Slot::new(false));
    let mut connected = 0;
    let mut send = |event: Event| {
        connected += u32::from(matches!(event, Event::Status(Status::Connected(_))));
        true
    };
    let mut decoding = Decoding::new(&clock, &slot, None, &mut send);
    decoding.status(Status::Connected(None));
    assert!(decoding.decoder.is_none(), "bare pictures need none");
    decoding.status(Status::Connected(Some(Codec::H264)));
    assert!(decoding.decoder.is_some());
    drop(decoding);
    assert_eq!(connected, 2);
}

#[test]
fn pictures_that_wait_for_their_turn_keep_their_marks_and_all_come_before_the_end() {
    let units = x264(SMALL, &["-bf", "3", "-b_strategy", "0"]);
    let (count, bytes) = (units.len(), units.iter().map(|unit| unit.len() as u32).sum::<u32>());
    let (mut sender, receiver) = queue();
    for (n, data) in (0..).zip(units) {
        let idr = AccessUnit::parse(&data).idr();
        let assembled = MonoTime::from_origin(std::time::Duration::from_micros(n));
        sender.push_blocking(Unit { assembled, ..encoded(data, idr) });
    }
    sender.notify(Status::Ended(Ok(())));
    let (mut seen, mut depths, mut ended) = (Vec::new(), Vec::new(), false);
    let mut send = |event: Event| {
        match event {
            Event::Picture(picture) => seen.push(*picture),
            Event::Reordered(depth) => depths.push(depth),
            Event::Status(Status::Ended(Ok(()))) => ended = true,
            Event::Buffered(_) => {}
            other => panic!("{other:?}"),
        }
        true
    };
    run(&receiver, &SystemClock::new(), &Slot::new(false), None, &mut send);
    assert!(ended && depths == [2], "{depths:?}");
    assert_eq!(seen.iter().map(|seen| seen.serial).collect::<Vec<_>>(), (1..=count as u64).collect::<Vec<_>>());
    assert_eq!(seen.iter().map(|seen| seen.unit.bytes).sum::<u32>(), bytes);
    assert!(!seen.is_sorted_by_key(|seen| seen.unit.assembled), "in the order of output");
    assert!(seen.is_sorted_by_key(|seen| seen.decoded), "each when its turn has come");
}

#[test]
fn pictures_that_wait_come_before_what_was_dropped_after_them() {
    const BEFORE: usize = 6;
    let (mut sender, receiver) = queue();
    for (n, data) in x264(SMALL, &["-bf", "3", "-b_strategy", "0"]).into_iter().enumerate() {
        let idr = AccessUnit::parse(&data).idr();
        let dropped = Dropped { units: u32::from(n == BEFORE), bytes: 9 * u64::from(n == BEFORE) };
        sender.push_blocking(Unit { dropped, ..encoded(data, idr) });
    }
    sender.notify(Status::Ended(Ok(())));
    let (mut pictures, mut before) = (0, None);
    let mut send = |event: Event| {
        match event {
            Event::Picture(_) => pictures += 1,
            Event::Dropped(_) => before = Some(pictures),
            _ => {}
        }
        true
    };
    run(&receiver, &SystemClock::new(), &Slot::new(false), None, &mut send);
    assert_eq!(before, Some(BEFORE));
}

/// Which units of a stream with intra refresh are refused that misses pictures before a recovery point, where `tell` says so of
/// the unit after them. Returns how many gave no picture, too.
fn refused_after_a_gap(tell: fn(&mut Unit)) -> (usize, usize) {
    let mut units = x264(SMALL, &["-tune", "zerolatency", "-x264-params", "aud=1:keyint=12:intra-refresh=1"]);
    let point =
        (6..units.len()).find(|&n| AccessUnit::parse(&units[n]).recovery.is_some()).expect("it has recovery points");
    units.drain(3..point);
    let (mut sender, receiver) = queue();
    for (n, data) in units.into_iter().enumerate() {
        let mut unit = encoded(data, n == 0);
        if n == 3 {
            tell(&mut unit);
        }
        sender.push_blocking(unit);
    }
    sender.notify(Status::Ended(Ok(())));
    let (mut undecodable, mut refused) = (0, 0);
    let mut send = |event: Event| {
        if let Event::Undecodable { refused: by_us, .. } = event {
            undecodable += 1;
            refused += usize::from(by_us);
        }
        true
    };
    run(&receiver, &SystemClock::new(), &Slot::new(false), None, &mut send);
    (undecodable, refused)
}

#[test]
fn pictures_that_recover_from_a_gap_are_refused_only_where_this_receiver_made_it() {
    let (undecodable, refused) = refused_after_a_gap(|_| {});
    assert!(undecodable > 3, "the refresh takes its time");
    assert_eq!(refused, 0, "whoever sends left them out");
    assert_eq!(refused_after_a_gap(|unit| unit.after_loss = true), (undecodable, 0));
    let drop = |unit: &mut Unit| unit.dropped = Dropped { units: 3, bytes: 900 };
    assert_eq!(refused_after_a_gap(drop), (undecodable, undecodable));
}

#[test]
fn parameter_sets_that_come_alone_are_no_frames_that_were_refused() {
    let units = x264(SMALL, &COUNTED);
    let slice = AccessUnit::parse(&units[0]).slice.expect("an IDR picture comes with its sets and a slice");
    let alone = units[0][..units[0].len() - slice.len() - 3].to_vec();
    assert!(AccessUnit::parse(&alone).sps.is_some() && AccessUnit::parse(&alone).slice.is_none());
    let (mut sender, receiver) = queue();
    for data in [units[0].clone(), alone] {
        sender.push_blocking(encoded(data, true));
    }
    sender.notify(Status::Ended(Ok(())));
    let mut refused = Vec::new();
    let mut send = |event: Event| {
        if let Event::Undecodable { refused: by_us, .. } = event {
            refused.push(by_us);
        }
        true
    };
    run(&receiver, &SystemClock::new(), &Slot::new(false), None, &mut send);
    assert_eq!(refused, [false]);
}
