//! Audio media sections: AAC (RFC 3640 section 4) and Opus (RFC 7587 section 7).

use sdp_types::{Attribute, Fmtp, FmtpParam, Media, MediaType, RtpMap, TransportProto};

use crate::audio::{AacConfig, AudioCodec, AudioFormat, OPUS_CLOCK_HZ};
use crate::rtp::{AudioPayload, aac};

const AAC: &str = "mpeg4-generic";
const OPUS: &str = "opus";
/// Accepted clock rates.
const CLOCK_HZ: std::ops::RangeInclusive<u32> = 7_350..=192_000;
/// Longest AU header fields.
const FIELD_MAX: u8 = 16;

/// One audio track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audio {
    /// RTP payload type.
    pub payload_type: u8,
    /// Codec and format.
    pub format: AudioFormat,
    /// Payload format.
    pub payload: AudioPayload,
    /// Control attribute, as in [`super::Video`].
    pub control: Option<String>,
}

impl Audio {
    /// Parses the media section as audio; `None` if it is neither AAC nor Opus.
    pub(super) fn parse(media: &Media, control: Option<String>) -> Option<Self> {
        if media.media != "audio" {
            return None;
        }
        let payload_type = media.fmt.split_ascii_whitespace().next()?.parse::<u8>().ok().filter(|&pt| pt < 128)?;
        let map =
            media.attributes_typed::<RtpMap>().filter_map(Result::ok).find(|map| map.payload_type == payload_type)?;
        if !CLOCK_HZ.contains(&map.clock_rate) {
            return None;
        }
        let fmtp = media.attributes_typed::<Fmtp>().filter_map(Result::ok).find(|fmtp| fmtp.fmt == payload_type);
        let params = fmtp.map(|fmtp| fmtp.format_specific_params).unwrap_or_default();
        let value = |name: &str| {
            let found = params.iter().find(|param| param.param.trim().eq_ignore_ascii_case(name))?;
            Some(found.val.as_deref().unwrap_or_default().trim())
        };
        let (codec, payload, channels) = if map.encoding_name.eq_ignore_ascii_case(AAC) {
            let config = AacConfig::parse(&unhex(value("config")?)?).ok()?;
            let channels = config.channels();
            (AudioCodec::Aac(config), AudioPayload::Aac(layout(value)?), channels)
        } else if map.encoding_name.eq_ignore_ascii_case(OPUS) && map.clock_rate == OPUS_CLOCK_HZ {
            // Opus is always announced as stereo (RFC 7587 section 7) and decoded as such.
            (AudioCodec::Opus, AudioPayload::Opus, 2)
        } else {
            return None;
        };
        let format = AudioFormat { codec, clock_hz: map.clock_rate, channels };
        Some(Self { payload_type, format, payload, control })
    }

    pub(super) fn media(&self) -> Media {
        let mut media = Media::new(MediaType::Audio, 0, TransportProto::RtpAvp, self.payload_type);
        let name = match self.payload {
            AudioPayload::Aac(_) => AAC,
            AudioPayload::Opus => OPUS,
        };
        let mut map = RtpMap::new(self.payload_type, name, self.format.clock_hz);
        map.set_encoding_params(self.format.channels);
        media.add_attribute(map);
        if let (AudioCodec::Aac(config), AudioPayload::Aac(layout)) = (&self.format.codec, self.payload) {
            let mut fmtp = Fmtp::new(self.payload_type);
            let hex: String = config.bytes().iter().map(|byte| format!("{byte:02x}")).collect();
            fmtp.format_specific_params = vec![
                FmtpParam::with_value("streamtype", 5),
                // No capabilities specified (ISO/IEC 14496-3 table 1.14).
                FmtpParam::with_value("profile-level-id", 254),
                FmtpParam::with_value("mode", if layout.size > 6 { "AAC-hbr" } else { "AAC-lbr" }),
                FmtpParam::with_value("config", hex),
                FmtpParam::with_value("sizelength", layout.size),
                FmtpParam::with_value("indexlength", layout.index),
                FmtpParam::with_value("indexdeltalength", layout.delta),
            ];
            media.add_attribute(fmtp);
        }
        if let Some(control) = &self.control {
            media.add_attribute(Attribute::with_value("control", control));
        }
        media
    }
}

/// Returns `None` if AU headers are missing or have other fields.
fn layout<'a>(value: impl Fn(&str) -> Option<&'a str>) -> Option<aac::Layout> {
    let others = [
        "ctsdeltalength",
        "dtsdeltalength",
        "randomaccessindication",
        "streamstateindication",
        "auxiliarydatasizelength",
    ];
    if others.iter().any(|name| value(name).is_some_and(|value| value != "0")) {
        return None;
    }
    let field = |name| match value(name) {
        None => Some(0),
        Some(text) => text.parse::<u8>().ok().filter(|bits| *bits <= FIELD_MAX),
    };
    let layout =
        aac::Layout { size: field("sizelength")?, index: field("indexlength")?, delta: field("indexdeltalength")? };
    (layout.size > 0).then_some(layout)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect();
    let (pairs, rest) = digits.as_ref()?.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Announcement;
    use super::*;

    fn announced(media: &str) -> Announcement {
        let video = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n";
        Announcement::parse(format!("v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n{media}{video}").as_bytes())
            .expect("there is video")
    }

    fn aac(params: &str) -> Option<Audio> {
        announced(&format!("m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/48000/2\r\na=fmtp:97 {params}\r\n")).audio
    }

    const HBR: &str = "profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3; config=1190";

    #[test]
    fn aac_as_ffmpeg_announces_it() {
        let audio = aac(HBR).expect("AAC");
        assert_eq!((audio.payload_type, audio.format.clock_hz, audio.format.channels), (97, 48_000, 2));
        assert_eq!(audio.payload, AudioPayload::Aac(aac::Layout::HIGH_BIT_RATE));
        assert_eq!(audio.format.codecs_parameter(), "mp4a.40.2");
    }

    #[test]
    fn opus_has_no_parameters_that_it_needs() {
        let found = announced("m=audio 0 RTP/AVP 97\r\na=rtpmap:97 opus/48000/2\r\na=control:streamid=0\r\n");
        let audio = found.audio.expect("Opus");
        let format = AudioFormat { codec: AudioCodec::Opus, clock_hz: 48_000, channels: 2 };
        assert_eq!((&audio.format, audio.control.as_deref()), (&format, Some("streamid=0")));
        assert_eq!(found.ignored, []);
    }

    #[test]
    fn what_cannot_be_passed_on_is_left_out() {
        for params in [
            "",
            "sizelength=13;indexlength=3;indexdeltalength=3",
            "sizelength=13;indexlength=3;indexdeltalength=3;config=119",
            "sizelength=13;indexlength=3;indexdeltalength=3;config=0a10",
            "config=1190",
            "config=1190;sizelength=17",
            &format!("{HBR};CTSDeltaLength=3"),
        ] {
            assert_eq!(aac(params), None, "{params}");
        }
        let two = "m=audio 0 RTP/AVP 0\r\nm=audio 0 RTP/AVP 97\r\na=rtpmap:97 opus/48000/2\r\n\
                   m=audio 0 RTP/AVP 98\r\na=rtpmap:98 opus/48000/2\r\n";
        let found = announced(two);
        assert_eq!((found.audio.map(|audio| audio.payload_type), found.ignored.len()), (Some(97), 2), "the first");
    }

    #[test]
    fn our_own_description_reads_back() {
        let opus = announced("m=audio 0 RTP/AVP 97\r\na=rtpmap:97 opus/48000/2\r\n").audio;
        for mut audio in [aac(HBR), opus].into_iter().flatten() {
            audio.control = Some("trackID=1".to_owned());
            let text = announced("").video.describe([127, 0, 0, 1].into(), Some(&audio));
            assert_eq!(Announcement::parse(&text).expect("ours").audio, Some(audio));
        }
    }

    proptest! {
        #[test]
        fn any_parameters_are_survived(params in "((config|sizelength|indexlength|mode)=[0-9a-fA-F]{0,9};|[ -~]){0,8}") {
            aac(&params);
        }
    }
}
