//! What was the same in all runs, where they ran, and how all of this was worked out.

use render::plot::escape;

use super::super::analysis::Analysis;
use super::super::warnings::probability;

pub fn section(found: &Analysis<'_>) -> String {
    let sweep = found.sweep;
    let mut out = String::new();
    if !sweep.fixed.is_empty() {
        out.push_str("<h2>The same in all runs</h2>\n");
        pairs(&mut out, sweep.fixed.iter().map(|(name, value)| (name.as_str(), value.clone())));
    }
    if let Some(host) = sweep.host.as_object().filter(|host| !host.is_empty()) {
        let plain = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        out.push_str("<h2>Machine</h2>\n");
        pairs(
            &mut out,
            host.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.as_str(), plain(value))),
        );
    }
    out.push_str("<h2>How this was worked out</h2>\n");
    for line in lines(found) {
        out.push_str(&format!("<p>{}</p>\n", escape(&line)));
    }
    out
}

fn pairs<'a>(out: &mut String, of: impl Iterator<Item = (&'a str, String)>) {
    out.push_str("<div class=\"scroll\"><table>\n");
    of.for_each(|(name, value)| {
        out.push_str(&format!("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", escape(name), escape(&value)));
    });
    out.push_str("</table></div>\n");
}

fn lines(found: &Analysis<'_>) -> Vec<String> {
    let mut out = vec![
        format!(
            "The unit is the run: frames of one run share its luck. The order of runs was random (seed {}); what all runs of one \
             repetition have in common is taken out.",
            found.sweep.seed
        ),
        "The noise of a setting is drawn towards what is usual in the sweep, as strongly as the settings are alike in it (moderated \
         variances, Smyth 2004). Latencies and bit rates are averaged as geometric means."
            .to_owned(),
        "What a setting does is the least-squares effect in an additive model of the settings' means (Yates 1934; Searle, Speed and \
         Milliken 1980), its interval from the noise between runs; whether it depends on another one is an F test at 1 %. The front and \
         the recommendation compare each setting with all others at 95 % together (Bonferroni; Hsu 1984)."
            .to_owned(),
    ];
    out.push(match &found.drift {
        Some(drift) if drift.clear => format!(
            "Time: latency moved with the order of runs by about {:+.1} {} (rank correlation {:.2}, p {}).",
            drift.change,
            drift.unit,
            drift.rank_correlation,
            probability(drift.p)
        ),
        Some(drift) => format!(
            "Time: no drift of latency with the order of {} runs was found (rank correlation {:.2}, p {}).",
            drift.runs,
            drift.rank_correlation,
            probability(drift.p)
        ),
        None => "Time: too few runs to see whether latency drifted with the order of runs.".to_owned(),
    });
    out
}
