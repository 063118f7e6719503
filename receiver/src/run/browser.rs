//! A run whose pictures stay in a browser.

use std::time::Duration;

use common::host::Stop;

use crate::config::Config;
use crate::output::Output;
use crate::via;

/// How long a join lasts where nobody says.
const JOIN_DURATION: Duration = Duration::from_secs(10);

/// Has a browser play what `via` asks for. Returns the exit code.
///
/// # Errors
/// If the run cannot begin.
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
