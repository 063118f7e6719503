//! The joins of a run in a browser: each has a tally of its own, and the run pools them.

use std::time::Duration;

use common::time::MonoTime;
use measure::figures::browser::{Viewed, Viewing};
use measure::interval::Histograms;
use measure::latency::Distribution;

use crate::pool::{self, Part};
use crate::run::{Browser, Extremes, InBrowser, Join, Outcome, Run};
use crate::tally::Tally;
use crate::warning::Warning;

/// Where a join's rows begin among those of the run.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Base {
    /// Counted from 1.
    pub(super) join: usize,
    /// Publisher restarts before the join.
    pub(super) segments: u32,
    /// Start of its second 0.
    pub(super) second: u64,
    /// Time from the start of the first join to that of this one.
    pub(super) start: Duration,
}

/// The joins so far.
#[derive(Debug)]
pub(super) struct Joins {
    via: String,
    player: String,
    browser: Browser,
    ended: Vec<Ended>,
    /// Playback figures of the current join.
    viewed: Viewed,
    /// Shift of the publisher's pictures in the current join, µs.
    pub(super) phase_us: Option<u64>,
    pub(super) is_playing: bool,
    first_started: Option<MonoTime>,
}

#[derive(Debug)]
struct Ended {
    run: Run,
    histograms: Histograms,
    viewed: Viewed,
    phase_us: Option<u64>,
    base: Base,
}

impl Ended {
    fn part(&self) -> Part<'_> {
        Part { run: &self.run, histograms: &self.histograms, shift_s: self.base.second as f64 }
    }
}

impl Joins {
    pub(super) fn new(via: &str, player: &str) -> Self {
        Self {
            via: via.to_owned(),
            player: player.to_owned(),
            browser: Browser::default(),
            ended: Vec::new(),
            viewed: Viewed::default(),
            phase_us: None,
            is_playing: false,
            first_started: None,
        }
    }

    /// Places the rows of the join that begins at `started` after the rows of the one at `before`, which has this
    /// many seconds.
    pub(super) fn begin(&mut self, started: MonoTime, before: Base, next_second: u64) -> Base {
        let first = *self.first_started.get_or_insert(started);
        self.is_playing = true;
        let start = started - first;
        let second = (start.as_secs_f64().round() as u64).max(next_second);
        Base { join: self.ended.len() + 1, start, second, ..before }
    }

    /// Returns the current playback figures.
    pub(super) fn viewed(&mut self, browser: Option<(String, String)>, viewed: Viewed) {
        if let Some((name, version)) = browser {
            self.browser = Browser { name: Some(name), version: Some(version) };
        }
        self.viewed = viewed;
    }

    /// Ends the join whose tally is `tally`.
    pub(super) fn end(&mut self, tally: &Tally, base: Base) {
        let (run, histograms) = (tally.run(false), tally.histograms().clone());
        let (viewed, phase_us) = (std::mem::take(&mut self.viewed), self.phase_us.take());
        self.ended.push(Ended { run, histograms, viewed, phase_us, base });
        self.is_playing = false;
    }

    /// Whether a join is playing that is not the first.
    pub(super) fn can_leave_out(&self) -> bool {
        self.is_playing && !self.ended.is_empty()
    }

    /// Returns the latencies of all joins that [`Self::run`] pools, including the current one with its `tally`.
    pub(super) fn latency(&self, tally: &Tally, base: Base) -> Distribution {
        let current = self.current(tally, true, base);
        let all: Vec<Part<'_>> = self.ended.iter().chain(&current).map(Ended::part).collect();
        match &all[..] {
            [one] => one.histograms.total.clone(),
            _ => pool::added(&all, |histograms| &histograms.total),
        }
    }

    /// Returns the join that is playing; of a run without joins, what there is.
    fn current(&self, tally: &Tally, partial: bool, base: Base) -> Option<Ended> {
        (self.is_playing || self.ended.is_empty()).then(|| Ended {
            run: tally.run(partial),
            histograms: tally.histograms().clone(),
            viewed: self.viewed.clone(),
            phase_us: self.phase_us,
            base,
        })
    }

    /// Returns the figures of all joins, including the current one with its `tally`.
    pub(super) fn run(&self, tally: &Tally, partial: bool, base: Base) -> Run {
        let current = self.current(tally, partial, base);
        let all: Vec<&Ended> = self.ended.iter().chain(&current).collect();
        let mut run = match &all[..] {
            [one] => one.run.clone(),
            _ => pool::figures(&all.iter().map(|ended| ended.part()).collect::<Vec<_>>()),
        };
        run.partial = partial;
        // Each page has a clock of its own: report the one with the largest offset.
        let offsets = all.iter().filter_map(|ended| ended.run.clock.offset_us);
        run.clock.offset_us = offsets.max_by_key(|offset| offset.unsigned_abs());
        run.warnings = warnings(&all);
        if current.is_none() {
            // Of the run: since its last join ended.
            run.warnings.extend_from_slice(tally.handed_in());
        }
        if run.warnings.iter().any(|warning| warning.code.is_inconclusive()) {
            run.outcome = Outcome::Inconclusive;
        }
        let mut viewed = Viewed::default();
        all.iter().for_each(|ended| viewed.merge(&ended.viewed));
        let join = |(ended, number): (&&Ended, u32)| Join {
            phase_us: ended.phase_us,
            ..Join::new(number, &ended.run, ended.viewed.figures())
        };
        let joins: Vec<Join> = all.iter().zip(1..).map(join).collect();
        run.browser = Some(InBrowser {
            via: self.via.clone(),
            player: self.player.clone(),
            browser: self.browser.clone(),
            viewing: Viewing { claims: InBrowser::claims_of(&joins), ..viewed.figures() },
            joins: joins.into_iter().filter(|_| self.first_started.is_some()).collect(),
            joins_p50_ms: Extremes::of(all.iter().filter_map(|ended| ended.run.latency_ms.p50)),
        });
        run
    }
}

/// Collects the joins' warnings; a warning common to all joins appears once.
fn warnings(joins: &[&Ended]) -> Vec<Warning> {
    let mut out = Vec::new();
    for (ended, number) in joins.iter().zip(1..) {
        for warning in &ended.run.warnings {
            let is_in_all = joins.iter().all(|join| join.run.warnings.contains(warning));
            let warning = match is_in_all {
                true => warning.clone(),
                false => Warning::new(warning.code, format!("join {number}: {}", warning.message)),
            };
            if !out.contains(&warning) {
                out.push(warning);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use common::time::Now;

    use super::*;
    use crate::observation::Observation;
    use crate::setup::{Place, Setup};
    use crate::testing::{about, now, sample};
    use crate::warning::Code;
    use crate::{Recorder, Summary};

    /// Records a join that begins at `at_ms` with frame `first`; every frame is `latency_ms` old.
    fn join(recorder: &mut Recorder, at_ms: u64, first: u64, latency_ms: u64) -> Now {
        recorder.shifted(Some(100 * first));
        recorder.begin_join(now(at_ms));
        for i in 0..100 {
            let shown = at_ms + 200 + i * 40;
            recorder.observe(&Observation::frame(sample(first + i, shown - latency_ms, shown)));
            recorder.tick(now(shown));
        }
        let mut viewed = Viewed::default();
        viewed.stall(1_000 * latency_ms as i64);
        recorder.viewed(Some(("Chromium".to_owned(), "156".to_owned())), viewed);
        let end = now(at_ms + 4_200);
        recorder.end_join(end);
        end
    }

    fn recorder(folder: Option<Place>) -> Recorder {
        let setup = Setup { folder, ..about(Duration::from_secs(1)) };
        Recorder::in_browser(setup, "ll-hls", "own").expect("the folder can be written")
    }

    fn summary(folder: Option<Place>) -> Summary {
        let mut recorder = recorder(folder);
        join(&mut recorder, 1_000, 0, 60);
        recorder.warn(Warning::new(Code::Input, "only of the second"));
        // The publisher continued between the joins: frames not requested are not lost.
        let end = join(&mut recorder, 6_300, 500, 80);
        recorder.finish(end, &[]).summary
    }

    #[test]
    fn each_join_is_a_run_and_nothing_is_lost_between_them() {
        let run = summary(None).run;
        let frames = run.frames;
        assert_eq!((frames.expected, frames.measured, frames.lost), (Some(150), Some(150), Some(0)));
        let browser = run.browser.as_ref().expect("one played");
        let medians: Vec<_> = browser.joins.iter().map(|join| join.latency_ms.p50).collect();
        assert_eq!(medians, [Some(60.0), Some(80.0)]);
        assert_eq!(browser.joins.iter().map(|join| join.phase_us).collect::<Vec<_>>(), [Some(0), Some(50_000)]);
        assert_eq!(browser.joins_p50_ms, Extremes { min: Some(60.0), median: Some(70.0), max: Some(80.0) });
        assert!(browser.joins.iter().all(|join| join.startup.first_frame_ms == Some(200.0)), "from its own start");
        assert_eq!((browser.viewing.stalls.count, browser.viewing.stalls.longest_ms), (2, Some(80.0)));
        assert_eq!((run.freezes.count, run.latency_ms.count), (Some(0), 150), "the time between them is no freeze");
        assert!(run.warnings.iter().any(|warning| warning.message == "join 2: only of the second"));
        let alone = run.joins();
        assert_eq!(
            alone.iter().map(|(number, join)| (*number, join.latency_ms.count)).collect::<Vec<_>>(),
            [(1, 75), (2, 75)]
        );
    }

    #[test]
    fn the_histogram_has_the_latencies_that_the_figures_have() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("run");
        let mut recorder = recorder(Some(Place::Folder(folder.clone())));
        join(&mut recorder, 1_000, 0, 60);
        recorder.warn(Warning::new(Code::ClockUnknown, "this join's clock is not known"));
        let end = join(&mut recorder, 6_300, 500, 80);
        let run = recorder.finish(end, &[]).summary.run;
        assert_eq!((run.latency_ms.count, run.latency_ms.p50), (75, Some(60.0)));
        let distribution = std::fs::read_to_string(folder.join("latency.hgrm")).expect("it was written");
        assert!(distribution.contains("Total count    =           75]"), "{distribution}");
    }

    #[test]
    fn a_join_that_was_stopped_in_its_warm_up_is_left_out() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("run");
        let mut recorder = recorder(Some(Place::Folder(folder.clone())));
        recorder.begin_join(now(0));
        assert!(!recorder.leave_out_join(), "the first one is what there is");
        join(&mut recorder, 1_000, 0, 60);
        recorder.begin_join(now(6_000));
        recorder.observe(&Observation::frame(sample(500, 6_140, 6_200)));
        assert!(recorder.leave_out_join());
        recorder.warn(Warning::new(Code::Input, "of the run"));
        let run = recorder.finish(now(6_300), &[]).summary.run;
        let joins = &run.browser.as_ref().expect("one played").joins;
        assert_eq!((joins.len(), run.latency_ms.count, run.outcome), (1, 75, Outcome::Ok), "{:?}", run.warnings);
        assert!(run.warnings.iter().any(|warning| warning.message == "of the run"), "{:?}", run.warnings);
        let saved = crate::saved::Saved::open(&folder).expect("a report");
        let mut rows = 0;
        assert_eq!(saved.each_frame(|_| rows += 1).expect("it can be read"), None);
        let intervals = saved.intervals().expect("it can be read");
        assert_eq!((rows, intervals.rows.iter().map(|row| row.count).sum::<u64>()), (75, 75));
    }

    #[test]
    fn the_rows_of_joins_follow_each_other() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("run");
        summary(Some(Place::Folder(folder.clone())));
        let saved = crate::saved::Saved::open(&folder).expect("a report");
        let mut rows = Vec::new();
        assert_eq!(saved.each_frame(|row| rows.push((row.segment, row.seq))).expect("it can be read"), None);
        assert_eq!((rows.len(), rows[0].0, rows[149]), (150, 0, (1, 599)));
        let intervals = saved.intervals().expect("it can be read");
        assert_eq!(intervals.note, None);
        assert_eq!(intervals.rows.iter().map(|row| row.count).sum::<u64>(), 150);
        let (histograms, cut) = saved.histograms().expect("it can be read");
        assert_eq!((histograms.total.count(), cut), (150, None));
    }
}
