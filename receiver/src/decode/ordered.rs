//! From the order of decoding into the order of output.
//!
//! A picture is put out as soon as it is known that none comes that is shown before it (ITU-T H.264 annex C.4.5.3), as a player does
//! that adds no delay of its own. Where a stream keeps its order (Baseline, or a parameter set that says so), nothing waits and
//! nothing is copied.

use common::frame::Picture;
use common::h264::{Glance, PicOrder, Reorder, Slice, SliceKind, Sps, Step};

use super::begin::Begin;
use super::{Decode, Error, Planes};

/// A decoder that puts pictures out in the order in which they are shown, each with what came with its access unit.
pub struct Ordered<D, T> {
    begin: Begin<D>,
    order: PicOrder,
    waiting: Reorder<(T, Picture)>,
    /// Place of the first picture that was shown since decoding last began.
    first: Option<i64>,
    /// Of pictures that were put out.
    spare: Vec<Picture>,
    /// The parameter set that the order was last learnt under.
    learnt: Option<Sps>,
}

impl<D: Decode, T: Copy> Ordered<D, T> {
    /// Nothing was decoded by `begin` yet.
    pub fn new(begin: Begin<D>) -> Self {
        Self {
            begin,
            order: PicOrder::default(),
            waiting: Reorder::default(),
            first: None,
            spare: Vec::new(),
            learnt: None,
        }
    }

    /// The newest sequence parameter set, where it can be read.
    pub fn sps(&self) -> Option<&Sps> {
        self.begin.sps()
    }

    /// As [`Begin::follows_gap`].
    pub const fn follows_gap(&self) -> bool {
        self.begin.follows_gap()
    }

    /// So many pictures are decoded before one is put out: the delay of the stream's own order, in pictures.
    pub const fn depth(&self) -> usize {
        self.waiting.depth()
    }

    /// Forgets how the order was learnt: another stream may follow.
    pub fn forget_depth(&mut self) {
        self.waiting.forget_depth();
    }

    /// Decodes an access unit, which shows `seen` of itself and came with `tag`. Whatever picture's turn it is now goes to `look`:
    /// that of this unit, some before it, or none.
    ///
    /// # Errors
    /// [`Error`] where the unit gives no picture, now or later.
    pub fn decode(
        &mut self,
        unit: &[u8],
        seen: &Glance<'_>,
        tag: T,
        look: &mut dyn FnMut(T, Planes<'_>),
    ) -> Result<(), Error> {
        let slice = self.begin.see(seen);
        if seen.sps.is_some() && self.begin.sps() != self.learnt.as_ref() {
            self.learnt = self.begin.sps().cloned();
            self.forget_depth();
        }
        if let Some(sps) = self.begin.sps() {
            self.waiting.declare(if sps.keeps_order() { Some(0) } else { sps.order.reorders });
        }
        if seen.idr() || self.begin.follows_gap() {
            self.flush(look);
        }
        let place = place(&mut self.order, slice.as_ref(), self.begin.sps());
        let outcome = match place {
            Some((place, b)) => self.decode_in_turn(unit, seen, slice, (place, b), tag, look),
            None => self.begin.decode(unit, seen, slice, &mut |planes| look(tag, planes)),
        };
        // What refers to a lost picture is refused up to the next beginning: those that wait would wait for it.
        if outcome.is_err() && seen.slice.is_some() && outcome != Err(Error::Leading) {
            self.flush(look);
        }
        outcome
    }

    /// Puts out what waits: nothing comes, or nothing that it can be compared with.
    pub fn flush(&mut self, look: &mut dyn FnMut(T, Planes<'_>)) {
        self.order.forget();
        self.first = None;
        while let Some((tag, picture)) = self.waiting.flush() {
            look(tag, (&picture).into());
            self.spare.push(picture);
        }
    }

    fn decode_in_turn(
        &mut self,
        unit: &[u8],
        seen: &Glance<'_>,
        slice: Option<Slice>,
        (place, b): (i64, bool),
        tag: T,
        look: &mut dyn FnMut(T, Planes<'_>),
    ) -> Result<(), Error> {
        let Self { begin, waiting, first, spare, .. } = self;
        let mut leading = false;
        let outcome = begin.decode(unit, seen, slice, &mut |planes| {
            // Of pictures that were decoded before decoding began, it may show anything.
            let begun = first.get_or_insert(place);
            leading = b && place < *begun;
            if !b {
                *begun = place.min(*begun);
            }
            if leading {
                return;
            }
            loop {
                match waiting.step(place, b) {
                    Step::Out((tag, picture)) => {
                        look(tag, (&picture).into());
                        spare.push(picture);
                    }
                    Step::Now => return look(tag, planes),
                    Step::Wait => {
                        let spare = spare.pop().filter(|picture| picture.size() == planes.size);
                        let mut picture = spare.unwrap_or_else(|| Picture::black(planes.size));
                        planes.copy_to(&mut picture);
                        return waiting.hold(place, (tag, picture));
                    }
                }
            }
        });
        outcome.and(if leading { Err(Error::Leading) } else { Ok(()) })
    }
}

/// The place of a picture in the order of output, and whether it consists of B slices; `None` where it is that of decoding.
fn place(order: &mut PicOrder, slice: Option<&Slice>, sps: Option<&Sps>) -> Option<(i64, bool)> {
    let (slice, sps) = slice.zip(sps).filter(|(_, sps)| !sps.keeps_order())?;
    Some((order.next(slice, sps), slice.kind == SliceKind::B))
}

#[cfg(test)]
mod tests;
