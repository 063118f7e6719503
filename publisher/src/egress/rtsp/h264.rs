//! What RTSP and RTP have to know of H.264: the session description, and the payload format.

use common::h264::{NalKind, nal_ranges, nals};
use common::media::EncodedFrame;
use common::rtp::Packets;
use common::rtp::h264::Packetizer;
use common::rtsp::sdp::Video;

use crate::seal::SealedFrame;

/// The track that begins with the IDR picture `first`; `None` where that lacks parameter sets.
pub(super) fn describe(first: &EncodedFrame, frame_rate: Option<f64>) -> Option<Video> {
    let find = |kind| nals(&first.data).find(|nal| NalKind::of(nal) == Some(kind));
    Some(Video::new(find(NalKind::Sps)?, find(NalKind::Pps)?, frame_rate))
}

/// Cuts an access unit into `packets`, and returns the NAL unit of its stamp there, to set the time of sending in place.
/// `None` where it is cut into fragments, or not where the frame says.
pub(super) fn packetize<'a>(
    SealedFrame { frame, stamp, .. }: &SealedFrame,
    packetizer: &mut Packetizer,
    packets: &'a mut Packets,
) -> Option<&'a mut [u8]> {
    let ranges: Vec<_> = nal_ranges(&frame.data).collect();
    let units: Vec<&[u8]> = ranges.iter().map(|range| &frame.data[range.clone()]).collect();
    packetizer.packetize(&units, frame.time, packets);
    packets.nal_mut(ranges.iter().position(|range| range == stamp)?)
}
