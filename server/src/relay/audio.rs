//! Audio beside the video: counted here, and reassembled for subscribers.

use common::audio::{AudioFormat, AudioFrame};
use common::rtp::rtcp;
use common::rtp::timeline::SenderClock;
use common::rtp::{self, Alignment, AudioDepacketizer, AudioPayload, Sequence, Step};
use common::rtsp::sdp::Audio;
use common::rtsp::serve::Description;
use common::time::{MediaTime, MonoTime};

use super::packet::{Packet, PacketKind};

/// Counters of a stream's audio.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AudioCounts {
    pub(crate) packets: u64,
    /// Bytes of those packets.
    pub(crate) bytes: u64,
    pub(crate) frames: u64,
    /// Packets lost, by sequence number.
    pub(crate) lost_packets: u64,
}

/// Counts the packets of one track.
#[derive(Debug)]
pub(super) struct AudioCounter {
    payload: AudioPayload,
    sequence: Sequence,
    newest: Option<MediaTime>,
    counts: AudioCounts,
}

impl AudioCounter {
    pub(super) fn new(audio: &Audio) -> Self {
        Self { payload: audio.payload, sequence: Sequence::default(), newest: None, counts: AudioCounts::default() }
    }

    /// Counts `packet`, RTP or RTCP. Returns whether to relay it: invalid packets are not relayed.
    pub(super) fn take(&mut self, packet: &Packet) -> bool {
        if packet.kind == PacketKind::Rtcp {
            return true;
        }
        let Ok(rtp) = rtp::Packet::parse(&packet.bytes) else { return false };
        self.counts.packets += 1;
        self.counts.bytes += packet.bytes.len() as u64;
        self.counts.frames += self.payload.frames(&rtp) as u64;
        match self.sequence.advance(rtp.sequence) {
            Step::Late => return true,
            Step::Gap(lost) => self.counts.lost_packets += u64::from(lost),
            Step::Next | Step::Restart => {}
        }
        self.newest = Some(rtp.time);
        true
    }

    pub(super) fn counts(&self) -> AudioCounts {
        self.counts
    }

    /// Time in ticks of the track's clock.
    pub(super) fn newest(&self) -> Option<MediaTime> {
        self.newest
    }
}

/// An audio frame with its time on the video's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AudioUnit {
    pub(crate) frame: AudioFrame,
    /// Presentation time on the video's media clock.
    pub(crate) time: MediaTime,
}

/// Reassembles a stream's audio and maps it to the video's clock.
#[derive(Debug)]
pub(super) struct AudioFeed {
    format: AudioFormat,
    payload: AudioPayload,
    /// Present while there are subscribers.
    depacketizer: Option<AudioDepacketizer>,
    alignment: Alignment,
}

impl AudioFeed {
    pub(super) fn new(audio: &Audio) -> Self {
        let alignment = Alignment::new(audio.format.clock_hz);
        Self { format: audio.format.clone(), payload: audio.payload, depacketizer: None, alignment }
    }

    pub(super) fn begin(&mut self) {
        if self.depacketizer.is_none() {
            self.depacketizer = AudioDepacketizer::new(&self.format, self.payload);
        }
    }

    pub(super) fn stop(&mut self) {
        self.depacketizer = None;
    }

    /// Takes RTCP of either track; keeps reports for later subscribers.
    pub(super) fn take_report(&mut self, packet: &Packet) {
        for event in rtcp::parse(&packet.bytes).into_iter().flatten() {
            if let rtcp::Event::SenderReport { ntp, time, .. } = event
                && let Some(clock) = SenderClock::new(ntp, time)
            {
                match packet.track {
                    Description::VIDEO => self.alignment.handle_video_report(clock),
                    _ => self.alignment.handle_audio_report(clock),
                }
            }
        }
    }

    /// Takes the time of a video frame.
    pub(super) fn take_video(&mut self, arrived: MonoTime, time: MediaTime) {
        self.alignment.handle_video(arrived, time);
    }

    /// Takes an RTP packet of the audio and passes the frames that end in it to `found`, once video has arrived.
    pub(super) fn take(&mut self, now: MonoTime, packet: &rtp::Packet<'_>, mut found: impl FnMut(AudioUnit)) {
        let Self { depacketizer: Some(depacketizer), alignment, .. } = self else { return };
        depacketizer.handle_packet(now, packet, |frame| {
            if let Some(time) = alignment.place(now, frame.ticks) {
                found(AudioUnit { frame, time });
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const OPUS: &str = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n\
        a=rtpmap:96 H264/90000\r\nm=audio 0 RTP/AVP 97\r\na=rtpmap:97 opus/48000/2\r\n";

    fn packet(sequence: u8, bytes: &[u8]) -> Packet {
        let header = [0x80, 97, 0, sequence, 0, 0, 0, 9, 0, 0, 0, 7];
        let bytes = Bytes::from([&header[..], bytes].concat());
        Packet { track: Description::AUDIO, kind: PacketKind::Rtp, bytes }
    }

    #[test]
    fn packets_frames_and_bytes_are_counted() {
        let description = Description::parse(OPUS.as_bytes()).expect("good");
        let mut counter = AudioCounter::new(description.audio().expect("Opus"));
        assert_eq!(counter.newest(), None);
        assert!(
            counter.take(&packet(1, &[0xfc, 1])) && counter.take(&packet(4, &[0xfc])) && counter.take(&packet(3, &[]))
        );
        assert!(!counter.take(&Packet { bytes: Bytes::from_static(b"noise"), ..packet(5, &[]) }));
        let expected = AudioCounts { packets: 3, bytes: 14 + 13 + 12, frames: 2, lost_packets: 2 };
        assert_eq!((counter.counts(), counter.newest()), (expected, Some(MediaTime::from_ticks(9))));
    }
}
