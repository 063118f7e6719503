use mp4_atom::{Any, Codec as Entry, Decode as _};

use super::super::segmenter::tests::{IDR, SLICE};
use super::*;

fn boxes(bytes: &[u8]) -> Vec<Any> {
    let mut rest = bytes;
    let mut boxes = Vec::new();
    while !rest.is_empty() {
        boxes.push(Any::decode(&mut rest).expect("a box"));
    }
    boxes
}

fn track() -> Track {
    Track::of(Codec::H264, IDR).expect("it has parameter sets")
}

#[test]
fn the_initialization_segment_names_the_codec_and_has_no_duration() {
    let track = track();
    let boxes = boxes(&track.init().expect("it is written"));
    let [Any::Ftyp(_), Any::Moov(moov)] = &boxes[..] else { panic!("{boxes:?}") };
    assert_eq!((moov.mvhd.timescale, moov.mvhd.duration), (90_000, 0));
    let mvex = moov.mvex.as_ref().expect("it is fragmented");
    assert_eq!((mvex.mehd.as_ref(), mvex.trex.len()), (None, 1));
    let trak = &moov.trak[0];
    assert_eq!((trak.mdia.mdhd.timescale, trak.tkhd.width.integer(), trak.tkhd.height.integer()), (90_000, 640, 480));
    let [Entry::Avc1(avc1)] = &trak.mdia.minf.stbl.stsd.codecs[..] else { panic!("{trak:?}") };
    assert_eq!((avc1.visual.width, avc1.visual.height, avc1.avcc.length_size), (640, 480, 4));
    assert_eq!((&avc1.avcc.sequence_parameter_sets[0][..], avc1.avcc.picture_parameter_sets.len()), (&IDR[4..18], 1));
    assert_eq!(track.codecs(), "avc1.42C01E");
}

#[test]
fn a_fragment_holds_one_frame_with_lengths_in_place_of_start_codes() {
    let wall = WallTime::from_micros(1_763_722_800_000_000);
    let sample = Sample { number: 7, decode: 1 << 33, duration: 3_000, offset: -90, sync: true, wall };
    let bytes = track().fragment(&sample, IDR).expect("it is written");
    let boxes = boxes(&bytes);
    let [Any::Prft(prft), Any::Moof(moof), Any::Mdat(mdat)] = &boxes[..] else { panic!("{boxes:?}") };
    assert_eq!((prft.media_time, prft.ntp_timestamp), ((1 << 33) - 90, wall.to_ntp()));
    assert_eq!(mdat.data, [0, 0, 0, 3, 0x65, 0x88, 0x84], "parameter sets are in the sample entry");
    let traf = &moof.traf[0];
    assert_eq!(traf.tfdt.as_ref().expect("it").base_media_decode_time, 1 << 33);
    let entry = traf.trun[0].samples.get(0).expect("it");
    assert_eq!((entry.duration, entry.size, entry.cts), (Some(3_000), Some(7), Some(-90)));
    let begin = bytes.len() - mdat.data.len();
    let moof_begin = bytes.windows(4).position(|kind| kind == b"moof").expect("it") - 4;
    assert_eq!(traf.trun[0].data_offset, Some((begin - moof_begin) as i32));
}

#[test]
fn other_frames_are_no_sync_samples_and_keep_what_the_entry_has_not() {
    let sample =
        Sample { number: 8, decode: 0, duration: 1, offset: 0, sync: false, wall: WallTime::from_micros(i64::MIN) };
    let other_pps = [&[0, 0, 1, 0x68, 0xee][..], SLICE].concat();
    let boxes = boxes(&track().fragment(&sample, &other_pps).expect("it is written"));
    let [Any::Prft(_), Any::Moof(moof), Any::Mdat(mdat)] = &boxes[..] else { panic!("{boxes:?}") };
    assert_eq!(moof.traf[0].trun[0].samples.get(0).expect("it").flags, Some(NON_SYNC));
    assert_eq!(mdat.data, [0, 0, 0, 2, 0x68, 0xee, 0, 0, 0, 3, 0x41, 0x9a, 2]);
}

#[test]
fn what_has_no_parameter_sets_is_no_track() {
    for data in [&[][..], SLICE, &IDR[..18], &[0, 0, 1, 0x67, 1, 2, 3, 0, 0, 1, 0x68, 1, 0, 0, 1, 0x65, 0x88]] {
        assert_eq!(Track::of(Codec::H264, data), None, "{data:?}");
    }
}
