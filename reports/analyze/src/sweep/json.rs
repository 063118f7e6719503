//! `tune.json`: the runs, and all that was found out about them. `docs/tune.schema.json` says its shape to programs.

use std::collections::BTreeMap;

use measure::units::rounded;
use serde::Serialize;

use super::advice::Confidence;
use super::analysis::Analysis;
use super::drift::Drift;
use super::front::Standing;
use super::metric::Metric;
use super::samples::Interval;
use super::{Axis, Figures, Outcome, Row};
use crate::statistics::{LEVEL, Scale, confidence};

/// The name and version of `tune.json`'s shape.
pub const SCHEMA: &str = "framelag/tune/1";

#[derive(Serialize)]
struct File<'a> {
    schema: &'static str,
    name: &'a str,
    started: &'a str,
    seed: u64,
    complete: bool,
    host: &'a serde_json::Value,
    axes: &'a [Axis],
    fixed: BTreeMap<&'a str, &'a str>,
    confidence: f64,
    scales: BTreeMap<&'static str, Scale>,
    warnings: &'a [String],
    recommendations: Vec<Recommendation<'a>>,
    fronts: Vec<FrontOf>,
    drift: &'a Option<Drift>,
    cells: Vec<CellOf<'a>>,
    rows: Vec<&'a Row>,
}

#[derive(Serialize)]
struct Recommendation<'a> {
    condition: &'a str,
    confidence: Confidence,
    cell: Option<usize>,
    tied: Vec<usize>,
    text: &'a [String],
}

#[derive(Serialize)]
struct FrontOf {
    latency: &'static str,
    objectives: Vec<&'static str>,
    noise_known: bool,
    on: Vec<usize>,
    perhaps: Vec<usize>,
    out: Vec<usize>,
}

#[derive(Serialize)]
struct CellOf<'a> {
    cell: usize,
    values: &'a [usize],
    settings: BTreeMap<&'a str, &'a str>,
    runs: Runs,
    figures: BTreeMap<&'static str, Option<Interval>>,
}

#[derive(Serialize)]
struct Runs {
    ok: usize,
    inconclusive: usize,
    failed: usize,
}

/// The whole file.
pub fn sweep(found: &Analysis<'_>) -> String {
    let sweep = found.sweep;
    let id = |place: &usize| found.cells[*place].id;
    let ids = |places: &[usize]| places.iter().map(id).collect();
    let recommendations = found.advice.iter().map(|advice| Recommendation {
        condition: &advice.condition,
        confidence: advice.confidence,
        cell: advice.cell.as_ref().map(id),
        tied: ids(&advice.tied),
        text: &advice.text,
    });
    let fronts = found.fronts.iter().map(|front| {
        let with = |standing| {
            (0..found.cells.len())
                .filter(|cell| front.standing[*cell] == Some(standing))
                .map(|cell| id(&cell))
                .collect()
        };
        FrontOf {
            latency: front.objectives[0].name(),
            objectives: front.objectives.iter().map(|metric| metric.name()).collect(),
            noise_known: front.noise_known,
            on: with(Standing::On),
            perhaps: with(Standing::Perhaps),
            out: with(Standing::Out),
        }
    });
    let mut rows: Vec<&Row> = sweep.rows.iter().collect();
    rows.sort_by_key(|row| row.order);
    let file = File {
        schema: SCHEMA,
        name: &sweep.name,
        started: &sweep.started,
        seed: sweep.seed,
        complete: sweep.complete,
        host: &sweep.host,
        axes: &sweep.axes,
        fixed: sweep.fixed.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
        confidence: confidence(LEVEL),
        scales: found.samples.iter().map(|samples| (samples.metric.name(), samples.scale)).collect(),
        warnings: &found.warnings,
        recommendations: recommendations.collect(),
        fronts: fronts.collect(),
        drift: &found.drift,
        cells: (0..found.cells.len()).map(|place| cell(found, place)).collect(),
        rows,
    };
    let mut text = serde_json::to_string_pretty(&file).expect("a sweep has string keys only");
    text.push('\n');
    text
}

fn cell<'a>(found: &'a Analysis<'a>, place: usize) -> CellOf<'a> {
    let of = &found.cells[place];
    let plain = |(at, (name, _)): (usize, (&'static str, Option<f64>))| {
        let mean = of.mean(|row| row.figures.named()[at].1);
        (name, mean.map(|value| Interval { value: rounded(value), low: None, high: None }))
    };
    let mut figures: BTreeMap<_, _> = Figures::default().named().into_iter().enumerate().map(plain).collect();
    for metric in Metric::ALL {
        figures.insert(metric.name(), found.interval(metric, place));
    }
    let settings = (found.sweep.axes.iter().zip(of.values))
        .map(|(axis, value)| (axis.name.as_str(), axis.values[*value].as_str()))
        .collect();
    let count = |outcome| of.count(outcome);
    let runs =
        Runs { ok: count(Outcome::Ok), inconclusive: count(Outcome::Inconclusive), failed: count(Outcome::Failed) };
    CellOf { cell: of.id, values: of.values, settings, runs, figures }
}
