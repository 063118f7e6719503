use std::io::Write;
use std::process::{Command, Stdio};

use common::frame::Size;
use common::h264::NalKind;
use common::media::Codec;
use common::time::MediaTime;

use super::openh264::OpenH264;
use super::testing::{LOW_DELAY, PICTURES, SMALL, number, numbered, split, x264};
use super::*;
use crate::decode::Planes;

fn ordered() -> H264<OpenH264, usize> {
    H264::new(OpenH264::new().expect("the decoder starts"))
}

/// What came out while each unit was decoded: units that the pictures came with, and numbers that they show.
fn decode(ordered: &mut H264<OpenH264, usize>, units: &[Vec<u8>]) -> Vec<Vec<(usize, u8)>> {
    let mut decode = |(n, unit): (usize, &Vec<u8>)| {
        let mut seen = Vec::new();
        let _ = ordered.decode_unit(&AccessUnit::parse(unit), n, &mut |n, planes| seen.push((n, number(planes))));
        seen
    };
    units.iter().enumerate().map(&mut decode).collect()
}

fn flushed(ordered: &mut H264<OpenH264, usize>) -> Vec<(usize, u8)> {
    let mut seen = Vec::new();
    ordered.flush(&mut |n, planes| seen.push((n, number(planes))));
    seen
}

fn numbers(seen: &[Vec<(usize, u8)>]) -> Vec<u8> {
    seen.iter().flatten().map(|&(_, number)| number).collect()
}

fn ffmpeg(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut ffmpeg = Command::new("ffmpeg")
        .args(["-loglevel", "error"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("ffmpeg is installed");
    let (mut stdin, input) = (ffmpeg.stdin.take().expect("the pipe was asked for"), input.to_vec());
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = ffmpeg.wait_with_output().expect("ffmpeg ends");
    writer.join().expect("all was written");
    output.stdout
}

/// Mean difference between samples from which on pictures are not the same: openh264 rounds some blocks in its own way.
const MAX_DIFFERENCE: f64 = 0.1;

fn difference(ours: &[u8], theirs: &[u8]) -> f64 {
    let sum: u64 = ours.iter().zip(theirs).map(|(ours, theirs)| u64::from(ours.abs_diff(*theirs))).sum();
    sum as f64 / ours.len() as f64
}

/// Whatever tools x264 takes, pictures are those that ffmpeg's decoder puts out, in its order.
#[test]
fn pictures_are_those_of_another_decoder() {
    for options in [
        &[][..],
        &["-bf", "16", "-b_strategy", "0"],
        &["-x264-params", "aud=1:b-pyramid=strict:bframes=7:b-adapt=0"],
        &["-x264-params", "aud=1:b-pyramid=none:bframes=4:b-adapt=0:direct=temporal"],
        &["-x264-params", "aud=1:b-pyramid=normal:open-gop=1:keyint=12:bframes=3:b-adapt=0"],
        &["-x264-params", "aud=1:keyint=20:slices=4:bframes=3:b-adapt=0:weightb=1:direct=auto"],
        &["-preset", "ultrafast", "-bf", "3", "-profile:v", "main"],
        &["-preset", "veryslow"],
        &["-vf", "fade=in:0:30"],
    ] {
        let source = ["-f", "lavfi", "-i", "testsrc2=size=320x240:rate=30", "-frames:v", "60", "-pix_fmt", "yuv420p"];
        let encoder = ["-c:v", "libx264", "-x264-params", "aud=1"];
        let stream = ffmpeg(&[&source[..], &encoder, options, &["-f", "h264", "-"]].concat(), &[]);
        let theirs = ffmpeg(&["-f", "h264", "-i", "-", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-"], &stream);
        let mut theirs = theirs.chunks(Picture::bytes(Size::new(320, 240)));
        let mut ordered = ordered();
        let (mut shown, mut worst) = (0, 0_f64);
        let mut look = |_, planes: Planes<'_>| {
            let mut picture = Picture::black(planes.size);
            planes.copy_to(&mut picture);
            let difference = difference(picture.data(), theirs.next().expect("there are as many"));
            assert!(difference < MAX_DIFFERENCE, "{options:?}: picture {shown} differs by {difference}");
            worst = worst.max(difference);
            shown += 1;
        };
        let mut units = 0;
        for unit in split(&stream) {
            units += 1;
            ordered.decode_unit(&AccessUnit::parse(&unit), 0, &mut look).expect("it decodes");
        }
        assert!(ordered.reorder_depth() > 0, "{options:?}");
        ordered.flush(&mut look);
        assert_eq!((shown, units), (60, 60), "{options:?}");
        eprintln!("{options:?}: they differ by {worst:.4} at most");
    }
}

#[test]
fn x264_with_its_defaults_comes_in_order_after_the_delay_that_it_declares() {
    for options in [&[][..], &["-bf", "16", "-b_strategy", "0"], &["-x264-params", "aud=1:keyint=12:open-gop=1"]] {
        let units = x264(SMALL, options);
        let mut ordered = ordered();
        let seen = decode(&mut ordered, &units);
        let depth = ordered.reorder_depth();
        assert!((1..=2).contains(&depth), "{options:?}: {depth}");
        assert!(seen[..depth].iter().all(Vec::is_empty) && seen[depth].len() == 1, "{options:?}: {seen:?}");
        let mut all = numbers(&seen);
        all.extend(numbers(&[flushed(&mut ordered)]));
        assert_eq!(all, (0..PICTURES).collect::<Vec<_>>(), "{options:?}");
    }
}

/// With each IDR picture, all before it are due.
#[test]
fn an_idr_picture_lets_out_what_waits() {
    let units = x264(SMALL, &["-bf", "2"]);
    let at = 12;
    assert!(AccessUnit::parse(&units[at]).idr());
    let seen = decode(&mut ordered(), &units[..=at]);
    assert_eq!(numbers(&seen), (0..12).collect::<Vec<_>>());
}

#[test]
fn streams_that_keep_their_order_come_out_of_the_call_they_went_into_and_nothing_is_copied() {
    for options in [&LOW_DELAY[..], &["-profile:v", "baseline"], &["-bf", "0"]] {
        let mut ordered = ordered();
        let seen = decode(&mut ordered, &x264(SMALL, options));
        for (n, seen) in seen.iter().enumerate() {
            assert_eq!(seen[..], [(n, n as u8)], "{options:?}");
        }
        assert!(ordered.waiting.is_empty() && ordered.spare.is_empty() && ordered.reorder_depth() == 0);
    }
}

/// The parameter sets of those units say nothing of how pictures are reordered.
fn unsaid(units: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let change = |unit: &Vec<u8>| {
        let nals = common::h264::nals(unit).map(|nal| match NalKind::of(nal) {
            // What comes behind the size is optional here: a set that is cut off there declares nothing.
            Some(NalKind::Sps) => nal[..12].to_vec(),
            _ => nal.to_vec(),
        });
        nals.flat_map(|nal| [&[0, 0, 0, 1], &nal[..]].concat()).collect()
    };
    units.iter().map(change).collect()
}

/// Hands each access unit's number out as a picture, as far as there is a slice.
struct Fake(u8);

impl Library for Fake {
    fn decode(&mut self, _: &[u8], look: &mut dyn FnMut(Planes<'_>)) -> Result<(), Error> {
        self.0 += 1;
        look((&numbered(SMALL, self.0 - 1)).into());
        Ok(())
    }
}

#[test]
fn what_a_set_does_not_declare_is_learnt() {
    let units = unsaid(&x264(SMALL, &["-bf", "3", "-b_strategy", "0", "-x264-params", "aud=1:keyint=24"]));
    assert_eq!(
        common::h264::nals(&units[0]).find_map(|nal| Sps::parse(nal).ok()).map(|sps| sps.order.reorders),
        Some(None)
    );
    let mut ordered = H264::new(Fake(0));
    let mut out = Vec::new();
    for unit in &units {
        ordered
            .decode_unit(&AccessUnit::parse(unit), 0, &mut |_, planes| out.push(number(planes)))
            .expect("it is a picture");
    }
    assert_eq!(ordered.reorder_depth(), 2, "{out:?}");
    assert_eq!(out[..5], [0, 1, 2, 3, 4], "nothing waits before it is known that it has to");
}

#[test]
fn units_that_are_undecodable_for_one_reason_share_its_text() {
    let mut ordered = ordered();
    let mut refuse = |data: &[u8]| {
        let frame = EncodedFrame { codec: Codec::H264, data: data.to_vec(), is_key: false, time: MediaTime::default() };
        Decoder::decode(&mut ordered, &frame, 0, &mut |_, _| {}).expect_err("it gives no picture")
    };
    let units = x264(SMALL, &LOW_DELAY);
    let (first, second) = (refuse(&units[1]), refuse(&units[2]));
    assert_eq!(first.missing, Missing::Parameters);
    assert!(Arc::ptr_eq(&first.why, &second.why));
    assert!(first.to_string().starts_with("an access unit came, without parameter sets (SPS, PPS)"), "{first}");
    let slice = AccessUnit::parse(&units[0]).slice.expect("an IDR picture comes with its sets and a slice");
    let after_sets = refuse(&units[0][..units[0].len() - slice.len() - 3]);
    assert_eq!(after_sets.missing, Missing::EntryPoint);
    assert!(after_sets.to_string().starts_with("an access unit came, but no key frame"), "{after_sets}");
}

#[test]
fn nothing_waits_behind_a_loss() {
    let units = x264(SMALL, &["-bf", "3", "-x264-params", "aud=1:keyint=12:scenecut=0:b-adapt=0"]);
    // The first P picture is missing: all is refused up to the next IDR picture.
    let mut ordered = ordered();
    let mut lost = units.clone();
    lost.remove(1);
    let seen = decode(&mut ordered, &lost);
    assert_eq!(seen[1], [(0, 0)], "it has nothing to wait for");
    let mut all = numbers(&seen);
    all.extend(numbers(&[flushed(&mut ordered)]));
    assert_eq!(all, [0].into_iter().chain(12..PICTURES).collect::<Vec<_>>());
}

#[test]
fn one_b_frame_that_is_lost_costs_no_other() {
    let units = x264(SMALL, &["-bf", "2", "-b_strategy", "0", "-x264-params", "aud=1:keyint=12:b-pyramid=none"]);
    let at = (2..12).find(|&n| AccessUnit::parse(&units[n]).slice.is_some_and(|slice| slice[0] & 0x60 == 0));
    let at = at.expect("there are pictures that no other refers to");
    let mut whole = ordered();
    let all: Vec<_> = decode(&mut whole, &units).into_iter().flatten().chain(flushed(&mut whole)).collect();
    let (_, gone) = *all.iter().find(|(n, _)| *n == at).expect("it was shown");
    let mut units = units;
    units.remove(at);
    let mut ordered = ordered();
    let mut seen = numbers(&decode(&mut ordered, &units));
    seen.extend(numbers(&[flushed(&mut ordered)]));
    assert_eq!(seen, (0..PICTURES).filter(|&n| n != gone).collect::<Vec<_>>());
    assert_eq!(ordered.reorder_depth(), 1);
}

/// Open GOPs: the B-frames before an intra picture refer to what came before it.
#[test]
fn what_is_shown_before_the_beginning_is_not_shown() {
    let options = "aud=1:keyint=8:min-keyint=8:open-gop=1:scenecut=0:bframes=3:b-adapt=0";
    let units = x264(SMALL, &["-x264-params", options]);
    let point =
        (3..units.len()).find(|&n| AccessUnit::parse(&units[n]).recovery.is_some()).expect("it has recovery points");
    assert!(!AccessUnit::parse(&units[point]).idr());
    let first = AccessUnit::parse(&units[0]);
    let sets = [first.sps.expect("the first has them"), first.pps.expect("the first has them")];
    let mut units = units[point..].to_vec();
    units[0].splice(0..0, sets.iter().flat_map(|set| [&[0, 0, 0, 1], *set].concat()).collect::<Vec<_>>());
    let mut ordered = ordered();
    let mut leading = 0;
    let mut seen = Vec::new();
    for unit in &units {
        let outcome = ordered.decode_unit(&AccessUnit::parse(unit), 0, &mut |_, planes| seen.push(number(planes)));
        leading += usize::from(outcome == Err(Error::Leading));
        assert!(matches!(outcome, Ok(()) | Err(Error::Leading)), "{outcome:?}");
    }
    seen.extend(numbers(&[flushed(&mut ordered)]));
    assert!(leading > 0, "the point is one of an open GOP");
    let expected: Vec<_> = (PICTURES - seen.len() as u8..PICTURES).collect();
    assert_eq!(seen, expected);
    assert_eq!(seen.len() + leading, units.len());
}

#[test]
fn hostile_units_never_panic_and_few_wait() {
    let clean = x264(SMALL, &["-bf", "3"]);
    let mut ordered = ordered();
    let mut state = 7_u32;
    let mut random = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize
    };
    for _ in 0..300 {
        let mut unit = clean[random() % clean.len()].clone();
        let at = random() % unit.len().min(60);
        unit[at] = random() as u8;
        let _ = ordered.decode_unit(&AccessUnit::parse(&unit), 0, &mut |_, _| {});
        assert!(ordered.spare.len() <= Reorder::<()>::DEPTH_MAX && ordered.reorder_depth() <= Reorder::<()>::DEPTH_MAX);
    }
}
