//! `tune.json`: the runs and all results. `docs/tune.schema.json` is its schema.

use std::collections::BTreeMap;

use measure::units::rounded;
use report::run::Outcome;
use serde::Serialize;
use serde_json::{Value, json};

use super::analysis::Analysis;
use super::drift::Drift;
use super::front::{Front, Standing};
use super::metric::Metric;
use super::samples::Interval;
use super::{Axis, Figures, Row};
use crate::statistics::{LEVEL, Scale, confidence};

/// The name and version of `tune.json`'s shape.
pub const SCHEMA: &str = "framelag/tune/1";

/// The file, in the order of its fields.
#[derive(Serialize)]
struct File<'a> {
    schema: &'static str,
    name: &'a str,
    started: &'a str,
    seed: u64,
    complete: bool,
    host: &'a Value,
    axes: &'a [Axis],
    fixed: BTreeMap<&'a str, &'a str>,
    confidence: f64,
    scales: BTreeMap<&'static str, Scale>,
    warnings: &'a [String],
    recommendations: Vec<Value>,
    fronts: Vec<Value>,
    drift: &'a Option<Drift>,
    cells: Vec<Value>,
    rows: Vec<&'a Row>,
}

/// The whole file.
pub fn sweep(analysis: &Analysis<'_>) -> String {
    let sweep = analysis.sweep;
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
        scales: analysis.samples.iter().map(|samples| (samples.metric.name(), samples.scale)).collect(),
        warnings: &analysis.warnings,
        recommendations: recommendations(analysis),
        fronts: analysis.fronts.iter().map(|of| front(analysis, of)).collect(),
        drift: &analysis.drift,
        cells: (0..analysis.cells.len()).map(|place| cell(analysis, place)).collect(),
        rows: sweep.in_order().collect(),
    };
    let mut text = serde_json::to_string_pretty(&file).expect("a sweep has string keys only");
    text.push('\n');
    text
}

fn recommendations(analysis: &Analysis<'_>) -> Vec<Value> {
    let id = |place: &usize| analysis.cells[*place].id;
    let recommendation = analysis.advice.iter().map(|advice| {
        json!({
            "condition": advice.condition,
            "confidence": advice.confidence,
            "cell": advice.cell.as_ref().map(id),
            "tied": advice.tied.iter().map(id).collect::<Vec<_>>(),
            "text": advice.text,
        })
    });
    recommendation.collect()
}

fn front(analysis: &Analysis<'_>, of: &Front) -> Value {
    let with = |standing: Standing| -> Vec<usize> {
        let cells = analysis.cells.iter().zip(&of.standing);
        cells.filter(|(_, own)| **own == Some(standing)).map(|(cell, _)| cell.id).collect()
    };
    let objectives: Vec<&str> = of.objectives.iter().map(|metric| metric.name()).collect();
    json!({
        "latency": objectives[0],
        "objectives": objectives,
        "noise_known": of.noise_known,
        "on": with(Standing::On),
        "perhaps": with(Standing::Perhaps),
        "out": with(Standing::Out),
    })
}

fn cell(analysis: &Analysis<'_>, place: usize) -> Value {
    let of = &analysis.cells[place];
    let mean = |(at, (name, _)): (usize, (&'static str, Option<f64>))| {
        let mean = of.mean(|figures| figures.named()[at].1);
        (name, mean.map(|value| Interval { value: rounded(value), low: None, high: None }))
    };
    let mut figures: BTreeMap<_, _> = Figures::default().named().into_iter().enumerate().map(mean).collect();
    figures.extend(Metric::ALL.map(|metric| (metric.name(), analysis.interval(metric, place))));
    let settings: BTreeMap<&str, &str> = (analysis.sweep.axes.iter().zip(of.values))
        .map(|(axis, value)| (axis.name.as_str(), axis.values[*value].as_str()))
        .collect();
    let outcomes = [Outcome::Ok, Outcome::Inconclusive, Outcome::Failed];
    let runs: BTreeMap<&str, usize> = outcomes.map(|outcome| (outcome.name(), of.count(outcome))).into();
    json!({ "cell": of.id, "values": of.values, "settings": settings, "runs": runs, "figures": figures })
}
