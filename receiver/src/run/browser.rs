//! A run that plays in a browser.

use std::time::Duration;

use common::host::Stop;

use crate::config::Config;
use crate::output::Output;
use crate::via;

/// Default duration of a join.
const JOIN_DURATION: Duration = Duration::from_secs(10);

/// Plays `via` in a browser. Returns the exit code.
///
/// # Errors
/// Fails if the run cannot start.
pub(super) fn play(config: &Config, via: &via::Config, stop: &Stop) -> Result<u8, via::Error> {
    let output = Output::new(config.json, None, false);
    let duration = config.duration.unwrap_or(JOIN_DURATION);
    let common = via::Common {
        duration,
        warmup: config.warmup,
        settings: via.describe(duration, config.warmup),
        folder: config.report.clone().map(report::Place::Folder),
        assertions: &config.assertions,
    };
    let summary = via::Session::open(via, common, &output, stop)?.measure();
    Ok(super::tell::tell(&output, "", &via.url(), &summary))
}
