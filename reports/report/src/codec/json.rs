//! `run.json`.

use crate::run::Run;

/// The run as `run.json` has it: indented, with a line feed at its end.
pub fn run(run: &Run) -> String {
    let mut text = serde_json::to_string_pretty(run).expect("a run has string keys only");
    text.push('\n');
    text
}
