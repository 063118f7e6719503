//! From text to [`Plan`]. Nothing else knows the TOML library.

mod value;

use std::ops::Range;
use std::time::Duration;

use common::nearest::nearest;
use common::printable::{escaped, excerpt};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::setting::{self, Setting};
use super::{Axis, Choice, MAX_AXES, MAX_POINTS, Mistake, Plan, Point, check};
use value::{MAX_LABEL, duration, label, number, scalar};

/// The plan's own keys.
const KEYS: [&str; 11] =
    ["name", "repeat", "joins", "warmup", "duration", "seed", "quality", "source", "fixed", "axes", "coupled"];

/// Most runs of one cell.
const MAX_REPEAT: u32 = 1000;

/// Most joins per run, the receiver's limit.
const MAX_JOINS: u32 = 100;

/// The TOML library's message for a duplicate key.
const DUPLICATE: &str = "duplicate key";

/// Most characters of a key that are shown.
const MAX_KEY: usize = 60;

/// Depth of the deepest value: `coupled.AXIS.POINT.dash.js.streaming.liveCatchup.playbackRate.min`.
const MAX_DEPTH: usize = 9;

/// Reads the text of a plan.
///
/// # Errors
/// Every mistake in it.
pub fn read(text: &str) -> Result<Plan, Vec<Mistake>> {
    let line_ends = text.match_indices('\n').map(|(end, _)| end).collect();
    let mut reader = Reader { line_ends, mistakes: Vec::new() };
    let table = DeTable::parse(text).map_err(|error| vec![not_toml(text, &error)])?;
    let plan = reader.plan(table.get_ref());
    let mistakes = check::between_parts(&plan, reader.mistakes);
    if mistakes.is_empty() { Ok(plan) } else { Err(mistakes) }
}

/// Tells what is no TOML in `text`, and at which key: the library says it by its place alone.
pub(crate) fn not_toml(text: &str, error: &toml::de::Error) -> Mistake {
    let Some(span) = error.span() else {
        return Mistake { line: None, what: escaped(error.message()).into_owned() };
    };
    let (line, before) = (line_of(text, span.start), text.get(..span.start).unwrap_or(text));
    let what = match text.get(span) {
        Some(key) if error.message() == DUPLICATE => format!("{DUPLICATE} {key}"),
        _ => {
            let start = before.rfind('\n').map_or(0, |end| end + 1);
            let line = text[start..].lines().next().unwrap_or_default().trim();
            // What stands behind the key may be a URL with a password.
            let key = line.split(['=', '"', '\'']).next().unwrap_or_default().trim();
            let shown = excerpt(key, MAX_KEY);
            if shown.is_empty() { error.message().to_owned() } else { format!("{shown}: {}", error.message()) }
        }
    };
    Mistake { line: Some(line), what: escaped(&what).into_owned() }
}

/// The number of the line, from 1, that byte `at` of `text` is in.
pub(crate) fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

/// A value with the names that lead to it, and the line of each.
struct Entry<'t, 'i> {
    names: Vec<&'t str>,
    lines: Vec<usize>,
    /// Where its last name begins.
    start: usize,
    value: &'t Spanned<DeValue<'i>>,
}

impl Entry<'_, '_> {
    fn line(&self) -> usize {
        *self.lines.last().expect("an entry has a name")
    }

    fn is_empty_table(&self) -> bool {
        self.value.get_ref().as_table().is_some_and(DeTable::is_empty)
    }
}

struct Reader {
    /// Where the lines end, in bytes.
    line_ends: Vec<usize>,
    mistakes: Vec<Mistake>,
}

impl Reader {
    fn line(&self, span: &Range<usize>) -> usize {
        self.line_ends.partition_point(|end| *end < span.start) + 1
    }

    fn wrong(&mut self, line: usize, what: String) {
        self.mistakes.push(Mistake { line: Some(line), what });
    }

    fn plan(&mut self, table: &DeTable<'_>) -> Plan {
        let mut plan = Plan {
            name: String::new(),
            repeat: 5,
            warmup: Duration::from_secs(2),
            duration: Duration::from_secs(10),
            joins: None,
            seed: 1,
            quality: true,
            fixed: Vec::new(),
            axes: Vec::new(),
        };
        let mut entries = Vec::new();
        self.flatten(table, (&[], &[]), &mut entries);
        // In the order of the text.
        entries.sort_by_key(|entry| entry.start);
        for entry in &entries {
            if let Err(what) = self.set(&mut plan, entry) {
                self.wrong(entry.line(), what);
            }
        }
        plan
    }

    /// Collects the values in `table` and in the tables within it. A name that is not one line of text is a mistake: names go to
    /// terminals.
    fn flatten<'t, 'i>(
        &mut self,
        table: &'t DeTable<'i>,
        (names, lines): (&[&'t str], &[usize]),
        entries: &mut Vec<Entry<'t, 'i>>,
    ) {
        for (key, value) in table {
            let (name, line) = (key.get_ref().as_ref(), self.line(&key.span()));
            if name.chars().any(char::is_control) {
                self.wrong(line, format!("the name {name:?} has control characters: remove them"));
                continue;
            }
            let (names, lines) = ([names, &[name]].concat(), [lines, &[line]].concat());
            match value.get_ref() {
                DeValue::Table(inner) if !inner.is_empty() && names.len() < MAX_DEPTH => {
                    self.flatten(inner, (&names, &lines), entries);
                }
                _ => entries.push(Entry { names, lines, start: key.span().start, value }),
            }
        }
    }

    fn set(&mut self, plan: &mut Plan, entry: &Entry<'_, '_>) -> Result<(), String> {
        let (value, line) = (entry.value.get_ref(), entry.line());
        match entry.names.as_slice() {
            [key @ "name"] => plan.name = label(key, value)?,
            [key @ "repeat"] => plan.repeat = number(key, value, 1..=MAX_REPEAT)?,
            [key @ "joins"] => plan.joins = Some(number(key, value, 1..=MAX_JOINS)?),
            [key @ "seed"] => plan.seed = number(key, value, 0..=u64::MAX >> 1)?,
            [key @ "warmup"] => plan.warmup = duration(key, value)?,
            [key @ "duration"] => plan.duration = duration(key, value)?,
            ["quality"] => plan.quality = value.as_bool().ok_or("quality is true or false")?,
            ["source"] => plan.fixed.push(choice("publisher.source", value, line)?),
            ["fixed" | "axes" | "coupled"] if entry.is_empty_table() => {}
            ["fixed"] => return Err("fixed is a table of settings, as in publisher.fps = 25".to_owned()),
            ["axes"] => return Err("axes is a table of lists, as in publisher.gop = [15, 30, 60]".to_owned()),
            ["coupled"] => return Err("coupled is a table of axes, as in [coupled.size]".to_owned()),
            ["fixed", name @ ..] => plan.fixed.push(choice(&name.join("."), value, line)?),
            ["axes", name @ ..] => {
                let axis = self.axis(&name.join("."), entry)?;
                plan.axes.push(axis);
            }
            ["coupled", axis, rest @ ..] => self.coupled(&mut plan.axes, axis, rest, entry)?,
            other => {
                let hint = nearest(other[0], KEYS);
                return Err(format!("a plan has no key {}{}", other.join("."), known(hint, &KEYS)));
            }
        }
        Ok(())
    }

    fn axis(&mut self, name: &str, entry: &Entry<'_, '_>) -> Result<Axis, String> {
        let setting = find(name)?;
        let Some(values) = entry.value.get_ref().as_array() else {
            let example = setting.example;
            return Err(format!("{name} takes a list of values, as in [{example}]; put a single value in [fixed]"));
        };
        if values.is_empty() {
            return Err(format!("{name} is an axis without values: give two or more"));
        }
        let mut points = Vec::new();
        for value in values.iter().take(MAX_POINTS + 1) {
            let line = self.line(&value.span());
            match choice(name, value.get_ref(), line) {
                Ok(choice) => points.push(Point { label: choice.redacted(), choices: vec![choice] }),
                Err(what) => self.wrong(line, what),
            }
        }
        number_what_looks_alike(&mut points);
        Ok(Axis { name: name.to_owned(), line: entry.line(), points })
    }

    /// One setting of one point of a coupled axis.
    fn coupled(
        &mut self,
        axes: &mut Vec<Axis>,
        name: &str,
        rest: &[&str],
        entry: &Entry<'_, '_>,
    ) -> Result<(), String> {
        let (value, line) = (entry.value.get_ref(), entry.lines[1]);
        let Some((label, setting)) = rest.split_first() else {
            return Err(if entry.is_empty_table() {
                format!("coupled.{name} is an axis without points: give two or more")
            } else {
                format!("{name} is a table of points, each as in \"720p\" = {{ publisher.size = \"1280x720\" }}")
            });
        };
        let known = axes.iter().position(|axis| axis.name == name);
        if known.is_none() && (setting::find(name).is_some() || setting::is_part(name)) {
            self.wrong(line, format!("coupled.{name} has the name of a setting: rename it"));
        }
        // One more than allowed is enough to say so.
        if known.is_none() && axes.len() > MAX_AXES {
            return Ok(());
        }
        let number = known.unwrap_or_else(|| {
            axes.push(Axis { name: name.to_owned(), line, points: Vec::new() });
            axes.len() - 1
        });
        let points = &mut axes[number].points;
        let label: String = label.chars().take(MAX_LABEL).collect();
        let new = match setting {
            [] if entry.is_empty_table() => {
                return Err(format!("{label} sets nothing: name a setting and its value"));
            }
            [] => return Err(format!("{label} is a table of settings, as in publisher.fps = 25")),
            _ => choice(&setting.join("."), value, entry.line())?,
        };
        if let Some(point) = points.iter_mut().find(|point| point.label == label) {
            point.choices.push(new);
        } else if points.len() <= MAX_POINTS {
            points.push(Point { label, choices: vec![new] });
        }
        Ok(())
    }
}

fn find(name: &str) -> Result<&'static Setting, String> {
    setting::find(name).ok_or_else(|| {
        let names: Vec<&str> = setting::ALL.iter().map(|setting| setting.name).collect();
        let hint = nearest(name, names.iter().copied());
        format!("there is no setting {name}{}", known(hint, &names))
    })
}

/// The setting `name` at `value`, if the value alone is possible.
fn choice(name: &str, value: &DeValue<'_>, line: usize) -> Result<Choice, String> {
    let setting = find(name)?;
    let choice = Choice { setting, text: scalar(name, value)?.into(), line };
    match setting.check(choice.text.reveal()) {
        Ok(()) => Ok(choice),
        Err(why) => Err(format!("{name} = {}: {why}", choice.redacted())),
    }
}

fn known(nearest: Option<&str>, all: &[&str]) -> String {
    match nearest {
        Some(name) => format!(": did you mean {name}?"),
        None => format!(": known names are {}", all.join(", ")),
    }
}

/// Numbers values that differ only in what is hidden, such as a password: `…#1`, `…#2`. The same value twice keeps one label, and is
/// a mistake.
fn number_what_looks_alike(points: &mut [Point]) {
    let typed = |point: &Point| point.choices.first().map_or("", |choice| choice.text.reveal()).to_owned();
    let told: Vec<(String, String)> = points.iter().map(|point| (point.label.clone(), typed(point))).collect();
    for point in points {
        let mut alike: Vec<&str> = Vec::new();
        for (_, text) in told.iter().filter(|(label, _)| *label == point.label) {
            if !alike.contains(&text.as_str()) {
                alike.push(text);
            }
        }
        let number = alike.iter().position(|text| *text == typed(point));
        if let (2.., Some(number)) = (alike.len(), number) {
            point.label = format!("{}#{}", point.label, number + 1);
        }
    }
}

#[cfg(test)]
mod tests;
