//! Reports the result of a stream.

use report::Summary;

use crate::output::Output;
use crate::step_summary;

/// Exit code of a run without the requested measurements.
pub(super) const FAILED: u8 = 1;

/// Reports the result of a stream, also in a CI job's summary. Returns its exit code.
pub(super) fn tell(output: &Output, name: &str, url: &str, summary: &Summary) -> u8 {
    output.summary(name, url, summary);
    if let Some(page) = step_summary::file()
        && let Err(error) = step_summary::append(&page, &summary.run)
    {
        output.warn(format_args!("cannot append to $GITHUB_STEP_SUMMARY ({}): {error}", page.display()));
    }
    if output.is_written() { summary.exit_code } else { FAILED }
}
