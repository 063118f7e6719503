//! Reads kept runs.

use std::path::Path;

use report::run::Run;
use report::saved;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::listed::{MAX_ROWS, label, printable_text};
use super::{Error, Filter, Labels, Listed, RunId, Store};
use crate::identity;

/// The most ids offered for an ambiguous beginning.
const MAX_OFFERED: usize = 5;

/// The fewest digits that identify a run.
const MIN_DIGITS: usize = 4;

/// A run as it was kept.
#[derive(Clone, Debug)]
pub struct Kept {
    /// At a glance.
    pub listed: Listed,
    /// All of it.
    pub run: Run,
    /// Its latencies as [`Distribution::encoded`](measure::latency::Distribution::encoded) gives them; `None` where the
    /// report had no histogram that can be read.
    pub histogram: Option<String>,
}

impl Store {
    /// The runs that fit, from the earliest to the latest.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn list(&mut self, filter: &Filter) -> Result<Vec<Listed>, Error> {
        let (sql, bound) = filter.query();
        let rows = self.rows(&sql, &bound, Listed::read)?;
        if rows.len() > MAX_ROWS {
            return Err(Error::Failed(format!(
                "{} has more than {MAX_ROWS} runs or labels that fit: ask for less, with --last or --label",
                self.place
            )));
        }
        let mut runs: Vec<Listed> = Vec::new();
        for run in rows {
            match runs.last_mut().filter(|last| last.id == run.id) {
                Some(last) => last.labels.extend(run.labels),
                None => runs.push(run),
            }
        }
        Ok(runs)
    }

    /// All of a run.
    ///
    /// # Errors
    /// Where it is not kept, or cannot be read.
    pub fn run(&mut self, id: &RunId) -> Result<Run, Error> {
        Ok(self.whole(id)?.0)
    }

    /// All of a run, and its histogram.
    pub(super) fn whole(&mut self, id: &RunId) -> Result<(Run, Option<String>), Error> {
        let read = |row: &AnyRow| Ok((row.try_get::<String, _>("run")?, row.try_get("histogram")?));
        let found = self.rows("SELECT run, histogram FROM framelag_runs WHERE id = $1", &[id.as_str()], read)?;
        let (text, histogram) = found.into_iter().next().ok_or_else(|| self.no_run(id.as_str()))?;
        match saved::parse(text.as_bytes(), Path::new("run.json")) {
            Ok((run, _)) => Ok((run, histogram)),
            Err(why) => Err(Error::Failed(format!("run {id} in {} cannot be read: {why}", self.place))),
        }
    }

    /// The labels of a run.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn labels(&mut self, id: &RunId) -> Result<Labels, Error> {
        let labels = self.rows("SELECT name, value FROM framelag_labels WHERE run = $1", &[id.as_str()], label)?;
        Ok(labels.into_iter().collect())
    }

    /// The run that `text` names: its id, or enough digits of its beginning.
    ///
    /// # Errors
    /// Where that is no id, or not the beginning of exactly one.
    pub fn find(&mut self, text: &str) -> Result<RunId, Error> {
        let digits = text.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c));
        if !digits || !(MIN_DIGITS..=identity::DIGITS).contains(&text.len()) {
            let id: String = text.chars().take(identity::DIGITS).collect();
            return Err(Error::Usage(format!(
                "{id:?} is no run ID: give at least the first {MIN_DIGITS} of its {} hexadecimal digits, in lower case",
                identity::DIGITS
            )));
        }
        let sql = format!("SELECT id FROM framelag_runs WHERE id LIKE $1 ORDER BY id LIMIT {MAX_OFFERED}");
        let mut ids = self.rows(&sql, &[&format!("{text}%")], |row| printable_text(row, "id"))?;
        match ids.len() {
            0 => Err(self.no_run(text)),
            1 => Ok(RunId(ids.remove(0))),
            _ => Err(Error::Usage(format!("{text:?} is the beginning of several runs: {}", ids.join(", ")))),
        }
    }

    fn no_run(&self, id: &str) -> Error {
        let place = &self.place;
        Error::Usage(format!(
            "there is no run {id:?} in {place}: `framelag report list --store {place}` lists the runs"
        ))
    }

    /// What `read` makes of the rows of a statement.
    pub(super) fn rows<T>(
        &mut self,
        sql: &str,
        bound: &[&str],
        read: impl Fn(&AnyRow) -> sqlx::Result<T>,
    ) -> Result<Vec<T>, Error> {
        let statement = bound.iter().fold(sqlx::query(sql), |statement, value| statement.bind((*value).to_owned()));
        self.wait(async |connection| statement.fetch_all(connection).await?.iter().map(read).collect())
    }
}
