//! Runs kept over time: SQLite in a file, or PostgreSQL where many machines report to one place. The only module that
//! knows sqlx.
//!
//! Of each run the whole `run.json` is kept, beside it the columns that lists need, and the histogram of its latency, so
//! that the runs of a time can be looked at as one. `docs/store.md` says the rest.
//!
//! Both databases are spoken to by sqlx's `Any` driver: one code path, chosen by the URL at run time. Its price is that
//! only types which both have can be used, which is no loss here, and that statements are checked by tests, not by
//! the compiler. What differs (how a writing transaction begins, how tables are listed) is in `schema`.
//!
//! # Writers at once
//!
//! Whatever is kept is one statement, or one transaction: it is there, or it is not. SQLite is left at its own
//! defaults, a rollback journal and `synchronous=FULL`: one file, which a CI service can carry from job to job, and
//! nothing that was said to be kept is lost with the power. A writer waits up to [`BUSY`] for the others.

mod error;
mod listed;
mod place;
mod schema;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Once;
use std::time::Duration;

use chrono::{SecondsFormat, Utc};
use sqlx::any::{AnyConnectOptions, AnyRow};
use sqlx::{AnyConnection, ConnectOptions, Row};
use tokio::runtime::{self, Runtime};

pub use error::Error;
pub use listed::{Filter, Labels, Listed, RunId};
pub use place::Place;
use schema::{Dialect, Found};

use crate::identity;
use crate::run::Run;
use crate::saved::{self, Saved};

/// How long SQLite waits for another process that writes.
pub const BUSY: Duration = Duration::from_secs(10);

/// How long a server has to let us in.
const CONNECTING: Duration = Duration::from_secs(15);

/// How long a store has for one statement.
const ANSWERING: Duration = Duration::from_secs(60);

/// Ids that are offered where the beginning of one fits several.
const MAX_OFFERED: usize = 5;

/// The fewest digits that stand for a run.
const MIN_DIGITS: usize = 4;

/// Adds a run. One that was kept before it ended is replaced; one that had ended stays as it is.
const ADD: &str = "INSERT INTO framelag_runs \
     (id, added, started, url, machine, settings, outcome, partial, duration_s, frames, \
      p50_ms, p95_ms, p99_ms, max_ms, run, histogram) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) \
     ON CONFLICT (id) DO UPDATE SET \
      added = excluded.added, outcome = excluded.outcome, partial = excluded.partial, \
      duration_s = excluded.duration_s, frames = excluded.frames, p50_ms = excluded.p50_ms, \
      p95_ms = excluded.p95_ms, p99_ms = excluded.p99_ms, max_ms = excluded.max_ms, run = excluded.run, \
      histogram = excluded.histogram \
     WHERE framelag_runs.partial <> 0";

/// A store that is open. Its methods block.
pub struct Store {
    place: Place,
    runtime: Runtime,
    connection: AnyConnection,
}

/// A run as it was kept.
#[derive(Clone, Debug)]
pub struct Kept {
    /// At a glance.
    pub listed: Listed,
    /// All of it.
    pub run: Run,
    /// Its latencies as [`Distribution::encoded`](crate::latency::Distribution::encoded) gives them; `None` where the
    /// report had no histogram that can be read.
    pub histogram: Option<String>,
}

impl Store {
    /// Opens the store at `place`, making it where there is none and bringing an older one up to date.
    ///
    /// # Errors
    /// Where it cannot be reached, or is no store of a version that this framelag knows.
    pub fn open(place: &Place) -> Result<Self, Error> {
        Self::connect(place, true)
    }

    /// Opens the store at `place` to read: where there is none it stays so.
    ///
    /// # Errors
    /// As [`Store::open`], and [`Error::Missing`].
    pub fn open_existing(place: &Place) -> Result<Self, Error> {
        Self::connect(place, false)
    }

    fn connect(place: &Place, make: bool) -> Result<Self, Error> {
        static DRIVERS: Once = Once::new();
        DRIVERS.call_once(sqlx::any::install_default_drivers);

        let fail = |error| Error::of(place.to_string(), error);
        let url = place.url(make)?;
        let options = AnyConnectOptions::from_url(&url).map_err(fail)?.disable_statement_logging();
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::Failed { place: place.to_string(), why: error.to_string() })?;
        let connecting = async { tokio::time::timeout(CONNECTING, options.connect()).await };
        let connection = runtime.block_on(connecting).map_err(|_| silent(place, CONNECTING))?.map_err(fail)?;
        let mut store = Self { place: place.clone(), runtime, connection };
        store.prepare(make)?;
        Ok(store)
    }

    /// Checks the version, and makes or renews the tables.
    fn prepare(&mut self, make: bool) -> Result<(), Error> {
        let dialect = match self.place {
            Place::File(_) => Dialect::Sqlite,
            Place::Server(_) => Dialect::Postgres,
        };
        if dialect == Dialect::Sqlite {
            let patience = format!("PRAGMA busy_timeout = {}", BUSY.as_millis());
            self.wait(async |connection| sqlx::query(&patience).execute(connection).await)?;
        }
        let place = self.place.to_string();
        match self.wait(async |connection| schema::found(connection, dialect).await)? {
            Found::Version(version) if version > schema::VERSION => Err(Error::Newer { place, version }),
            Found::Version(schema::VERSION) => Ok(()),
            Found::Other => Err(Error::NotAStore { place }),
            Found::Nothing if !make => Err(Error::Missing { place }),
            Found::Version(_) | Found::Nothing => {
                self.wait(async |connection| schema::migrate(connection, dialect, schema::MIGRATIONS).await)
            }
        }
    }

    /// Keeps a run. The same run again is the same id, and is kept once.
    ///
    /// # Errors
    /// Where the store cannot take it.
    pub fn add(&mut self, saved: &Saved) -> Result<RunId, Error> {
        let histogram = saved.histograms().ok().and_then(|(histograms, _)| histograms.total.encoded());
        self.add_run(&saved.run, histogram)
    }

    fn add_run(&mut self, run: &Run, histogram: Option<String>) -> Result<RunId, Error> {
        let id = identity::run(run);
        let text = serde_json::to_string(run).map_err(|error| Error::Unreadable {
            place: self.place.to_string(),
            id: id.clone(),
            why: error.to_string(),
        })?;
        let latency = &run.latency_ms;
        let statement = sqlx::query(ADD)
            .bind(id.clone())
            .bind(Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true))
            .bind(run.started.clone())
            .bind(run.url.clone())
            .bind(identity::machine(run))
            .bind(identity::settings(run))
            .bind(run.outcome.name())
            .bind(i64::from(run.partial))
            .bind(run.duration_s)
            .bind(i64::try_from(latency.count).unwrap_or(i64::MAX))
            .bind(latency.p50)
            .bind(latency.p95)
            .bind(latency.p99)
            .bind(latency.max)
            .bind(text)
            .bind(histogram);
        self.wait(async |connection| statement.execute(connection).await)?;
        Ok(RunId(id))
    }

    /// Says something of a run; what was said before under the same name is replaced.
    ///
    /// # Errors
    /// Where the store cannot take it.
    pub fn label(&mut self, id: &RunId, labels: &Labels) -> Result<(), Error> {
        const LABEL: &str = "INSERT INTO framelag_labels (run, name, value) VALUES ($1, $2, $3) \
                             ON CONFLICT (run, name) DO UPDATE SET value = excluded.value";
        for (name, value) in labels {
            let statement = sqlx::query(LABEL).bind(id.as_str()).bind(name.as_str()).bind(value.as_str());
            self.wait(async |connection| statement.execute(connection).await)?;
        }
        Ok(())
    }

    /// The runs that fit, from the earliest to the latest.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn list(&mut self, filter: &Filter) -> Result<Vec<Listed>, Error> {
        let rows = self.rows(filter, "")?;
        let mut runs = rows.iter().map(Listed::read).collect::<sqlx::Result<Vec<_>>>().map_err(|e| self.fail(e))?;
        self.read_labels(runs.iter_mut())?;
        Ok(runs)
    }

    /// Like [`Store::list`], with all of each run.
    ///
    /// # Errors
    /// Where the store cannot be read, or a run in it.
    pub fn runs(&mut self, filter: &Filter) -> Result<Vec<Kept>, Error> {
        let rows = self.rows(filter, ", run, histogram")?;
        let mut runs = Vec::with_capacity(rows.len());
        for row in &rows {
            let read = || -> sqlx::Result<(Listed, String, Option<String>)> {
                Ok((Listed::read(row)?, row.try_get("run")?, row.try_get("histogram")?))
            };
            let (listed, text, histogram) = read().map_err(|error| self.fail(error))?;
            let run = self.parse(&listed.id, &text)?;
            runs.push(Kept { listed, run, histogram });
        }
        self.read_labels(runs.iter_mut().map(|kept| &mut kept.listed))?;
        Ok(runs)
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
        let pair = |row: &AnyRow| Ok((row.try_get(0)?, row.try_get(1)?));
        rows.iter().map(pair).collect::<sqlx::Result<_>>().map_err(|error| self.fail(error))
    }

    /// The run that `text` names: its id, or enough digits of its beginning.
    ///
    /// # Errors
    /// [`Error::NoRun`] and [`Error::Ambiguous`].
    pub fn find(&mut self, text: &str) -> Result<RunId, Error> {
        let none = Error::NoRun { place: self.place.to_string(), id: text.chars().take(identity::DIGITS).collect() };
        let digits = text.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c));
        if !digits || !(MIN_DIGITS..=identity::DIGITS).contains(&text.len()) {
            return Err(none);
        }
        let statement = sqlx::query("SELECT id FROM framelag_runs WHERE id LIKE $1 ORDER BY id LIMIT $2")
            .bind(format!("{text}%"))
            .bind(MAX_OFFERED as i64);
        let rows = self.wait(async |connection| statement.fetch_all(connection).await)?;
        let ids: sqlx::Result<Vec<String>> = rows.iter().map(|row| row.try_get(0)).collect();
        let mut ids = ids.map_err(|error| self.fail(error))?;
        match ids.len() {
            0 => Err(none),
            1 => Ok(RunId(ids.remove(0))),
            _ => Err(Error::Ambiguous { id: text.to_owned(), runs: ids }),
        }
    }

    /// Calls these runs a baseline; one of the same name is replaced.
    ///
    /// # Errors
    /// [`Error::EmptyBaseline`], [`Error::NoRun`] where one is not kept, or where the store cannot take it.
    pub fn save_baseline(&mut self, name: &str, runs: &[RunId]) -> Result<(), Error> {
        const SAVE: &str = "INSERT INTO framelag_baselines (name, saved, runs) VALUES ($1, $2, $3) \
                            ON CONFLICT (name) DO UPDATE SET saved = excluded.saved, runs = excluded.runs";
        if name.trim().is_empty() || runs.is_empty() {
            return Err(Error::EmptyBaseline);
        }
        for id in runs {
            self.run(id)?;
        }
        let ids: Vec<&str> = runs.iter().map(RunId::as_str).collect();
        let statement = sqlx::query(SAVE)
            .bind(name)
            .bind(Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true))
            .bind(ids.join(" "));
        self.wait(async |connection| statement.execute(connection).await)?;
        Ok(())
    }

    /// The runs of a baseline, in the order that they were given.
    ///
    /// # Errors
    /// [`Error::NoBaseline`], which says what there is, or where a run cannot be read.
    pub fn baseline(&mut self, name: &str) -> Result<Vec<(RunId, Run)>, Error> {
        let statement = sqlx::query("SELECT runs FROM framelag_baselines WHERE name = $1").bind(name);
        let Some(row) = self.wait(async |connection| statement.fetch_optional(connection).await)? else {
            let there = self.baselines()?;
            return Err(Error::NoBaseline { place: self.place.to_string(), name: name.to_owned(), there });
        };
        let ids: String = row.try_get(0).map_err(|error| self.fail(error))?;
        ids.split(' ').map(|id| RunId(id.to_owned())).map(|id| Ok((id.clone(), self.run(&id)?))).collect()
    }

    /// The names of all baselines.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn baselines(&mut self) -> Result<Vec<String>, Error> {
        let all = sqlx::query("SELECT name FROM framelag_baselines ORDER BY name");
        let rows = self.wait(async |connection| all.fetch_all(connection).await)?;
        rows.iter().map(|row| row.try_get(0)).collect::<sqlx::Result<_>>().map_err(|error| self.fail(error))
    }

    /// The rows that fit, from the earliest to the latest.
    fn rows(&mut self, filter: &Filter, more: &str) -> Result<Vec<AnyRow>, Error> {
        let (sql, bound) = filter.query(more);
        let statement = bound.into_iter().fold(sqlx::query(&sql), |statement, value| statement.bind(value.to_owned()));
        let mut rows = self.wait(async |connection| statement.fetch_all(connection).await)?;
        rows.reverse();
        Ok(rows)
    }

    fn read_labels<'a>(&mut self, runs: impl Iterator<Item = &'a mut Listed>) -> Result<(), Error> {
        for listed in runs {
            listed.labels = self.labels(&listed.id)?;
        }
        Ok(())
    }

    fn parse(&self, id: &RunId, text: &str) -> Result<Run, Error> {
        let place = self.place.to_string();
        let read = saved::parse(text.as_bytes(), Path::new("run.json")).map(|(run, _)| run);
        read.map_err(|error| Error::Unreadable { place, id: id.to_string(), why: error.to_string() })
    }

    fn fail(&self, error: sqlx::Error) -> Error {
        Error::of(self.place.to_string(), error)
    }

    /// Does `work`, and waits for it.
    fn wait<T>(&mut self, work: impl AsyncFnOnce(&mut AnyConnection) -> sqlx::Result<T>) -> Result<T, Error> {
        let Self { place, runtime, connection } = self;
        let done = runtime.block_on(async { tokio::time::timeout(ANSWERING, work(connection)).await });
        done.map_err(|_| silent(place, ANSWERING))?.map_err(|error| Error::of(place.to_string(), error))
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Store").field(&self.place).finish()
    }
}

fn silent(place: &Place, limit: Duration) -> Error {
    Error::Silent { place: place.to_string(), seconds: limit.as_secs() }
}
