//! Pools how browsers played.

use std::collections::BTreeSet;

use measure::figures::browser::{Presented, Spread, Stalls, Viewing};

use super::distinct;
use super::part::Part;
use super::runs::Runs;
use crate::run::{Browser, Extremes, InBrowser, Join, Run};

/// What the runs have in common if all of them were in browsers: their joins, counted through, and playback figures. The ages by
/// dates stay with the runs.
pub fn in_browsers(parts: &[Part<'_>]) -> Option<InBrowser> {
    let browsers: Vec<&InBrowser> = parts.iter().map(|part| part.run.browser.as_ref()).collect::<Option<_>>()?;
    let text = |of: fn(&InBrowser) -> Option<&str>| {
        Some(distinct(browsers.iter().filter_map(|browser| of(browser)))).filter(|text| !text.is_empty())
    };
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
        viewing: Viewing {
            claims: InBrowser::claims_of(&joins),
            ..playback(&Runs::new(parts.iter().map(|part| part.run)))
        },
        joins_p50_ms: Extremes::of(joins.iter().filter_map(|join| join.latency_ms.p50)),
        joins,
    })
}

/// Pools the playback figures without claims and dates.
fn playback(runs: &Runs<'_>) -> Viewing {
    let count = |of: fn(&Viewing) -> u64| runs.total(|run| run.viewing().map_or(0, of));
    let spread = |of: fn(&Viewing) -> Spread| Spread {
        mean: runs.over_time(|run| of(run.viewing()?).mean),
        min: runs.smallest(|run| of(run.viewing()?).min),
        max: runs.largest(|run| of(run.viewing()?).max),
    };
    let seeks =
        |why: &String| runs.total(|run| run.viewing().and_then(|viewing| viewing.seeks.get(why)).copied().unwrap_or(0));
    let reasons: BTreeSet<&String> =
        runs.iter().filter_map(Run::viewing).flat_map(|viewing| viewing.seeks.keys()).collect();
    Viewing {
        stalls: Stalls {
            count: count(|viewing| viewing.stalls.count),
            total_ms: runs.sum_of_times(|run| Some(run.viewing()?.stalls.total_ms)).unwrap_or_default(),
            longest_ms: runs.largest(|run| run.viewing()?.stalls.longest_ms),
        },
        seeks: reasons.into_iter().map(|why| (why.clone(), seeks(why))).collect(),
        playback_rate: spread(|viewing| viewing.playback_rate),
        ahead_ms: spread(|viewing| viewing.ahead_ms),
        presented: Presented {
            callbacks: count(|viewing| viewing.presented.callbacks),
            missed: count(|viewing| viewing.presented.missed),
            dropped: count(|viewing| viewing.presented.dropped),
        },
        ..Viewing::default()
    }
}
