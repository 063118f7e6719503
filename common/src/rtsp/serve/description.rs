//! What a publisher announced, and the session description that readers get in its place.

use std::net::IpAddr;

use super::path::CONTROL;
use crate::h264::{NalKind, Sps};
use crate::rtsp::sdp::{Announcement, Error, Video};

/// Longest parameter set that is taken from the stream, in bytes; real ones have tens.
const PARAMETER_SET_MAX: usize = 1024;
/// Most parameter sets that are kept: one SPS and its PPS.
const PARAMETER_SETS_MAX: usize = 8;

/// A stream's H.264 track, and what its publisher sends besides.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    video: Video,
    /// Control attributes of the publisher's tracks: of the video first, then of those that are not passed on.
    controls: Vec<Option<String>>,
    ignored: Vec<String>,
}

impl Description {
    /// Index of the H.264 track, the only one that readers get. A publisher's other tracks come after it.
    pub const VIDEO: usize = 0;

    /// Parses the body of an ANNOUNCE.
    ///
    /// # Errors
    /// As [`Announcement::parse`].
    pub fn parse(sdp: &[u8]) -> Result<Self, Error> {
        let Announcement { mut video, ignored } = Announcement::parse(sdp)?;
        let controls = std::iter::once(video.control.take()).chain(ignored.iter().map(|i| i.control.clone())).collect();
        video.control = Some(CONTROL.to_owned());
        Ok(Self { video, controls, ignored: ignored.into_iter().map(|i| i.kind).collect() })
    }

    /// The H.264 track as readers see it, with the newest parameter sets.
    pub fn video(&self) -> &Video {
        &self.video
    }

    /// What the publisher sends besides and nobody gets: `audio`, …
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// The codec as browsers name it (RFC 6381 section 3.4), as in `avc1.42C01F`; `None` before it is known.
    pub fn codec(&self) -> Option<String> {
        let [profile, constraints, level] = self.video.profile_level_id?;
        Some(format!("avc1.{profile:02X}{constraints:02X}{level:02X}"))
    }

    /// The description with `nal`, an SPS or PPS that came in the stream; `None` where it changes nothing.
    pub fn with_parameter_set(&self, nal: &[u8]) -> Option<Self> {
        let sets = &self.video.parameter_sets;
        if nal.len() > PARAMETER_SET_MAX || sets.iter().any(|set| set == nal) {
            return None;
        }
        let kind = NalKind::of(nal).filter(|kind| matches!(kind, NalKind::Sps | NalKind::Pps))?;
        let replaces =
            |old: &Vec<u8>| NalKind::of(old) == Some(kind) && (kind == NalKind::Sps || pps_id(old) == pps_id(nal));
        let old = sets.iter().position(replaces);
        let mut newer = self.clone();
        let sets = &mut newer.video.parameter_sets;
        match old {
            Some(old) => sets[old] = nal.to_vec(),
            None if sets.len() >= PARAMETER_SETS_MAX => return None,
            None if kind == NalKind::Sps => sets.insert(0, nal.to_vec()),
            None => sets.push(nal.to_vec()),
        }
        if kind == NalKind::Sps {
            newer.video.profile_level_id = Some(Sps::parse(nal).ok()?.profile_level_id);
        }
        Some(newer)
    }

    /// The session description for readers, whose packets come from `host`.
    pub(super) fn to_sdp(&self, host: IpAddr) -> Vec<u8> {
        self.video.describe(host)
    }

    /// Control attributes of the tracks that the publisher will set up.
    pub(super) fn controls(&self) -> Vec<Option<&str>> {
        self.controls.iter().map(Option::as_deref).collect()
    }
}

/// A PPS's identifier, an Exp-Golomb number in front of everything else (H.264 section 7.3.2.2); `None` above 14, which
/// nobody uses.
fn pps_id(nal: &[u8]) -> Option<u8> {
    let first = *nal.get(1)?;
    let zeros = first.leading_zeros();
    (zeros <= 3).then(|| (first >> (7 - 2 * zeros)) - 1)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const ANNOUNCED: &str = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\n\
        m=audio 0 RTP/AVP 0\r\na=control:streamid=0\r\n\
        m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=sendonly\r\n\
        a=fmtp:96 packetization-mode=1; sprop-parameter-sets=Z0LAHoyNQFAekA8IhGo=,aM48gA==; profile-level-id=42C01E\r\n\
        a=control:streamid=1\r\n";
    const HIGH_SPS: &[u8] = &[
        0x67, 0x64, 0x00, 0x1e, 0xac, 0xd9, 0x40, 0xa0, 0x3d, 0xa1, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00, 0x00, 0x03,
        0x00, 0x3c, 0x0f, 0x16, 0x2d, 0x96,
    ];

    fn sdp(description: &Description) -> String {
        String::from_utf8(description.to_sdp(Ipv4Addr::LOCALHOST.into())).expect("text")
    }

    #[test]
    fn readers_get_the_video_under_our_own_name() {
        let description = Description::parse(ANNOUNCED.as_bytes()).expect("good");
        assert_eq!(description.controls(), [Some("streamid=1"), Some("streamid=0")]);
        assert_eq!(
            (description.ignored(), description.codec()),
            (&["audio".to_owned()][..], Some("avc1.42C01E".into()))
        );
        let sdp = sdp(&description);
        assert!(sdp.contains("a=control:trackID=0\r\n") && sdp.contains("Z0LAHoyNQFAekA8IhGo=,aM48gA=="), "{sdp}");
        assert!(!sdp.contains("streamid") && !sdp.contains("audio") && !sdp.contains("sendonly"), "{sdp}");
    }

    #[test]
    fn parameter_sets_that_come_in_the_stream_replace_the_announced_ones() {
        let old = Description::parse(ANNOUNCED.as_bytes()).expect("good");
        assert_eq!(old.with_parameter_set(&[0x68, 0xce, 0x3c, 0x80]), None, "known already");
        assert_eq!(old.with_parameter_set(&[0x65, 0x88, 2]), None, "a slice");
        assert_eq!(old.with_parameter_set(&[0x67]), None, "no SPS at all");
        let new = old.with_parameter_set(HIGH_SPS).expect("a new SPS");
        let new = new.with_parameter_set(&[0x68, 0xcb, 0x00]).expect("a new PPS");
        assert!(sdp(&new).contains("aMsA") && !sdp(&new).contains("aM48gA"), "{}", sdp(&new));
        assert_eq!(new.codec().as_deref(), Some("avc1.64001E"));
    }

    #[test]
    fn a_pps_of_another_identifier_is_kept_beside_the_first_up_to_a_limit() {
        let mut description = Description::parse(ANNOUNCED.as_bytes()).expect("good");
        for first in 0x10_u8..=0x7f {
            description = description.with_parameter_set(&[0x68, first]).unwrap_or(description);
        }
        assert_eq!(description.video.parameter_sets.len(), PARAMETER_SETS_MAX);
        assert_eq!(
            [0x80, 0x40, 0x60, 0x10, 0].map(|id| pps_id(&[0x68, id])),
            [Some(0), Some(1), Some(2), Some(7), None]
        );
    }
}
