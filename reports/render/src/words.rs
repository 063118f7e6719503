//! Wording that all pages for people share.

use measure::figures::browser::Viewing;
use measure::sample::Bucket;
use measure::units::ms as to_ms;
use report::run::{Extremes, InBrowser, Outcome, Run, Verdict};
use report::warning::Code;

/// Characters of a text from a run that a page shows; framelag writes no longer ones.
const MAX_CHARS: usize = 600;

/// A text from a run, of a length that a page has room for.
pub fn shown(text: &str) -> String {
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A time with three significant digits or so: `0.123`, `4.56`, `78.9`, `1234`.
pub fn ms(value: f64) -> String {
    match value.abs() {
        size if size < 1.0 => format!("{value:.3}"),
        size if size < 10.0 => format!("{value:.2}"),
        size if size < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// The same with its unit, or a dash if there is no such figure.
pub(crate) fn ms_or_none(value: Option<f64>) -> String {
    value.map_or("–".to_owned(), |value| format!("{} ms", ms(value)))
}

/// The run proves nothing, whatever its figures: it failed, or a warning says so.
pub(crate) fn proves_nothing(run: &Run) -> bool {
    run_failed(run) || run.is_inconclusive_by_itself()
}

/// The run failed, in contrast to an assertion.
pub(crate) fn run_failed(run: &Run) -> bool {
    let failed = run.warnings.iter().any(|warning| warning.code == Code::Failed);
    let broken = run.assertions.iter().any(|verdict| verdict.ok == Some(false));
    run.outcome == Outcome::Failed && (failed || !broken)
}

/// Why the outcome is what it is, one sentence each: at most so many, and then how many more. None where all is well.
pub fn reasons(run: &Run, most: usize) -> Vec<String> {
    let failed = run_failed(run);
    let decides = |code: Code| match run.outcome {
        Outcome::Ok => false,
        Outcome::Failed => failed && matches!(code, Code::Failed | Code::ReportNotWritten),
        Outcome::Inconclusive => code.is_inconclusive(),
    };
    let warnings = run.warnings.iter().filter(|warning| decides(warning.code));
    let verdicts = run.assertions.iter().filter(|verdict| verdict.ok != Some(true));
    let all = warnings.clone().count() + verdicts.clone().count();
    let verdicts = verdicts.map(|verdict| format!("{} {}: {}", shown(&verdict.text), judged(verdict), found(verdict)));
    let mut reasons: Vec<String> = warnings.map(|warning| shown(&warning.message)).chain(verdicts).take(most).collect();
    reasons.extend(more(all, most));
    if reasons.is_empty() && run.outcome != Outcome::Ok {
        reasons.push("the report does not say why".to_owned());
    }
    reasons
}

/// Says how many of `all` are not among the first `most`; `None` if all are.
pub fn more(all: usize, most: usize) -> Option<String> {
    (all > most).then(|| format!("and {} more, in run.json", all - most))
}

/// What came of the assertions, in one sentence.
pub fn asserted(run: &Run) -> String {
    let count = |ok| run.assertions.iter().filter(|verdict| verdict.ok == ok).count();
    let (all, held, broken) = (run.assertions.len(), count(Some(true)), count(Some(false)));
    let are = |count: usize| if count == 1 { "is" } else { "are" };
    match (all, held) {
        (0, _) => "no assertions".to_owned(),
        (1, 1) => "the assertion held".to_owned(),
        (1, _) if broken > 0 => "the assertion is broken".to_owned(),
        (1, _) => "the assertion is undecided".to_owned(),
        (all, held) if held == all => format!("all {all} assertions held"),
        _ if broken > 0 => format!("{broken} of {all} assertions {} broken", are(broken)),
        _ => format!("{} of {all} assertions {} undecided", all - held, are(all - held)),
    }
}

/// What came of an assertion.
pub const fn judged(verdict: &Verdict) -> &'static str {
    match verdict.ok {
        Some(true) => "held",
        Some(false) => "is broken",
        None => "is undecided",
    }
}

/// What was found for an assertion, and why that may not decide it.
pub fn found(verdict: &Verdict) -> String {
    let unit = match &*verdict.unit {
        "" => String::new(),
        unit => format!(" {}", shown(unit)),
    };
    let found = verdict.value.map_or("no value".to_owned(), |value| format!("found {value}{unit}"));
    verdict.why.as_ref().map_or(found.clone(), |why| format!("{found}; {}", shown(why)))
}

/// How well latencies are known, as far as the clocks go.
pub fn clocks(run: &Run) -> String {
    let clock = &run.clock;
    match (clock.same_host, clock.offset_us, clock.max_uncertainty_us.or(clock.uncertainty_us)) {
        (true, ..) if clock.assumed => "one clock, by the address alone".to_owned(),
        (true, ..) => "one clock: both ends on one host".to_owned(),
        (false, Some(offset), Some(bound)) => {
            format!("± {} ms: {}, {:+.3} ms apart, compared", ms(to_ms(bound)), both_clocks(run), to_ms(offset))
        }
        (false, None, Some(bound)) => format!("± {} ms: each run's clocks were compared", ms(to_ms(bound))),
        _ => "two clocks that nobody compared".to_owned(),
    }
}

/// Which two clocks latencies are between.
pub(crate) fn both_clocks(run: &Run) -> &'static str {
    if run.browser.is_some() { "the page's clock and the host's" } else { "two clocks" }
}

/// A number of things, such as `1 stall`, `2 stalls` and `2 losses`.
pub fn counted(count: u64, thing: &str) -> String {
    let plural = if thing.ends_with('s') { "es" } else { "s" };
    format!("{count} {thing}{}", if count == 1 { "" } else { plural })
}

/// How many of the frames that were sent ended in each bucket; buckets without any are left out, except for lost frames.
pub(crate) fn buckets(run: &Run) -> Option<(u64, String)> {
    let frames = Bucket::ALL.map(|bucket| (bucket, run.frames.of(bucket).unwrap_or(0)));
    let shown = frames.iter().filter(|(bucket, frames)| *frames > 0 || *bucket == Bucket::Lost);
    let parts: Vec<_> = shown.map(|(bucket, frames)| format!("{frames} {}", bucket.name())).collect();
    Some((run.frames.expected?, parts.join(" + ")))
}

/// How many freezes there were, and how long they took.
pub(crate) fn freezes(run: &Run) -> Option<String> {
    let (count, total) = (run.freezes.count?, run.freezes.total_ms?);
    let longest = run.freezes.longest_ms.filter(|_| count > 0);
    let longest = longest.map_or(String::new(), |ms| format!(", longest {ms:.0} ms"));
    Some(format!("{count} ({total:.0} ms in total){longest}"))
}

/// Describes the browser in one line.
pub fn browser(browser: &InBrowser) -> String {
    let name = browser.browser.name.as_deref().map_or("a browser".to_owned(), shown);
    let version = browser.browser.version.as_deref().map_or(String::new(), |version| format!(" {}", shown(version)));
    let joins = counted(browser.joins.len() as u64, "join");
    format!("{} played by {} in {name}{version}, {joins}", shown(&browser.via), shown(&browser.player))
}

/// Describes the playback in one line.
pub fn played(browser: &InBrowser) -> String {
    let stalls = &browser.viewing.stalls;
    let mut parts = vec![joins_p50(browser)];
    let longest = stalls.longest_ms.map_or(String::new(), |longest| format!(", the longest {} ms", ms(longest)));
    parts.push(format!("{}{longest}", counted(stalls.count, "stall")));
    parts.extend(seeks(&browser.viewing));
    for (name, claim) in &browser.viewing.claims {
        let (p50, difference) = (ms_or_none(claim.p50), claim.difference_p50);
        let off = difference
            .map_or(String::new(), |off| format!(" ({off:+.1} ms from the latency of the same moment, in the median)"));
        parts.push(format!("{} says {p50}{off}", shown(name)));
    }
    parts.join(" · ")
}

/// How often the player jumped, by the reason.
pub(crate) fn seeks(viewing: &Viewing) -> impl Iterator<Item = String> {
    viewing.seeks.iter().map(|(why, count)| format!("{} ({})", counted(*count, "seek"), shown(why)))
}

/// The medians of the joins.
pub(crate) fn joins_p50(browser: &InBrowser) -> String {
    let Extremes { min: Some(min), median: Some(median), max: Some(max) } = browser.joins_p50_ms else {
        return "no join has a latency".to_owned();
    };
    format!("p50 of the joins: median {} ms, from {} ms to {} ms", ms(median), ms(min), ms(max))
}

/// Whether the run played more than once.
pub(crate) fn has_joins(run: &Run) -> bool {
    run.browser.as_ref().is_some_and(|browser| browser.joins.len() > 1)
}

/// The median that stands for a run.
pub(crate) struct HeadlineP50 {
    pub(crate) ms: Option<f64>,
    /// What it is the median of.
    pub(crate) of: String,
}

/// The median of the joins' medians where there are several, since the joins differ more than their frames; else of all frames.
pub(crate) fn headline_p50(run: &Run) -> HeadlineP50 {
    if let Some(browser) = run.browser.as_ref().filter(|_| has_joins(run))
        && let Extremes { min: Some(min), median: Some(median), max: Some(max) } = browser.joins_p50_ms
    {
        let joins = counted(browser.joins.len() as u64, "join");
        return HeadlineP50 { ms: Some(median), of: format!("median of {joins}, {} to {} ms", ms(min), ms(max)) };
    }
    let of = match run.latency_ms.count {
        0 => "no frame has one".to_owned(),
        count => format!("of {count} frames"),
    };
    HeadlineP50 { ms: run.latency_ms.p50, of }
}

/// Frames that were not seen: lost, undecodable and unreadable ones.
pub fn missing(run: &Run) -> Option<u64> {
    let frames = |bucket| run.frames.of(bucket);
    Some(frames(Bucket::Lost)?.saturating_add(frames(Bucket::Undecodable)?).saturating_add(frames(Bucket::Unreadable)?))
}
