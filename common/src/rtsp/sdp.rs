//! Session descriptions (RFC 8866) of one H.264 video track (RFC 6184 section 8.2) and an optional audio track, for
//! publishers, servers and readers.

mod audio;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sdp_types::{
    Attribute, Connection, Fmtp, FmtpParam, Media, MediaType, Origin, RtpMap, Session, Time, TransportProto,
};

pub use audio::Audio;

use crate::h264::{NalKind, Sps};
use crate::rtp;
use crate::time::MEDIA_CLOCK_HZ;

/// Most media sections of a description.
const MEDIA_MAX: usize = 16;
/// Most parameter sets of a track.
const PARAMETER_SETS_MAX: usize = 32;

/// One H.264 video track.
#[derive(Clone, Debug, PartialEq)]
pub struct Video {
    /// RTP payload type.
    pub payload_type: u8,
    /// profile_idc, constraint flags, level_idc.
    pub profile_level_id: Option<[u8; 3]>,
    /// SPS and PPS NAL units without start codes; may be empty, then they come in the stream.
    pub parameter_sets: Vec<Vec<u8>>,
    /// Frames per second, as far as known beforehand.
    pub frame_rate: Option<f64>,
    /// The control attribute: a URL, or a part to add to the stream's (RFC 2326 appendix C.1.1).
    pub control: Option<String>,
}

/// Another track in an announcement, which is not relayed. A publisher sets it up like the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// `audio`, `video`, `application`, …
    pub kind: String,
    /// Its control attribute.
    pub control: Option<String>,
}

/// What an announcement offers.
#[derive(Clone, Debug, PartialEq)]
pub struct Announcement {
    /// The first H.264 track.
    pub video: Video,
    /// The first AAC or Opus track.
    pub audio: Option<Audio>,
    /// All others.
    pub ignored: Vec<Ignored>,
}

/// Why a description cannot be served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It does not follow the grammar.
    #[error("the session description cannot be read: {0}")]
    Malformed(String),
    /// More than `MEDIA_MAX` media sections.
    #[error("the session description has more than {MEDIA_MAX} media sections")]
    TooManyMedia,
    /// There is no video in it.
    #[error("the session description has no video, only: {0}")]
    NoVideo(String),
    /// The video is not H.264.
    #[error("the video is {0}, not H.264: publish H.264, as with `-c:v libx264` in ffmpeg")]
    NotH264(String),
    /// The clock of the video is not the one that H.264 has.
    #[error("the video's clock rate is {0}, but H.264 has 90000 (RFC 6184 section 8.2.1)")]
    ClockRate(u32),
    /// The format parameters ask for something that framelag cannot do.
    #[error("format parameter {name}={value}: {why}")]
    Parameter {
        /// Its name.
        name: &'static str,
        /// Its value, escaped and shortened.
        value: String,
        /// What is wrong.
        why: &'static str,
    },
}

impl Video {
    /// The track of an encoder whose parameter sets are known.
    pub fn new(sps: &[u8], pps: &[u8], frame_rate: Option<f64>) -> Self {
        Self {
            payload_type: rtp::h264::PAYLOAD_TYPE,
            profile_level_id: Sps::parse(sps).ok().map(|sps| sps.profile_level_id),
            parameter_sets: vec![sps.to_vec(), pps.to_vec()],
            frame_rate,
            control: Some("trackID=0".to_owned()),
        }
    }

    /// Writes the description of a stream with this track and `audio`. `host` is the sender's address.
    pub fn describe(&self, host: IpAddr, audio: Option<&Audio>) -> Vec<u8> {
        let mut session = Session::new(Origin::with_ip_addr(0, 0, host), "framelag");
        let anywhere = if host.is_ipv4() { IpAddr::from(Ipv4Addr::UNSPECIFIED) } else { Ipv6Addr::UNSPECIFIED.into() };
        session.connection = Some(Connection::from_ip_addr(anywhere));
        session.add_time(Time::new(0, 0));
        session.add_media(self.media());
        if let Some(audio) = audio {
            session.add_media(audio.media());
        }
        let mut text = Vec::new();
        session.write(&mut text).expect("writing to memory does not fail");
        text
    }

    fn media(&self) -> Media {
        let mut media = Media::new(MediaType::Video, 0, TransportProto::RtpAvp, self.payload_type);
        media.add_attribute(RtpMap::new(self.payload_type, "H264", MEDIA_CLOCK_HZ));
        let mut fmtp = Fmtp::new(self.payload_type);
        fmtp.format_specific_params.push(FmtpParam::with_value("packetization-mode", 1));
        if !self.parameter_sets.is_empty() {
            let sets: Vec<String> = self.parameter_sets.iter().map(|set| STANDARD.encode(set)).collect();
            fmtp.format_specific_params.push(FmtpParam::with_value("sprop-parameter-sets", sets.join(",")));
        }
        if let Some([profile, constraints, level]) = self.profile_level_id {
            let id = format!("{profile:02X}{constraints:02X}{level:02X}");
            fmtp.format_specific_params.push(FmtpParam::with_value("profile-level-id", id));
        }
        media.add_attribute(fmtp);
        if let Some(rate) = self.frame_rate {
            media.add_attribute(Attribute::with_value("framerate", rate));
        }
        if let Some(control) = &self.control {
            media.add_attribute(Attribute::with_value("control", control));
        }
        media
    }
}

impl Announcement {
    /// Parses a description; takes its first H.264 track and its first supported audio track.
    pub fn parse(description: &[u8]) -> Result<Self, Error> {
        let session = Session::parse(description).map_err(|error| Error::Malformed(shorten(&error.to_string())))?;
        if session.medias.len() > MEDIA_MAX {
            return Err(Error::TooManyMedia);
        }
        let (mut video, mut audio) = (None, None);
        let mut refused = None;
        let mut ignored = Vec::new();
        for media in &session.medias {
            if audio.is_none() {
                audio = Audio::parse(media, control(media));
                if audio.is_some() {
                    continue;
                }
            }
            match parse_video(media) {
                Ok(Some(found)) if video.is_none() => video = Some(found),
                Ok(_) => ignored.push(Ignored { kind: shorten(&media.media), control: control(media) }),
                Err(error) => {
                    refused.get_or_insert(error);
                    ignored.push(Ignored { kind: shorten(&media.media), control: control(media) });
                }
            }
        }
        match (video, refused) {
            (Some(video), _) => Ok(Self { video, audio, ignored }),
            (None, Some(error)) => Err(error),
            (None, None) => {
                let kinds: Vec<_> =
                    audio.map(|_| "audio".to_owned()).into_iter().chain(ignored.into_iter().map(|i| i.kind)).collect();
                Err(Error::NoVideo(if kinds.is_empty() { "nothing".to_owned() } else { kinds.join(", ") }))
            }
        }
    }
}

/// The URL that controls a track: `control` where it is a URL itself, else it is added to the stream's (RFC 2326
/// appendix C.1.1), behind the query if there is one, as other servers and clients do.
pub(super) fn control_url(stream: &str, control: Option<&str>) -> String {
    match control {
        None | Some("" | "*") => stream.to_owned(),
        Some(url) if url.to_ascii_lowercase().starts_with("rtsp://") => url.to_owned(),
        Some(part) => format!("{}/{}", stream.trim_end_matches('/'), part.trim_start_matches('/')),
    }
}

/// The media section as H.264 video; `None` where it is not video at all.
fn parse_video(media: &Media) -> Result<Option<Video>, Error> {
    if media.media != "video" {
        return Ok(None);
    }
    let format = media.fmt.split_ascii_whitespace().next().unwrap_or_default();
    let payload_type = format.parse::<u8>().ok().filter(|&pt| pt < 128);
    let payload_type =
        payload_type.ok_or_else(|| Error::Malformed(format!("no payload type in {}", shorten(&media.fmt))))?;
    let map = media.attributes_typed::<RtpMap>().filter_map(Result::ok).find(|map| map.payload_type == payload_type);
    let Some(map) = map else {
        return Err(Error::NotH264(format!("payload type {payload_type} without a readable rtpmap")));
    };
    if !map.encoding_name.eq_ignore_ascii_case("H264") {
        return Err(Error::NotH264(shorten(&map.encoding_name)));
    }
    if map.clock_rate != MEDIA_CLOCK_HZ {
        return Err(Error::ClockRate(map.clock_rate));
    }
    let frame_rate = media.get_first_attribute_value("framerate").flatten().and_then(|v| v.trim().parse::<f64>().ok());
    let mut video = Video {
        payload_type,
        profile_level_id: None,
        parameter_sets: Vec::new(),
        frame_rate: frame_rate.filter(|rate| rate.is_finite() && *rate > 0.0),
        control: control(media),
    };
    let fmtp = media.attributes_typed::<Fmtp>().filter_map(Result::ok).find(|fmtp| fmtp.fmt == payload_type);
    for param in fmtp.into_iter().flat_map(|fmtp| fmtp.format_specific_params) {
        video.set(&param.param.trim().to_ascii_lowercase(), param.val.as_deref().unwrap_or_default().trim())?;
    }
    Ok(Some(video))
}

impl Video {
    fn set(&mut self, name: &str, value: &str) -> Result<(), Error> {
        match name {
            "packetization-mode" if !matches!(value, "0" | "1") => Err(Error::Parameter {
                name: "packetization-mode",
                value: shorten(value),
                why: "only 0 and 1 are supported, packets in decoding order (RFC 6184 section 6)",
            }),
            "profile-level-id" => {
                // What the parameter sets say counts; this is a hint that some devices get wrong.
                let number = u32::from_str_radix(value, 16).ok().filter(|_| value.len() == 6);
                self.profile_level_id = number.map(|n| [(n >> 16) as u8, (n >> 8) as u8, n as u8]);
                Ok(())
            }
            "sprop-parameter-sets" => {
                self.parameter_sets = parse_parameter_sets(value)?;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// Base64, with or without padding, separated by commas (RFC 6184 section 8.1). What is no SPS or PPS is left out.
fn parse_parameter_sets(value: &str) -> Result<Vec<Vec<u8>>, Error> {
    let error = |why| Error::Parameter { name: "sprop-parameter-sets", value: shorten(value), why };
    let mut sets = Vec::new();
    for text in value.split(',').map(str::trim).filter(|text| !text.is_empty()) {
        if sets.len() == PARAMETER_SETS_MAX {
            return Err(error("more than 32 parameter sets"));
        }
        let set = STANDARD_NO_PAD.decode(text.trim_end_matches('=')).map_err(|_| error("not base64"))?;
        if matches!(NalKind::of(&set), Some(NalKind::Sps | NalKind::Pps)) {
            sets.push(set);
        }
    }
    Ok(sets)
}

fn control(media: &Media) -> Option<String> {
    media.get_first_attribute_value("control").flatten().map(|control| control.trim().to_owned())
}

/// A piece of a peer's text, safe to print.
fn shorten(text: &str) -> String {
    const LONGEST: usize = 60;
    text.chars().take(LONGEST).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SPS: &[u8] = &[0x67, 0x42, 0xc0, 0x1e, 0x8c, 0x8d, 0x40, 0x50, 0x1e, 0x90, 0x0f, 0x08, 0x84, 0x6a];
    const PPS: &[u8] = &[0x68, 0xce, 0x3c, 0x80];

    /// What ffmpeg 5.1 announces with `-f rtsp` for video and audio.
    const FFMPEG: &str = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=No Name\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
        a=tool:libavformat 59.27.100\r\nm=video 0 RTP/AVP 96\r\nb=AS:1000\r\na=rtpmap:96 H264/90000\r\n\
        a=fmtp:96 packetization-mode=1; sprop-parameter-sets=Z0LAHoyNQFAekA8IhGo=,aM48gA==; profile-level-id=42C01E\r\n\
        a=control:streamid=0\r\nm=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/44100/1\r\na=control:streamid=1\r\n";

    fn announcing(media: &str) -> Result<Announcement, Error> {
        Announcement::parse(format!("v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n{media}").as_bytes())
    }

    #[test]
    fn descriptions_name_the_address_family_of_their_host() {
        for (host, line) in [("10.0.0.1", "c=IN IP4 0.0.0.0"), ("::1", "c=IN IP6 ::")] {
            let video = Video {
                payload_type: 96,
                profile_level_id: None,
                parameter_sets: vec![],
                frame_rate: None,
                control: None,
            };
            let text = String::from_utf8(video.describe(host.parse().expect("an address"), None)).expect("text");
            assert!(text.lines().any(|found| found == line), "{text}");
        }
    }

    #[test]
    fn our_own_description_reads_back() {
        let video = Video::new(SPS, PPS, Some(29.97));
        let text = video.describe([127, 0, 0, 1].into(), None);
        assert_eq!(Announcement::parse(&text), Ok(Announcement { video: video.clone(), audio: None, ignored: vec![] }));
        let text = String::from_utf8(text).expect("a description is text");
        for part in
            ["packetization-mode=1", "sprop-parameter-sets=Z0LAHoyNQFAekA8IhGo=,aM48gA==", "profile-level-id=42C01E"]
        {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn ffmpegs_description_gives_the_video_and_names_the_rest() {
        let found = Announcement::parse(FFMPEG.as_bytes()).expect("ffmpeg's description");
        assert_eq!(found.video.parameter_sets, [SPS, PPS]);
        assert_eq!(found.video.profile_level_id, Some([0x42, 0xc0, 0x1e]));
        assert_eq!(found.video.control.as_deref(), Some("streamid=0"));
        assert_eq!(found.ignored, [Ignored { kind: "audio".into(), control: Some("streamid=1".into()) }]);
    }

    #[test]
    fn errors_name_what_is_wrong() {
        for (media, error) in [
            ("", "no video, only: nothing"),
            ("m=audio 0 RTP/AVP 0\r\nm=text 0 RTP/AVP 98\r\n", "no video, only: audio, text"),
            ("m=video 0 RTP/AVP 96\r\na=rtpmap:96 H265/90000\r\n", "the video is H265, not H.264"),
            ("m=video 0 RTP/AVP 26\r\n", "payload type 26 without a readable rtpmap"),
            ("m=video 0 RTP/AVP 96\r\na=rtpmap:96\r\n", "payload type 96 without a readable rtpmap"),
            ("m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/0\r\n", "clock rate is 0, but H.264 has 90000"),
            ("m=video 0 RTP/AVP 200\r\n", "no payload type"),
        ] {
            let found = announcing(media).expect_err(media).to_string();
            assert!(found.contains(error), "{media}: {found}");
        }
        let fmtp = |params: &str| {
            announcing(&format!("m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 {params}\r\n"))
        };
        assert!(fmtp("packetization-mode=2").is_err());
        assert!(fmtp("sprop-parameter-sets=!!!").is_err());
        assert!(fmtp(&format!("sprop-parameter-sets={}", "aM48gA==,".repeat(PARAMETER_SETS_MAX + 1))).is_err());
        assert_eq!(fmtp("profile-level-id=zz").expect("a hint only").video.profile_level_id, None);
        assert_eq!(announcing(&"m=audio 0 RTP/AVP 0\r\n".repeat(MEDIA_MAX + 1)), Err(Error::TooManyMedia));
        assert!(matches!(Announcement::parse(b"\0\0"), Err(Error::Malformed(_))));
    }

    #[test]
    fn an_h264_track_behind_another_codec_is_taken() {
        let media =
            "m=video 0 RTP/AVP 97\r\na=rtpmap:97 JPEG/90000\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 h264/90000\r\n";
        let found = announcing(media).expect("the second track is H.264");
        assert_eq!((found.video.payload_type, found.ignored.len()), (96, 1));
    }

    #[test]
    fn control_urls_are_joined_as_others_do() {
        assert_eq!(control_url("rtsp://h/cam", Some("trackID=0")), "rtsp://h/cam/trackID=0");
        assert_eq!(control_url("rtsp://h/cam/", Some("/trackID=0")), "rtsp://h/cam/trackID=0");
        assert_eq!(control_url("rtsp://h/cam?a=b", Some("trackID=0")), "rtsp://h/cam?a=b/trackID=0");
        assert_eq!(control_url("rtsp://h/cam", Some("rtsp://h/x")), "rtsp://h/x");
        assert_eq!(control_url("rtsp://h/cam", None), "rtsp://h/cam");
    }

    proptest! {
        #[test]
        fn arbitrary_descriptions_never_panic(bytes in any::<Vec<u8>>(), media in r#"(m=video 0 RTP/AVP 96|a=rtpmap:96 H264/|a=fmtp:96 |sprop-parameter-sets=|[0-9;:=a,\r\n/\- ])*"#) {
            let _ = Announcement::parse(&bytes);
            let _ = announcing(&media);
        }
    }
}
