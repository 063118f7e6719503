//! Random access: decoding begins at an IDR picture or, if none comes, at a recovery point.
//!
//! openh264 begins only at IDR pictures. Encoders with intra refresh send a single one, and streams with open GOPs are often
//! joined between two; they have recovery points instead (ITU-T H.264 annex D.2.8). There the library is given
//! [stand-ins](common::h264::filler) for the pictures before, and its output is held back until it is right.

use common::h264::{AccessUnit, START_CODE, Slice, SliceKind, Sps, filler};

use super::error::Error;
use super::library::Library;
use crate::decode::Planes;

/// The intra picture without an IDR picture before it that decoding begins with: a stream that has IDR pictures has them at
/// least that often.
const INTRA_WITHOUT_IDR: u32 = 2;

/// A decoder that begins wherever decoding can begin.
pub(super) struct RandomAccess<D> {
    library: D,
    /// The newest parameter sets that can be parsed.
    sets: Option<Sets>,
    /// An SPS and a PPS came, whether or not they can be parsed.
    sets_came: (bool, bool),
    state: State,
    /// An IDR picture came.
    idr_seen: bool,
    /// Intra pictures so far.
    intra: u32,
    gap: bool,
}

struct Sets {
    sps: Vec<u8>,
    pps: Vec<u8>,
    parsed: Sps,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Nothing is decoded before the next entry point. The library is asked all the same if it still knows what was lost.
    Waiting { library_knows: bool },
    /// Since an IDR picture. The library itself refuses pictures that refer to a lost one.
    SinceIdr {
        /// frame_num of the newest picture that others refer to, if it could be read.
        last: Option<u32>,
    },
    /// Since a recovery point, after which the library takes every gap in frame_num for intended.
    SinceRecoveryPoint {
        /// frame_num of the newest picture that others refer to.
        last: u32,
        /// How far frame_num has advanced.
        passed: u32,
        /// How far it has to advance for pictures to be right.
        recovery: u32,
    },
}

impl<D: Library> RandomAccess<D> {
    /// Nothing was decoded by `library` yet.
    pub(super) const fn new(library: D) -> Self {
        Self {
            library,
            sets: None,
            sets_came: (false, false),
            state: State::Waiting { library_knows: true },
            idr_seen: false,
            intra: 0,
            gap: false,
        }
    }

    /// The newest sequence parameter set, if it can be read.
    pub(super) fn sps(&self) -> Option<&Sps> {
        self.sets.as_ref().map(|sets| &sets.parsed)
    }

    /// Pictures are missing right before the newest access unit, by its frame_num: they were lost, or the sender left them out.
    pub(super) const fn follows_gap(&self) -> bool {
        self.gap
    }

    /// Takes parameter sets and gaps from an access unit before it is decoded. Returns its first slice, if that can be read.
    pub(super) fn inspect(&mut self, unit: &AccessUnit<'_>) -> Option<Slice> {
        self.take_sets(unit);
        let slice = unit.slice.zip(self.sps()).and_then(|(slice, sps)| Slice::parse(slice, sps).ok());
        self.detect_gap(slice.as_ref());
        slice
    }

    /// Decodes the access unit that was [inspected](RandomAccess::inspect) last and begins with `slice`, as [`Library::decode`] does. What comes
    /// before an IDR picture or a recovery point, and what comes before a recovery is complete, is an error.
    ///
    /// # Errors
    /// [`Error`] if there is no picture to show.
    pub(super) fn decode(
        &mut self,
        unit: &AccessUnit<'_>,
        slice: Option<Slice>,
        show: &mut dyn FnMut(Planes<'_>),
    ) -> Result<(), Error> {
        if unit.idr() {
            self.idr_seen = true;
            let outcome = self.library.decode(unit.data, show);
            self.state = if outcome.is_ok() {
                State::SinceIdr { last: Some(0) }
            } else {
                State::Waiting { library_knows: true }
            };
            return outcome.map_err(|error| if self.lacks_sets() { Error::NoParameterSets } else { error });
        }
        match (self.state, slice) {
            (State::SinceRecoveryPoint { .. }, Some(slice)) => self.decode_recovering(unit, slice, show),
            (State::SinceIdr { last }, slice) => {
                let outcome = self.library.decode(unit.data, show);
                if outcome.is_ok() {
                    self.state = State::SinceIdr { last: newest(last, slice.as_ref()) };
                    return outcome;
                }
                self.state = State::Waiting { library_knows: true };
                // A sender that drops units continues at a recovery point: nothing else shows that some are missing.
                match unit.recovery {
                    Some(_) => self.begin(unit, slice, false, show),
                    None => outcome,
                }
            }
            (State::Waiting { library_knows }, slice) => self.begin(unit, slice, library_knows, show),
            (State::SinceRecoveryPoint { .. }, None) => Err(Error::NoPicture),
        }
    }

    const fn lacks_sets(&self) -> bool {
        !(self.sets_came.0 && self.sets_came.1)
    }

    fn take_sets(&mut self, unit: &AccessUnit<'_>) {
        self.sets_came.0 |= unit.sps.is_some();
        self.sets_came.1 |= unit.pps.is_some();
        let Some((sps, pps)) = unit.sps.zip(unit.pps) else { return };
        if self.sets.as_ref().is_some_and(|sets| sets.sps == sps && sets.pps == pps) {
            return;
        }
        if let State::SinceRecoveryPoint { .. } = self.state {
            self.state = State::Waiting { library_knows: false };
        }
        let parsed = Sps::parse(sps);
        self.sets = parsed.ok().map(|parsed| Sets { sps: sps.to_vec(), pps: pps.to_vec(), parsed });
    }

    /// Detects a missing picture by frame_num (ITU-T H.264 section 7.4.3), and stops decoding if the library cannot know of it.
    fn detect_gap(&mut self, slice: Option<&Slice>) {
        self.gap = false;
        let last = match self.state {
            State::SinceRecoveryPoint { last, .. } => Some(last),
            State::SinceIdr { last } => last,
            State::Waiting { .. } => None,
        };
        let (Some(last), Some(slice), Some(sps)) = (last, slice.filter(|slice| !slice.idr), self.sps()) else { return };
        let modulus = 1 << sps.order.frame_num_bits;
        self.gap = slice.frame_num != last && slice.frame_num != (last + 1) % modulus;
        if self.gap && matches!(self.state, State::SinceRecoveryPoint { .. }) {
            self.state = State::Waiting { library_knows: false };
        }
    }

    /// Begins with this unit, if it is an entry point. The library is asked first if it knows what was lost.
    fn begin(
        &mut self,
        unit: &AccessUnit<'_>,
        slice: Option<Slice>,
        library_knows: bool,
        show: &mut dyn FnMut(Planes<'_>),
    ) -> Result<(), Error> {
        if library_knows && self.library.decode(unit.data, show).is_ok() {
            self.state = State::SinceIdr { last: newest(None, slice.as_ref()) };
            return Ok(());
        }
        if self.lacks_sets() {
            return Err(Error::NoParameterSets);
        }
        let (sets, slice) = self.sets.as_ref().zip(slice).ok_or(Error::NoStart)?;
        self.intra += u32::from(slice.kind == SliceKind::I);
        let intra = slice.kind == SliceKind::I && self.intra >= INTRA_WITHOUT_IDR && !self.idr_seen;
        let recovery = unit.recovery.or(intra.then_some(0)).ok_or(Error::NoStart)?;
        let modulus = 1 << sets.parsed.order.frame_num_bits;
        let fillers = filler::before(slice.frame_num, &sets.sps, &sets.pps).ok_or(Error::NoStart)?;
        // Should the decoder refuse one of them, it has begun all the same.
        self.state = State::Waiting { library_knows: false };
        for filler in fillers {
            self.library.decode(&filler, &mut |_| {})?;
        }
        let last = (slice.frame_num + modulus - 1) % modulus;
        // The point itself is no frame that passes.
        self.state = State::SinceRecoveryPoint { last, passed: 0, recovery: recovery + 1 };
        self.decode_recovering(unit, slice, show)
    }

    fn decode_recovering(
        &mut self,
        unit: &AccessUnit<'_>,
        slice: Slice,
        show: &mut dyn FnMut(Planes<'_>),
    ) -> Result<(), Error> {
        let State::SinceRecoveryPoint { last, passed, recovery } = self.state else { return Err(Error::NoStart) };
        let passed = passed.saturating_add(u32::from(slice.reference && slice.frame_num != last));
        // The stream's own sets would take the place of the changed ones, and the decoder begin anew.
        let slices =
            unit.slice.map_or(unit.data, |slices| &unit.data[unit.data.len() - slices.len() - START_CODE.len()..]);
        let right = passed >= recovery;
        let outcome = self.library.decode(slices, &mut |planes| {
            if right {
                show(planes);
            }
        });
        self.state = match outcome {
            Err(_) => State::Waiting { library_knows: false },
            Ok(()) => {
                State::SinceRecoveryPoint { last: newest(Some(last), Some(&slice)).unwrap_or(last), passed, recovery }
            }
        };
        outcome.and(if right { Ok(()) } else { Err(Error::Recovering) })
    }
}

/// frame_num of the newest picture that others refer to, after the one of `slice`; `None` if it is not known.
fn newest(last: Option<u32>, slice: Option<&Slice>) -> Option<u32> {
    let slice = slice?;
    if slice.reference { Some(slice.frame_num) } else { last }
}

#[cfg(test)]
mod tests;
