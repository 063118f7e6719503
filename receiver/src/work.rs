//! The thread between receiving and showing: decodes each access unit, reads its stamp, and makes pixels of it where
//! somebody looks.

use common::clock::{Clock, SystemClock};
use common::pictures::Keeper;
use common::rtp::timeline::SenderTime;
use common::time::MonoTime;

use crate::decode::openh264::OpenH264;
use crate::decode::{Decode, Planes};
use crate::pictures;
use crate::queue::{Arrival, Body, Dropped, Receiver, Unit};
use crate::read::{Reading, StampReader};
use crate::render::pixels::{Label, Slot};

/// What became of an arrival.
#[derive(Clone, Debug)]
pub enum Event {
    /// The session plays.
    Connected,
    /// The stream stopped, and why; the input tries to get it back.
    Disconnected(String),
    /// The input waits for something before it can start.
    Waiting(String),
    /// The input ended: of itself, or with what stopped it.
    Ended(Result<(), String>),
    /// A picture was decoded.
    Picture(Box<Seen>),
    /// An access unit of so many bytes gave no picture.
    Undecodable {
        /// Its bytes.
        bytes: u32,
    },
    /// The queue before the decoder was full.
    Dropped(Dropped),
}

/// A picture, and when it passed each step so far.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// Counts the pictures of one input.
    pub serial: u64,
    /// What it says about itself; `None` where its code could not be read.
    pub reading: Option<Reading>,
    /// When its first packet came off the socket; `None` where the input has no packets.
    pub received: Option<MonoTime>,
    /// When it was whole.
    pub assembled: MonoTime,
    /// When decoding began: after a wait in the queue, and the waking of a thread.
    pub begun: MonoTime,
    /// When the decoder returned it.
    pub decoded: MonoTime,
    /// When its code was read, or found unreadable.
    pub read: MonoTime,
    /// When its pixels were ready to be shown; [`Seen::read`] where nobody looks.
    pub converted: MonoTime,
    /// When it was sampled by the sender report before it; `None` where it is not the first after one.
    pub sampled: Option<SenderTime>,
    /// Bytes of its access unit; 0 where the input is not compressed.
    pub bytes: u32,
    /// Its access unit was an IDR.
    pub idr: bool,
}

/// Works until the queue ends or `say` returns false. The last event is [`Event::Ended`], come what may.
pub fn work(
    queue: &Receiver,
    clock: &SystemClock,
    slot: &Slot,
    keeper: Option<&Keeper>,
    say: &mut dyn FnMut(Event) -> bool,
) {
    let mut decoder = match OpenH264::new() {
        Ok(decoder) => decoder,
        Err(error) => {
            say(Event::Ended(Err(error.to_string())));
            return;
        }
    };
    let mut work = Work { stamps: StampReader::new(), clock, slot, keeper, serial: 0 };
    while let Some(arrival) = queue.next() {
        let event = match arrival {
            Arrival::Connected => Event::Connected,
            Arrival::Disconnected(why) => Event::Disconnected(why),
            Arrival::Waiting(what) => Event::Waiting(what),
            Arrival::Ended(how) => {
                say(Event::Ended(how));
                return;
            }
            Arrival::Unit(unit) => {
                if unit.dropped != Dropped::default() && !say(Event::Dropped(unit.dropped)) {
                    return;
                }
                work.unit(&unit, &mut decoder)
            }
        };
        if !say(event) {
            return;
        }
    }
    say(Event::Ended(Err("receiving stopped unexpectedly".to_owned())));
}

struct Work<'a> {
    stamps: StampReader,
    clock: &'a SystemClock,
    slot: &'a Slot,
    keeper: Option<&'a Keeper>,
    serial: u64,
}

impl Work<'_> {
    fn unit(&mut self, unit: &Unit, decoder: &mut dyn Decode) -> Event {
        let begun = self.clock.now().mono;
        let data = match &unit.body {
            Body::Raw(picture) => {
                return Event::Picture(Box::new(self.picture(unit, 0, (begun, begun), picture.into())));
            }
            Body::AccessUnit(data) => data,
        };
        let bytes = u32::try_from(data.len()).unwrap_or(u32::MAX);
        let mut seen = None;
        let outcome = decoder.decode(data, &mut |planes| {
            let decoded = self.clock.now().mono;
            self.stamps.access_unit(data);
            seen = Some(self.picture(unit, bytes, (begun, decoded), planes));
        });
        match (outcome, seen) {
            (Ok(()), Some(seen)) => Event::Picture(Box::new(seen)),
            (outcome, _) => {
                tracing::debug!(bytes, ?outcome, "undecodable");
                self.stamps.access_unit(data);
                Event::Undecodable { bytes }
            }
        }
    }

    fn picture(&mut self, unit: &Unit, bytes: u32, (begun, decoded): (MonoTime, MonoTime), planes: Planes<'_>) -> Seen {
        let reading = self.stamps.picture(planes.luma());
        let read = self.clock.now().mono;
        self.serial += 1;
        let label = Label {
            serial: self.serial,
            stamp: reading.map(|reading| reading.payload.time),
            code: reading.and_then(|reading| reading.code),
        };
        let shown = self.slot.put(label, planes);
        let converted = if shown { self.clock.now().mono } else { read };
        // Last: the picture has been measured, and the window may take it already.
        if let (Some(keeper), Some(reading)) = (self.keeper, reading) {
            pictures::put(keeper, reading.payload.sequence, &planes);
        }
        Seen {
            serial: self.serial,
            reading,
            received: unit.received,
            assembled: unit.assembled,
            begun,
            decoded,
            read,
            converted,
            sampled: unit.sampled,
            bytes,
            idr: unit.idr,
        }
    }
}
