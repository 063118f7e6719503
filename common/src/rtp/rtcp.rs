//! RTCP (RFC 3550 section 6): sender reports out, and what a peer may say back.

use rtcp_types::{
    Bye, Compound, Fir, Packet, PayloadFeedback, Pli, RtcpPacketWriter, RtcpPacketWriterExt, RtcpParseError, Sdes,
    SdesChunk, SdesItem, SenderReport,
};

use crate::time::{MediaTime, WallTime};

/// Most packets that are read of one compound packet. Real ones have two to five.
const COMPOUND_MAX: usize = 32;

/// What a peer said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The sender's wall clock beside its media clock (RFC 3550 section 6.4.1).
    SenderReport {
        /// The sender.
        ssrc: u32,
        /// Its wall time, as NTP writes it; see [`WallTime::to_ntp`].
        ntp: u64,
        /// The media time at that moment.
        time: MediaTime,
        /// Packets sent since it began, modulo 2³².
        packets: u32,
        /// Payload bytes sent since it began, modulo 2³².
        octets: u32,
    },
    /// A receiver cannot decode: it asks for an IDR picture, by picture loss indication (RFC 4585 section 6.3.1) or full
    /// intra request (RFC 5104 section 4.3.1).
    PictureLoss {
        /// The source that it asks; 0 where it left that out.
        ssrc: u32,
    },
    /// A source has ended (RFC 3550 section 6.6).
    Bye {
        /// The source.
        ssrc: u32,
    },
}

/// A packet that is not RTCP.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The compound packet or a part of it is broken.
    #[error("not an RTCP packet: {0}")]
    Malformed(String),
    /// More than `COMPOUND_MAX` parts.
    #[error("a compound RTCP packet of more than {COMPOUND_MAX} packets")]
    TooMany,
}

impl From<RtcpParseError> for Error {
    fn from(error: RtcpParseError) -> Self {
        Self::Malformed(error.to_string())
    }
}

/// What a sender has sent, for its reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// RTP packets, modulo 2³².
    pub packets: u32,
    /// Payload bytes without RTP headers, modulo 2³².
    pub octets: u32,
}

/// A compound packet of a sender report, which says that `time` is sampled at `now` by `ssrc`'s wall clock, and a
/// canonical name (RFC 3550 section 6.1 asks for both), which is as random as the source and so as unique (RFC 7022).
pub fn sender_report(ssrc: u32, now: WallTime, time: MediaTime, sent: Sent) -> Vec<u8> {
    let report = SenderReport::builder(ssrc)
        .ntp_timestamp(now.to_ntp())
        .rtp_timestamp(time.ticks())
        .packet_count(sent.packets)
        .octet_count(sent.octets);
    let name = format!("framelag-{ssrc:08x}");
    let names = Sdes::builder().add_chunk(SdesChunk::builder(ssrc).add_item(SdesItem::builder(SdesItem::CNAME, &name)));
    write(Compound::builder().add_packet(report).add_packet(names))
}

/// A receiver `sender` asks `media` for an IDR picture (RFC 4585 section 6.3.1). Not compound: RFC 5506 allows that, and
/// over TCP nobody minds.
pub fn picture_loss(sender: u32, media: u32) -> Vec<u8> {
    write(PayloadFeedback::builder_owned(Pli::builder()).sender_ssrc(sender).media_ssrc(media))
}

/// Source `ssrc` has ended.
pub fn bye(ssrc: u32) -> Vec<u8> {
    write(Bye::builder().add_source(ssrc))
}

/// Reads a compound packet. Parts that mean nothing to framelag are left out.
pub fn parse(bytes: &[u8]) -> Result<Vec<Event>, Error> {
    let mut events = Vec::new();
    for (index, packet) in Compound::parse(bytes)?.enumerate() {
        if index == COMPOUND_MAX {
            return Err(Error::TooMany);
        }
        match packet? {
            Packet::Sr(report) => events.push(Event::SenderReport {
                ssrc: report.ssrc(),
                ntp: report.ntp_timestamp(),
                time: MediaTime::from_ticks(report.rtp_timestamp()),
                packets: report.packet_count(),
                octets: report.octet_count(),
            }),
            Packet::PayloadFeedback(feedback) => {
                if feedback.parse_fci::<Pli>().is_ok() {
                    events.push(Event::PictureLoss { ssrc: feedback.media_ssrc() });
                } else if let Ok(request) = feedback.parse_fci::<Fir>() {
                    events.extend(request.entries().map(|entry| Event::PictureLoss { ssrc: entry.ssrc() }));
                }
            }
            Packet::Bye(bye) => events.extend(bye.ssrcs().map(|ssrc| Event::Bye { ssrc })),
            _ => {}
        }
    }
    Ok(events)
}

fn write(packet: impl RtcpPacketWriter) -> Vec<u8> {
    let mut bytes = vec![0; packet.calculate_size().expect("our own packets are well formed")];
    packet.write_into(&mut bytes).expect("the buffer has the packet's size");
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_sender_report_tells_both_clocks() {
        let now = WallTime::from_micros(1_700_000_000_250_000);
        let sent = Sent { packets: 12, octets: 3_456 };
        let bytes = sender_report(0xdead_beef, now, MediaTime::from_ticks(90_000), sent);
        assert_eq!(bytes.len() % 4, 0);
        let expected = Event::SenderReport {
            ssrc: 0xdead_beef,
            ntp: ((1_700_000_000 + 2_208_988_800) << 32) | 1 << 30,
            time: MediaTime::from_ticks(90_000),
            packets: 12,
            octets: 3_456,
        };
        assert_eq!(parse(&bytes), Ok(vec![expected]));
    }

    #[test]
    fn requests_for_a_picture_are_understood() {
        assert_eq!(parse(&picture_loss(1, 2)), Ok(vec![Event::PictureLoss { ssrc: 2 }]));
        // RFC 5104 section 4.3.1: the media source of the header is 0, the entry names it.
        let fir = [0x84, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 5, 0, 0, 0];
        assert_eq!(parse(&fir), Ok(vec![Event::PictureLoss { ssrc: 9 }]));
    }

    #[test]
    fn a_receiver_report_before_the_request_does_not_hide_it() {
        let compound = [&[0x80, 201, 0, 1, 0, 0, 0, 1][..], &picture_loss(1, 2), &bye(1)].concat();
        assert_eq!(parse(&compound), Ok(vec![Event::PictureLoss { ssrc: 2 }, Event::Bye { ssrc: 1 }]));
    }

    #[test]
    fn compounds_are_limited() {
        let report = [0x80, 201, 0, 1, 0, 0, 0, 1];
        assert_eq!(parse(&report.repeat(COMPOUND_MAX)), Ok(vec![]));
        assert_eq!(parse(&report.repeat(COMPOUND_MAX + 1)), Err(Error::TooMany));
        assert!(parse(&[]).is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in any::<Vec<u8>>(), kind in 200u8..208, count in 0u8..32) {
            let _ = parse(&bytes);
            let padded = &bytes[..bytes.len() / 4 * 4];
            let words = (padded.len() / 4) as u16;
            let _ = parse(&[&[0x80 | count, kind, (words >> 8) as u8, words as u8][..], padded].concat());
        }

        #[test]
        fn damaged_reports_never_panic(at in 0usize..44, with in any::<u8>()) {
            let mut bytes = sender_report(1, WallTime::default(), MediaTime::default(), Sent::default());
            let at = at % bytes.len();
            bytes[at] = with;
            let _ = parse(&bytes);
        }
    }
}
