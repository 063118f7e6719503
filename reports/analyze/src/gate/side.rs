//! One side: which of its runs are samples, and what their value is.

use report::run::Run;
use report::threshold::Metric;
use report::warning::Code;
use serde::Serialize;

use super::Input;

/// The runs of one side.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Side {
    /// Those that are compared.
    pub runs: Vec<Sampled>,
    /// Those that are not.
    pub left_out: Vec<LeftOut>,
}

/// A run that is compared.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sampled {
    /// What it is called.
    pub name: String,
    /// When it began.
    pub started: String,
    /// Its figure.
    pub value: f64,
}

/// A run that is no sample.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// What it is called.
    pub name: String,
    /// Why.
    pub why: String,
}

impl Side {
    pub(super) fn of(inputs: &[Input<'_>], missing: &[LeftOut], metric: &Metric) -> Self {
        let mut side = Self { runs: Vec::new(), left_out: missing.to_vec() };
        for Input { name, run } in inputs {
            let name = name.clone();
            match sample(run, metric) {
                Ok(value) => side.runs.push(Sampled { name, started: run.started.to_string(), value }),
                Err(why) => side.left_out.push(LeftOut { name, why }),
            }
        }
        side
    }

    /// The values that are compared.
    pub fn values(&self) -> Vec<f64> {
        self.runs.iter().map(|run| run.value).collect()
    }
}

/// The figure of a run that proves something, or why it does not. A broken assertion is no reason: its figures are as
/// good as others, and leaving them out would hide what the gate is for.
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
