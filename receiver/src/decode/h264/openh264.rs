//! The one file that knows openh264's decoder.
//!
//! What it was seen to do (0.9.9), and the tests below hold it to: a picture of any profile comes back from the call that it
//! went into, B-frames in the order of decoding. For profiles above Baseline that takes a trick. The library keeps their pictures
//! to bring them into the order of output, and if it is asked for them with nothing new to decode, it gives them out but never
//! takes its count of them back: with pic_order_cnt_type 0, which most hardware encoders and cameras use, it then refuses
//! everything after a few pictures until the next IDR. So its sequence parameter sets say Scalable Baseline, for which it keeps none.
//! After a lost reference it refuses every access unit until the next IDR (concealment is off), so a picture that comes back is
//! a picture as it was sent.

use std::borrow::Cow;

use common::frame::Size;
use common::h264::{AccessUnit, NalKind, START_CODE, as_scalable_baseline, nal_ranges};
use openh264::OpenH264API;
use openh264::decoder::{DecodedYUV, Decoder, DecoderConfig, Flush};
use openh264::formats::YUVSource;

use super::error::{Error, MAX_ACCESS_UNIT_BYTES};
use super::library::Library;
use crate::decode::{OpenError, Planes};

/// Decodes with openh264, single-threaded.
pub(super) struct OpenH264 {
    decoder: Decoder,
}

impl OpenH264 {
    /// A decoder that has seen nothing yet.
    ///
    /// # Errors
    /// [`OpenError`] if the library refuses its own settings.
    pub(super) fn new() -> Result<Self, OpenError> {
        let config = DecoderConfig::new().flush_after_decode(Flush::Flush);
        let decoder = Decoder::with_api_config(OpenH264API::from_source(), config);
        let decoder = decoder.map_err(|error| OpenError { codec: "H.264", reason: error.to_string() })?;
        Ok(Self { decoder })
    }
}

impl Library for OpenH264 {
    fn decode(&mut self, annex_b: &[u8], show: &mut dyn FnMut(Planes<'_>)) -> Result<(), Error> {
        if annex_b.len() > MAX_ACCESS_UNIT_BYTES {
            return Err(Error::TooLarge(annex_b.len()));
        }
        let picture =
            self.decoder.decode(&without_reordering(annex_b)).map_err(|error| Error::Broken(error.to_string()))?;
        show(planes(&picture.ok_or(Error::NoPicture)?)?);
        Ok(())
    }
}

/// The access unit with a sequence parameter set for which no picture is kept back, if it has one.
fn without_reordering(annex_b: &[u8]) -> Cow<'_, [u8]> {
    let sets = AccessUnit::parse(annex_b).sps.and_then(|_| {
        let mut ranges = nal_ranges(annex_b);
        ranges.find(|range| NalKind::of(&annex_b[range.clone()]) == Some(NalKind::Sps))
    });
    let Some(set) = sets else { return Cow::Borrowed(annex_b) };
    let mut unit = annex_b[..set.start - START_CODE.len()].to_vec();
    if !as_scalable_baseline(&annex_b[set.clone()], &mut unit) {
        return Cow::Borrowed(annex_b);
    }
    unit.extend(&annex_b[set.end..]);
    Cow::Owned(unit)
}

/// The planes of `picture`, whose size is even on both sides: an H.264 picture in 4:2:0 is cropped by two samples at a time
/// (ITU-T H.264 section 7.4.2.1.1).
fn planes<'a>(picture: &'a DecodedYUV<'_>) -> Result<Planes<'a>, Error> {
    let (width, height) = picture.dimensions();
    let side = |samples: usize| u32::try_from(samples).unwrap_or(u32::MAX);
    let size = Size::new(side(width), side(height));
    if size.width > Size::MAX_SIDE || size.height > Size::MAX_SIDE {
        return Err(Error::TooLargePicture(size));
    }
    let (luma_stride, chroma_stride, _) = picture.strides();
    Ok(Planes { size, y: picture.y(), u: picture.u(), v: picture.v(), luma_stride, chroma_stride })
}

#[cfg(test)]
mod tests {
    use openh264::encoder::Encoder;
    use openh264::formats::YUVSlices;

    use super::super::testing::{LOW_DELAY, PICTURES, SMALL, number, numbered, x264};
    use super::*;

    fn openh264(size: Size) -> Vec<Vec<u8>> {
        let mut encoder = Encoder::new().expect("the encoder starts");
        let (width, height) = (size.width as usize, size.height as usize);
        let encode = |n| {
            let picture = numbered(size, n);
            let [y, u, v] = picture.planes();
            let slices = YUVSlices::new((y, u, v), (width, height), (width, width / 2, width / 2));
            encoder.encode(&slices).expect("a flat picture encodes").to_vec()
        };
        (0..PICTURES).map(encode).collect()
    }

    /// What each access unit gave: its picture's number and size, or the error.
    fn decode_all(units: &[Vec<u8>]) -> Vec<Result<(u8, Size), Error>> {
        let mut decoder = OpenH264::new().expect("the decoder starts");
        let mut decode = |unit: &Vec<u8>| {
            let mut seen = None;
            decoder.decode(unit, &mut |planes| seen = Some((number(planes), planes.size)))?;
            Ok(seen.expect("a picture was shown"))
        };
        units.iter().map(&mut decode).collect()
    }

    fn assert_all_in_time(units: &[Vec<u8>], size: Size) {
        assert_eq!(units.len(), usize::from(PICTURES));
        for (n, outcome) in (0..).zip(decode_all(units)) {
            assert_eq!(outcome, Ok((n, size)), "access unit {n}");
        }
    }

    #[test]
    fn openh264_pictures_come_out_of_the_call_they_went_into() {
        assert_all_in_time(&openh264(SMALL), SMALL);
    }

    #[test]
    fn x264_pictures_of_every_profile_come_out_of_the_call_they_went_into() {
        for profile in ["baseline", "main", "high"] {
            assert_all_in_time(&x264(SMALL, &["-tune", "zerolatency", "-profile:v", profile]), SMALL);
        }
    }

    /// Those of `range` are refused, and all others come out as they went in.
    fn assert_refused(outcomes: &[Result<(u8, Size), Error>], range: std::ops::Range<usize>) {
        for (n, outcome) in outcomes.iter().enumerate() {
            match outcome {
                Ok(_) => assert!(!range.contains(&n), "{n} was decoded"),
                Err(error) => assert!(range.contains(&n) && matches!(error, Error::Broken(_)), "{n}: {error}"),
            }
        }
    }

    #[test]
    fn after_a_lost_picture_nothing_is_shown_until_the_next_idr() {
        let mut units = x264(SMALL, &LOW_DELAY);
        units.remove(5);
        let outcomes = decode_all(&units);
        assert_refused(&outcomes, 5..11);
        assert_eq!(outcomes[11], Ok((12, SMALL)));
    }

    #[test]
    fn a_stream_joined_in_its_middle_begins_with_its_idr() {
        let outcomes = decode_all(&x264(SMALL, &LOW_DELAY)[3..]);
        assert_refused(&outcomes, 0..9);
        assert_eq!(outcomes[9], Ok((12, SMALL)));
    }

    #[test]
    fn the_size_may_change_with_an_idr() {
        let sizes = [SMALL, Size::new(320, 240), Size::new(160, 90)];
        let units: Vec<_> = sizes.iter().flat_map(|&size| x264(size, &LOW_DELAY)).collect();
        let expected = sizes.iter().flat_map(|&size| (0..PICTURES).map(move |n| Ok((n, size))));
        assert_eq!(decode_all(&units), expected.collect::<Vec<_>>());
    }

    #[test]
    fn b_frames_come_out_of_the_call_they_went_into_too() {
        for profile in ["main", "high"] {
            let outcomes = decode_all(&x264(SMALL, &["-bf", "2", "-profile:v", profile]));
            let shown: Vec<_> = outcomes.into_iter().map(|outcome| outcome.expect("it decodes").0).collect();
            assert!(!shown.is_sorted(), "in the order of decoding: {shown:?}");
            let all: std::collections::BTreeSet<_> = shown.into_iter().collect();
            assert_eq!(all, (0..PICTURES).collect());
        }
    }

    /// pic_order_cnt_type 0, as hardware encoders write it: x264 does where it might use B-frames, and with this bias it does not.
    #[test]
    fn pictures_that_count_their_order_come_out_of_the_call_they_went_into() {
        for profile in ["main", "high"] {
            let options = "aud=1:keyint=24:bframes=1:b-adapt=1:b-bias=-100:rc-lookahead=2";
            assert_all_in_time(&x264(SMALL, &["-profile:v", profile, "-x264-params", options]), SMALL);
        }
    }

    #[test]
    fn damaged_and_hostile_access_units_are_errors_and_the_next_idr_decodes() {
        let clean = x264(SMALL, &LOW_DELAY);
        let mut decoder = OpenH264::new().expect("the decoder starts");
        let mut state = 1_u32;
        let mut random = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as usize
        };
        for _ in 0..300 {
            let mut unit = clean[random() % clean.len()].clone();
            for _ in 0..1 + random() % 20 {
                let at = random() % unit.len();
                unit[at] = random() as u8;
            }
            unit.truncate(1 + random() % (2 * unit.len()));
            let _ = decoder.decode(&unit, &mut |planes| assert!(planes.y.len() >= planes.size.area()));
        }
        for unit in [&[][..], &[0, 0, 0, 1], &[0, 0, 1, 0x67, 0xff, 0xff], &[0xff; 3000]] {
            let _ = decoder.decode(unit, &mut |_| {});
        }
        let too_large = vec![0; MAX_ACCESS_UNIT_BYTES + 1];
        assert_eq!(decoder.decode(&too_large, &mut |_| {}), Err(Error::TooLarge(too_large.len())));
        let mut shown = None;
        decoder.decode(&clean[12], &mut |planes| shown = Some(number(planes))).expect("an IDR decodes");
        assert_eq!(shown, Some(12));
    }
}
