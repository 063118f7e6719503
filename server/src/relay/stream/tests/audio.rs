//! Audio beside the video.

use super::*;

impl Path {
    pub(in crate::relay) fn publish_with_opus(&self) -> Publication {
        let sdp = format!("{SDP}m=audio 0 RTP/AVP 97\r\na=rtpmap:97 opus/48000/2\r\n");
        let description = Description::parse(sdp.as_bytes()).expect("good");
        self.paths.reserve(&Path::name()).expect("free").publish(description, client(), self.control.clone())
    }

    /// 20 ms of Opus.
    pub(in crate::relay) fn opus(sequence: u16, ticks: u32) -> Packet {
        let header = [&[0x80, 97][..], &sequence.to_be_bytes(), &ticks.to_be_bytes(), &[0, 0, 0, 9]].concat();
        let bytes = Bytes::from([&header[..], &[0xfc, 1]].concat());
        Packet { track: Description::AUDIO, kind: PacketKind::Rtp, bytes }
    }

    /// A sender report of one moment, when that track was at `ticks`.
    pub(in crate::relay) fn report(track: usize, ticks: u32) -> Packet {
        let wall = WallTime::from_micros(1_795_539_600_000_000);
        let bytes = rtcp::sender_report(9, wall, MediaTime::from_ticks(ticks), rtcp::Sent::default()).into();
        Packet { track, kind: PacketKind::Rtcp, bytes }
    }
}

#[test]
fn audio_passes_with_the_video_from_a_key_frame_on() {
    let mut path = Path::new();
    let publication = path.publish_with_opus();
    let reader = FakeReader::new(1);
    let stream = publication.stream();
    assert!(stream.join(at(0), reader.clone()));
    let other = Packet { track: Description::AUDIO + 1, ..Path::opus(0, 0) };
    stream.forward(at(0), &mut vec![Path::opus(0, 0), Path::report(1, 0), other.clone()]);
    assert_eq!(reader.got(), [Path::report(1, 0).bytes], "reports always do");
    let key = path.frame(IDR);
    stream.forward(at(1), &mut [&key[..], &[Path::opus(1, 960), other]].concat());
    assert_eq!(reader.got().len(), 1 + key.len() + 1);
    assert_eq!(reader.got().last(), Some(&Path::opus(1, 960).bytes));
    assert_eq!(stream.newest_time(Description::AUDIO), Some(MediaTime::from_ticks(960)));
    let counts = stream.counts();
    assert_eq!((counts.frames, counts.audio.map(|audio| (audio.packets, audio.frames))), (1, Some((2, 2))));
}
