//! The packets of one access unit in one flat buffer.

use std::ops::Range;

use crate::rtsp::interleaved;

/// RTP packets, one after the other, each with room for an interleaved frame's header before it.
///
/// Over TCP the whole buffer goes to the socket as it is ([`Packets::interleaved`]): one write per access unit, no
/// copy. Over UDP each packet goes alone ([`Packets::iter`]). Cleared and filled again, it allocates nothing once it
/// has seen the largest access unit.
#[derive(Clone, Debug, Default)]
pub struct Packets {
    data: Vec<u8>,
    /// Where each packet lies in `data`, without the room before it.
    packets: Vec<Range<usize>>,
    /// Where each NAL unit of the access unit lies in `data`, if it was not fragmented.
    nals: Vec<Option<Range<usize>>>,
}

impl Packets {
    /// Forgets the packets, keeps the memory.
    pub fn clear(&mut self) {
        self.data.clear();
        self.packets.clear();
        self.nals.clear();
    }

    /// How many packets there are.
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// The RTP packets.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.packets.iter().map(|range| &self.data[range.clone()])
    }

    /// Bytes of all RTP packets together, without interleaved headers.
    pub fn bytes(&self) -> usize {
        self.data.len() - self.packets.len() * interleaved::HEADER_LEN
    }

    /// All packets as interleaved frames on `channel` (RFC 2326 section 10.12), to be written at once.
    pub fn interleaved(&mut self, channel: u8) -> &[u8] {
        for range in &self.packets {
            let len = u16::try_from(range.len()).expect("the packetizer keeps packets below 64 KiB");
            let header = interleaved::header(channel, len);
            self.data[range.start - header.len()..range.start].copy_from_slice(&header);
        }
        &self.data
    }

    /// NAL unit `index` of the access unit, to be changed in place just before sending. `None` where it was cut into
    /// fragments, or does not exist.
    pub fn nal_mut(&mut self, index: usize) -> Option<&mut [u8]> {
        let range = self.nals.get(index)?.clone()?;
        self.data.get_mut(range)
    }

    /// Begins a packet with `header`; what is put from now on is its payload.
    pub(super) fn begin(&mut self, header: &[u8]) {
        self.data.extend_from_slice(&[0; interleaved::HEADER_LEN]);
        let start = self.data.len();
        self.data.extend_from_slice(header);
        self.packets.push(start..self.data.len());
    }

    /// Adds to the packet begun last.
    pub(super) fn put(&mut self, payload: &[u8]) {
        self.data.extend_from_slice(payload);
        let packet = self.packets.last_mut().expect("begin comes before put");
        packet.end = self.data.len();
    }

    /// Adds a whole NAL unit to the packet begun last, and remembers where it is.
    pub(super) fn put_nal(&mut self, nal: &[u8]) {
        let start = self.data.len();
        self.put(nal);
        self.nals.push(Some(start..self.data.len()));
    }

    /// Counts a NAL unit that does not lie in one piece.
    pub(super) fn skip_nal(&mut self) {
        self.nals.push(None);
    }

    /// Sets the marker bit (RFC 3550 section 5.1) of the last packet.
    pub(super) fn mark_last(&mut self) {
        if let Some(packet) = self.packets.last() {
            self.data[packet.start + 1] |= 0x80;
        }
    }
}
