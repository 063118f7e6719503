//! Pools how browsers played.

use measure::figures::browser::Viewing;

use super::distinct;
use super::part::Part;
use crate::run::{Browser, Extremes, InBrowser, Join};

/// What the runs have in common if all of them were in browsers: their joins, counted through, and playback figures. The ages by
/// dates stay with the runs.
pub fn in_browsers(parts: &[Part<'_>]) -> Option<InBrowser> {
    let browsers: Vec<&InBrowser> = parts.iter().map(|part| part.run.browser.as_ref()).collect::<Option<_>>()?;
    let text = |of: fn(&InBrowser) -> Option<&str>| {
        Some(distinct(browsers.iter().filter_map(|browser| of(browser)))).filter(|text| !text.is_empty())
    };
    let seconds = parts.iter().map(|part| part.run.duration_s.unwrap_or(0.0));
    let viewing = Viewing::pooled(browsers.iter().map(|browser| &browser.viewing).zip(seconds));
    let joins: Vec<Join> = browsers
        .iter()
        .flat_map(|browser| &browser.joins)
        .zip(1..)
        .map(|(join, number)| Join { number, ..join.clone() })
        .collect();
    Some(InBrowser {
        via: text(|browser| Some(&browser.via))?,
        player: text(|browser| Some(&browser.player)).unwrap_or_default(),
        browser: Browser {
            name: text(|browser| browser.browser.name.as_deref()),
            version: text(|browser| browser.browser.version.as_deref()),
        },
        viewing: Viewing { claims: InBrowser::claims_of(&joins), ..viewing },
        joins_p50_ms: Extremes::of(joins.iter().filter_map(|join| join.latency_ms.p50)),
        joins,
    })
}
