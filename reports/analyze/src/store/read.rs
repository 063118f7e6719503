//! What is kept, read back.

use std::path::Path;

use futures::StreamExt;
use report::run::Run;
use report::saved;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::listed::{Query, shown, shown_text};
use super::{Error, Filter, Labels, Listed, RunId, Store};
use crate::identity;

/// Ids that are offered where the beginning of one fits several.
const MAX_OFFERED: usize = 5;

/// Rows of one answer, of which there is one for each label of a run: what is more is no store of a receiver's runs.
const MAX_ROWS: usize = 1_000_000;

/// The fewest digits that stand for a run.
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
        let rows = self.rows(&filter.query(""))?;
        self.read(&rows, |listed, _| Ok(listed), |listed| listed)
    }

    /// Like [`Store::list`], with all of each run.
    ///
    /// # Errors
    /// Where the store cannot be read, or a run in it.
    pub fn runs(&mut self, filter: &Filter) -> Result<Vec<Kept>, Error> {
        self.kept(&filter.query(", run, histogram"))
    }

    /// The runs of a query that has all of each.
    pub(super) fn kept(&mut self, query: &Query<'_>) -> Result<Vec<Kept>, Error> {
        let rows = self.rows(query)?;
        let whole = |listed: Listed, row: &AnyRow| {
            let read =
                || -> sqlx::Result<(String, Option<String>)> { Ok((row.try_get("run")?, row.try_get("histogram")?)) };
            let (text, histogram) = read().map_err(|error| self.fail(error))?;
            let run = self.parse(&listed.id, &text)?;
            Ok(Kept { listed, run, histogram })
        };
        self.read(&rows, whole, |kept| &mut kept.listed)
    }

    /// All of a run.
    ///
    /// # Errors
    /// [`Error::NoRun`], or where it cannot be read.
    pub fn run(&mut self, id: &RunId) -> Result<Run, Error> {
        let statement = sqlx::query("SELECT run FROM framelag_runs WHERE id = $1").bind(id.as_str());
        let row = self.wait(async |connection| statement.fetch_optional(connection).await)?;
        let row = row.ok_or_else(|| Error::NoRun { place: self.place.to_string(), id: id.to_string() })?;
        let text: String = row.try_get(0).map_err(|error| self.fail(error))?;
        self.parse(id, &text)
    }

    /// What was said of a run.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn labels(&mut self, id: &RunId) -> Result<Labels, Error> {
        let statement = sqlx::query("SELECT name, value FROM framelag_labels WHERE run = $1").bind(id.as_str());
        let rows = self.wait(async |connection| statement.fetch_all(connection).await)?;
        let pair = |row: &AnyRow| Ok((shown_text(row, "name")?, shown_text(row, "value")?));
        rows.iter().map(pair).collect::<sqlx::Result<_>>().map_err(|error| self.fail(error))
    }

    /// The run that `text` names: its id, or enough digits of its beginning.
    ///
    /// # Errors
    /// [`Error::NoId`], [`Error::NoRun`] and [`Error::Ambiguous`].
    pub fn find(&mut self, text: &str) -> Result<RunId, Error> {
        let digits = text.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c));
        if !digits || !(MIN_DIGITS..=identity::DIGITS).contains(&text.len()) {
            let id = text.chars().take(identity::DIGITS).collect();
            return Err(Error::NoId { id, least: MIN_DIGITS, most: identity::DIGITS });
        }
        let statement = sqlx::query("SELECT id FROM framelag_runs WHERE id LIKE $1 ORDER BY id LIMIT $2")
            .bind(format!("{text}%"))
            .bind(MAX_OFFERED as i64);
        let rows = self.wait(async |connection| statement.fetch_all(connection).await)?;
        let ids: sqlx::Result<Vec<String>> = rows.iter().map(|row| shown_text(row, "id")).collect();
        let mut ids = ids.map_err(|error| self.fail(error))?;
        match ids.len() {
            0 => Err(Error::NoRun { place: self.place.to_string(), id: text.to_owned() }),
            1 => Ok(RunId(ids.remove(0))),
            _ => Err(Error::Ambiguous { id: text.to_owned(), runs: ids }),
        }
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
            return Err(Error::TooMany { place: self.place.to_string(), most: MAX_ROWS });
        }
        Ok(read)
    }

    /// Runs from their rows, of which there is one for each label, or one.
    fn read<T>(
        &self,
        rows: &[AnyRow],
        make: impl Fn(Listed, &AnyRow) -> Result<T, Error>,
        listed: impl Fn(&mut T) -> &mut Listed,
    ) -> Result<Vec<T>, Error> {
        let mut runs: Vec<T> = Vec::new();
        for row in rows {
            let read = || -> sqlx::Result<(Listed, Option<String>, Option<String>)> {
                Ok((Listed::read(row)?, row.try_get("label")?, row.try_get("label_value")?))
            };
            let (one, name, value) = read().map_err(|error| self.fail(error))?;
            if runs.last_mut().is_none_or(|last| listed(last).id != one.id) {
                runs.push(make(one, row)?);
            }
            if let (Some(last), Some(name), Some(value)) = (runs.last_mut(), name, value) {
                listed(last).labels.insert(shown(name), shown(value));
            }
        }
        runs.reverse();
        Ok(runs)
    }

    fn parse(&self, id: &RunId, text: &str) -> Result<Run, Error> {
        let place = self.place.to_string();
        let read = saved::parse(text.as_bytes(), Path::new("run.json")).map(|(run, _)| run);
        read.map_err(|error| Error::Unreadable { place, id: id.to_string(), why: error.to_string() })
    }
}
