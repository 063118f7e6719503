//! What to know about a sweep before relying on it.

use render::words::counted;
use report::run::Outcome;
use report::threshold::frames_for;

use super::Figures;
use super::analysis::Analysis;
use super::cells::{Cell, MAX_MISSING_PERCENT, MAX_STALLED_PERCENT};
use super::front;

/// The most settings named one by one.
const MAX_NAMED: usize = 5;

/// The fewest runs of a setting that can tell two settings apart: see [`crate::statistics::can_decide`].
const ENOUGH_RUNS: usize = 4;

/// All warnings.
pub fn all(analysis: &Analysis<'_>) -> Vec<String> {
    let mut out = Vec::new();
    if !analysis.sweep.complete {
        let runs = counted(analysis.sweep.rows.len() as u64, "run");
        out.push(format!("The sweep is not finished: results are from the {runs} so far, and may change."));
    }
    out.extend(bad(analysis, Outcome::Failed, "failed"));
    out.extend(bad(analysis, Outcome::Inconclusive, "were inconclusive and are left out"));
    out.extend(repeats(analysis));
    out.extend(missing(analysis));
    out.extend(stalled(analysis));
    out.extend(no_p99(analysis));
    out.extend(quality(analysis));
    out.extend(drift(analysis));
    out
}

fn bad(analysis: &Analysis<'_>, outcome: Outcome, what: &str) -> Option<String> {
    let cells: Vec<&Cell<'_>> = analysis.cells.iter().filter(|cell| cell.count(outcome) > 0).collect();
    let runs: usize = cells.iter().map(|cell| cell.count(outcome)).sum();
    let name = |cell: &&Cell<'_>| {
        let why = cell.rows.iter().filter(|row| row.outcome == outcome).find_map(|row| row.why.as_deref());
        let why = why.map_or(String::new(), |why| format!(": {}", first_line(why)));
        format!("{} ({} of {}{why})", analysis.names.cell(cell), cell.count(outcome), cell.rows.len())
    };
    let named: Vec<String> = cells.iter().take(MAX_NAMED).map(name).collect();
    (runs > 0).then(|| {
        let all = analysis.sweep.rows.len();
        format!("{runs} of {} {what}: {}{}.", counted(all as u64, "run"), named.join("; "), and_more(cells.len()))
    })
}

/// The first line of a text, no longer than a sentence; … where it was longer.
fn first_line(text: &str) -> String {
    const MAX_CHARS: usize = 160;
    let line = text.lines().next().unwrap_or_default().trim_end_matches('.');
    match line.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

fn and_more(count: usize) -> String {
    match count.saturating_sub(MAX_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    }
}

fn repeats(analysis: &Analysis<'_>) -> Option<String> {
    let most = analysis.cells.iter().map(Cell::measured).max()?;
    match most {
        1 => Some(format!(
            "One run per setting: nothing is known of the noise between runs, so no figure has an interval and no difference is \
             conclusive. At least {ENOUGH_RUNS} are needed: repeats, or joins of a browser."
        )),
        2..ENOUGH_RUNS => Some(format!(
            "No setting has more than {most} runs: intervals are wide, and settings cannot be told apart. At least {ENOUGH_RUNS} \
             are needed: repeats, or joins of a browser."
        )),
        _ => None,
    }
}

fn missing(analysis: &Analysis<'_>) -> Option<String> {
    let mut missing: Vec<(f64, &Cell<'_>)> =
        analysis.cells.iter().filter_map(|cell| Some((cell.unseen_percent()?, cell))).collect();
    missing.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (most, worst) = missing.first()?;
    let (count, s) = (missing.len(), if missing.len() == 1 { "" } else { "s" });
    Some(format!(
        "In {count} setting{s} more than {MAX_MISSING_PERCENT} % of the frames were not seen (lost, or refused by the decoder after a \
         loss), most in {} ({most:.1} %). Their figures are those of the other frames, and they are neither recommended nor on a front.",
        analysis.names.cell(worst)
    ))
}

fn stalled(analysis: &Analysis<'_>) -> Option<String> {
    let stalled = analysis.cells.iter().filter_map(|cell| Some((cell.stalled_percent()?, cell)));
    let stalled: Vec<(f64, &Cell<'_>)> = stalled.collect();
    let (most, worst) = stalled.iter().max_by(|a, b| a.0.total_cmp(&b.0))?;
    let (count, s) = (stalled.len(), if stalled.len() == 1 { "" } else { "s" });
    Some(format!(
        "In {count} setting{s} the player stalled for more than {MAX_STALLED_PERCENT} % of the time, most in {} ({most:.1} %). They are \
         not recommended.",
        analysis.names.cell(worst)
    ))
}

fn no_p99(analysis: &Analysis<'_>) -> Option<String> {
    let few = |figures: &Figures| figures.p50_ms.is_some() && figures.p99_ms.is_none();
    let short = |cell: &&Cell<'_>| cell.rows.iter().flat_map(|row| row.each()).any(few);
    let first = analysis.cells.iter().find(short)?;
    let count = analysis.cells.iter().filter(short).count();
    Some(format!(
        "{count} of {} settings, {} among them, had runs of fewer than {} frames, too few for a p99. Longer runs have one.",
        analysis.cells.len(),
        analysis.names.cell(first),
        frames_for("p99")
    ))
}

fn quality(analysis: &Analysis<'_>) -> Option<String> {
    let measured = analysis.cells.iter().any(|cell| cell.count(Outcome::Ok) > 0);
    (measured && front::quality(&analysis.samples).is_none())
        .then(|| "Picture quality was not measured: a fast setting with a low bit rate may look bad.".to_owned())
}

fn drift(analysis: &Analysis<'_>) -> Option<String> {
    let drift = analysis.drift.as_ref().filter(|drift| drift.clear)?;
    let sign = if drift.change < 0.0 { "lower" } else { "higher" };
    Some(format!(
        "Later runs measured {sign} latencies of the same settings: {:+.1} {} from the first run to the last, on average. Something \
         other than the settings changed; the random order spreads that over all of them.",
        drift.change, drift.unit
    ))
}
