//! H.264, in the order of output.
//!
//! A picture is put out as soon as none that is shown before it can follow (ITU-T H.264 annex C.4.5.3), as a player does
//! that adds no delay of its own. In a stream that keeps its order (Baseline, or a parameter set that says so), nothing waits and
//! nothing is copied.

mod error;
mod library;
mod openh264;
mod random_access;
#[cfg(test)]
pub(crate) mod testing;

use std::sync::Arc;

use common::frame::Picture;
use common::h264::{AccessUnit, PicOrder, Reorder, Slice, SliceKind, Sps, Step};
use common::media::EncodedFrame;
use error::Error;
use library::Library;
use openh264::OpenH264;
use random_access::RandomAccess;

use super::{Decoder, Missing, OpenError, Show, Undecodable};

/// A decoder that has decoded nothing yet.
pub(super) fn open<T: Copy + 'static>() -> Result<Box<dyn Decoder<T>>, OpenError> {
    Ok(Box::new(H264::new(OpenH264::new()?)))
}

/// Decodes H.264 and puts pictures out in the order in which they are shown.
struct H264<D, T> {
    decoder: RandomAccess<D>,
    order: PicOrder,
    waiting: Reorder<(T, Picture)>,
    /// Place of the first picture that was shown since decoding last began.
    first: Option<i64>,
    /// Buffers of pictures that were put out.
    spare: Vec<Picture>,
    /// The parameter set that the order was last learnt under.
    learnt: Option<Sps>,
    /// What was said of the newest unit that gave no picture, under that parameter set.
    advice: Option<(Missing, Arc<str>)>,
}

impl<D: Library, T: Copy> Decoder<T> for H264<D, T> {
    fn decode(&mut self, frame: &EncodedFrame, tag: T, show: &mut Show<'_, T>) -> Result<(), Undecodable> {
        let unit = AccessUnit::parse(&frame.data);
        self.decode_unit(&unit, tag, show).map_err(|error| {
            tracing::debug!(bytes = frame.data.len(), %error, "undecodable");
            let missing = error.missing();
            let known = self.advice.take().filter(|(of, _)| *of == missing);
            let (_, why) =
                self.advice.insert(known.unwrap_or_else(|| (missing, error.advice(self.decoder.sps()).into())));
            // Cameras that set the marker on each NAL unit send parameter sets alone.
            Undecodable { missing, why: Arc::clone(why), is_frame: unit.slice.is_some() && error != Error::Leading }
        })
    }

    fn flush(&mut self, show: &mut Show<'_, T>) {
        self.order.forget();
        self.first = None;
        while let Some((tag, picture)) = self.waiting.flush() {
            show(tag, (&picture).into());
            self.spare.push(picture);
        }
    }

    fn follows_gap(&self) -> bool {
        self.decoder.follows_gap()
    }

    fn reorder_depth(&self) -> usize {
        self.waiting.depth()
    }

    fn reset_order(&mut self) {
        self.waiting.forget_depth();
    }
}

impl<D: Library, T: Copy> H264<D, T> {
    /// Nothing was decoded by `library` yet.
    fn new(library: D) -> Self {
        Self {
            decoder: RandomAccess::new(library),
            order: PicOrder::default(),
            waiting: Reorder::default(),
            first: None,
            spare: Vec::new(),
            learnt: None,
            advice: None,
        }
    }

    fn decode_unit(&mut self, unit: &AccessUnit<'_>, tag: T, show: &mut Show<'_, T>) -> Result<(), Error> {
        let slice = self.decoder.inspect(unit);
        if unit.sps.is_some() && self.decoder.sps() != self.learnt.as_ref() {
            self.learnt = self.decoder.sps().cloned();
            self.advice = None;
            self.reset_order();
        }
        if let Some(sps) = self.decoder.sps() {
            self.waiting.declare(if sps.keeps_order() { Some(0) } else { sps.order.reorders });
        }
        if unit.idr() || self.follows_gap() {
            self.flush(show);
        }
        let outcome = match place(&mut self.order, slice.as_ref(), self.decoder.sps()) {
            Some((place, b)) => self.decode_in_turn(unit, slice, (place, b), tag, show),
            None => self.decoder.decode(unit, slice, &mut |planes| show(tag, planes)),
        };
        // What refers to a lost picture is refused up to the next entry point: those that wait would wait for it.
        if outcome.is_err() && unit.slice.is_some() && outcome != Err(Error::Leading) {
            self.flush(show);
        }
        outcome
    }

    fn decode_in_turn(
        &mut self,
        unit: &AccessUnit<'_>,
        slice: Option<Slice>,
        (place, b): (i64, bool),
        tag: T,
        show: &mut Show<'_, T>,
    ) -> Result<(), Error> {
        let Self { decoder, waiting, first, spare, .. } = self;
        let mut leading = false;
        let outcome = decoder.decode(unit, slice, &mut |planes| {
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
                        show(tag, (&picture).into());
                        spare.push(picture);
                    }
                    Step::Now => return show(tag, planes),
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

/// The place of a picture in the order of output, and whether it consists of B slices; `None` if it is that of decoding.
fn place(order: &mut PicOrder, slice: Option<&Slice>, sps: Option<&Sps>) -> Option<(i64, bool)> {
    let (slice, sps) = slice.zip(sps).filter(|(_, sps)| !sps.keeps_order())?;
    Some((order.next(slice, sps), slice.kind == SliceKind::B))
}

#[cfg(test)]
mod tests;
