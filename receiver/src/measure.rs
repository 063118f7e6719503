//! Measuring: joins what was read with when it was shown, for the report and for the text on the picture.

use std::collections::VecDeque;
use std::time::Duration;

use chrono::{DateTime, Local};
use common::frame::{FrameTimes, ReceiverTimes};
use common::sync::{Refusal, View};
use common::time::{MonoTime, Now, WallTime};
use measure::cost::Costs;
use measure::{Clocks, Correction, Mark, Sample};
use report::comparison::{Comparison, Probes};
use report::warning::Code;
use report::{Recorder, Warning};

use crate::offset::{self, Said};
use crate::read::Reading;
use crate::work::Seen;
use common::host::ClockClient as Asking;

/// LAT is not shown any more when the code has not been read for so long …
const LAT_LIMIT: Duration = Duration::from_secs(1);

/// … or for so many pictures' time, where pictures come so slowly that it would flicker.
const LAT_LIMIT_PICTURES: f64 = 1.5;

/// What the pictures per second are counted over.
const RATE_WINDOW: Duration = Duration::from_secs(2);

/// Most pictures that are remembered for their rate: 500 per second.
const MAX_RATE_PICTURES: usize = 1000;

/// Measures one stream.
#[derive(Debug)]
pub struct Meter {
    recorder: Recorder,
    rate: Rate,
    latency: Option<Latency>,
    /// [`common::sei::host_id`] of this host.
    host: u32,
    /// The clock that is asked how far ours is from the publisher's.
    asking: Option<Asking>,
    /// What the publisher last said about clocks.
    said: Option<Said>,
    /// How far the clocks were apart at the newest picture, where they are two.
    apart: Option<Comparison>,
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

impl Meter {
    /// Measures into `recorder`, on the host with this [`common::sei::host_id`].
    pub fn new(recorder: Recorder, host: u32) -> Self {
        Self {
            recorder,
            rate: Rate::default(),
            latency: None,
            host,
            asking: None,
            said: None,
            apart: None,
            compared: false,
            restarts: 0,
        }
    }

    /// Compares clocks by what `asking` finds out, where there are two.
    pub fn compare(&mut self, asking: Asking) {
        self.asking = Some(asking);
    }

    /// Where the figures go.
    pub fn recorder(&mut self) -> &mut Recorder {
        &mut self.recorder
    }

    /// Stream id and run of its publisher, where an SEI says which run it is.
    pub fn publisher(&self) -> Option<(u8, u32)> {
        self.recorder.publisher()
    }

    /// What it cost so far.
    pub fn costs(&mut self) -> &mut Costs {
        self.recorder.costs()
    }

    /// A picture was shown at `shown`; `None` where there is no window that it waits for.
    pub fn picture(&mut self, seen: &Seen, shown: Option<MonoTime>, now: Now) {
        let presented = shown.unwrap_or(seen.read);
        if let Some(received) = seen.received {
            self.recorder.mark(Mark::FirstPacket, Now { wall: now.wall_at(received), mono: received });
        }
        if seen.received.is_some() {
            self.costs().wake.add(seen.begun - seen.assembled);
        }
        self.costs().read.add(seen.read - seen.decoded);
        if seen.converted > seen.read {
            self.costs().convert.add(seen.converted - seen.read);
        }
        self.rate.add(presented);
        let Some(reading) = &seen.reading else {
            let at = Now { wall: now.wall_at(presented), mono: presented };
            self.recorder.unreadable(at, seen.bytes, seen.idr);
            return;
        };
        let stamps = self.recorder.stamps();
        stamps.code(reading.sei, reading.capture_clock);
        if let Some(sampled) = seen.sampled {
            stamps.sender_report(sampled.micros_since(reading.payload.time));
        }
        if let Some(origin) = reading.origin {
            self.said = Some(Said { origin, reference: reading.reference, at: presented });
        }
        let correction = self.correction(presented, now);
        self.recorder.frame(sample(seen, reading, shown, now, correction));
    }

    /// How the receiver's times of a picture that was presented at `presented` are made comparable with the publisher's.
    fn correction(&mut self, presented: MonoTime, now: Now) -> Correction {
        let found = self.said.and_then(|said| clocks(said.origin.host, self.host));
        let compared = self.asking.as_ref().zip(self.said).filter(|_| found != Some(Clocks::Same));
        self.apart = compared.and_then(|(asking, said)| {
            let view = asking.view();
            if view.restarts.count > std::mem::replace(&mut self.restarts, view.restarts.count) {
                let jump = view.restarts.last.map_or(0.0, |(_, jump)| jump);
                self.recorder.compared_step(now, jump as i64);
            }
            self.recorder.compared().probes(Probes {
                sent: view.counts.sent,
                answered: view.counts.answered,
                refused: view.counts.refused(),
                contradicted: view.counts.of(Refusal::Jump),
                restarts: view.restarts.count,
            });
            offset::compare(asking.endpoint(), &view, &said, now, presented)
        });
        if let Some(apart) = self.apart {
            self.compared = true;
            self.recorder.compared().known(apart);
            self.recorder.clocks(Clocks::Different);
            return Correction::By(apart.offset_us);
        }
        found.into_iter().for_each(|clocks| self.recorder.clocks(clocks));
        if found == Some(Clocks::Different) { Correction::Missing } else { Correction::None }
    }

    /// The texts for a picture that was stamped at `stamp` and is shown since `since`: REC is that moment, and LAT is
    /// REC − PUB. A picture without a stamp shows the LAT of the one before it, but not for long.
    pub fn lines(&mut self, stamp: Option<WallTime>, since: MonoTime, now: Now) -> Vec<String> {
        let shown = now.wall_at(since);
        if let Some(stamp) = stamp.filter(|_| self.apart.is_some() || !self.compared) {
            let offset = self.apart.map_or(0, |apart| apart.offset_us);
            self.latency = Some(Latency { at: since, micros: shown.offset(-offset).micros_since(stamp) });
        }
        let limit = LAT_LIMIT.max(self.rate.interval().unwrap_or_default().mul_f64(LAT_LIMIT_PICTURES));
        vec![
            format!("REC: {}", time_of_day(shown)),
            format!("REC FPS: {:04.1}", self.rate.per_second(now.mono)),
            match self.latency.filter(|latency| now.mono - latency.at <= limit) {
                Some(Latency { micros, .. }) => {
                    let bound = match self.apart {
                        Some(apart) => format!(" ± {:.1}ms", apart.bound_us as f64 / 1e3),
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

    /// Ends the measuring. The recorder is ready to be finished.
    pub fn into_recorder(mut self) -> Recorder {
        self.tell_of_clocks();
        self.recorder
    }
}

/// What there is to say of the clock that was asked, where there are two.
impl Meter {
    fn tell_of_clocks(&mut self) {
        let one = self.said.is_some_and(|said| clocks(said.origin.host, self.host) == Some(Clocks::Same));
        if one {
            return;
        }
        let Some(asking) = &self.asking else {
            let advice = offset::advice(None, &View::default(), self.said.as_ref());
            return self.recorder.compared().advise(advice);
        };
        let view = asking.view();
        let advice = match asking.fault() {
            Some(fault) => format!("{} cannot be asked: {fault}", asking.endpoint()),
            None => offset::advice(Some(asking.endpoint()), &view, self.said.as_ref()),
        };
        let mut wrong = Vec::new();
        if view.counts.refused() > 0 {
            wrong.push(format!("{} answers were not believed: {}", view.counts.refused(), view.counts.reasons()));
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
            let text = format!("{}: {}", asking.endpoint(), wrong.join("; "));
            self.recorder.warn(Warning::new(Code::ClockAnswers, text));
        }
        self.recorder.compared().advise(advice);
    }
}

/// What the publisher's host says about the clocks; `None` where either does not know its own.
fn clocks(publisher: u32, receiver: u32) -> Option<Clocks> {
    let known = publisher != 0 && receiver != 0;
    known.then_some(if publisher == receiver { Clocks::Same } else { Clocks::Different })
}

fn sample(seen: &Seen, reading: &Reading, shown: Option<MonoTime>, now: Now, correction: Correction) -> Sample {
    let presented = shown.unwrap_or(seen.read);
    let offset = match correction {
        Correction::By(micros) => micros,
        Correction::None | Correction::Missing => 0,
    };
    let wall = |mono| now.wall_at(mono).offset(-offset);
    let receiver = ReceiverTimes {
        received: seen.received.map(wall),
        assembled: wall(seen.assembled),
        decoded: wall(seen.decoded),
        read: wall(seen.read),
        presented: wall(presented),
    };
    Sample {
        stream_id: reading.payload.stream_id,
        sequence: reading.payload.sequence,
        run: reading.origin.map(|origin| origin.run),
        times: FrameTimes { stamp: reading.payload.time, publisher: reading.publisher, receiver },
        presented,
        correction,
        shown: shown.is_some(),
        bytes: seen.bytes,
        idr: seen.idr,
    }
}

/// `HH:MM:SS.mmm` in the local time zone, as the publisher paints it.
fn time_of_day(time: WallTime) -> String {
    let utc = DateTime::from_timestamp_micros(time.as_micros()).unwrap_or_default();
    utc.with_timezone(&Local).format("%H:%M:%S%.3f").to_string()
}

/// Pictures per second, lately.
#[derive(Debug, Default)]
struct Rate {
    shown: VecDeque<MonoTime>,
}

impl Rate {
    fn add(&mut self, at: MonoTime) {
        while self.shown.front().is_some_and(|&first| at - first > RATE_WINDOW) || self.shown.len() >= MAX_RATE_PICTURES
        {
            self.shown.pop_front();
        }
        self.shown.push_back(at);
    }

    /// The mean time between pictures; `None` before the second.
    fn interval(&self) -> Option<Duration> {
        let (first, last) = (self.shown.front()?, self.shown.back()?);
        let gaps = u32::try_from(self.shown.len() - 1).ok()?;
        (*last - *first).checked_div(gaps)
    }

    /// 0 where no picture has come for a while.
    fn per_second(&self, now: MonoTime) -> f64 {
        let fresh = self.shown.back().is_some_and(|&last| now - last <= RATE_WINDOW);
        let interval = self.interval().filter(|interval| fresh && !interval.is_zero());
        interval.map_or(0.0, |interval| interval.as_secs_f64().recip())
    }
}

#[cfg(test)]
mod tests;
