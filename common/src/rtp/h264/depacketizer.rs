//! Puts access units together again. Packets in the order of their sequence numbers go in, whole access units come out;
//! of one that lost a packet nothing does, and neither of what cannot be decoded without it.

use super::parameter_sets::keep_parameter_set;
use super::payload::{END_BIT, FU_A, IMPORTANCE, PARAMETER_SETS_MAX, Place, STAP_A, START_BIT, aggregated};
use crate::h264::{LONG_START_CODE, NalKind, nal_ranges, recovery_point};
use crate::media::{Codec, EncodedFrame, IdrGate};
use crate::rtp::frame::{Dropped, Event, FRAME_MAX, Frame};
use crate::rtp::packet::Packet;
use crate::rtp::sequence::{Sequence, Step};
use crate::time::{MediaTime, MonoTime};

/// Reassembles the access units of one stream. It holds one of them at most.
#[derive(Clone, Debug, Default)]
pub struct Depacketizer {
    sets: Vec<Vec<u8>>,
    /// Parameter sets came in packets.
    has_sets_in_band: bool,
    source: Option<u32>,
    sequence: Sequence,
    gate: IdrGate,
    before: Before,
    /// The access unit whose packets are coming.
    unit: Option<Unit>,
    /// What there is of it.
    data: Vec<u8>,
    /// Time of the access unit before it, if that was dropped: what else comes of it is no unit of its own.
    dropped: Option<MediaTime>,
}

/// What came before the next packet.
#[derive(Clone, Copy, Debug, Default)]
enum Before {
    /// Nothing: the stream may be joined within an access unit.
    #[default]
    Nothing,
    /// Packets were lost, and the front of an access unit may have been among them.
    Gap,
    /// The packet before it.
    Packet,
}

#[derive(Clone, Debug)]
struct Unit {
    time: MediaTime,
    arrived: MonoTime,
    fault: Option<Dropped>,
    /// Where in the data the NAL unit begins whose fragments are coming.
    fragment: Option<usize>,
    has_slice: bool,
    is_idr: bool,
    is_recovery_point: bool,
    /// NAL units that are an SPS or a PPS.
    sets: [usize; 2],
}

impl Depacketizer {
    /// For a stream whose description has these parameter sets; those that come in its packets replace them.
    pub fn new(sets: &[Vec<u8>]) -> Self {
        let mut kept = Vec::new();
        for set in sets {
            keep_parameter_set(&mut kept, set);
        }
        Self { sets: kept, ..Self::default() }
    }

    /// Whether it gives nothing before the next frame that decoding can begin with.
    pub fn waits_for_key(&self) -> bool {
        !self.gate.is_open()
    }

    /// Takes the packet that arrived at `now`. It may end two access units: the one before it, where that had no marker, and
    /// its own. A packet that comes late is left out: its access unit has been given up.
    pub fn handle_packet(&mut self, now: MonoTime, packet: &Packet<'_>) -> impl Iterator<Item = Event> + use<> {
        let mut events = [None, None];
        let is_new_source = self.source.replace(packet.ssrc).is_some_and(|before| before != packet.ssrc);
        if is_new_source {
            self.sequence = Sequence::default();
        }
        let gap = match self.sequence.advance(packet.sequence) {
            Step::Late => return events.into_iter().flatten(),
            Step::Next => is_new_source,
            Step::Gap(_) | Step::Restart => true,
        };
        if gap {
            self.before = Before::Gap;
            self.gate.close();
            self.fail(Dropped::Incomplete);
        }
        // Padding alone keeps a path open or probes it, and its time and marker mean nothing.
        if packet.payload.is_empty() {
            return events.into_iter().flatten();
        }
        let before = std::mem::replace(&mut self.before, Before::Packet);
        if self.unit.as_ref().is_some_and(|unit| unit.time != packet.time) {
            events[0] = self.finish();
        }
        if self.unit.is_none() {
            let place = Place::of(packet.payload);
            let is_front = place == Place::Front || place == Place::FirstIdrSlice && !self.has_sets_in_band;
            if self.dropped == Some(packet.time) && !is_front {
                return events.into_iter().flatten();
            }
            self.unit = Some(Unit::new(packet.time, now));
            let front_is_missing = match before {
                Before::Nothing => place == Place::Middle,
                Before::Gap => !is_front,
                Before::Packet => false,
            };
            if front_is_missing {
                self.fail(Dropped::Incomplete);
            }
        }
        self.take_payload(packet.payload);
        // Some devices mark the last packet of their parameter sets as well.
        if packet.marker && self.unit.as_ref().is_some_and(|unit| unit.has_slice || unit.fault.is_some()) {
            events[1] = self.finish();
        }
        events.into_iter().flatten()
    }

    fn take_payload(&mut self, payload: &[u8]) {
        let Some(unit) = self.unit.as_ref().filter(|unit| unit.fault.is_none()) else { return };
        let Some((&header, rest)) = payload.split_first() else { return };
        let kind = header & !IMPORTANCE;
        if unit.fragment.is_some() && kind != FU_A {
            return self.fail(Dropped::Malformed);
        }
        match kind {
            STAP_A => aggregated(rest).for_each(|nal| match nal {
                Some([]) => {}
                Some(nal) => self.take_nal(nal),
                None => self.fail(Dropped::Malformed),
            }),
            FU_A => self.take_fragment(header, rest),
            _ => self.take_nal(payload),
        }
    }

    fn take_nal(&mut self, nal: &[u8]) {
        if let Some(start) = self.begin_nal(nal[0]) {
            self.append(&nal[1..]);
            self.end_nal(start);
        }
    }

    fn take_fragment(&mut self, indicator: u8, rest: &[u8]) {
        let (Some(unit), Some((&header, fragment))) = (&self.unit, rest.split_first()) else {
            return self.fail(Dropped::Malformed);
        };
        let start = match (unit.fragment, header & START_BIT != 0) {
            (Some(start), false) => start,
            (None, true) => match self.begin_nal(indicator & IMPORTANCE | header & !IMPORTANCE) {
                Some(start) => start,
                None => return,
            },
            _ => return self.fail(Dropped::Malformed),
        };
        self.append(fragment);
        let ends = header & END_BIT != 0;
        if let Some(unit) = &mut self.unit {
            unit.fragment = (!ends).then_some(start);
        }
        if ends {
            self.end_nal(start);
        }
    }

    /// Gives where the NAL unit begins.
    fn begin_nal(&mut self, header: u8) -> Option<usize> {
        // Types 24 to 31 are packets, which do not lie in each other, and 0 means nothing (table 1).
        if !matches!(header & !IMPORTANCE, 1..=23) {
            self.fail(Dropped::Malformed);
            return None;
        }
        self.append(&LONG_START_CODE);
        let start = self.data.len();
        self.append(&[header]);
        Some(start)
    }

    fn append(&mut self, bytes: &[u8]) {
        if self.data.len() + bytes.len() > FRAME_MAX {
            return self.fail(Dropped::TooLong);
        }
        if self.unit.as_ref().is_some_and(|unit| unit.fault.is_none()) {
            self.data.extend_from_slice(bytes);
        }
    }

    /// Notes what the NAL unit from `start` to the end of the data is.
    fn end_nal(&mut self, start: usize) {
        let Some(unit) = self.unit.as_mut().filter(|unit| unit.fault.is_none()) else { return };
        let nal = &self.data[start..];
        match NalKind::of(nal) {
            Some(NalKind::Slice) => unit.has_slice = true,
            Some(NalKind::Idr) => (unit.has_slice, unit.is_idr) = (true, true),
            Some(NalKind::Sei) => unit.is_recovery_point |= recovery_point(nal).is_some(),
            Some(kind @ (NalKind::Sps | NalKind::Pps)) => {
                self.has_sets_in_band = true;
                unit.sets[usize::from(kind == NalKind::Pps)] += 1;
                if unit.sets[0] + unit.sets[1] > PARAMETER_SETS_MAX {
                    return self.fail(Dropped::Malformed);
                }
                keep_parameter_set(&mut self.sets, nal);
            }
            _ => {}
        }
    }

    fn fail(&mut self, why: Dropped) {
        if let Some(unit) = &mut self.unit {
            unit.fault.get_or_insert(why);
            self.data.clear();
        }
    }

    fn finish(&mut self) -> Option<Event> {
        let unit = self.unit.take()?;
        if unit.fault.is_none() && unit.fragment.is_none() && !unit.has_slice {
            // Parameter sets that came with a time of their own are no picture.
            self.data.clear();
            return None;
        }
        let result = self.judge(&unit).map(|()| {
            let data = std::mem::take(&mut self.data);
            let encoded = EncodedFrame { codec: Codec::H264, data, is_key: unit.is_idr, time: unit.time };
            Frame { encoded, starts_decoding: unit.starts_decoding(), arrived: unit.arrived }
        });
        self.data.clear();
        match result {
            Ok(frame) => {
                self.dropped = None;
                Some(Event::Frame(frame))
            }
            Err(why) => {
                self.dropped = Some(unit.time);
                self.gate.close();
                Some(Event::Dropped(unit.time, why))
            }
        }
    }

    fn judge(&mut self, unit: &Unit) -> Result<(), Dropped> {
        if let Some(fault) = unit.fault {
            return Err(fault);
        }
        if unit.fragment.is_some() {
            return Err(Dropped::Incomplete);
        }
        if unit.starts_decoding() && unit.sets.contains(&0) {
            self.put_sets_in_front()?;
        }
        if self.gate.admits(unit.starts_decoding()) { Ok(()) } else { Err(Dropped::Undecodable) }
    }

    /// Behind an access unit delimiter, which comes first (ITU-T H.264 section 7.4.1.2.3).
    fn put_sets_in_front(&mut self) -> Result<(), Dropped> {
        let has = |kind| self.sets.iter().any(|set| NalKind::of(set) == Some(kind));
        if !has(NalKind::Sps) || !has(NalKind::Pps) {
            return Err(Dropped::NoParameterSets);
        }
        let delimiter =
            self.data.get(LONG_START_CODE.len()).is_some_and(|header| NalKind::of_header(*header) == NalKind::Aud);
        let at = if delimiter { nal_ranges(&self.data).next().map_or(0, |range| range.end) } else { 0 };
        let sets: Vec<u8> = self.sets.iter().flat_map(|set| LONG_START_CODE.iter().chain(set)).copied().collect();
        self.data.splice(at..at, sets);
        Ok(())
    }
}

impl Unit {
    fn new(time: MediaTime, arrived: MonoTime) -> Self {
        Self {
            time,
            arrived,
            fault: None,
            fragment: None,
            has_slice: false,
            is_idr: false,
            is_recovery_point: false,
            sets: [0, 0],
        }
    }

    fn starts_decoding(&self) -> bool {
        self.is_idr || self.is_recovery_point
    }
}

#[cfg(test)]
mod tests;
