//! One side of a comparison: its runs with a value, and those left out.

use report::run::Run;
use report::threshold::Metric;
use report::warning::Code;
use serde::Serialize;

use super::Input;

/// The runs of one side.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Side {
    /// Runs that are compared.
    pub runs: Vec<Sampled>,
    /// Runs that are not.
    pub left_out: Vec<LeftOut>,
}

/// A run that is compared.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sampled {
    /// Its name.
    pub name: String,
    /// When it began.
    pub started: String,
    /// Its figure.
    pub value: f64,
}

/// A run without a usable value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Its name.
    pub name: String,
    /// Why.
    pub why: String,
}

impl Side {
    pub(super) fn of(inputs: &[Input<'_>], missing: &[LeftOut], metric: &Metric) -> Self {
        let mut side = Self { runs: Vec::new(), left_out: missing.to_vec() };
        for Input { name, run } in inputs {
            // In a browser, each join is a run.
            let joins = if metric.spans_joins() { Vec::new() } else { run.joins() };
            if joins.is_empty() {
                side.add(name.clone(), run, metric);
            }
            joins.iter().for_each(|(number, join)| side.add(format!("{name}, join {number}"), join, metric));
        }
        side
    }

    fn add(&mut self, name: String, run: &Run, metric: &Metric) {
        match sample(run, metric) {
            Ok(value) => self.runs.push(Sampled { name, started: run.started.to_string(), value }),
            Err(why) => self.left_out.push(LeftOut { name, why }),
        }
    }

    /// The values that are compared.
    pub fn values(&self) -> Vec<f64> {
        self.runs.iter().map(|run| run.value).collect()
    }
}

/// The figure of a conclusive run, or why it is not one. A run with a broken assertion counts: leaving it out would hide what the
/// gate is for.
fn sample(run: &Run, metric: &Metric) -> Result<f64, String> {
    let failed = |code: Code| matches!(code, Code::Failed | Code::ReportNotWritten);
    if let Some(warning) = run.warnings.iter().find(|warning| failed(warning.code) || warning.code.is_inconclusive()) {
        return Err(warning.message.clone());
    }
    if run.is_inconclusive_by_itself() {
        return Err("it was inconclusive, for a reason that this framelag does not know".to_owned());
    }
    if let Some(few) = metric.too_few(run) {
        return Err(few);
    }
    metric.value(run).ok_or_else(|| format!("it has no {metric}"))
}
