//! From text to [`Plan`]. The one file that knows the TOML library.

use std::ops::Range;
use std::time::Duration;

use common::printable::escaped;
use common::units::parse_duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::setting::{self, Setting};
use super::{Axis, Choice, MAX_POINTS, Mistake, Plan, Point, check};

/// The plan's own keys.
const KEYS: [&str; 10] =
    ["name", "repeat", "warmup", "duration", "seed", "quality", "source", "fixed", "axes", "coupled"];

/// Most runs of one cell.
const MAX_REPEAT: u32 = 1000;

/// What the TOML library says of a key that is twice in its table.
const DUPLICATE: &str = "duplicate key";

/// Names and labels are at most so long: they are titles of columns and rows.
const MAX_LABEL: usize = 80;

/// Reads the text of a plan.
///
/// # Errors
/// All that is wrong with it.
pub fn read(text: &str) -> Result<Plan, Vec<Mistake>> {
    let mut reader = Reader { text, mistakes: Vec::new() };
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => {
            let line = error.span().map(|span| reader.line(&span));
            // The library says what is twice by its place alone.
            let key = error.span().filter(|_| error.message() == DUPLICATE).and_then(|span| text.get(span));
            let what = key.map_or(error.message().to_owned(), |key| format!("duplicate key {key}"));
            return Err(vec![Mistake { line, what: escaped(&what).into_owned() }]);
        }
    };
    let plan = reader.plan(table.get_ref());
    let mistakes = check::between_parts(&plan, reader.mistakes);
    if mistakes.is_empty() { Ok(plan) } else { Err(mistakes) }
}

/// Something in the plan with the line it stands on.
struct Entry<'t, 'i> {
    name: String,
    line: usize,
    value: &'t Spanned<DeValue<'i>>,
}

struct Reader<'a> {
    text: &'a str,
    mistakes: Vec<Mistake>,
}

impl Reader<'_> {
    fn line(&self, span: &Range<usize>) -> usize {
        self.text.as_bytes().iter().take(span.start).filter(|byte| **byte == b'\n').count() + 1
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
            seed: 1,
            quality: true,
            fixed: Vec::new(),
            axes: Vec::new(),
        };
        for entry in self.entries(table) {
            let Entry { name, line, value } = &entry;
            match name.as_str() {
                "name" => plan.name = self.label(&entry).unwrap_or_default(),
                "repeat" => {
                    self.number(&entry, 1..=u64::from(MAX_REPEAT)).into_iter().for_each(|n| plan.repeat = n as u32)
                }
                "seed" => self.number(&entry, 0..=u64::MAX >> 1).into_iter().for_each(|n| plan.seed = n),
                "warmup" => self.duration(&entry).into_iter().for_each(|time| plan.warmup = time),
                "duration" => self.duration(&entry).into_iter().for_each(|time| plan.duration = time),
                "quality" => match value.get_ref() {
                    DeValue::Boolean(quality) => plan.quality = *quality,
                    _ => self.wrong(*line, "quality is true or false".to_owned()),
                },
                "source" => plan.fixed.extend(self.choice("publisher.source", &entry)),
                "fixed" => plan.fixed.extend(self.choices(&entry)),
                "axes" => plan.axes.extend(self.axes(&entry)),
                "coupled" => plan.axes.extend(self.coupled(&entry)),
                unknown => {
                    let hint = setting::nearest(unknown, KEYS.into_iter());
                    self.wrong(*line, format!("a plan has no key {unknown}{}", known(hint, &KEYS)));
                }
            }
        }
        plan
    }

    /// What is in `table`, in the order of the text. A name that is no text of one line is a mistake: names are told on terminals.
    fn entries<'t, 'i>(&mut self, table: &'t DeTable<'i>) -> Vec<Entry<'t, 'i>> {
        let mut all: Vec<_> = table.iter().collect();
        all.sort_by_key(|(key, _)| key.span().start);
        let mut entries = Vec::with_capacity(all.len());
        for (key, value) in all {
            let (name, line) = (key.get_ref().to_string(), self.line(&key.span()));
            if name.chars().any(char::is_control) {
                self.wrong(line, format!("the name {name:?} has control characters: remove them"));
            } else {
                entries.push(Entry { name, line, value });
            }
        }
        entries
    }

    /// What is in a table, or a mistake where it is none.
    fn table<'t, 'i>(&mut self, entry: &Entry<'t, 'i>, what: &str) -> Vec<Entry<'t, 'i>> {
        match entry.value.get_ref() {
            DeValue::Table(table) => self.entries(table),
            _ => {
                self.wrong(entry.line, format!("{} is {what}", entry.name));
                Vec::new()
            }
        }
    }

    /// What is in a table and the tables in it, by names with points: `publisher.gop`.
    fn flat<'t, 'i>(&mut self, entry: &Entry<'t, 'i>, what: &str) -> Vec<Entry<'t, 'i>> {
        let mut all = Vec::new();
        for outer in self.table(entry, what) {
            let inner = match outer.value.get_ref() {
                DeValue::Table(_) => self.table(&outer, what),
                _ => Vec::new(),
            };
            if inner.is_empty() {
                all.push(outer);
                continue;
            }
            let name = |inner: Entry<'t, 'i>| Entry { name: format!("{}.{}", outer.name, inner.name), ..inner };
            all.extend(inner.into_iter().map(name));
        }
        all
    }

    /// A string, number or boolean as it is typed.
    fn scalar(&mut self, entry: &Entry<'_, '_>) -> Option<String> {
        let text = scalar(entry.value.get_ref());
        match &text {
            None => self.wrong(entry.line, format!("{} takes one value, as in \"1000k\" or 30", entry.name)),
            Some(text) if text.chars().any(char::is_control) => {
                self.wrong(entry.line, format!("{} = {text:?} has control characters: remove them", entry.name));
                return None;
            }
            Some(_) => {}
        }
        text
    }

    fn label(&mut self, entry: &Entry<'_, '_>) -> Option<String> {
        let text = self.scalar(entry)?;
        if text.trim().is_empty() || text.chars().count() > MAX_LABEL || text.chars().any(char::is_control) {
            self.wrong(entry.line, format!("{} is a name of 1 to {MAX_LABEL} characters in one line", entry.name));
            return None;
        }
        Some(text)
    }

    fn number(&mut self, entry: &Entry<'_, '_>, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
        let number = match entry.value.get_ref() {
            DeValue::Integer(_) => scalar(entry.value.get_ref()).and_then(|text| text.parse().ok()),
            _ => None,
        };
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let (least, most) = range.into_inner();
            self.wrong(entry.line, format!("{} is a whole number from {least} to {most}", entry.name));
        }
        number
    }

    fn duration(&mut self, entry: &Entry<'_, '_>) -> Option<Duration> {
        let text = self.scalar(entry)?;
        match parse_duration(&text) {
            Ok(duration) => Some(duration),
            Err(why) => {
                self.wrong(entry.line, format!("{}: {why}", entry.name));
                None
            }
        }
    }

    fn choices(&mut self, entry: &Entry<'_, '_>) -> Vec<Choice> {
        let all = self.flat(entry, "a table of settings, as in publisher.fps = 25");
        all.iter().filter_map(|entry| self.choice(&entry.name, entry)).collect()
    }

    fn choice(&mut self, name: &str, entry: &Entry<'_, '_>) -> Option<Choice> {
        let setting = self.setting(name, entry.line)?;
        let text = self.scalar(entry)?;
        self.chosen(setting, text, entry.line)
    }

    fn setting(&mut self, name: &str, line: usize) -> Option<&'static Setting> {
        let found = setting::find(name);
        if found.is_none() {
            let names: Vec<&str> = setting::ALL.iter().map(|setting| setting.name).collect();
            let hint = setting::nearest(name, names.iter().copied());
            self.wrong(line, format!("there is no setting {name}{}", known(hint, &names)));
        }
        found
    }

    /// The choice, where the value alone is possible.
    fn chosen(&mut self, setting: &'static Setting, text: String, line: usize) -> Option<Choice> {
        let choice = Choice { setting, text: text.into(), line };
        if let Err(why) = setting.check(choice.text.reveal()) {
            self.wrong(line, format!("{} = {}: {why}", setting.name, choice.told()));
            return None;
        }
        Some(choice)
    }

    fn axes(&mut self, entry: &Entry<'_, '_>) -> Vec<Axis> {
        let all = self.flat(entry, "a table of lists, as in publisher.gop = [15, 30, 60]");
        all.iter().filter_map(|entry| self.axis(entry)).collect()
    }

    fn axis(&mut self, entry: &Entry<'_, '_>) -> Option<Axis> {
        let setting = self.setting(&entry.name, entry.line)?;
        let DeValue::Array(values) = entry.value.get_ref() else {
            let what = format!(
                "{} takes a list of values, as in [{}]; put a single value in [fixed]",
                entry.name, setting.example
            );
            self.wrong(entry.line, what);
            return None;
        };
        let mut points = Vec::new();
        for value in values.iter().take(MAX_POINTS + 1) {
            let (name, line) = (entry.name.clone(), self.line(&value.span()));
            let Some(text) = self.scalar(&Entry { name, line, value }) else { continue };
            let Some(choice) = self.chosen(setting, text, line) else { continue };
            points.push(Point { label: choice.told(), choices: vec![choice] });
        }
        number_what_looks_alike(&mut points);
        if values.is_empty() {
            self.wrong(entry.line, format!("{} is an axis without values: give two or more", entry.name));
        }
        Some(Axis { name: setting.name.to_owned(), line: entry.line, points })
    }

    fn coupled(&mut self, entry: &Entry<'_, '_>) -> Vec<Axis> {
        let all = self.table(entry, "a table of axes, as in [coupled.size]");
        all.iter().map(|entry| self.coupled_axis(entry)).collect()
    }

    fn coupled_axis(&mut self, entry: &Entry<'_, '_>) -> Axis {
        if setting::find(&entry.name).is_some() || setting::is_part(&entry.name) {
            let what = format!("coupled.{} has the name of a setting: rename it", entry.name);
            self.wrong(entry.line, what);
        }
        let mut points = Vec::new();
        let all = self.table(entry, "a table of points, each as in \"720p\" = { publisher.size = \"1280x720\" }");
        if all.is_empty() {
            self.wrong(entry.line, format!("coupled.{} is an axis without points: give two or more", entry.name));
        }
        for point in all.into_iter().take(MAX_POINTS + 1) {
            let choices = self.choices(&point);
            if choices.is_empty() {
                self.wrong(point.line, format!("{} sets nothing: name a setting and its value", point.name));
            }
            points.push(Point { label: point.name.chars().take(MAX_LABEL).collect(), choices });
        }
        Axis { name: entry.name.clone(), line: entry.line, points }
    }
}

/// Values that differ only in what is not told, as in a password, are told apart by their order: `…#1`, `…#2`. The same value twice
/// keeps one label, and is a mistake.
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

/// A string, number or boolean as it is typed.
fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().replace('_', "")),
        DeValue::Float(number) => Some(number.as_str().replace('_', "")),
        DeValue::Boolean(yes) => Some(yes.to_string()),
        _ => None,
    }
}

fn known(nearest: Option<&str>, all: &[&str]) -> String {
    match nearest {
        Some(name) => format!(": did you mean {name}?"),
        None => format!(": known names are {}", all.join(", ")),
    }
}

#[cfg(test)]
mod tests;
