//! The joined run: its figures, and what came of it.

use common::time::WallTime;
use measure::units::rfc3339;
use report::pool;
use report::run::{Merged, Receiver, Run, Verdict};
use report::summary::Summary;
use report::threshold::Assertion;
use report::warning::Warning;
use serde_json::Value;

use super::part::Part;
use super::settings;
use super::warnings::{failure, warnings};

/// When second 0 of the joined run begins, in µs since the Unix epoch: with the first receiver's.
pub(super) fn zero_us(parts: &[Part]) -> Option<i64> {
    parts.iter().filter_map(Part::zero_us).min()
}

/// The joined run, judged.
pub(super) fn join(parts: &[Part], assertions: &[Assertion]) -> Summary {
    let mut run = figures(parts);
    run.warnings = warnings(parts);
    let mut summary = judge(run, parts, assertions);
    for (name, failure) in parts.iter().filter_map(|part| Some((&part.name, failure(part.run())?))) {
        summary.fail(Warning::new(failure.code, format!("{name}: {}", failure.message)));
    }
    summary
}

/// Judges by new assertions, or else by those of the parts, as they were judged.
fn judge(run: Run, parts: &[Part], assertions: &[Assertion]) -> Summary {
    if !assertions.is_empty() {
        return Summary::judge(run, assertions);
    }
    let of_part = |part: &Part, verdict: &Verdict| {
        let text = format!("{}: {}", part.name, verdict.text);
        Verdict { text, ..verdict.clone() }
    };
    let verdicts = parts.iter().flat_map(|part| part.run().assertions.iter().map(|verdict| of_part(part, verdict)));
    Summary::judged(run, verdicts.collect())
}

fn figures(parts: &[Part]) -> Run {
    let zero = zero_us(parts);
    let pooled: Vec<_> = parts.iter().map(|part| part.pooled(zero)).collect();
    let described =
        |of: fn(&Run) -> Value| settings::join(&parts.iter().map(|part| of(part.run())).collect::<Vec<_>>()).0;
    Run {
        config: described(|run| run.config.to_json()).into(),
        host: described(|run| run.host.to_json()).into(),
        merged: Some(Merged {
            second_zero: zero.map(|zero| rfc3339(WallTime::from_micros(zero))),
            receivers: receivers(parts),
        }),
        browser: pool::in_browsers(&pooled),
        ..pool::figures(&pooled)
    }
}

fn receivers(parts: &[Part]) -> Vec<Receiver> {
    let mut first = 0_u32;
    let mut out = Vec::new();
    for part in parts {
        // A run that was joined before is one of several folders now, its receivers' names say which.
        let again = part.run().merged.is_some();
        out.extend(part.receivers.iter().map(|receiver| Receiver {
            folder: if again { format!("{}: {}", part.name, receiver.folder) } else { receiver.folder.clone() },
            first_segment: first.saturating_add(part.segment(receiver.first_segment)),
            pooled: receiver.pooled && part.is_pooled(),
            ..receiver.clone()
        }));
        first = first.saturating_add(u32::try_from(part.segments.len()).unwrap_or(u32::MAX));
    }
    out
}
