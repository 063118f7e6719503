//! How it was measured: the receiver's settings, its machine, and what measuring cost.

use report::run::Run;
use serde_json::Value;

use super::elements::section;
use crate::plot::escape;
use crate::words;

/// Lines of a table of settings; no report of framelag has more.
const MAX_LINES: usize = 300;

/// How deep settings are nested at most.
const MAX_DEPTH: usize = 4;

/// Settings, machine, own cost.
pub fn settings(run: &Run) -> String {
    let mut out = "<div class=\"pair\">\n".to_owned();
    for (heading, value) in [("Receiver", run.config.to_json()), ("Machine", run.host.to_json())] {
        let mut rows = Vec::new();
        flatten(&mut rows, String::new(), &value, MAX_DEPTH);
        if !rows.is_empty() {
            out.push_str(&format!("<div>\n<h3>{heading}</h3>\n{}</div>\n", listed(&rows)));
        }
    }
    out.push_str("</div>\n");
    out.push_str(&cost(run));
    section("How it was measured", &out)
}

fn cost(run: &Run) -> String {
    let named = run.own_cost_us.named();
    let rows: Vec<_> = named
        .map(|(name, cost)| vec![name.replace('_', " "), format!("{:.0}", cost.mean), format!("{:.0}", cost.max)])
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let table = super::elements::table(&["µs for each picture", "mean", "max"], &rows);
    format!("<h3>What measuring cost</h3>\n{table}")
}

/// The values of a JSON object by their dotted names.
fn flatten(rows: &mut Vec<(String, String)>, name: String, value: &Value, depth: usize) {
    if rows.len() >= MAX_LINES {
        return;
    }
    match value {
        Value::Object(fields) if depth > 0 => {
            for (key, value) in fields {
                let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                flatten(rows, name, value, depth - 1);
            }
        }
        Value::Null => {}
        Value::String(text) => rows.push((words::shown(&name), words::shown(text))),
        value => rows.push((words::shown(&name), words::shown(&value.to_string()))),
    }
}

fn listed(rows: &[(String, String)]) -> String {
    let row = |(name, value): &(String, String)| {
        format!("<tr><th scope=\"row\">{}</th><td><bdi>{}</bdi></td></tr>\n", escape(name), escape(value))
    };
    let rows: String = rows.iter().map(row).collect();
    format!("<table class=\"settings\"><tbody>\n{rows}</tbody></table>\n")
}
