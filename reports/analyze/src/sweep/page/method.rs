//! Settings common to all runs, the machine, and the method.

use render::plot::escape;

use super::super::analysis::Analysis;
use super::parts::CONFIDENCE;

pub fn section(analysis: &Analysis<'_>) -> String {
    let sweep = analysis.sweep;
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
    out + &format!(
        "<p>The unit is the run, not the frame. The order of runs was random (seed {}).</p>\n\
         <p>A setting's figure is the mean of its runs (the geometric mean of latencies and bit rates) with a {CONFIDENCE} % interval. \
         Two settings differ by more than noise if Student's t test and the exact permutation test agree, as in framelag gate: \
         docs/gate-method.md.</p>\n",
        sweep.seed
    )
}

fn pairs<'a>(out: &mut String, of: impl Iterator<Item = (&'a str, String)>) {
    out.push_str("<div class=\"scroll\"><table>\n");
    of.for_each(|(name, value)| {
        out.push_str(&format!("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", escape(name), escape(&value)));
    });
    out.push_str("</table></div>\n");
}
