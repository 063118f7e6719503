//! openh264, the only file that knows it.
//!
//! Its defaults do not suit a live stream: 120 kbit/s, skipped frames, IDRs only at scene changes. Every setting that matters is
//! set here.

use ::openh264::encoder::{
    BitRate, Complexity, Encoder as Library, EncoderConfig, FrameRate, FrameType, IntraFramePeriod, Profile, QpRange,
    RateControlMode, SpsPpsStrategy, UsageType,
};
use ::openh264::formats::YUVSlices;
use ::openh264::{OpenH264API, Timestamp};
use common::frame::Picture;
use common::media::{Codec, EncodedFrame};
use common::sei;
use common::time::{MEDIA_CLOCK_HZ, MediaTime};
use openh264_sys2::{ENCODER_OPTION_TRACE_LEVEL, WELS_LOG_QUIET};

use super::tuning::refused;
use super::{Config, Encoder, EncoderOption, Error, Tuning};

const NAME: &str = "openh264";

/// Cisco's encoder, Constrained Baseline, one slice per picture.
pub struct OpenH264 {
    library: Library,
    pictures: u64,
    /// Media time of the last picture, and how many ticks after the first one it was.
    last: Option<(MediaTime, u64)>,
    /// The last picture's, until it is fetched.
    ready: Option<EncodedFrame>,
}

impl OpenH264 {
    /// Prepares an encoder; the library itself starts with the first picture.
    ///
    /// # Errors
    /// [`Error`] where the library cannot be used.
    pub fn new(config: Config) -> Result<Self, Error> {
        Self::tuned(config, &Tuning::default())
    }

    /// Creates an encoder with options. It has no rate control buffer and only one useful mode: quality mode produced
    /// as many bits for the same pictures (within 0.5 %, at 0.3 to 3 Mbit/s).
    ///
    /// # Errors
    /// [`Error`] if the library cannot be used or does not have the option.
    pub(super) fn tuned(config: Config, tuning: &Tuning) -> Result<Self, Error> {
        let settings = EncoderConfig::new()
            .usage_type(UsageType::CameraVideoRealTime)
            .profile(Profile::Baseline)
            .bitrate(BitRate::from_bps(config.bitrate))
            .max_frame_rate(FrameRate::from_hz(config.rate.as_f64() as f32))
            .rate_control_mode(RateControlMode::Bitrate)
            // A skipped frame would count as lost at the receiver.
            .skip_frames(false)
            .intra_frame_period(IntraFramePeriod::from_num_frames(config.gop))
            .scene_change_detect(false)
            .complexity(Complexity::Low)
            .background_detection(false)
            .adaptive_quantization(false)
            // Same ids in every SPS and PPS: a receiver that joins late needs no more than the last ones.
            .sps_pps_strategy(SpsPpsStrategy::ConstantId)
            .num_threads(1);
        let settings = with_options(settings, &tuning.options)?;
        let library = Library::with_api_config(OpenH264API::from_source(), settings);
        let mut library = library.map_err(|why| failed(0, why.to_string()))?;
        silence(&mut library);
        Ok(Self { library, pictures: 0, last: None, ready: None })
    }
}

/// The supported options and their values.
const OPTIONS: [(&str, &str); 7] = [
    ("complexity", "low (the default), medium or high"),
    ("qp-min", "a quantizer from 0 to 51"),
    ("qp-max", "a quantizer from 0 to 51"),
    ("adaptive-quantization", "on or off"),
    ("background-detection", "on or off"),
    ("scene-change", "on or off"),
    ("usage", "camera (the default) or screen"),
];

/// Checks that these are valid options of openh264.
///
/// # Errors
/// [`Error::Option`].
pub(super) fn check(options: &[EncoderOption]) -> Result<(), Error> {
    with_options(EncoderConfig::new(), options).map(drop)
}

fn with_options(mut settings: EncoderConfig, options: &[EncoderOption]) -> Result<EncoderConfig, Error> {
    let (mut least, mut most) = (0, QP_MAX);
    for option in options {
        let value = option.value.as_str();
        let Some((key, values)) = OPTIONS.iter().find(|(key, _)| *key == option.key) else {
            let known: Vec<&str> = OPTIONS.iter().map(|(key, _)| *key).collect();
            return Err(refused(NAME, option, format!("has no such option; it has {}", known.join(", "))));
        };
        let switch = match value {
            "on" => Some(true),
            "off" => Some(false),
            _ => None,
        };
        let qp = value.parse().ok().filter(|qp| *qp <= QP_MAX);
        settings = match (*key, switch, qp) {
            ("complexity", ..) if value == "low" => settings.complexity(Complexity::Low),
            ("complexity", ..) if value == "medium" => settings.complexity(Complexity::Medium),
            ("complexity", ..) if value == "high" => settings.complexity(Complexity::High),
            ("usage", ..) if value == "camera" => settings.usage_type(UsageType::CameraVideoRealTime),
            ("usage", ..) if value == "screen" => settings.usage_type(UsageType::ScreenContentRealTime),
            ("adaptive-quantization", Some(on), _) => settings.adaptive_quantization(on),
            ("background-detection", Some(on), _) => settings.background_detection(on),
            ("scene-change", Some(on), _) => settings.scene_change_detect(on),
            ("qp-min", _, Some(qp)) => {
                least = qp;
                settings
            }
            ("qp-max", _, Some(qp)) => {
                most = qp;
                settings
            }
            _ => return Err(refused(NAME, option, format!("takes {values} there"))),
        };
        if least > most {
            return Err(refused(NAME, option, "takes a qp-min up to qp-max".to_owned()));
        }
    }
    Ok(if (least, most) == (0, QP_MAX) { settings } else { settings.qp(QpRange::new(least, most)) })
}

/// The largest quantizer (H.264 section 7.4.2.2).
const QP_MAX: u8 = 51;

/// Keeps the library from writing to standard error by itself. The wrapper does so only after the first picture, and
/// by then the library has warned that without skipped frames it cannot hold the bit rate exactly, which is wanted.
#[expect(unsafe_code, reason = "the wrapper has no safe way to set this before the first picture")]
fn silence(library: &mut Library) {
    let mut level = WELS_LOG_QUIET;
    // SAFETY: the encoder exists, this option may be set before it is initialised, and it reads one `int`, which
    // outlives the call. A refusal would only leave the warning in place.
    unsafe {
        library.raw_api().set_option(ENCODER_OPTION_TRACE_LEVEL, (&raw mut level).cast());
    }
}

fn failed(picture: u64, why: String) -> Error {
    Error::Failed { name: NAME.to_owned(), picture, why }
}

impl Encoder for OpenH264 {
    fn encode(&mut self, picture: &Picture, time: MediaTime, force_key: bool) -> Result<(), Error> {
        let number = self.pictures;
        let failed = |why: String| failed(number, why);
        // The first picture is an IDR anyway, and before it there is no encoder to ask.
        if force_key && number > 0 {
            self.library.force_intra_frame();
        }
        self.pictures += 1;
        let size = picture.size();
        let [y, u, v] = picture.planes();
        let (width, height) = (size.width as usize, size.height as usize);
        let planes = YUVSlices::new((y, u, v), (width, height), (width, width / 2, width / 2));
        let ticks = self.last.map_or(0, |(last, ticks)| ticks + u64::from(time.ticks().wrapping_sub(last.ticks())));
        self.last = Some((time, ticks));
        let at = Timestamp::from_millis(ticks * 1000 / u64::from(MEDIA_CLOCK_HZ));
        let stream = self.library.encode_at(&planes, at).map_err(|why| failed(why.to_string()))?;

        let is_key = match stream.frame_type() {
            FrameType::IDR => true,
            FrameType::I | FrameType::P | FrameType::IPMixed => false,
            FrameType::Invalid | FrameType::Skip => return Err(failed("it returned no frame".to_owned())),
        };
        let size = usize::try_from(stream.raw_info().iFrameSizeInBytes).unwrap_or_default();
        let mut data = Vec::with_capacity(size + sei::ROOM);
        stream.write_vec(&mut data);
        self.ready = Some(EncodedFrame { codec: Codec::H264, data, is_key, time });
        Ok(())
    }

    fn next_frame(&mut self) -> Result<Option<EncodedFrame>, Error> {
        Ok(self.ready.take())
    }

    fn can_force_key(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::pattern;
    use crate::rate;
    use common::frame::Size;

    fn encode(gop: u32, count: u32, force_at: u32) -> Vec<EncodedFrame> {
        encode_tuned(gop, count, force_at, &Tuning::default())
    }

    fn encode_tuned(gop: u32, count: u32, force_at: u32, tuning: &Tuning) -> Vec<EncodedFrame> {
        let size = Size::new(320, 240);
        let rate = rate::FrameRate::THIRTY;
        let config = Config { size, rate, bitrate: 500_000, gop };
        let mut encoder = OpenH264::tuned(config, tuning).expect("an encoder");
        let mut pictures = pattern::pictures(size);
        let next = |n: u32| {
            // Across the end of what media time counts.
            let time = MediaTime::from_ticks((n * 3_000).wrapping_sub(10_000));
            encoder.encode(&pictures.next().expect("endless"), time, n == force_at).expect("it encodes");
            let frame = encoder.next_frame().expect("it encodes").expect("it skips none");
            assert_eq!((frame.time, encoder.next_frame().expect("it encodes")), (time, None));
            frame
        };
        (0..count).map(next).collect()
    }

    /// Start code of each NAL unit, as the library writes it.
    const START_CODE: [u8; 4] = [0, 0, 0, 1];

    fn nal_types(annex_b: &[u8]) -> Vec<u8> {
        let starts = annex_b.windows(5).filter(|w| w[..4] == START_CODE);
        starts.map(|w| w[4] & 0x1f).collect()
    }

    #[test]
    fn one_slice_out_for_each_picture_in_and_parameter_sets_with_each_idr() {
        let units = encode(10, 30, 15);
        let idrs: Vec<usize> = (0..30).filter(|&n| units[n].is_key).collect();
        assert_eq!(idrs[..3], [0, 10, 15]);
        for unit in &units {
            let expected: &[u8] = if unit.is_key { &[7, 8, 5] } else { &[1] };
            assert_eq!(nal_types(&unit.data), expected);
            assert!(unit.data.capacity() - unit.data.len() >= sei::ROOM, "the stamp has room");
        }
    }

    #[test]
    fn the_profile_is_constrained_baseline() {
        let first = encode(10, 1, 99).remove(0).data;
        assert_eq!(first[4] & 0x1f, 7);
        // profile_idc 66; constraint_set1_flag says that Main decoders take it too (H.264 annex A.2.1).
        assert_eq!((first[5], first[6] & 0x40), (66, 0x40));
    }

    fn options(texts: &[&str]) -> Vec<EncoderOption> {
        texts.iter().map(|text| text.parse().expect("KEY=VALUE")).collect()
    }

    #[test]
    fn options_reach_the_library() {
        let bytes = |texts: &[&str]| {
            let tuning = Tuning { options: options(texts), ..Tuning::default() };
            encode_tuned(30, 60, 0, &tuning).iter().map(|unit| unit.data.len()).sum::<usize>()
        };
        let (usual, coarse) = (bytes(&[]), bytes(&["qp-min=40"]));
        assert!(coarse * 2 < usual, "nothing finer than QP 40: {coarse} of {usual} bytes");
        assert_ne!(bytes(&["complexity=high"]), usual);
    }

    #[test]
    fn what_is_no_option_is_refused_with_those_there_are() {
        for (texts, word) in [
            (&["preset=fast"][..], "it has complexity, qp-min"),
            (&["complexity=highest"], "low (the default), medium or high"),
            (&["qp-max=52"], "0 to 51"),
            (&["qp-max=20", "qp-min=30"], "up to qp-max"),
            (&["usage=on"], "screen"),
        ] {
            let error = check(&options(texts)).expect_err(word);
            assert!(error.is_usage() && error.to_string().contains(word), "{error}");
            assert!(error.to_string().starts_with("--encoder-option "), "{error}");
        }
    }

    #[test]
    fn the_bit_rate_is_near_the_target() {
        let bytes: usize = encode(30, 150, 0).iter().map(|unit| unit.data.len()).sum();
        let rate = bytes as f64 * 8.0 / 5.0;
        assert!((350_000.0..650_000.0).contains(&rate), "{rate}");
    }
}
