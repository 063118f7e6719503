//! RTP payload format of AAC (RFC 3640): several access units per packet, or one fragmented over several.
//! Interleaving (section 3.2.3.2) is not supported.

use crate::audio::bits::Bits;
use crate::audio::{AacConfig, AudioFrame};
use crate::time::MonoTime;

use super::packet::Packet;
use super::sequence::{Sequence, Step};

/// Most access units accepted per packet: more than a second of sound.
const UNITS_MAX: usize = 64;
/// Size of the AU-headers-length field, in bytes.
const LENGTH_LEN: usize = 2;

/// Field lengths of AU headers, in bits (RFC 3640 section 3.2.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// AU-size, 1 to 16.
    pub size: u8,
    /// AU-Index of the first header, at most 16.
    pub index: u8,
    /// AU-Index-delta of the other headers, at most 16.
    pub delta: u8,
}

/// The contents of a packet.
struct Units<'a> {
    /// Sizes of the access units, according to the AU headers.
    sizes: [usize; UNITS_MAX],
    count: usize,
    data: &'a [u8],
}

impl Layout {
    /// Mode AAC-hbr (section 3.3.6), by far the most common.
    pub const HIGH_BIT_RATE: Self = Self { size: 13, index: 3, delta: 3 };

    /// Parses a payload; `None` if it does not have this layout or is interleaved.
    fn units<'a>(&self, payload: &'a [u8]) -> Option<Units<'a>> {
        let (length, rest) = payload.split_first_chunk::<LENGTH_LEN>()?;
        let bits = usize::from(u16::from_be_bytes(*length));
        let (headers, data) = rest.split_at_checked(bits.div_ceil(8))?;
        let mut reader = Bits::new(headers);
        let mut units = Units { sizes: [0; UNITS_MAX], count: 0, data };
        let mut left = bits;
        while left > 0 {
            let index = if units.count == 0 { self.index } else { self.delta };
            left = left.checked_sub(usize::from(self.size) + usize::from(index))?;
            let size = reader.take(self.size)? as usize;
            // Without interleaving, the first index and all deltas are 0.
            let is_next = reader.take(index)? == 0;
            if size == 0 || !is_next {
                return None;
            }
            *units.sizes.get_mut(units.count)? = size;
            units.count += 1;
        }
        Some(units)
    }

    /// Number of access units that end in this packet.
    pub(super) fn count(&self, packet: &Packet<'_>) -> usize {
        // All fragments but the last have no marker (section 3.1).
        if packet.marker { self.units(packet.payload).map_or(0, |units| units.count) } else { 0 }
    }
}

/// Extracts access units from packets. Buffers at most one.
#[derive(Clone, Debug)]
pub struct Depacketizer {
    layout: Layout,
    /// Duration of an access unit, in ticks.
    duration: u32,
    sequence: Sequence,
    source: Option<u32>,
    fragment: Option<Fragment>,
}

#[derive(Clone, Debug)]
struct Fragment {
    frame: AudioFrame,
    size: usize,
}

impl Depacketizer {
    /// Creates a depacketizer for a track with a clock of `hz`.
    pub fn new(layout: Layout, config: &AacConfig, hz: u32) -> Self {
        let duration = config.duration(hz);
        Self { layout, duration, sequence: Sequence::default(), source: None, fragment: None }
    }

    /// Takes a packet that arrived at `now` and passes the access units that end in it to `found`. Ignores malformed
    /// and late packets.
    pub fn handle_packet(&mut self, now: MonoTime, packet: &Packet<'_>, mut found: impl FnMut(AudioFrame)) {
        let is_new_source = self.source.replace(packet.ssrc).is_some_and(|before| before != packet.ssrc);
        if is_new_source {
            self.sequence = Sequence::default();
        }
        match self.sequence.advance(packet.sequence) {
            Step::Late => return,
            Step::Next if !is_new_source => {}
            _ => self.fragment = None,
        }
        let begun = self.fragment.take();
        let Some(units) = self.layout.units(packet.payload) else { return };
        if let [size] = units.sizes[..units.count]
            && size > units.data.len()
        {
            return self.take_fragment(begun, now, packet, (size, units.data), found);
        }
        let mut rest = units.data;
        for (number, size) in units.sizes[..units.count].iter().enumerate() {
            let Some((data, after)) = rest.split_at_checked(*size) else { return };
            rest = after;
            let ticks = packet.time.ticks().wrapping_add((number as u32).wrapping_mul(self.duration));
            found(AudioFrame { data: data.to_vec(), ticks, duration: self.duration, arrived: now });
        }
    }

    /// Section 3.1: each fragment has the header of the whole access unit, and the last one has the marker.
    fn take_fragment(
        &mut self,
        begun: Option<Fragment>,
        now: MonoTime,
        packet: &Packet<'_>,
        (size, data): (usize, &[u8]),
        mut found: impl FnMut(AudioFrame),
    ) {
        let ticks = packet.time.ticks();
        let mut fragment = match begun.filter(|begun| begun.size == size && begun.frame.ticks == ticks) {
            Some(begun) => begun,
            None => {
                let frame = AudioFrame { data: Vec::new(), ticks, duration: self.duration, arrived: now };
                Fragment { frame, size }
            }
        };
        fragment.frame.data.extend_from_slice(data);
        match fragment.frame.data.len() {
            length if length == size && packet.marker => found(fragment.frame),
            length if length < size && !packet.marker => self.fragment = Some(fragment),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
