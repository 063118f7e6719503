use common::h264::NalKind;

use super::*;
use crate::decode::h264::openh264::OpenH264;
use crate::decode::h264::testing::{LOW_DELAY, PICTURES, SMALL, number, x264};

/// Intra refresh over 12 pictures: one IDR picture in the life of the stream.
const INTRA_REFRESH: [&str; 4] = ["-tune", "zerolatency", "-x264-params", "aud=1:keyint=12:intra-refresh=1"];
/// One IDR picture, and then intra pictures that are recovery points.
const OPEN_GOP: [&str; 2] = [
    "-x264-params",
    // Without B-frames x264 has no open GOPs, and with this bias it takes none.
    "aud=1:keyint=6:min-keyint=6:open-gop=1:scenecut=0:bframes=1:b-adapt=1:b-bias=-100:rc-lookahead=2",
];

fn fresh() -> RandomAccess<OpenH264> {
    RandomAccess::new(OpenH264::new().expect("the decoder starts"))
}

/// What each access unit gave: its picture's number, or the error.
fn decode(decoder: &mut RandomAccess<OpenH264>, units: &[Vec<u8>]) -> Vec<Result<u8, Error>> {
    let mut decode = |unit: &Vec<u8>| {
        let mut seen = None;
        let unit = AccessUnit::parse(unit);
        let slice = decoder.inspect(&unit);
        decoder.decode(&unit, slice, &mut |planes| seen = Some(number(planes)))?;
        Ok(seen.expect("a picture was shown"))
    };
    units.iter().map(&mut decode).collect()
}

/// The units from `from` on, behind the parameter sets of the stream, as the receiver hands over the first of a session.
fn joined(units: &[Vec<u8>], from: usize) -> Vec<Vec<u8>> {
    let first = AccessUnit::parse(&units[0]);
    let sets = [first.sps.expect("the first has them"), first.pps.expect("the first has them")];
    let mut joined = units[from..].to_vec();
    let sets: Vec<u8> = sets.iter().flat_map(|set| [&[0, 0, 0, 1], *set].concat()).collect();
    joined[0].splice(0..0, sets);
    joined
}

/// Without the SPS and PPS that the encoder repeats, as retina hands over what is no IDR picture.
fn without_sets(units: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let strip = |unit: &Vec<u8>| {
        let kept =
            common::h264::nals(unit).filter(|nal| !matches!(NalKind::of(nal), Some(NalKind::Sps | NalKind::Pps)));
        kept.flat_map(|nal| [&[0, 0, 0, 1], nal].concat()).collect()
    };
    let rest = units[1..].iter().map(strip);
    std::iter::once(units[0].clone()).chain(rest).collect()
}

fn points(units: &[Vec<u8>]) -> Vec<(usize, u32)> {
    units.iter().enumerate().filter_map(|(n, unit)| Some((n, AccessUnit::parse(unit).recovery?))).collect()
}

/// Those before `first` are refused as `error` and all others are right.
fn assert_right_from(outcomes: &[Result<u8, Error>], from: usize, first: usize, error: &[Error]) {
    for (n, outcome) in (from..).zip(outcomes) {
        match outcome {
            Ok(shown) => assert!(n >= first && usize::from(*shown) == n, "{n} shows {shown}"),
            Err(why) => assert!(n < first && error.contains(why), "{n}: {why}"),
        }
    }
}

#[test]
fn a_stream_of_intra_refresh_begins_at_a_recovery_point_and_shows_what_is_right() {
    let units = without_sets(&x264(SMALL, &INTRA_REFRESH));
    let idrs = units.iter().filter(|unit| AccessUnit::parse(unit).idr()).count();
    let (point, count) = *points(&units).iter().find(|(n, _)| *n > 3).expect("it has recovery points");
    assert_eq!((units.len(), idrs), (usize::from(PICTURES), 1));
    assert!(count > 0, "the refresh takes its time");
    let outcomes = decode(&mut fresh(), &joined(&units, 3));
    let first = point + count as usize;
    assert!(first < units.len(), "{first}");
    assert_right_from(&outcomes, 3, first, &[Error::NoStart, Error::Recovering]);
}

#[test]
fn a_stream_of_open_gops_begins_at_an_intra_picture() {
    let units = without_sets(&x264(SMALL, &OPEN_GOP));
    let (point, count) = *points(&units).iter().find(|(n, _)| *n > 3).expect("it has recovery points");
    assert_eq!((count, AccessUnit::parse(&units[point]).idr()), (0, false));
    let outcomes = decode(&mut fresh(), &joined(&units, 3));
    assert_right_from(&outcomes, 3, point, &[Error::NoStart]);
}

#[test]
fn intra_pictures_that_say_nothing_are_begun_with_where_no_idr_comes() {
    let silent = |unit: &Vec<u8>| {
        let kept = common::h264::nals(unit).filter(|nal| NalKind::of(nal) != Some(NalKind::Sei));
        kept.flat_map(|nal| [&[0, 0, 0, 1], nal].concat()).collect::<Vec<u8>>()
    };
    let units = without_sets(&x264(SMALL, &OPEN_GOP));
    let second = points(&units).iter().map(|(n, _)| *n).filter(|n| *n > 3).nth(1).expect("two points");
    let units: Vec<_> = units.iter().map(silent).collect();
    assert_right_from(&decode(&mut fresh(), &joined(&units, 3)), 3, second, &[Error::NoStart]);
}

#[test]
fn after_a_loss_nothing_is_shown_before_the_next_recovery() {
    let mut units = without_sets(&x264(SMALL, &OPEN_GOP));
    let points: Vec<_> = points(&units).iter().map(|(n, _)| *n).filter(|n| *n > 3).collect();
    let [first, second, ..] = points[..] else { panic!("two points: {points:?}") };
    units.remove(first + 2);
    let outcomes = decode(&mut fresh(), &joined(&units, first));
    for (n, outcome) in (first..).zip(&outcomes) {
        // Behind the lost picture, numbers are one ahead of places.
        let lost = (first + 2..second - 1).contains(&n);
        let shown = if n < first + 2 { n } else { n + 1 };
        match outcome {
            Ok(found) => assert!(!lost && usize::from(*found) == shown, "{n}: {found}"),
            Err(error) => assert!(lost && *error == Error::NoStart, "{n}: {error}"),
        }
    }
}

/// As the queue and the server do, which know what decoding can begin with.
#[test]
fn what_is_dropped_up_to_a_recovery_point_costs_no_picture_from_there_on() {
    for options in [&OPEN_GOP[..], &INTRA_REFRESH] {
        let mut units = without_sets(&x264(SMALL, options));
        let (point, count) = *points(&units).iter().find(|(n, _)| *n > 5).expect("it has recovery points");
        let first = point + count as usize;
        assert!(first < units.len(), "{first}");
        units.drain(3..point);
        let mut decoder = fresh();
        assert_right_from(&decode(&mut decoder, &units[..3]), 0, 0, &[]);
        assert_right_from(&decode(&mut decoder, &units[3..]), point, first, &[Error::Recovering]);
    }
}

/// An access unit without a slice is nothing lost.
#[test]
fn what_the_decoder_refuses_for_itself_stops_nothing() {
    let mut units = x264(SMALL, &LOW_DELAY);
    units.insert(5, vec![0, 0, 1, 9, 0x30, 0, 0, 1, 6, 5, 1, 0xaa, 0x80]);
    let outcomes = decode(&mut fresh(), &units);
    assert!(outcomes[5].is_err());
    assert_right_from(&outcomes[..5], 0, 0, &[]);
    assert_right_from(&outcomes[6..], 5, 0, &[]);
}

#[test]
fn an_idr_picture_ends_what_began_at_a_recovery_point() {
    let refreshed = without_sets(&x264(SMALL, &OPEN_GOP));
    let usual = x264(SMALL, &LOW_DELAY);
    let mut decoder = fresh();
    let point = points(&refreshed).iter().map(|(n, _)| *n).find(|n| *n > 3).expect("a point");
    assert!(decode(&mut decoder, &joined(&refreshed, point)).iter().all(Result::is_ok));
    assert_right_from(&decode(&mut decoder, &usual), 0, 0, &[]);
}

#[test]
fn what_is_missing_is_named() {
    let units = without_sets(&x264(SMALL, &LOW_DELAY));
    let begins_late = decode(&mut fresh(), &joined(&units[..12], 3));
    assert!(begins_late.iter().all(|outcome| *outcome == Err(Error::NoStart)), "{begins_late:?}");
    let without = decode(&mut fresh(), &units[3..12]);
    assert!(without.iter().all(|outcome| *outcome == Err(Error::NoParameterSets)), "{without:?}");
    let slices_alone = AccessUnit::parse(&units[0]).slice.map(|slice| [&[0, 0, 1], slice].concat()).expect("a slice");
    assert_eq!(decode(&mut fresh(), &[slices_alone]), [Err(Error::NoParameterSets)]);
    // A slice that cannot be read, behind the sets: first_mb_in_slice has no end.
    let mut unread = joined(&units, 3);
    unread.truncate(1);
    let before = unread[0].len() - AccessUnit::parse(&units[3]).slice.expect("a slice").len();
    unread[0].truncate(before);
    unread[0].extend([0x41, 0, 0, 0x80]);
    assert_eq!(decode(&mut fresh(), &unread), [Err(Error::NoStart)]);
    // A set that cannot be read is there all the same.
    let odd =
        [&[0, 0, 1, 0x67, 0xff, 0xff][..], &[0, 0, 1, 0x68, 0xce, 0x3c, 0x80], &[0, 0, 1, 0x65, 0x88, 0x80]].concat();
    assert!(matches!(decode(&mut fresh(), &[odd])[..], [Err(Error::Broken(_))]));
}

/// What openh264 has no decoder for gives no picture at all, and the set says what it is.
#[test]
fn formats_that_cannot_be_decoded_are_refused_and_known() {
    for (options, profile, chroma, bits, interlaced) in [
        (&["-pix_fmt", "yuv422p"][..], 122, 2, 8, false),
        (&["-pix_fmt", "yuv444p"], 244, 3, 8, false),
        (&["-pix_fmt", "yuv420p10le"], 110, 1, 10, false),
        (&["-flags", "+ilme+ildct"], 100, 1, 8, true),
        (&["-qp", "0"], 244, 1, 8, false),
    ] {
        let options = [&["-tune", "zerolatency"][..], options].concat();
        let mut decoder = fresh();
        let outcomes = decode(&mut decoder, &x264(SMALL, &options));
        assert!(outcomes.iter().all(Result::is_err), "{options:?}");
        assert!(matches!(outcomes[0], Err(Error::Broken(_))), "{options:?}: {:?}", outcomes[0]);
        let sps = decoder.sps().expect("it is read");
        let found = (sps.profile_level_id[0], sps.format.chroma, sps.format.bits, sps.format.interlaced);
        assert_eq!(found, (profile, chroma, bits, interlaced), "{options:?}");
    }
}
