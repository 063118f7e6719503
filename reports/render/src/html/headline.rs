//! What came of the run, at the top of the page: the outcome, the figures, the assertions, the warnings.

use report::run::{Outcome, Run};

use crate::plot::escape;
use crate::words;

/// Warnings and assertions that are shown each.
const MAX_LINES: usize = 200;

/// Reasons for the outcome that are shown at the top; more of them are below.
const MAX_REASONS: usize = 10;

/// Title, outcome and figures.
pub fn section(run: &Run) -> String {
    let url = if run.url.is_empty() { "unknown".to_owned() } else { words::shown(&run.url) };
    // On a narrow screen, a URL is best broken after a slash.
    let url = escape(&url).replace('/', "/<wbr>").replace("/<wbr>/<wbr>", "//");
    let mut out = format!("<header>\n<h1>Latency of <bdi>{url}</bdi></h1>\n");
    out.push_str(&format!("<p class=\"soft\">{}</p>\n", escape(&about(run))));
    out.push_str(&outcome(run));
    out.push_str(&tiles(run));
    out.push_str("</header>\n");
    out
}

fn about(run: &Run) -> String {
    let started = words::shown(&run.started);
    // Without fractions of a second: 2026-11-21T10:56:00
    let started = started.split('.').next().unwrap_or_default().replace('T', " ");
    let rate = |value: Option<f64>, unit: &str| value.map(|value| format!("{value:.1} {unit}"));
    let measured = rate(run.duration_s, "s measured").or_else(|| Some("nothing measured".to_owned()));
    let parts =
        [Some(format!("{started} UTC")), measured, rate(run.fps, "pictures/s"), rate(run.bitrate_kbps, "kbit/s")];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

fn outcome(run: &Run) -> String {
    let (class, word) = match run.outcome {
        Outcome::Ok => ("good", "OK"),
        Outcome::Failed => ("bad", "Failed"),
        Outcome::Inconclusive => ("warn", "Inconclusive"),
    };
    let reasons = words::reasons(run, MAX_REASONS);
    let said = match run.outcome {
        Outcome::Ok if run.assertions.is_empty() => "measured; no assertions".to_owned(),
        Outcome::Inconclusive => "these figures prove nothing".to_owned(),
        Outcome::Failed if words::run_failed(run) => "the run itself failed".to_owned(),
        _ => words::asserted(run),
    };
    let mut out = format!("<div class=\"outcome {class}\"><p><strong>{word}</strong>: {}</p>", escape(&said));
    if !reasons.is_empty() {
        let item = |reason: &String| format!("<li>{}</li>", escape(reason));
        let items: String = reasons.iter().map(item).collect();
        out.push_str(&format!("<ul>{items}</ul>"));
    }
    out.push_str("</div>\n");
    out
}

fn tiles(run: &Run) -> String {
    let (latency, age) = (&run.latency_ms, &run.picture_age_ms);
    let time = |ms: Option<f64>| ms.map(|ms| (words::ms(ms), "ms"));
    let count = |count: Option<u64>| count.map(|count| (count.to_string(), ""));
    let p50 = words::headline_p50(run);
    let of = if words::has_joins(run) { "of all joins, at most" } else { "at most" };
    let freezes = run.freezes.longest_ms.filter(|_| run.freezes.count > Some(0));
    let freezes = freezes.map_or(String::new(), |ms| format!("the longest {} ms", words::ms(ms)));
    let sent = run.frames.expected.map_or(String::new(), |sent| format!("of {sent} sent"));
    // Over several joins only the maximum is known.
    let picture_age = match (age.p99, age.max) {
        (None, Some(_)) => ("Picture age, at most", time(age.max), String::new()),
        (p99, max) => ("Picture age p99", time(p99), format!("at most {}", words::ms_or_none(max))),
    };
    let tiles = [
        ("Latency p50", time(p50.ms), p50.of),
        ("Latency p99", time(latency.p99), format!("{of} {}", words::ms_or_none(latency.max))),
        ("Clocks", None, words::clocks(run)),
        picture_age,
        ("Freezes", count(run.freezes.count), freezes),
        ("Frames not seen", count(words::missing(run)), sent),
    ];
    let mut out = "<dl class=\"tiles\">\n".to_owned();
    for (name, value, note) in tiles {
        let value = match (name, value) {
            ("Clocks", _) => bound(run),
            (_, Some((value, unit))) => format!("<b>{value}</b> {unit}"),
            (_, None) => "<b>–</b>".to_owned(),
        };
        let note = if note.is_empty() { String::new() } else { format!("<span>{}</span>", escape(&note)) };
        out.push_str(&format!("<div><dt>{name}</dt><dd>{value}{note}</dd></div>\n"));
    }
    out.push_str("</dl>\n");
    out
}

/// How far each latency may be off by the clocks.
fn bound(run: &Run) -> String {
    let clock = &run.clock;
    match clock.max_uncertainty_us.or(clock.uncertainty_us) {
        Some(bound) => {
            format!("<b>± {}</b> ms", if bound == 0 { "0".to_owned() } else { words::ms(measure::units::ms(bound)) })
        }
        None => "<b>unknown</b>".to_owned(),
    }
}

/// Each assertion and what came of it.
pub fn assertions(run: &Run) -> String {
    if run.assertions.is_empty() {
        return String::new();
    }
    let mut out =
        "<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">Must hold</th><th scope=\"col\">Outcome</th>\
                   <th scope=\"col\">Because</th></tr></thead>\n<tbody>\n"
            .to_owned();
    for verdict in run.assertions.iter().take(MAX_LINES) {
        let class = match verdict.ok {
            Some(true) => "good",
            Some(false) => "bad",
            None => "warn",
        };
        let (text, found) = (escape(&words::shown(&verdict.text)), escape(&words::found(verdict)));
        let judged = words::judged(verdict);
        out.push_str(&format!(
            "<tr><th scope=\"row\"><code>{text}</code></th><td class=\"{class}\">{judged}</td><td>{found}</td></tr>\n"
        ));
    }
    out.push_str("</tbody>\n</table></div>\n");
    words::more(run.assertions.len(), MAX_LINES).into_iter().for_each(|more| out.push_str(&format!("<p>{more}</p>\n")));
    super::elements::section("Assertions", &out)
}

/// What a reader of the figures must know, of the run and of the files.
pub fn warnings(run: &Run, notes: &[String]) -> String {
    let all = run.warnings.len() + notes.len();
    let warnings = run.warnings.iter().map(|warning| (warning.message.as_str(), warning.code.name()));
    // Those of the files come first: run.json has the others.
    let mut items: String = notes
        .iter()
        .map(|note| (note.as_str(), "report"))
        .chain(warnings)
        .take(MAX_LINES)
        .map(|(message, code)| {
            format!("<li>{} <span class=\"soft\">({code})</span></li>\n", escape(&words::shown(message)))
        })
        .collect();
    items.extend(words::more(all, MAX_LINES).map(|more| format!("<li>{more}</li>\n")));
    if items.is_empty() {
        String::new()
    } else {
        super::elements::section("Warnings", &format!("<ul>\n{items}</ul>\n"))
    }
}
