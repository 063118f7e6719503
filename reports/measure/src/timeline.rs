//! What happened to the clocks of a run, and when; and the latencies of the stretches between, which can be compared
//! with each other inside a stretch whatever the clocks did.

use common::time::{MonoTime, Now};
use serde::{Deserialize, Serialize};

use crate::latency::Distribution;
use crate::units::{in_ms, ms, rfc3339, rounded};

/// Events that are kept; all are counted.
pub const MAX_EVENTS: usize = 100;

/// Sections that a run is split into at most; the last one goes on, whatever happens in it.
pub const MAX_SECTIONS: usize = 50;

/// What happened to a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The receiver's wall clock stepped.
    Step,
    /// The receiver's host slept.
    Suspend,
    /// The publisher's wall clock stepped.
    PublisherStep,
    /// The clock that the receiver compares its own with stepped.
    ComparedStep,
}

/// An event as in `run.json`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Event {
    /// The receiver's wall time just after it: RFC 3339, UTC, with µs.
    pub at: String,
    /// Seconds since the end of the warm-up; `None` before.
    pub second: Option<f64>,
    /// What happened.
    pub kind: Kind,
    /// By how much, µs: positive where a clock was set forward; how long the host slept.
    pub by_us: i64,
}

/// A stretch between two events, as in `run.json`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Section {
    /// When it began, in seconds since the end of the warm-up.
    pub from_s: f64,
    /// When it ended.
    pub to_s: f64,
    /// What began it; `None` for the first.
    pub because: Option<Kind>,
    /// The latencies measured in it.
    pub latency_ms: SectionMs,
}

/// The latencies of a section.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct SectionMs {
    /// Frames with a latency.
    pub count: u64,
    /// The smallest.
    pub min: Option<f64>,
    /// The median.
    pub p50: Option<f64>,
    /// 99 % are not above it.
    pub p99: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
}

/// The events and sections of a run. Memory is bounded by [`MAX_EVENTS`] and [`MAX_SECTIONS`].
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    events: Vec<(Now, Kind, i64)>,
    counts: [u64; 4],
    /// The end of the warm-up.
    start: Option<MonoTime>,
    closed: Vec<(MonoTime, Option<Kind>, SectionMs)>,
    /// The open section.
    from: MonoTime,
    because: Option<Kind>,
    latencies: Distribution,
    /// Latencies of which it is not known yet whether an event lies before them, µs.
    held: Vec<i64>,
}

impl Timeline {
    /// Ends the warm-up: the first section begins.
    pub fn open(&mut self, at: MonoTime) {
        self.start = Some(at);
        self.from = at;
    }

    /// Adds a latency to the open section.
    pub fn record(&mut self, micros: i64) {
        self.release();
        self.latencies.record(micros);
    }

    /// Keeps a latency back: the next event may lie before it.
    pub fn hold(&mut self, micros: i64) {
        self.held.push(micros);
    }

    /// The latencies so far cannot stand beside those to come: sections and events stay, without them.
    pub fn forget_latencies(&mut self) {
        self.latencies.clear();
        self.held.clear();
        self.closed.iter_mut().for_each(|(.., latency_ms)| *latency_ms = SectionMs::default());
    }

    /// Something happened at `at`: a section ends. What was kept back is after a step of the publisher's, the only event
    /// that is found out late.
    pub fn event(&mut self, at: Now, kind: Kind, by_us: i64) {
        self.counts[kind as usize] += 1;
        if self.events.len() < MAX_EVENTS {
            self.events.push((at, kind, by_us));
        }
        if kind != Kind::PublisherStep {
            self.release();
        }
        if self.start.is_none_or(|start| at.mono < start) || self.closed.len() + 1 >= MAX_SECTIONS {
            return;
        }
        // Two events may be found out in another order than they happened in.
        let at = at.mono.max(self.from);
        self.closed.push((self.from, self.because, SectionMs::new(&self.latencies)));
        self.latencies.clear();
        self.from = at;
        self.because = Some(kind);
    }

    /// Events of a kind.
    pub const fn count(&self, kind: Kind) -> u64 {
        self.counts[kind as usize]
    }

    /// The first events.
    pub fn events(&self) -> Vec<Event> {
        let event = |&(at, kind, by_us): &(Now, Kind, i64)| Event {
            at: rfc3339(at.wall),
            second: self.start.filter(|start| *start <= at.mono).map(|_| self.second(at.mono)),
            kind,
            by_us,
        };
        self.events.iter().map(event).collect()
    }

    /// The sections up to `to`; none before the warm-up is over.
    pub fn sections(&self, to: MonoTime) -> Vec<Section> {
        if self.start.is_none() {
            return Vec::new();
        }
        let mut latencies = self.latencies.clone();
        self.held.iter().for_each(|micros| latencies.record(*micros));
        let open = (self.from, self.because, SectionMs::new(&latencies));
        let ends = self.closed.iter().skip(1).map(|(from, ..)| *from).chain([self.from, to]);
        // Without a closed section the first end is that of the open one.
        let ends = ends.skip(usize::from(self.closed.is_empty()));
        let all = self.closed.iter().chain([&open]).zip(ends);
        all.map(|(&(from, because, latency_ms), end)| Section {
            from_s: self.second(from),
            to_s: self.second(end),
            because,
            latency_ms,
        })
        .collect()
    }

    fn release(&mut self) {
        let Self { held, latencies, .. } = self;
        held.drain(..).for_each(|micros| latencies.record(micros));
    }

    fn second(&self, at: MonoTime) -> f64 {
        let start = self.start.unwrap_or_default();
        rounded(in_ms(at.saturating_since(start)) / 1e3)
    }
}

impl Kind {
    /// For people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Suspend => "suspend",
            Self::PublisherStep => "publisher's step",
            Self::ComparedStep => "compared clock's step",
        }
    }
}

impl SectionMs {
    fn new(of: &Distribution) -> Self {
        Self {
            count: of.count(),
            min: of.min_us().map(ms),
            p50: of.quantile_us(0.5).map(ms),
            p99: of.quantile_us(0.99).map(ms),
            max: of.max_us().map(ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{at, now};

    #[test]
    fn nothing_happened_is_one_section() {
        let mut timeline = Timeline::default();
        assert_eq!(timeline.sections(at(500)), []);
        timeline.open(at(1_000));
        timeline.record(5_000);
        timeline.hold(7_000);
        let sections = timeline.sections(at(3_500));
        assert_eq!((sections.len(), sections[0].from_s, sections[0].to_s), (1, 0.0, 2.5));
        assert_eq!(sections[0].latency_ms.count, 2, "what is held back is not left out");
        assert_eq!((sections[0].because, sections[0].latency_ms.max), (None, Some(7.0)));
    }

    #[test]
    fn an_event_splits_before_what_was_held_back() {
        let mut timeline = Timeline::default();
        timeline.event(now(400), Kind::Step, 9);
        timeline.open(at(1_000));
        (0..3).for_each(|_| timeline.record(5_000));
        timeline.hold(1_000_000);
        timeline.event(now(2_000), Kind::PublisherStep, -995_000);
        timeline.record(1_000_000);
        timeline.event(now(4_000), Kind::Suspend, 60_000_000);
        let spans: Vec<_> = timeline.sections(at(5_000)).iter().map(|s| (s.from_s, s.to_s, s.because)).collect();
        let because = [None, Some(Kind::PublisherStep), Some(Kind::Suspend)];
        assert_eq!(spans, [(0.0, 1.0, because[0]), (1.0, 3.0, because[1]), (3.0, 4.0, because[2])]);
        let latencies: Vec<_> = timeline.sections(at(5_000)).iter().map(|s| s.latency_ms).collect();
        assert_eq!(latencies.iter().map(|l| l.count).collect::<Vec<_>>(), [3, 2, 0]);
        assert_eq!((latencies[0].max, latencies[1].min, latencies[2].p50), (Some(5.0), Some(1_000.0), None));
        let seconds: Vec<_> = timeline.events().iter().map(|event| event.second).collect();
        assert_eq!(seconds, [None, Some(1.0), Some(3.0)]);
        assert_eq!(timeline.events()[1].at, "2023-11-14T22:13:22.000000Z");
    }

    #[test]
    fn a_clock_that_never_rests_takes_bounded_memory() {
        let mut timeline = Timeline::default();
        timeline.open(at(0));
        for ms in 0..10_000 {
            timeline.event(now(ms), Kind::Step, 2_000);
            timeline.record(1);
        }
        assert_eq!((timeline.events().len(), timeline.sections(at(10_000)).len()), (MAX_EVENTS, MAX_SECTIONS));
        assert_eq!(timeline.count(Kind::Step), 10_000);
        assert_eq!(timeline.sections(at(10_000)).iter().map(|s| s.latency_ms.count).sum::<u64>(), 10_000);
    }
}
