//! The warnings of joined runs.

use report::run::{Outcome, Run};
use report::warning::{Code, Warning};

use super::part::Part;
use super::settings;

/// Why a run failed, unless by an assertion.
pub(super) fn failure(run: &Run) -> Option<&Warning> {
    let failed = |warning: &&Warning| matches!(warning.code, Code::Failed | Code::ReportNotWritten);
    run.warnings.iter().find(failed).filter(|_| run.outcome == Outcome::Failed)
}

/// The warnings of all parts, prefixed with their folder, and those that joining adds.
pub(super) fn warnings(parts: &[Part]) -> Vec<Warning> {
    let mut out = Vec::new();
    for part in parts {
        let (name, run) = (&part.name, part.run());
        let mut say = |code, message: String| out.push(Warning::new(code, format!("{name}: {message}")));
        let failure = failure(run);
        for warning in run.warnings.iter().filter(|warning| failure != Some(*warning)) {
            say(warning.code, warning.message.clone());
        }
        if !part.is_pooled() {
            let left = "its latencies cannot be compared with those of others, and are left out";
            say(Code::MergePart, left.to_owned());
        } else if !part.short.is_empty() {
            let short = part.short.join(", ");
            say(Code::MergePart, format!("its files have not all values of {short}: quantiles are of the rest"));
        }
        part.notes.iter().for_each(|note| say(Code::MergePart, note.clone()));
        part.saved.notes.iter().for_each(|note| say(Code::MergeDifferent, note.clone()));
        let known = run.warnings.iter().any(|warning| warning.code.is_inconclusive());
        if !known && run.is_inconclusive_by_itself() {
            say(Code::MergePart, "it was inconclusive, for a reason that this framelag does not know".to_owned());
        }
    }
    out.extend(different(parts));
    out
}

fn different(parts: &[Part]) -> Option<Warning> {
    let (_, mut different) = settings::join(&parts.iter().map(|part| part.run().config.to_json()).collect::<Vec<_>>());
    if parts.iter().any(|part| part.run().warmup_s != parts[0].run().warmup_s) {
        different.push("warmup_s".to_owned());
    }
    let browser = |part: &Part| part.run().browser.as_ref().map(|browser| browser.browser.clone());
    if parts.iter().any(|part| browser(part) != browser(&parts[0])) {
        different.push("browser".to_owned());
    }
    let message = || format!("the receivers were set differently: {}", different.join(", "));
    (!different.is_empty()).then(|| Warning::new(Code::MergeDifferent, message()))
}
