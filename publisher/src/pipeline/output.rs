//! What becomes of a stamped picture: it leaves as it is, or encoded.

use std::time::Instant;

use common::clock::Clock;

use crate::clock;
use crate::egress::{self, Counters, Egress, FrameEgress, PictureEgress, Setup};
use crate::encode::{self, Encoder};
use crate::error::Error;
use crate::event::{Log, Statistics};
use crate::seal::Sealer;

/// The steps after the stamp, by what the egress takes.
pub(super) enum Output {
    /// Bare pictures: there is nothing to encode.
    Pictures(Box<dyn PictureEgress>),
    /// Encoded frames.
    Frames(Box<Frames>),
}

/// encode → seal → send.
pub(super) struct Frames {
    pub(super) encoder: Box<dyn Encoder>,
    pub(super) sealer: Sealer,
    pub(super) egress: Box<dyn FrameEgress>,
    gop: u32,
    log: Log,
    /// The user knows that the encoder cannot be asked for key frames.
    warned: bool,
}

impl Output {
    /// Opens what the configuration's destination needs.
    ///
    /// # Errors
    /// [`Error::Encode`], [`Error::Server`], [`Error::Exposed`], [`Error::Send`], [`Error::Clock`], [`Error::Output`].
    pub(super) fn open(setup: &Setup<'_>) -> Result<Self, Error> {
        let Setup { config, format, clock, log, .. } = setup;
        match egress::of(&config.destination) {
            egress::Choice::Pictures(open) => open(setup).map(Self::Pictures),
            egress::Choice::Frames(open) => {
                // First, because what is wrong with it is wrong with a flag.
                let (size, rate) = (format.size, format.rate);
                let settings = encode::Config { size, rate, bitrate: config.bitrate, gop: config.gop };
                let encoder = encode::open(&config.encoder, settings, &config.tuning)?;
                let egress = open(setup)?;
                let sealer = Sealer::new(config.stream_id, clock::compare(config, clock, *log)?);
                Ok(Self::Frames(Box::new(Frames {
                    encoder,
                    sealer,
                    egress,
                    gop: config.gop,
                    log: *log,
                    warned: false,
                })))
            }
        }
    }

    /// Where it goes, for people, without secrets.
    pub(super) fn describe(&self) -> String {
        self.egress().describe()
    }

    /// Whether an encoder runs.
    pub(super) const fn encodes(&self) -> bool {
        matches!(self, Self::Frames(_))
    }

    /// `statistics` with what went out so far.
    pub(super) fn count(&self, statistics: Statistics) -> Statistics {
        let dropped_by_encoder = match self {
            Self::Pictures(_) => 0,
            Self::Frames(frames) => frames.sealer.dropped(),
        };
        with_counters(statistics, dropped_by_encoder, self.egress().counters())
    }

    /// Sends what is still in the encoder, closes the egress, and returns `statistics` with what went out in all.
    ///
    /// # Errors
    /// [`Error::Send`] where there never was a connection.
    pub(super) fn finish(self, statistics: Statistics, clock: &dyn Clock) -> Result<Statistics, Error> {
        match self {
            Self::Pictures(egress) => Ok(with_counters(statistics, 0, egress.finish()?)),
            Self::Frames(mut frames) => {
                frames.drain(clock)?;
                let dropped_by_encoder = frames.sealer.dropped() + frames.sealer.pending() as u64;
                Ok(with_counters(statistics, dropped_by_encoder, frames.egress.finish()?))
            }
        }
    }

    fn egress(&self) -> &dyn Egress {
        match self {
            Self::Pictures(egress) => &**egress,
            Self::Frames(frames) => &*frames.egress,
        }
    }
}

impl Frames {
    /// Whether the next picture is to become a key frame. Warns once where that is wanted and the encoder cannot be asked.
    pub(super) fn take_key_request(&mut self) -> bool {
        let wanted = self.egress.take_key_request();
        if wanted && !self.encoder.can_force_key() && !std::mem::replace(&mut self.warned, true) {
            let text = "a receiver asked for an IDR, but this encoder cannot insert one: receivers that join or lose packets \
                        wait for the next regular IDR";
            self.log.warn("idr-request", &format!("{text}, every {} frames (--gop)", self.gop));
        }
        wanted
    }

    /// Seals and sends what the encoder has held back.
    fn drain(&mut self, clock: &dyn Clock) -> Result<(), Error> {
        let deadline = Instant::now() + encode::FRAME_LIMIT;
        // A fault of the encoder has ended the run before, or costs no more than these pictures.
        while self.sealer.pending() > 0
            && let Ok(Some(encoded)) = encode::late_frame(&mut *self.encoder, deadline)
        {
            let sealed = self.sealer.seal(encoded, clock.now().mono);
            sealed.map_or(Ok(()), |sealed| self.egress.send(sealed))?;
        }
        Ok(())
    }
}

fn with_counters(statistics: Statistics, dropped_by_encoder: u64, counters: Counters) -> Statistics {
    let Counters { bytes, dropped, reconnects, .. } = counters;
    Statistics { bytes, dropped_by_encoder, dropped_by_sender: dropped, reconnects, ..statistics }
}
