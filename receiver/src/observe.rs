//! Observing: joins what was read of a picture with when it was shown, into one [`Observation`] for the report and the text on
//! the picture.

use std::time::Duration;

use chrono::{DateTime, Local};
use common::host::ClockClient;
use common::marks::{ClockName, Mark, Marks};
use common::sync::{Refusal, View};
use common::time::{MonoTime, Now, WallTime};
use measure::cost::OwnCost;
use measure::figures::Probes;
use measure::{Clocks, Correction, Sample};
use report::comparison::Comparison;
use report::observation::{ClockCheck, ClockStep, StampCheck};
use report::warning::Code;
use report::{Observation, Recorder, Warning};

use crate::decoding::DecodedPicture;
use crate::offset::{self, PublisherClock};
use crate::read::Reading;

/// LAT is not shown any more when the code has not been read for so long …
const LAT_LIMIT: Duration = Duration::from_secs(1);

/// … or for so many pictures' time, where pictures come so slowly that it would flicker.
const LAT_LIMIT_PICTURES: f64 = 1.5;

/// Observes one stream.
#[derive(Debug)]
pub(crate) struct Observer {
    recorder: Recorder,
    latency: Option<Latency>,
    /// [`common::sei::host_id`] of this host.
    host: u32,
    /// The clock that is probed for how far ours is from the publisher's.
    clock: Option<ClockClient>,
    /// What the publisher's newest SEI says about its clock.
    publisher: Option<PublisherClock>,
    /// How far the clocks were apart at the newest picture, where they are two.
    offset: Option<Comparison>,
    /// That was known once: a latency without it would be another kind of figure.
    compared: bool,
    /// Times that the other clock has stepped so far.
    restarts: u64,
}

/// The newest latency known.
#[derive(Clone, Copy, Debug)]
struct Latency {
    at: MonoTime,
    micros: i64,
}

impl Observer {
    /// Observes for `recorder`, on the host with this [`common::sei::host_id`].
    pub(crate) fn new(recorder: Recorder, host: u32) -> Self {
        Self { recorder, latency: None, host, clock: None, publisher: None, offset: None, compared: false, restarts: 0 }
    }

    /// Compares clocks by what `client` finds, where there are two.
    pub(crate) fn compare(&mut self, client: ClockClient) {
        self.clock = Some(client);
    }

    /// Where the figures go.
    pub(crate) fn recorder(&mut self) -> &mut Recorder {
        &mut self.recorder
    }

    /// Stream id and run of its publisher, if the SEI states the run.
    pub(crate) fn publisher(&self) -> Option<(u8, u32)> {
        self.recorder.publisher()
    }

    /// Records a picture that was shown at `shown`; `None` where there is no window that it waits for.
    pub(crate) fn observe(&mut self, picture: &DecodedPicture, shown: Option<MonoTime>, now: Now) {
        let presented = shown.unwrap_or(picture.read);
        let observation = Observation {
            received: picture.unit.received,
            cost: cost(picture),
            ..match &picture.reading {
                Some(reading) => self.frame(picture, reading, shown, now),
                None => {
                    let at = Now { wall: now.wall_at(presented), mono: presented };
                    Observation::unreadable(at, picture.unit.bytes, picture.unit.idr)
                }
            }
        };
        self.recorder.observe(&observation);
    }

    /// What is known of a picture whose code was read.
    fn frame(&mut self, picture: &DecodedPicture, reading: &Reading, shown: Option<MonoTime>, now: Now) -> Observation {
        let presented = shown.unwrap_or(picture.read);
        if let Some(origin) = reading.origin {
            self.publisher = Some(PublisherClock { origin, reference: reading.reference, at: presented });
        }
        let clocks = self.check_clocks(presented, now);
        let stamps = StampCheck {
            sei: reading.sei,
            capture_clock: reading.capture_clock,
            sender_report_us: picture.unit.sampled.map(|sampled| sampled.micros_since(reading.payload.time)),
        };
        let sample = sample(picture, reading, shown, now, correction(&clocks));
        Observation { stamps: Some(stamps), clocks, ..Observation::frame(sample) }
    }

    /// How far the clocks are apart at a picture that was presented at `presented`, and what probing them has come to.
    fn check_clocks(&mut self, presented: MonoTime, now: Now) -> ClockCheck {
        let found = self.publisher.and_then(|publisher| clocks(publisher.origin.host, self.host));
        let mut check = ClockCheck { clocks: found, ..ClockCheck::default() };
        self.offset = None;
        let probed = self.clock.as_ref().zip(self.publisher).filter(|_| found != Some(Clocks::Same));
        let Some((clock, publisher)) = probed else { return check };
        let view = clock.view();
        if view.restarts.count > std::mem::replace(&mut self.restarts, view.restarts.count) {
            let jump = view.restarts.last.map_or(0.0, |(_, jump)| jump);
            check.step = Some(ClockStep { found: now, by_us: jump as i64 });
        }
        check.probes = Some(probes(&view));
        check.comparison = offset::compare(clock.endpoint(), &view, &publisher, now, presented);
        if check.comparison.is_some() {
            check.clocks = Some(Clocks::Different);
            self.compared = true;
        }
        self.offset = check.comparison;
        check
    }

    /// The texts for a picture that was stamped at `stamp` and is shown since `since`: REC is that moment, and LAT is
    /// REC − PUB. A picture without a stamp shows the LAT of the one before it, but not for long.
    pub(crate) fn lines(&mut self, stamp: Option<WallTime>, since: MonoTime, now: Now) -> Vec<String> {
        let shown = now.wall_at(since);
        if let Some(stamp) = stamp.filter(|_| self.offset.is_some() || !self.compared) {
            let offset = self.offset.map_or(0, |offset| offset.offset_us);
            self.latency = Some(Latency { at: since, micros: shown.offset(-offset).micros_since(stamp) });
        }
        let limit = LAT_LIMIT.max(self.recorder.usual_interval().unwrap_or_default().mul_f64(LAT_LIMIT_PICTURES));
        vec![
            format!("REC: {}", time_of_day(shown)),
            format!("REC FPS: {:04.1}", self.recorder.recent_fps().unwrap_or(0.0)),
            match self.latency.filter(|latency| now.mono - latency.at <= limit) {
                Some(Latency { micros, .. }) => {
                    let bound = match self.offset {
                        Some(offset) => format!(" ± {:.1}ms", offset.bound_us as f64 / 1e3),
                        // Of two clocks that nobody compared.
                        None if self.recorder.clocks_differ() => " ± ?".to_owned(),
                        None => String::new(),
                    };
                    format!("LAT: {:04.1}ms{bound}", micros as f64 / 1e3)
                }
                None => "LAT: --".to_owned(),
            },
        ]
    }

    /// Ends the observing. The recorder is ready to be finished.
    pub(crate) fn into_recorder(mut self) -> Recorder {
        self.explain_clocks();
        self.recorder
    }
}

/// What the report says about the clock that was probed, where there are two.
impl Observer {
    fn explain_clocks(&mut self) {
        let one =
            self.publisher.is_some_and(|publisher| clocks(publisher.origin.host, self.host) == Some(Clocks::Same));
        if one {
            return;
        }
        let Some(clock) = &self.clock else {
            let advice = offset::advice(None, &View::default(), self.publisher.as_ref());
            return self.recorder.compared().advise(advice);
        };
        let view = clock.view();
        let advice = match clock.fault() {
            Some(fault) => format!("{} cannot be probed: {fault}", clock.endpoint()),
            None => offset::advice(Some(clock.endpoint()), &view, self.publisher.as_ref()),
        };
        let mut wrong = Vec::new();
        if view.counts.refused() > 0 {
            wrong.push(format!("{} answers were rejected: {}", view.counts.refused(), view.counts.reasons()));
        }
        if let Some((when, jump)) = view.restarts.last {
            wrong.push(format!(
                "it stepped against this host's clock {} times, the last time by {:+.3} ms, {:.1} s after the start: the \
                 estimate started over",
                view.restarts.count,
                jump / 1e3,
                when.since_origin().as_secs_f64()
            ));
        }
        if !wrong.is_empty() {
            let text = format!("{}: {}", clock.endpoint(), wrong.join("; "));
            self.recorder.warn(Warning::new(Code::ClockAnswers, text));
        }
        self.recorder.compared().advise(advice);
    }
}

/// What became of probing the other clock so far.
fn probes(view: &View) -> Probes {
    Probes {
        sent: view.counts.sent,
        answered: view.counts.answered,
        refused: view.counts.refused(),
        contradicted: view.counts.of(Refusal::Jump),
        restarts: view.restarts.count,
    }
}

/// How the receiver's times are made comparable with the publisher's.
fn correction(check: &ClockCheck) -> Correction {
    match (check.comparison, check.clocks) {
        (Some(comparison), _) => Correction::By(comparison.offset_us),
        (None, Some(Clocks::Different)) => Correction::Missing,
        (None, _) => Correction::None,
    }
}

/// What measuring a picture cost.
fn cost(picture: &DecodedPicture) -> OwnCost<Option<Duration>> {
    OwnCost {
        wake: picture.unit.received.map(|_| picture.unit.begun - picture.unit.assembled),
        read: Some(picture.read - picture.decoded),
        convert: (picture.converted > picture.read).then(|| picture.converted - picture.read),
        ..OwnCost::default()
    }
}

/// What the publisher's host says about the clocks; `None` where either does not know its own.
fn clocks(publisher: u32, receiver: u32) -> Option<Clocks> {
    let known = publisher != 0 && receiver != 0;
    known.then_some(if publisher == receiver { Clocks::Same } else { Clocks::Different })
}

fn sample(
    picture: &DecodedPicture,
    reading: &Reading,
    shown: Option<MonoTime>,
    now: Now,
    correction: Correction,
) -> Sample {
    let presented = shown.unwrap_or(picture.read);
    let marks = Marks::new(reading.payload.time, now.wall_at(presented))
        .with(Mark::Received, picture.unit.received.map(|received| now.wall_at(received)))
        .with(Mark::Assembled, now.wall_at(picture.unit.assembled))
        .with(Mark::Decoded, now.wall_at(picture.decoded))
        .with(Mark::Read, now.wall_at(picture.read))
        .shifted(ClockName::Receiver, -correction.offset_us().unwrap_or(0));
    Sample {
        stream_id: reading.payload.stream_id,
        sequence: reading.payload.sequence,
        run: reading.origin.map(|origin| origin.run),
        marks: reading.publisher.iter().fold(marks, Marks::with_publisher),
        presented,
        correction,
        shown: shown.is_some(),
        bytes: picture.unit.bytes,
        idr: picture.unit.idr,
    }
}

/// `HH:MM:SS.mmm` in the local time zone, as the publisher paints it.
fn time_of_day(time: WallTime) -> String {
    let utc = DateTime::from_timestamp_micros(time.as_micros()).unwrap_or_default();
    utc.with_timezone(&Local).format("%H:%M:%S%.3f").to_string()
}

#[cfg(test)]
mod tests;
