//! The thread between receiving and showing: decodes each access unit, reads its stamp, and makes pixels of it where
//! somebody looks.

use common::clock::Clock;
use common::h264::{Glance, Sps};
use common::host::SystemClock;
use common::host::pictures::Keeper;
use common::media::Codec;
use common::rtp::timeline::SenderTime;
use common::time::MonoTime;

use crate::decode::begin::Begin;
use crate::decode::ordered::Ordered;
use crate::decode::{self, Decode, Error, Planes};
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
    /// Something that whoever reads the figures must know.
    Remark(String),
    /// The input ended: of itself, or with what stopped it.
    Ended(Result<(), String>),
    /// A picture was decoded.
    Picture(Box<Seen>),
    /// An access unit came, whole at this moment, whose picture waits for its turn.
    Held(MonoTime),
    /// An access unit gave no picture.
    Undecodable(Undecodable),
    /// Pictures come in another order than they are shown in: so many are decoded before one is shown. Said when that changes.
    Reordered(usize),
    /// The queue before the decoder was full.
    Dropped(Dropped),
}

/// An access unit that gave no picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undecodable {
    /// Its bytes.
    pub bytes: u32,
    /// What was missing.
    pub lack: Lack,
    /// Nothing that was lost or left out on the way here explains it: it fell to this receiver.
    pub refused: bool,
    /// The newest sequence parameter set.
    pub sps: Option<Sps>,
}

/// What an access unit lacked to give a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// SPS and PPS.
    ParameterSets,
    /// An IDR picture or a recovery point before it, or the rest of the recovery.
    Start,
    /// A decoder that takes it.
    Decoder,
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
    /// When the decoder had returned it, and its turn had come.
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

impl Lack {
    const fn of(error: &Error) -> Self {
        match error {
            Error::NoParameterSets => Self::ParameterSets,
            Error::NoStart | Error::Recovering | Error::Leading => Self::Start,
            Error::Start(_) | Error::TooLarge(_) | Error::Broken(_) | Error::NoPicture | Error::TooLargePicture(_) => {
                Self::Decoder
            }
        }
    }
}

/// Decodes and reads until the queue ends or `send` returns false. The last event is [`Event::Ended`], come what may.
pub(crate) fn run(
    queue: &Receiver,
    clock: &SystemClock,
    slot: &Slot,
    keeper: Option<&Keeper>,
    send: &mut dyn FnMut(Event) -> bool,
) {
    let mut decoder = match decode::open(Codec::H264) {
        Ok(decoder) => Ordered::new(Begin::new(decoder)),
        Err(error) => {
            send(Event::Ended(Err(error.to_string())));
            return;
        }
    };
    let stamps = StampReader::new();
    let mut decoding = Decoding { stamps, clock, slot, keeper, serial: 0, missing: Missing::Upstream, depth: 0 };
    while let Some(arrival) = queue.next() {
        // What the end of a session leaves waiting has nothing more to wait for.
        if matches!(arrival, Arrival::Connected | Arrival::Disconnected(_) | Arrival::Ended(_))
            && !decoding.flush(&mut decoder, send)
        {
            return;
        }
        let event = match arrival {
            Arrival::Connected => {
                decoding.missing = Missing::Upstream;
                decoder.forget_depth();
                Event::Connected
            }
            Arrival::Disconnected(why) => Event::Disconnected(why),
            Arrival::Waiting(what) => Event::Waiting(what),
            Arrival::Remark(what) => Event::Remark(what),
            Arrival::Ended(how) => {
                send(Event::Ended(how));
                return;
            }
            Arrival::Unit(unit) => {
                // Pictures that wait were decoded before what was dropped, and take their places first.
                if unit.dropped != Dropped::default()
                    && !(decoding.flush(&mut decoder, send) && send(Event::Dropped(unit.dropped)))
                {
                    return;
                }
                if !decoding.decode(&unit, &mut decoder, send) {
                    return;
                }
                continue;
            }
        };
        if !send(event) {
            return;
        }
    }
    send(Event::Ended(Err("receiving stopped unexpectedly".to_owned())));
}

pub(crate) struct Decoding<'a> {
    stamps: StampReader,
    clock: &'a SystemClock,
    slot: &'a Slot,
    keeper: Option<&'a Keeper>,
    serial: u64,
    missing: Missing,
    /// What was last said of the order.
    depth: usize,
}

/// What is known of an access unit before it is decoded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marks {
    received: Option<MonoTime>,
    assembled: MonoTime,
    begun: MonoTime,
    sampled: Option<SenderTime>,
    bytes: u32,
    idr: bool,
}

/// What is missing since the newest picture: what gives none may refer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Missing {
    /// Nothing, as far as is known: what is refused falls to the decoder.
    Nothing,
    /// What was lost or left out on the way here, or what came before the session.
    Upstream,
    /// What this receiver dropped.
    Dropped,
}

impl Decoding<'_> {
    /// Decodes a unit and sends what becomes of it; false where nobody listens any more.
    pub(crate) fn decode(
        &mut self,
        unit: &Unit,
        decoder: &mut Ordered<impl Decode, Marks>,
        send: &mut dyn FnMut(Event) -> bool,
    ) -> bool {
        let begun = self.clock.now().mono;
        let &Unit { received, assembled, sampled, .. } = unit;
        let mut marks = Marks { received, assembled, begun, sampled, bytes: 0, idr: unit.body.is_key() };
        let data = match &unit.body {
            Body::Bare(picture) => return send(Event::Picture(Box::new(self.read(marks, begun, picture.into())))),
            Body::Encoded(frame) => &frame.data,
        };
        marks.bytes = u32::try_from(data.len()).unwrap_or(u32::MAX);
        if unit.dropped != Dropped::default() {
            self.missing = Missing::Dropped;
        }
        let glance = Glance::at(data);
        let (mut listened, mut shown) = (true, false);
        let outcome = decoder.decode(data, &glance, marks, &mut |marks, planes| {
            let decoded = self.clock.now().mono;
            if !std::mem::replace(&mut shown, true) {
                self.stamps.access_unit(data);
            }
            listened = listened && send(Event::Picture(Box::new(self.read(marks, decoded, planes))));
        });
        if !shown {
            self.stamps.access_unit(data);
        }
        if (unit.after_loss || decoder.follows_gap()) && self.missing == Missing::Nothing {
            self.missing = Missing::Upstream;
        }
        if decoder.depth() != std::mem::replace(&mut self.depth, decoder.depth()) {
            listened = listened && send(Event::Reordered(self.depth));
        }
        match outcome {
            Ok(()) => {
                self.missing = Missing::Nothing;
                listened && (shown || send(Event::Held(assembled)))
            }
            Err(error) => {
                tracing::debug!(marks.bytes, %error, "undecodable");
                // What holds no slice is no frame: cameras that set the marker on each NAL unit send parameter sets alone.
                let refused = self.missing != Missing::Upstream && glance.slice.is_some() && error != Error::Leading;
                let (bytes, lack, sps) = (marks.bytes, Lack::of(&error), decoder.sps().cloned());
                listened && send(Event::Undecodable(Undecodable { bytes, lack, refused, sps }))
            }
        }
    }

    /// Puts out the pictures that wait for their turn; false where nobody listens any more.
    fn flush(&mut self, decoder: &mut Ordered<impl Decode, Marks>, send: &mut dyn FnMut(Event) -> bool) -> bool {
        let mut listened = true;
        decoder.flush(&mut |marks, planes| {
            let decoded = self.clock.now().mono;
            listened = listened && send(Event::Picture(Box::new(self.read(marks, decoded, planes))));
        });
        listened
    }

    /// Reads the stamp of a picture, and makes pixels of it where somebody looks.
    pub(crate) fn read(&mut self, marks: Marks, decoded: MonoTime, planes: Planes<'_>) -> Seen {
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
        let Marks { received, assembled, begun, sampled, bytes, idr } = marks;
        let serial = self.serial;
        Seen { serial, reading, received, assembled, begun, decoded, read, converted, sampled, bytes, idr }
    }
}

#[cfg(test)]
mod tests {
    use common::media::EncodedFrame;
    use common::time::MediaTime;

    use super::*;
    use crate::decode::testing::{SMALL, x264};
    use crate::queue::queue;

    /// One IDR picture of six, and numbers that begin anew with each: High, with pic_order_cnt_type 0.
    const COUNTED: [&str; 2] =
        ["-x264-params", "aud=1:keyint=6:min-keyint=6:scenecut=0:bframes=1:b-adapt=1:b-bias=-100:rc-lookahead=2"];

    fn encoded(data: Vec<u8>, is_key: bool) -> Unit {
        let frame = EncodedFrame { codec: Codec::H264, data, is_key, time: MediaTime::default() };
        Unit::new(Body::Encoded(frame), MonoTime::default())
    }

    #[test]
    fn pictures_that_wait_for_their_turn_keep_their_marks_and_all_come_before_the_end() {
        let units = x264(SMALL, &["-bf", "3", "-b_strategy", "0"]);
        let (count, bytes) = (units.len(), units.iter().map(|unit| unit.len() as u32).sum::<u32>());
        let (mut sender, receiver) = queue();
        for (n, data) in (0..).zip(units) {
            let idr = Glance::at(&data).idr();
            let assembled = MonoTime::from_origin(std::time::Duration::from_micros(n));
            sender.push_blocking(Unit { assembled, ..encoded(data, idr) });
        }
        sender.notify(Arrival::Ended(Ok(())));
        let (mut seen, mut depths, mut ended) = (Vec::new(), Vec::new(), false);
        let mut send = |event: Event| {
            match event {
                Event::Picture(picture) => seen.push(*picture),
                Event::Reordered(depth) => depths.push(depth),
                Event::Ended(Ok(())) => ended = true,
                Event::Held(_) => {}
                other => panic!("{other:?}"),
            }
            true
        };
        run(&receiver, &SystemClock::new(), &Slot::new(false), None, &mut send);
        assert!(ended && depths == [2], "{depths:?}");
        assert_eq!(seen.iter().map(|seen| seen.serial).collect::<Vec<_>>(), (1..=count as u64).collect::<Vec<_>>());
        assert_eq!(seen.iter().map(|seen| seen.bytes).sum::<u32>(), bytes);
        assert!(!seen.is_sorted_by_key(|seen| seen.assembled), "in the order of output");
        assert!(seen.is_sorted_by_key(|seen| seen.decoded), "each when its turn has come");
    }

    #[test]
    fn pictures_that_wait_come_before_what_was_dropped_after_them() {
        const BEFORE: usize = 6;
        let (mut sender, receiver) = queue();
        for (n, data) in x264(SMALL, &["-bf", "3", "-b_strategy", "0"]).into_iter().enumerate() {
            let idr = Glance::at(&data).idr();
            let dropped = Dropped { units: u32::from(n == BEFORE), bytes: 9 * u64::from(n == BEFORE) };
            sender.push_blocking(Unit { dropped, ..encoded(data, idr) });
        }
        sender.notify(Arrival::Ended(Ok(())));
        let (mut pictures, mut before) = (0, None);
        let mut send = |event: Event| {
            match event {
                Event::Picture(_) => pictures += 1,
                Event::Dropped(_) => before = Some(pictures),
                _ => {}
            }
            true
        };
        run(&receiver, &SystemClock::new(), &Slot::new(false), None, &mut send);
        assert_eq!(before, Some(BEFORE));
    }

    /// Which units of a stream with intra refresh are refused that misses pictures before a recovery point, where `tell` says so of
    /// the unit after them. Returns how many gave no picture, too.
    fn refused_after_a_gap(tell: fn(&mut Unit)) -> (usize, usize) {
        let mut units = x264(SMALL, &["-tune", "zerolatency", "-x264-params", "aud=1:keyint=12:intra-refresh=1"]);
        let point =
            (6..units.len()).find(|&n| Glance::at(&units[n]).recovery.is_some()).expect("it has recovery points");
        units.drain(3..point);
        let (mut sender, receiver) = queue();
        for (n, data) in units.into_iter().enumerate() {
            let mut unit = encoded(data, n == 0);
            if n == 3 {
                tell(&mut unit);
            }
            sender.push_blocking(unit);
        }
        sender.notify(Arrival::Ended(Ok(())));
        let (mut undecodable, mut refused) = (0, 0);
        let mut send = |event: Event| {
            if let Event::Undecodable(unit) = event {
                undecodable += 1;
                refused += usize::from(unit.refused);
            }
            true
        };
        run(&receiver, &SystemClock::new(), &Slot::new(false), None, &mut send);
        (undecodable, refused)
    }

    #[test]
    fn pictures_that_recover_from_a_gap_are_refused_only_where_this_receiver_made_it() {
        let (undecodable, refused) = refused_after_a_gap(|_| {});
        assert!(undecodable > 3, "the refresh takes its time");
        assert_eq!(refused, 0, "whoever sends left them out");
        assert_eq!(refused_after_a_gap(|unit| unit.after_loss = true), (undecodable, 0));
        let drop = |unit: &mut Unit| unit.dropped = Dropped { units: 3, bytes: 900 };
        assert_eq!(refused_after_a_gap(drop), (undecodable, undecodable));
    }

    #[test]
    fn parameter_sets_that_come_alone_are_no_frames_that_were_refused() {
        let units = x264(SMALL, &COUNTED);
        let slice = Glance::at(&units[0]).slice.expect("an IDR picture comes with its sets and a slice");
        let alone = units[0][..units[0].len() - slice.len() - 3].to_vec();
        assert!(Glance::at(&alone).sps.is_some() && Glance::at(&alone).slice.is_none());
        let (mut sender, receiver) = queue();
        for data in [units[0].clone(), alone] {
            sender.push_blocking(encoded(data, true));
        }
        sender.notify(Arrival::Ended(Ok(())));
        let mut refused = Vec::new();
        let mut send = |event: Event| {
            if let Event::Undecodable(undecodable) = event {
                refused.push(undecodable.refused);
            }
            true
        };
        run(&receiver, &SystemClock::new(), &Slot::new(false), None, &mut send);
        assert_eq!(refused, [false]);
    }
}
