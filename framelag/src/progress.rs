//! Progress bars on terminals.

use common::host::terminal;
use indicatif::{ProgressBar, ProgressStyle};

/// A bar of `steps` on standard error; hidden with `--json`, and unless that is a terminal.
pub fn bar(json: bool, steps: usize) -> ProgressBar {
    if json || !terminal::is_lively() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:24} {pos}/{len} {wide_msg}");
    ProgressBar::new(steps as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
