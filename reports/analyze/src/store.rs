//! Runs kept over time: SQLite in a file, or PostgreSQL where many machines report to one place. The only module that
//! knows sqlx.
//!
//! A run is kept as its whole `run.json`, the columns that lists need, and the histogram of its latency, so that runs can
//! be pooled. `docs/store.md` has the details.
//!
//! Both databases use sqlx's `Any` driver: one code path, chosen by the URL at run time. In return only types common to
//! both can be used, and tests check the statements, not the compiler. The differences (how a writing transaction
//! begins, how tables are listed) are in `schema`.
//!
//! # Writers at once
//!
//! Every change is one statement or one transaction. SQLite is left at its defaults, a rollback journal and
//! `synchronous=FULL`: one file, which a CI service can carry from job to job, and nothing reported as kept is lost
//! with the power. A writer waits up to `LOCK_TIMEOUT` for the others.

mod baselines;
mod comparable;
mod error;
mod listed;
mod place;
mod read;
mod schema;
#[cfg(test)]
mod tests;

use std::sync::Once;
use std::time::Duration;

use chrono::{SecondsFormat, Utc};
use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, ConnectOptions, Connection};
use tokio::runtime::{self, Runtime};

pub use comparable::{Comparable, Subset};
pub use error::Error;
pub use listed::{Filter, Labels, Listed, RunId, labels_of};
pub use place::Place;
pub use read::Kept;
use schema::{Contents, Dialect};

use crate::identity;
use report::run::Run;
use report::saved::Saved;

/// How long to wait for another writing process.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// How long one statement may take.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(60);

/// Adds a run. A run that was kept before it ended is replaced; one that had ended stays.
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

/// The result of adding a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    /// Its name in the store.
    pub id: RunId,
    /// Whether it was written: it was not there yet, or not to its end.
    pub is_new: bool,
}

/// A store that is open. Its methods block.
pub struct Store {
    place: Place,
    runtime: Runtime,
    connection: AnyConnection,
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
    /// As [`Store::open`], and where there is none.
    pub fn open_existing(place: &Place) -> Result<Self, Error> {
        Self::connect(place, false)
    }

    fn connect(place: &Place, make: bool) -> Result<Self, Error> {
        static DRIVERS: Once = Once::new();
        DRIVERS.call_once(sqlx::any::install_default_drivers);

        let fail = |error| Error::of(&place.to_string(), &error);
        let url = place.url(make)?;
        let options = AnyConnectOptions::from_url(&url).map_err(fail)?.disable_statement_logging();
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::Failed(format!("{place}: {error}")))?;
        let connecting = async { tokio::time::timeout(CONNECT_TIMEOUT, options.connect()).await };
        let connection = runtime.block_on(connecting).map_err(|_| timed_out(place, CONNECT_TIMEOUT))?.map_err(fail)?;
        let mut store = Self { place: place.clone(), runtime, connection };
        store.prepare(make)?;
        Ok(store)
    }

    /// Checks the version, and makes or renews the tables.
    fn prepare(&mut self, make: bool) -> Result<(), Error> {
        let dialect = self.place.dialect();
        for timeout in dialect.timeouts(LOCK_TIMEOUT, STATEMENT_TIMEOUT) {
            self.wait(async |connection| sqlx::query(&timeout).execute(connection).await)?;
        }
        let place = self.place.to_string();
        match self.wait(async |connection| schema::contents(connection, dialect).await)? {
            Contents::Version(version) if version > schema::VERSION => Err(Error::Usage(format!(
                "{place} is a store of version {version}, and this framelag knows versions up to {}: use a newer framelag, or \
                 name another store with --store",
                schema::VERSION
            ))),
            Contents::Version(schema::VERSION) => Ok(()),
            Contents::Other => {
                Err(Error::Usage(format!("{place} is a database of another program: name another file with --store")))
            }
            Contents::Damaged(why) => Err(Error::damaged(&place, why)),
            Contents::Nothing if !make => Err(self.place.missing()),
            Contents::Version(_) | Contents::Nothing => {
                self.wait(async |connection| schema::migrate(connection, dialect, schema::MIGRATIONS).await)
            }
        }
    }

    /// Keeps a run. The same run again is the same id, and is kept once.
    ///
    /// # Errors
    /// Where the store cannot take it.
    pub fn add(&mut self, saved: &Saved) -> Result<Added, Error> {
        let histogram = saved.histograms().ok().and_then(|(histograms, _)| histograms.total.encoded());
        self.add_run(&saved.run, histogram)
    }

    fn add_run(&mut self, run: &Run, histogram: Option<String>) -> Result<Added, Error> {
        // SQLite would keep it, PostgreSQL would not.
        for (what, text) in [("the run's URL", &run.url), ("the run's start", &run.started)] {
            if text.contains('\0') {
                return Err(Error::Usage(format!(
                    "{what} has a NUL character in it, which no database keeps: this is no run of a receiver's"
                )));
            }
        }
        let id = identity::run(run);
        let text = serde_json::to_string(run).expect("a run has string keys only");
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
        let done = self.wait(async |connection| statement.execute(connection).await)?;
        Ok(Added { id: RunId(id), is_new: done.rows_affected() > 0 })
    }

    /// Labels a run, with all labels or none; labels of the same name are replaced.
    ///
    /// # Errors
    /// Where the store cannot take it.
    pub fn label(&mut self, id: &RunId, labels: &Labels) -> Result<(), Error> {
        if labels.is_empty() {
            return Ok(());
        }
        let (dialect, id) = (self.place.dialect(), id.as_str());
        self.wait(async |connection| set_labels(connection, dialect, id, labels).await)
    }

    /// Does `work`, and waits for it.
    fn wait<T>(&mut self, work: impl AsyncFnOnce(&mut AnyConnection) -> sqlx::Result<T>) -> Result<T, Error> {
        let Self { place, runtime, connection } = self;
        let done = runtime.block_on(async { tokio::time::timeout(STATEMENT_TIMEOUT, work(connection)).await });
        done.map_err(|_| timed_out(place, STATEMENT_TIMEOUT))?.map_err(|error| Error::of(&place.to_string(), &error))
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Store").field(&self.place).finish()
    }
}

/// Sets all labels in one transaction, in the order of their names, so that two processes labelling one run cannot deadlock.
async fn set_labels(connection: &mut AnyConnection, dialect: Dialect, id: &str, labels: &Labels) -> sqlx::Result<()> {
    const LABEL: &str = "INSERT INTO framelag_labels (run, name, value) VALUES ($1, $2, $3) \
                         ON CONFLICT (run, name) DO UPDATE SET value = excluded.value";
    let mut transaction = connection.begin_with(dialect.begin()).await?;
    for (name, value) in labels {
        let label = sqlx::query(LABEL).bind(id.to_owned()).bind(name.clone()).bind(value.clone());
        label.execute(&mut *transaction).await?;
    }
    transaction.commit().await
}

fn timed_out(place: &Place, limit: Duration) -> Error {
    Error::Failed(format!("{place} does not answer within {} s", limit.as_secs()))
}
