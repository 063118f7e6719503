//! The files of a report folder, which may come from anywhere.

use std::path::Path;

use measure::interval::Histograms;
use report::{codec, saved};

/// One of the files that are read back: the first byte says which.
pub fn report(data: &[u8]) {
    let Some((which, text)) = data.split_first() else { return };
    match which {
        b'r' => run(text),
        b'f' => frames(text),
        b'i' => intervals(text),
        _ => histograms(text),
    }
}

/// What was understood is written as it was read, whatever it is.
fn run(text: &[u8]) {
    let path = Path::new("run.json");
    let Ok((run, _)) = saved::parse(text, path) else { return };
    let written = codec::json::run(&run);
    let (again, notes) = saved::parse(written.as_bytes(), path).expect("what was written is read");
    // Numbers may change in their last binary digit: JSON's are decimal.
    assert_eq!((again.frames, &again.warnings, again.outcome), (run.frames, &run.warnings, run.outcome), "the same");
    assert!(notes.is_empty() && again.merged.is_some() == run.merged.is_some());
    let _ = render::terminal(&run, None);
}

/// Rows come in order, and no more of them than there are lines.
fn frames(text: &[u8]) {
    let mut rows = Vec::new();
    saved::read_frames(text, |row| rows.push((row.segment, row.seq))).expect("memory can be read");
    assert!(rows.is_sorted_by(|one, next| one < next), "in order, each once");
    assert!(rows.len() <= lines(text));
}

fn intervals(text: &[u8]) {
    let mut rows = Vec::new();
    saved::read_intervals(text, |row| rows.push(row)).expect("memory can be read");
    assert!(rows.is_sorted_by(|one, next| one.second < next.second), "in order, each once");
    assert!(rows.len() <= lines(text) && rows.iter().all(|row| row.length_s.is_finite()));
}

fn histograms(text: &[u8]) {
    let mut found = Histograms::default();
    let note = saved::read_histograms(text, &mut found).expect("memory can be read");
    assert!(!text.is_empty() || note.is_some(), "an empty file is said");
    assert_eq!(found.total.quantile_us(1.0), found.total.max_us());
}

fn lines(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte == b'\n').count()
}
