//! Telling what came of a stream.

use report::Summary;

use crate::output::Output;
use crate::step_summary;

/// Exit code of a run that did not bring what was asked for.
pub(super) const FAILED: u8 = 1;

/// Tells what came of a stream, also on the page of a CI job. Returns its exit code.
pub(super) fn tell(output: &Output, name: &str, url: &str, summary: &Summary) -> u8 {
    output.summary(name, url, summary);
    if let Some(page) = step_summary::file()
        && let Err(error) = step_summary::append(&page, &summary.run)
    {
        output.warn(format_args!("cannot append to $GITHUB_STEP_SUMMARY ({}): {error}", page.display()));
    }
    if output.is_written() { summary.exit_code } else { FAILED }
}
