//! Keeps the log short, whatever strangers do: of each kind of line only so many in a while, the rest by count.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use common::lock::lock;
use tracing::callsite::Identifier;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, Filter};

/// Lines of one kind between two reports.
const LINES_MAX: u64 = 40;
/// What this crate's lines say where they come from.
const TARGET: &str = env!("CARGO_CRATE_NAME");

/// Lines since the last report, by the place in the code that writes them.
static LINES: LazyLock<Mutex<HashMap<Identifier, (&'static Metadata<'static>, u64)>>> = LazyLock::new(Mutex::default);

/// A filter for the subscriber of a process that starts a server: lets the server write a few lines of a kind in
/// ten seconds. The server itself tells how many were left out.
#[derive(Clone, Copy, Debug)]
pub struct LogLimit;

impl<S: Subscriber> Filter<S> for LogLimit {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        let metadata = event.metadata();
        !is_ours(metadata.target()) || count(metadata) <= LINES_MAX
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        // Without a hint a filter joined to this one has none either, and each line below its level would be looked at.
        Some(LevelFilter::TRACE)
    }
}

fn is_ours(target: &str) -> bool {
    target.strip_prefix(TARGET).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// How many of these lines there were since the last report, this one included.
fn count(metadata: &'static Metadata<'static>) -> u64 {
    let mut lines = lock(&LINES);
    let (_, count) = lines.entry(metadata.callsite()).or_insert((metadata, 0));
    *count += 1;
    *count
}

/// Begins anew, and gives what was left out.
fn take() -> Vec<String> {
    let lines = std::mem::take(&mut *lock(&LINES));
    let mut told: Vec<_> = lines
        .into_values()
        .filter(|(_, count)| *count > LINES_MAX)
        .map(|(of, count)| {
            let more = count - LINES_MAX;
            format!("{more} more lines like the last one from {}:{} suppressed", of.target(), of.line().unwrap_or(0))
        })
        .collect();
    told.sort();
    told
}

/// Logs how many lines were left out since the last time.
pub(crate) fn report() {
    // Taken first: what is logged here is counted as well.
    for line in take() {
        tracing::warn!("{line}");
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::Registry;
    use tracing_subscriber::filter::FilterExt;

    use super::*;

    #[test]
    fn the_level_of_a_filter_joined_to_it_still_counts() {
        let joined = FilterExt::<Registry>::and(LevelFilter::INFO, LogLimit);
        assert_eq!(joined.max_level_hint(), Some(LevelFilter::INFO));
    }

    #[test]
    fn only_lines_of_the_server_are_counted() {
        assert!(is_ours("server") && is_ours("server::rtsp::connection"));
        assert!(!is_ours("servers") && !is_ours("publisher::egress"));
    }
}
