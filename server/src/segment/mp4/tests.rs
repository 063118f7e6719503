use common::audio::{AacConfig, AudioCodec};
use mp4_atom::{Any, Codec as Entry, Decode as _, FourCC};

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

/// AAC-LC, 44.1 kHz, stereo; and Opus.
pub(in crate::segment) fn formats() -> [AudioFormat; 2] {
    let config = AacConfig::parse(&[0x12, 0x10]).expect("a configuration");
    [
        AudioFormat { codec: AudioCodec::Aac(config), clock_hz: 44_100, channels: 2 },
        AudioFormat { codec: AudioCodec::Opus, clock_hz: 48_000, channels: 2 },
    ]
}

/// Reading and rewriting the boxes yields the same bytes, so no box is unknown.
fn read_back(bytes: &[u8]) -> Vec<Any> {
    let boxes = boxes(bytes);
    let mut again = Vec::new();
    boxes.iter().for_each(|found| found.encode(&mut again).expect("it was read"));
    assert_eq!(again, bytes);
    boxes
}

/// Returns track, decode time and durations of each `moof`.
pub(in crate::segment) fn runs(bytes: &[u8]) -> Vec<(u32, u64, Vec<u32>)> {
    let moofs = read_back(bytes).into_iter().filter_map(|found| match found {
        Any::Moof(moof) => Some(moof),
        _ => None,
    });
    let trafs = moofs.flat_map(|moof| moof.traf).map(|traf| {
        let samples = &traf.trun[0].samples;
        let durations = (0..).map_while(|at| samples.get(at)).filter_map(|sample| sample.duration).collect();
        (traf.tfhd.track_id, traf.tfdt.expect("when it is decoded").base_media_decode_time, durations)
    });
    trafs.collect()
}

#[test]
fn audio_is_a_second_track_or_one_of_its_own() {
    for (format, codecs) in formats().iter().zip(["mp4a.40.2", "opus"]) {
        let track = Track::of(Codec::H264, IDR, Some(format)).expect("it has parameter sets");
        let init = track.initialization(3).expect("it is written");
        assert_eq!((init.number, &*init.codecs), (3, &*format!("avc1.42C01E,{codecs}")));
        let separate = init.separate.as_ref().expect("there is audio");
        assert_eq!(
            (&*separate.video.1, &*separate.audio.1, separate.sample_rate),
            ("avc1.42C01E", codecs, format.clock_hz)
        );
        for (tracks, ids) in [(Tracks::Both, &[1, 2][..]), (Tracks::Video, &[1]), (Tracks::Audio, &[2])] {
            let boxes = read_back(init.of(tracks).expect("there is audio"));
            let [Any::Ftyp(_), Any::Moov(moov)] = &boxes[..] else { panic!("{boxes:?}") };
            assert_eq!(moov.trak.iter().map(|trak| trak.tkhd.track_id).collect::<Vec<_>>(), ids);
            let extends = moov.mvex.as_ref().expect("it is fragmented").trex.iter().map(|trex| trex.track_id);
            assert_eq!((extends.collect::<Vec<_>>(), moov.mvhd.next_track_id), (ids.to_vec(), ids[ids.len() - 1] + 1));
            let Some(audio) = moov.trak.iter().find(|trak| trak.tkhd.track_id == 2) else { continue };
            assert_eq!((audio.mdia.mdhd.timescale, audio.mdia.hdlr.handler), (format.clock_hz, FourCC::new(b"soun")));
            match (&audio.mdia.minf.stbl.stsd.codecs[..], &format.codec) {
                ([Entry::Mp4a(mp4a)], AudioCodec::Aac(config)) => {
                    let specific = mp4a.esds.es_desc.dec_config.dec_specific.as_ref().expect("a configuration");
                    assert_eq!((&specific.raw[..], mp4a.audio.sample_rate.integer()), (config.bytes(), 44_100));
                }
                ([Entry::Opus(opus)], AudioCodec::Opus) => {
                    assert_eq!((opus.dops.output_channel_count, opus.dops.input_sample_rate), (2, 48_000));
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert!(track().initialization(0).expect("it is written").of(Tracks::Audio).is_none());
}

#[test]
fn a_fragment_of_audio_holds_its_frames_side_by_side() {
    let run = AudioRun { decode: 1 << 33, samples: vec![(2, 1_024), (3, 1_024)], data: b"deabc".to_vec() };
    let bytes = audio_fragment(7, &run).expect("it is written");
    let boxes = read_back(&bytes);
    let [Any::Moof(moof), Any::Mdat(mdat)] = &boxes[..] else { panic!("{boxes:?}") };
    let [traf] = &moof.traf[..] else { panic!("{moof:?}") };
    assert_eq!((moof.mfhd.sequence_number, traf.tfhd.track_id, traf.tfhd.default_sample_flags), (7, 2, Some(SYNC)));
    assert_eq!(traf.tfdt.as_ref().expect("it").base_media_decode_time, 1 << 33);
    let samples: Vec<_> =
        (0..2).map(|at| traf.trun[0].samples.get(at).expect("it")).map(|s| (s.size, s.duration)).collect();
    assert_eq!(samples, [(Some(2), Some(1_024)), (Some(3), Some(1_024))]);
    assert_eq!((&mdat.data[..], traf.trun[0].data_offset), (&b"deabc"[..], Some((bytes.len() - 5) as i32)));
}

fn track() -> Track {
    Track::of(Codec::H264, IDR, None).expect("it has parameter sets")
}

#[test]
fn the_initialization_segment_names_the_codec_and_has_no_duration() {
    let track = track();
    let boxes = boxes(&track.init(Tracks::Both).expect("it is written"));
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
        assert_eq!(Track::of(Codec::H264, data, None), None, "{data:?}");
    }
}
