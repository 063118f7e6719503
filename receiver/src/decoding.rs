//! The thread between receiving and showing: decodes each access unit, reads its stamp, and makes pixels of it if a window
//! or a snapshot takes them.

use common::clock::Clock;
use common::host::pictures::Keeper;
use common::media::{Codec, EncodedFrame};
use common::rtp::timeline::SenderTime;
use common::time::MonoTime;

use crate::decode::{self, Decoder, OpenError, Planes, Undecodable};
use crate::pictures;
use crate::queue::{Arrival, Body, Dropped, Receiver, Status, Unit};
use crate::read::{Reading, StampReader};
use crate::render::pixels::{Label, Slot};

/// What became of an arrival.
#[derive(Clone, Debug)]
pub enum Event {
    /// The input connects, waits or ends.
    Status(Status),
    /// A picture was decoded.
    Picture(Box<DecodedPicture>),
    /// An access unit, whole at this time, was decoded; its picture waits for its turn.
    Buffered(MonoTime),
    /// An access unit gave no picture.
    Undecodable {
        /// Its size.
        bytes: u32,
        /// Nothing that was lost or left out on the way explains it: this receiver could not decode it.
        refused: bool,
        /// What is missing.
        cause: Undecodable,
    },
    /// How many pictures are decoded before one is shown, whenever that changes.
    Reordered(usize),
    /// The queue before the decoder was full.
    Dropped(Dropped),
}

/// A picture, and when it passed each step so far.
#[derive(Clone, Copy, Debug)]
pub struct DecodedPicture {
    /// Counts the pictures of one input.
    pub(crate) serial: u64,
    /// Its access unit.
    pub(crate) unit: UnitInfo,
    /// What it says about itself; `None` if its code could not be read.
    pub(crate) reading: Option<Reading>,
    /// When the decoder had returned it, and its turn had come.
    pub(crate) decoded: MonoTime,
    /// When its code was read, or found unreadable.
    pub(crate) read: MonoTime,
    /// When its pixels were ready to be shown; equal to `read` if nobody takes them.
    pub(crate) converted: MonoTime,
}

/// Facts about an access unit known before decoding.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UnitInfo {
    /// When its first packet came off the socket; `None` if the input has no packets.
    pub(crate) received: Option<MonoTime>,
    /// When it was complete.
    pub(crate) assembled: MonoTime,
    /// When decoding started, after queueing and waking the thread.
    pub(crate) begun: MonoTime,
    /// When it was sampled, by the sender report before it; `None` unless it is the first after one.
    pub(crate) sampled: Option<SenderTime>,
    /// Size in bytes; 0 for uncompressed input.
    pub(crate) bytes: u32,
    /// Whether it is a key frame.
    pub(crate) idr: bool,
}

/// Decodes and reads until the queue ends or `send` returns false. The last event is [`Status::Ended`], come what may.
pub(crate) fn run(
    queue: &Receiver,
    clock: &dyn Clock,
    slot: &Slot,
    keeper: Option<&Keeper>,
    send: &mut dyn FnMut(Event) -> bool,
) {
    let mut decoding = Decoding::new(clock, slot, keeper, send);
    while let Some(arrival) = queue.next() {
        match arrival {
            Arrival::Status(status) => {
                let ended = matches!(status, Status::Ended(_));
                decoding.status(status);
                if ended {
                    return;
                }
            }
            Arrival::Unit(unit) => {
                if let Err(error) = decoding.decode(&unit) {
                    return decoding.status(Status::Ended(Err(error.to_string())));
                }
            }
        }
        if !decoding.reading.listened {
            return;
        }
    }
    decoding.status(Status::Ended(Err("receiving stopped unexpectedly".to_owned())));
}

/// The decode step of one stream, and the read step after it.
pub struct Decoding<'a> {
    /// For the codec of the newest frame.
    decoder: Option<(Codec, Box<dyn Decoder<UnitInfo>>)>,
    reading: PictureReading<'a>,
    gap: Gap,
    /// The reorder depth of the newest [`Event::Reordered`].
    depth: usize,
}

/// What is missing since the newest picture: an access unit that gives none may refer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gap {
    /// Nothing, as far as is known: an error is the decoder's.
    None,
    /// Frames that were lost or left out on the way, or that came before the session.
    Upstream,
    /// Frames that this receiver dropped.
    Dropped,
}

impl<'a> Decoding<'a> {
    /// Before the first access unit. Pixels go to `slot`, pictures to `keeper`, and events to `send`, which returns whether anybody
    /// takes more of them.
    pub fn new(
        clock: &'a dyn Clock,
        slot: &'a Slot,
        keeper: Option<&'a Keeper>,
        send: &'a mut dyn FnMut(Event) -> bool,
    ) -> Self {
        let reading =
            PictureReading { stamps: StampReader::default(), clock, slot, keeper, serial: 0, send, listened: true };
        Self { decoder: None, reading, gap: Gap::Upstream, depth: 0 }
    }

    /// Passes on what happens to the input, after the pictures that it leaves nothing to wait for.
    pub fn status(&mut self, status: Status) {
        // What the end of a session leaves waiting has nothing more to wait for.
        if matches!(status, Status::Connected(_) | Status::Disconnected(_) | Status::Ended(_)) {
            self.flush();
        }
        let Status::Connected(codec) = status else { return self.reading.emit(Event::Status(status)) };
        self.gap = Gap::Upstream;
        if let Some((_, decoder)) = &mut self.decoder {
            decoder.reset_order();
        }
        self.reading.emit(Event::Status(status));
        if let Some(codec) = codec {
            // If it fails, the first frame tries again and reports why.
            let _ = self.open(codec);
        }
    }

    /// Opens the decoder of `codec`, unless it is open: before a frame comes, whose latency it would be part of.
    fn open(&mut self, codec: Codec) -> Result<(), OpenError> {
        if self.decoder.as_ref().is_none_or(|(open, _)| *open != codec) {
            self.flush();
            self.decoder = Some((codec, decode::open(codec)?));
        }
        Ok(())
    }

    /// Decodes a unit and says what becomes of it.
    ///
    /// # Errors
    /// If there is no decoder for its codec.
    pub fn decode(&mut self, unit: &Unit) -> Result<(), OpenError> {
        if unit.dropped != Dropped::default() {
            // Pictures that wait were decoded before what was dropped, and take their places first.
            self.flush();
            self.reading.emit(Event::Dropped(unit.dropped));
            self.gap = Gap::Dropped;
        }
        if let Body::Encoded(frame) = &unit.body {
            self.open(frame.codec)?;
        }
        let begun = self.reading.clock.now().mono;
        let &Unit { received, assembled, sampled, .. } = unit;
        let info = UnitInfo { received, assembled, begun, sampled, bytes: 0, idr: unit.body.is_key() };
        match &unit.body {
            Body::Bare(picture) => self.reading.read(info, begun, picture.into()),
            Body::Encoded(frame) => {
                let bytes = u32::try_from(frame.data.len()).unwrap_or(u32::MAX);
                self.decode_frame(frame, unit.after_loss, UnitInfo { bytes, ..info });
            }
        }
        Ok(())
    }

    fn decode_frame(&mut self, frame: &EncodedFrame, after_loss: bool, info: UnitInfo) {
        let Self { decoder: Some((_, decoder)), reading, .. } = self else { return };
        let mut shown = false;
        let outcome = decoder.decode(frame, info, &mut |info, planes| {
            let decoded = reading.clock.now().mono;
            if !std::mem::replace(&mut shown, true) {
                reading.stamps.frame(frame);
            }
            reading.read(info, decoded, planes);
        });
        if !shown {
            reading.stamps.frame(frame);
        }
        if (after_loss || decoder.follows_gap()) && self.gap == Gap::None {
            self.gap = Gap::Upstream;
        }
        if decoder.reorder_depth() != self.depth {
            self.depth = decoder.reorder_depth();
            reading.emit(Event::Reordered(self.depth));
        }
        match outcome {
            Ok(()) => {
                self.gap = Gap::None;
                if !shown {
                    reading.emit(Event::Buffered(info.assembled));
                }
            }
            Err(cause) => {
                let refused = self.gap != Gap::Upstream && cause.is_frame;
                reading.emit(Event::Undecodable { bytes: info.bytes, refused, cause });
            }
        }
    }

    /// Puts out the pictures that wait for their turn.
    fn flush(&mut self) {
        let Self { decoder: Some((_, decoder)), reading, .. } = self else { return };
        decoder.flush(&mut |info, planes| {
            let decoded = reading.clock.now().mono;
            reading.read(info, decoded, planes);
        });
    }
}

/// The read step of one stream.
pub(crate) struct PictureReading<'a> {
    stamps: StampReader,
    clock: &'a dyn Clock,
    slot: &'a Slot,
    keeper: Option<&'a Keeper>,
    serial: u64,
    send: &'a mut dyn FnMut(Event) -> bool,
    /// Somebody takes the events.
    listened: bool,
}

impl PictureReading<'_> {
    fn emit(&mut self, event: Event) {
        self.listened = self.listened && (self.send)(event);
    }

    /// Reads the stamp of a picture, and makes pixels of it if somebody takes them.
    fn read(&mut self, info: UnitInfo, decoded: MonoTime, planes: Planes<'_>) {
        let reading = self.stamps.picture(planes.luma());
        let read = self.clock.now().mono;
        self.serial += 1;
        let serial = self.serial;
        let stamp = reading.map(|reading| reading.payload.time);
        let label = Label { serial, stamp, code: reading.and_then(|reading| reading.code) };
        let converted = if self.slot.put(label, planes) { self.clock.now().mono } else { read };
        // Last: the picture has been measured, and the window may take it already.
        if let (Some(keeper), Some(reading)) = (self.keeper, reading) {
            pictures::put(keeper, reading.payload.sequence, &planes);
        }
        self.emit(Event::Picture(Box::new(DecodedPicture { serial, unit: info, reading, decoded, read, converted })));
    }
}

#[cfg(test)]
mod tests;
