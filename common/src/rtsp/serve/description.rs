//! What a publisher announced, and the session description that readers get in its place.

use std::net::IpAddr;

use super::path::{AUDIO_CONTROL, CONTROL};
use crate::h264::Sps;
use crate::media::Codec;
use crate::rtp::h264::{PARAMETER_SET_MAX, keep_parameter_set};
use crate::rtsp::sdp::{Announcement, Audio, Error, Video};

/// A stream's H.264 track, optional audio, and the publisher's other tracks.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    video: Video,
    audio: Option<Audio>,
    /// Control attributes of the publisher's tracks: the relayed ones first, video before audio.
    controls: Vec<Option<String>>,
    ignored: Vec<String>,
}

impl Description {
    /// Index of the H.264 track.
    pub const VIDEO: usize = 0;
    /// Index of the audio track, if [`Description::audio`] is present. A publisher's other tracks follow the relayed
    /// ones.
    pub const AUDIO: usize = 1;

    /// Parses the body of an ANNOUNCE.
    ///
    /// # Errors
    /// As [`Announcement::parse`].
    pub fn parse(sdp: &[u8]) -> Result<Self, Error> {
        let Announcement { mut video, mut audio, ignored } = Announcement::parse(sdp)?;
        let mut controls = vec![video.control.replace(CONTROL.to_owned())];
        controls.extend(audio.as_mut().map(|audio| audio.control.replace(AUDIO_CONTROL.to_owned())));
        controls.extend(ignored.iter().map(|ignored| ignored.control.clone()));
        video.parameter_sets.retain(|set| set.len() <= PARAMETER_SET_MAX);
        Ok(Self { video, audio, controls, ignored: ignored.into_iter().map(|i| i.kind).collect() })
    }

    /// The H.264 track as readers see it, with the newest parameter sets.
    pub fn video(&self) -> &Video {
        &self.video
    }

    /// Returns the audio track as readers see it.
    pub fn audio(&self) -> Option<&Audio> {
        self.audio.as_ref()
    }

    /// Number of tracks that readers receive: the video, and the audio if present.
    pub fn relayed(&self) -> usize {
        if self.audio.is_some() { Self::AUDIO + 1 } else { Self::VIDEO + 1 }
    }

    /// How the video is coded.
    pub const fn codec(&self) -> Codec {
        Codec::H264
    }

    /// What the publisher sends besides and nobody gets: `audio`, …
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// The codec as browsers name it (RFC 6381 section 3.4), as in `avc1.42C01F`; `None` before it is known.
    pub fn codecs_parameter(&self) -> Option<String> {
        let [profile, constraints, level] = self.video.profile_level_id?;
        Some(format!("avc1.{profile:02X}{constraints:02X}{level:02X}"))
    }

    /// What readers get of it: a few parameter sets, and nothing of what else a publisher may announce at length.
    pub fn for_readers(&self) -> Self {
        Self { video: self.video.clone(), audio: self.audio.clone(), controls: Vec::new(), ignored: Vec::new() }
    }

    /// Whether [`Description::take_parameter_set`] has nothing to do for `nal`, as is the rule: most streams repeat their
    /// parameter sets.
    pub fn has_parameter_set(&self, nal: &[u8]) -> bool {
        self.video.parameter_sets.iter().any(|set| set == nal)
    }

    /// Takes `nal`, an SPS or PPS that came in the stream, in place of the one that it replaces.
    pub fn take_parameter_set(&mut self, nal: &[u8]) {
        if keep_parameter_set(&mut self.video.parameter_sets, nal)
            && let Ok(sps) = Sps::parse(nal)
        {
            self.video.profile_level_id = Some(sps.profile_level_id);
        }
    }

    /// The session description for readers, whose packets come from `host`.
    pub(super) fn to_sdp(&self, host: IpAddr) -> Vec<u8> {
        self.video.describe(host, self.audio.as_ref())
    }

    /// Control attributes of the tracks that the publisher will set up.
    pub(super) fn controls(&self) -> Vec<Option<&str>> {
        self.controls.iter().map(Option::as_deref).collect()
    }
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
            (description.ignored(), description.codecs_parameter()),
            (&["audio".to_owned()][..], Some("avc1.42C01E".into()))
        );
        let sdp = sdp(&description);
        assert!(sdp.contains("a=control:trackID=0\r\n") && sdp.contains("Z0LAHoyNQFAekA8IhGo=,aM48gA=="), "{sdp}");
        assert!(!sdp.contains("streamid") && !sdp.contains("audio") && !sdp.contains("sendonly"), "{sdp}");
    }

    #[test]
    fn readers_get_the_audio_beside_the_video_and_it_is_the_second_track() {
        let opus = "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 opus/48000/2\r\na=control:streamid=2\r\n";
        let description = Description::parse(format!("{ANNOUNCED}{opus}").as_bytes()).expect("good");
        assert_eq!(description.controls(), [Some("streamid=1"), Some("streamid=2"), Some("streamid=0")]);
        let readers = description.for_readers();
        assert_eq!((readers.relayed(), readers.audio()), (2, description.audio()));
        let sdp = sdp(&readers);
        assert!(sdp.contains("a=rtpmap:97 opus/48000/2\r\na=control:trackID=1\r\n"), "{sdp}");
        assert_eq!(Description::parse(ANNOUNCED.as_bytes()).expect("good").relayed(), 1, "PCM is not passed on");
    }

    #[test]
    fn parameter_sets_that_come_in_the_stream_replace_the_announced_ones() {
        let old = Description::parse(ANNOUNCED.as_bytes()).expect("good");
        let mut new = old.clone();
        for (nal, what) in
            [(&[0x68, 0xce, 0x3c, 0x80][..], "known"), (&[0x65, 0x88, 2], "a slice"), (&[0x67], "no SPS")]
        {
            new.take_parameter_set(nal);
            assert_eq!(new, old, "{what}");
        }
        new.take_parameter_set(HIGH_SPS);
        new.take_parameter_set(&[0x68, 0xcb, 0x00]);
        assert!(sdp(&new).contains("aMsA") && !sdp(&new).contains("aM48gA"), "{}", sdp(&new));
        assert_eq!(new.codecs_parameter().as_deref(), Some("avc1.64001E"));
    }

    #[test]
    fn readers_are_not_given_what_a_publisher_announces_at_length() {
        let long = "x".repeat(5_000);
        let sets = format!("aM48gA==,{}", "aM48".repeat(5_000));
        let announced = ANNOUNCED.replace("streamid=0", &long).replace("aM48gA==", &sets);
        let description = Description::parse(announced.as_bytes()).expect("good");
        assert_eq!(description.controls()[1], Some(long.as_str()), "the publisher's own tracks");
        assert_eq!(description.video().parameter_sets.len(), 2);
        let readers = description.for_readers();
        assert_eq!((readers.video(), readers.controls().len()), (description.video(), 0));
    }
}
