//! What came of a run: the outcome and the exit code.
//!
//! # Outcome
//!
//! The first of these that holds:
//!
//! 1. the run failed ([`Recorder::fail`](crate::Recorder::fail), or a report that cannot be written): `failed`, exit
//!    code 1;
//! 2. the figures prove nothing ([`Code::is_inconclusive`](crate::warning::Code::is_inconclusive)): `inconclusive`, 3;
//! 3. an assertion is broken: `failed`, 99;
//! 4. an assertion has no figure, or too few frames for it: `inconclusive`, 3;
//! 5. otherwise `ok`, 0.

use std::path::PathBuf;

use measure::live::Metrics;

use crate::run::{Outcome, Run, Verdict};
use crate::threshold::Assertion;
use crate::warning::Warning;

/// Exit codes as in the interface: see the module.
const OK: u8 = 0;
const FAILED: u8 = 1;
const INCONCLUSIVE: u8 = 3;
const BROKEN: u8 = 99;

/// A finished run.
#[derive(Clone, Debug)]
pub struct Summary {
    /// All figures, as in `run.json`.
    pub run: Run,
    /// What the process should end with.
    pub exit_code: u8,
    /// The report folder, where one was written.
    pub report: Option<PathBuf>,
    /// The last figures for programs that watch the run; `None` where it was not recorded here.
    pub metrics: Option<Metrics>,
}

impl Summary {
    /// Judges a run by its warnings and by `assertions`.
    pub fn judge(run: Run, assertions: &[Assertion]) -> Self {
        let verdicts = assertions.iter().map(|assertion| assertion.check(&run)).collect();
        Self::judged(run, verdicts)
    }

    /// Judges a run by its warnings and by assertions that were checked.
    pub fn judged(mut run: Run, verdicts: Vec<Verdict>) -> Self {
        run.assertions = verdicts;
        let any = |ok| run.assertions.iter().any(|verdict| verdict.ok == ok);
        let (outcome, exit_code) = if run.warnings.iter().any(|warning| warning.code.is_inconclusive()) {
            (Outcome::Inconclusive, INCONCLUSIVE)
        } else if any(Some(false)) {
            (Outcome::Failed, BROKEN)
        } else if any(None) {
            (Outcome::Inconclusive, INCONCLUSIVE)
        } else {
            (Outcome::Ok, OK)
        };
        run.outcome = outcome;
        Self { run, exit_code, report: None, metrics: None }
    }

    /// Says that the run failed, whatever its figures: exit code 1.
    pub fn fail(&mut self, warning: Warning) {
        self.run.warnings.push(warning);
        self.run.outcome = Outcome::Failed;
        self.exit_code = FAILED;
    }

    /// What came of the run.
    pub fn outcome(&self) -> Outcome {
        self.run.outcome
    }
}

#[cfg(test)]
mod tests;
