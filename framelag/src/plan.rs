//! The plan of a sweep: a TOML file. Every mistake in it is reported at once, each with its line.

mod check;
mod reader;
pub mod segments;
pub mod server;
pub mod setting;

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use common::bom;
use common::secret::Secret;
pub use reader::read;
pub(crate) use reader::{line_of, not_toml};
use setting::Setting;

/// Longest plan that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// Most axes of a plan.
const MAX_AXES: usize = 12;

/// Most points of an axis.
const MAX_POINTS: usize = 200;

/// Most runs of a plan, cells × repeat: more than a month of runs of 30 s is a mistake.
pub const MAX_RUNS: usize = 100_000;

/// Default number of joins per run.
const JOINS: u32 = 5;

/// What is varied, what is not, and how long each run takes.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its name, for titles.
    pub name: String,
    /// How often each cell is run. Default: 5.
    pub repeat: u32,
    /// Left out of every figure, from the first picture on. Default: 2 s.
    pub warmup: Duration,
    /// Duration measured after the warm-up, per run or, in a browser, per join. Default: 10 s.
    pub duration: Duration,
    /// Joins per run in a browser. Default: 5.
    pub joins: Option<u32>,
    /// Of the order of runs, and of simulated networks. Default: 1.
    pub seed: u64,
    /// Whether picture quality is measured. Default: yes.
    pub quality: bool,
    /// Settings that are the same in every cell.
    pub fixed: Vec<Choice>,
    /// What is varied, in the plan's order.
    pub axes: Vec<Axis>,
}

/// What is varied.
#[derive(Clone, Debug)]
pub struct Axis {
    /// The name of its setting, or that of the table in `[coupled]`.
    pub name: String,
    /// In the plan.
    pub line: usize,
    /// Its values, in the plan's order.
    pub points: Vec<Point>,
}

/// One value of an axis.
#[derive(Clone, Debug)]
pub struct Point {
    /// The value without secrets, numbered if several look alike, or the name of a coupled point.
    pub label: String,
    /// What it sets: one setting, or several of a coupled point.
    pub choices: Vec<Choice>,
}

/// A setting and what it is set to.
#[derive(Clone, Debug)]
pub struct Choice {
    /// Which.
    pub setting: &'static Setting,
    /// As it is typed.
    pub text: Secret,
    /// In the plan.
    pub line: usize,
}

/// A mistake in a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// `None` if it is not on one line.
    pub line: Option<usize>,
    /// What, and what would be right.
    pub what: String,
}

/// The mistakes in `file`, one a line.
pub fn list(file: &Path, mistakes: &[Mistake]) -> String {
    let file = file.display();
    let line = |mistake: &Mistake| match mistake.line {
        Some(line) => format!("{file}, line {line}: {}", mistake.what),
        None => format!("{file}: {}", mistake.what),
    };
    mistakes.iter().map(line).collect::<Vec<_>>().join("\n")
}

impl Plan {
    /// Reads `file`.
    ///
    /// # Errors
    /// Why it cannot be read, or every mistake in it. Whether its cells are possible is not checked here.
    pub fn open(file: &Path) -> Result<Self, String> {
        let name = file.display();
        let text = File::open(file).and_then(|file| bom::read(file, MAX_BYTES));
        let text = text.map_err(|error| match error.kind() {
            ErrorKind::FileTooLarge => format!("the plan {name} is larger than {MAX_BYTES} bytes"),
            _ => format!("cannot read the plan {name}: {error}"),
        })?;
        read(&text).map_err(|mistakes| list(file, &mistakes))
    }

    /// How many cells it has; `None` if more than can be counted.
    pub fn cell_count(&self) -> Option<usize> {
        self.axes.iter().try_fold(1_usize, |product, axis| product.checked_mul(axis.points.len()))
    }

    /// Whether any cell plays in a browser.
    pub fn has_browser(&self) -> bool {
        let points = self.axes.iter().flat_map(|axis| &axis.points);
        let choices = self.fixed.iter().chain(points.flat_map(|point| &point.choices));
        choices.into_iter().any(|choice| choice.setting.name == "via")
    }

    /// Returns the number of joins per run.
    pub fn joins(&self) -> u32 {
        self.joins.unwrap_or(JOINS)
    }

    /// The points of a cell: `publisher.gop=30 publisher.bitrate=1M`.
    pub fn describe(&self, values: &[usize]) -> String {
        let each = self.axes.iter().zip(values).map(|(axis, value)| {
            let label = axis.points.get(*value).map_or("?", |point| point.label.as_str());
            format!("{}={label}", axis.name)
        });
        each.collect::<Vec<_>>().join(" ")
    }

    /// Everything that is set in a cell with these points.
    pub fn choices<'a>(&'a self, values: &'a [usize]) -> impl Iterator<Item = &'a Choice> {
        let varied = self.axes.iter().zip(values).filter_map(|(axis, value)| axis.points.get(*value));
        self.fixed.iter().chain(varied.flat_map(|point| &point.choices))
    }

    /// Everything that decides what is measured, by name: what a resumed sweep must have in common with its beginning. How often each
    /// cell runs is not part of it: more blocks may follow.
    pub fn identity(&self) -> Vec<(String, String)> {
        let mut all = vec![
            ("name".to_owned(), self.name.clone()),
            ("warmup".to_owned(), format!("{:?}", self.warmup)),
            ("duration".to_owned(), format!("{:?}", self.duration)),
            ("seed".to_owned(), self.seed.to_string()),
            ("quality".to_owned(), self.quality.to_string()),
        ];
        if self.has_browser() {
            all.push(("joins".to_owned(), self.joins().to_string()));
        }
        all.extend(self.fixed.iter().map(|choice| (choice.setting.name.to_owned(), choice.redacted())));
        for axis in &self.axes {
            let point = |point: &Point| match point.choices.as_slice() {
                [choice] if choice.setting.name == axis.name => point.label.clone(),
                choices => {
                    let each = choices.iter().map(|choice| format!("{}={}", choice.setting.name, choice.redacted()));
                    format!("{} ({})", point.label, each.collect::<Vec<_>>().join(" "))
                }
            };
            let points: Vec<String> = axis.points.iter().map(point).collect();
            all.push((format!("axes.{}", axis.name), points.join(", ")));
        }
        all
    }
}

impl Choice {
    /// The value without secrets.
    pub fn redacted(&self) -> String {
        common::redact::secrets(self.text.reveal())
    }
}
