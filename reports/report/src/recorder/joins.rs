//! The joins of a run in a browser: each is a tally of its own, and the run is what they come to together.

use std::time::Duration;

use common::time::MonoTime;
use measure::figures::browser::Viewed;
use measure::interval::Histograms;
use measure::latency::Distribution;

use crate::pool::{self, Part};
use crate::run::{Browser, Extremes, InBrowser, Join, Outcome, Run};
use crate::tally::Tally;
use crate::warning::Warning;

/// Where the rows of a join begin among those of all.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Base {
    /// Counted from 1 where a browser plays.
    pub(super) join: Option<usize>,
    /// Starts of the publisher before it.
    pub(super) segments: u32,
    /// Of its second 0.
    pub(super) second: u64,
    /// From the start of the first join to that of this one.
    pub(super) start: Duration,
}

/// The joins so far.
#[derive(Debug)]
pub(super) struct Joins {
    via: String,
    player: String,
    browser: Browser,
    ended: Vec<Ended>,
    /// Of the join that plays.
    viewed: Viewed,
    pub(super) is_playing: bool,
    first_started: Option<MonoTime>,
}

#[derive(Debug)]
struct Ended {
    run: Run,
    histograms: Histograms,
    viewed: Viewed,
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
            is_playing: false,
            first_started: None,
        }
    }

    /// Where the rows of the join that begins at `started` begin, after those of the one at `before` with so many seconds.
    pub(super) fn begin(&mut self, started: MonoTime, before: Base, next_second: u64) -> Base {
        let first = *self.first_started.get_or_insert(started);
        self.is_playing = true;
        let start = started - first;
        let second = (start.as_secs_f64().round() as u64).max(next_second);
        Base { join: Some(self.ended.len() + 1), start, second, ..before }
    }

    /// How the browser plays, as known by now.
    pub(super) fn viewed(&mut self, browser: Option<(String, String)>, viewed: Viewed) {
        if let Some((name, version)) = browser {
            self.browser = Browser { name: Some(name), version: Some(version) };
        }
        self.viewed = viewed;
    }

    /// The join that `tally` is of is over.
    pub(super) fn end(&mut self, tally: &Tally, base: Base) {
        let (run, histograms) = (tally.run(false), tally.histograms().clone());
        self.ended.push(Ended { run, histograms, viewed: std::mem::take(&mut self.viewed), base });
        self.is_playing = false;
    }

    /// The latencies of all joins.
    pub(super) fn latency(&self, tally: &Tally) -> Distribution {
        let mut sum = tally.histograms().total.clone();
        self.ended.iter().for_each(|ended| sum.add(&ended.histograms.total));
        sum
    }

    /// All figures: those of the joins that ended, and of the one that `tally` is of.
    pub(super) fn run(&self, tally: &Tally, partial: bool, base: Base) -> Run {
        let current = (self.is_playing || self.ended.is_empty()).then(|| Ended {
            run: tally.run(partial),
            histograms: tally.histograms().clone(),
            viewed: self.viewed.clone(),
            base,
        });
        let all: Vec<&Ended> = self.ended.iter().chain(&current).collect();
        let mut run = match &all[..] {
            [one] => one.run.clone(),
            _ => pool::figures(&all.iter().map(|ended| ended.part()).collect::<Vec<_>>()),
        };
        run.partial = partial;
        run.warnings = warnings(&all);
        if run.warnings.iter().any(|warning| warning.code.is_inconclusive()) {
            run.outcome = Outcome::Inconclusive;
        }
        let mut viewed = Viewed::default();
        all.iter().for_each(|ended| viewed.merge(&ended.viewed));
        let joins = || all.iter().zip(1..).map(|(ended, number)| Join::new(number, &ended.run, ended.viewed.figures()));
        run.browser = Some(InBrowser {
            via: self.via.clone(),
            player: self.player.clone(),
            browser: self.browser.clone(),
            viewing: viewed.figures(),
            joins: joins().filter(|_| self.first_started.is_some()).collect(),
            joins_p50_ms: Extremes::of(all.iter().filter_map(|ended| ended.run.latency_ms.p50)),
        });
        run
    }
}

/// What any join warns of: once, where all say the same.
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
