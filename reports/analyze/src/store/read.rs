//! What is kept, read back.

use std::path::Path;

use common::printable::escaped;
use futures::StreamExt;
use report::run::Run;
use report::saved;
use sqlx::any::AnyRow;
use sqlx::{Any, Decode, Row, Type};

use super::listed::{Query, printable_text};
use super::{Error, Filter, Labels, Listed, RunId, Store};
use crate::identity;

/// Ids that are offered where the beginning of one fits several.
const MAX_OFFERED: usize = 5;

/// Rows of one answer, of which there is one for each label of a run: what is more is no store of a receiver's runs.
const MAX_ROWS: usize = 1_000_000;

/// The fewest digits that stand for a run.
const MIN_DIGITS: usize = 4;

/// The columns of a [`Kept`] beside those of its [`Listed`].
pub(super) const WHOLE: &str = ", run, histogram";

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
        let rows = self.rows(&filter.matching("").labelled(""))?;
        Ok(self.listed(&rows)?.into_iter().map(|(listed, _)| listed).collect())
    }

    /// Like [`Store::list`], with all of each run.
    ///
    /// # Errors
    /// Where the store cannot be read, or a run in it.
    pub fn runs(&mut self, filter: &Filter) -> Result<Vec<Kept>, Error> {
        self.kept(&filter.matching(WHOLE).labelled(WHOLE))
    }

    /// The runs of a labelled query that has the columns of [`WHOLE`].
    pub(super) fn kept(&mut self, query: &Query<'_>) -> Result<Vec<Kept>, Error> {
        let rows = self.rows(query)?;
        let whole = |(listed, row): (Listed, &AnyRow)| {
            let text: String = self.get(row, "run")?;
            let run = self.parse(&listed.id, &text)?;
            Ok(Kept { listed, run, histogram: self.get(row, "histogram")? })
        };
        self.listed(&rows)?.into_iter().map(whole).collect()
    }

    /// All of a run.
    ///
    /// # Errors
    /// Where it is not kept, or cannot be read.
    pub fn run(&mut self, id: &RunId) -> Result<Run, Error> {
        let statement = sqlx::query("SELECT run FROM framelag_runs WHERE id = $1").bind(id.as_str());
        let text: Option<String> = self.wait(async |connection| {
            statement.fetch_optional(connection).await?.map(|row| row.try_get(0)).transpose()
        })?;
        self.parse(id, &text.ok_or_else(|| self.no_run(id.as_str()))?)
    }

    /// The labels of a run.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn labels(&mut self, id: &RunId) -> Result<Labels, Error> {
        let statement = sqlx::query("SELECT name, value FROM framelag_labels WHERE run = $1").bind(id.as_str());
        let pair = |row: &AnyRow| Ok((printable_text(row, "name")?, printable_text(row, "value")?));
        self.wait(async |connection| statement.fetch_all(connection).await?.iter().map(pair).collect())
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
        let statement = sqlx::query("SELECT id FROM framelag_runs WHERE id LIKE $1 ORDER BY id LIMIT $2")
            .bind(format!("{text}%"))
            .bind(MAX_OFFERED as i64);
        let mut ids: Vec<String> = self.wait(async |connection| {
            statement.fetch_all(connection).await?.iter().map(|row| printable_text(row, "id")).collect()
        })?;
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

    /// The rows of a query.
    pub(super) fn rows(&mut self, query: &Query<'_>) -> Result<Vec<AnyRow>, Error> {
        let statement = sqlx::query(&query.sql);
        let statement = query.bound.iter().fold(statement, |statement, value| statement.bind((*value).to_owned()));
        let read = self.wait(async |connection| {
            let mut rows = Vec::new();
            let mut all = statement.fetch(connection);
            while let Some(row) = all.next().await.transpose()?.filter(|_| rows.len() <= MAX_ROWS) {
                rows.push(row);
            }
            Ok(rows)
        })?;
        if read.len() > MAX_ROWS {
            return Err(Error::Failed(format!(
                "{} has more than {MAX_ROWS} runs or labels that fit: ask for less, with --last or --label",
                self.place
            )));
        }
        Ok(read)
    }

    /// Runs with the first of their rows, of which there is one for each label, or one: from the earliest to the latest.
    fn listed<'r>(&self, rows: &'r [AnyRow]) -> Result<Vec<(Listed, &'r AnyRow)>, Error> {
        let mut runs: Vec<(Listed, &AnyRow)> = Vec::new();
        for (row, one) in rows.iter().zip(self.read(rows, Listed::read)?) {
            if runs.last().is_none_or(|(last, _)| last.id != one.id) {
                runs.push((one, row));
            }
            let [name, value] = [self.get::<Option<String>>(row, "label")?, self.get(row, "label_value")?];
            if let (Some((last, _)), Some(name), Some(value)) = (runs.last_mut(), name, value) {
                last.labels.insert(escaped(&name).into_owned(), escaped(&value).into_owned());
            }
        }
        runs.reverse();
        Ok(runs)
    }

    /// What `read` makes of each row.
    pub(super) fn read<T>(&self, rows: &[AnyRow], read: fn(&AnyRow) -> sqlx::Result<T>) -> Result<Vec<T>, Error> {
        rows.iter().map(read).collect::<sqlx::Result<_>>().map_err(|error| self.fail(&error))
    }

    fn get<'r, T: Decode<'r, Any> + Type<Any>>(&self, row: &'r AnyRow, column: &str) -> Result<T, Error> {
        row.try_get(column).map_err(|error| self.fail(&error))
    }

    fn parse(&self, id: &RunId, text: &str) -> Result<Run, Error> {
        let read = saved::parse(text.as_bytes(), Path::new("run.json")).map(|(run, _)| run);
        read.map_err(|why| Error::Failed(format!("run {id} in {} cannot be read: {why}", self.place)))
    }
}
