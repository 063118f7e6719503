//! The tables and their migrations.
//!
//! Both databases take the same statements: text, BIGINT and DOUBLE PRECISION are all that is kept. What they do not
//! have in common is in [`Dialect`].

use std::time::Duration;

use sqlx::{AnyConnection, Connection, Row};

/// The version that this framelag makes and knows: the number of [`MIGRATIONS`].
pub const VERSION: i64 = MIGRATIONS.len() as i64;

/// Statements from each version to the next. Published ones never change; new ones follow.
pub(super) const MIGRATIONS: &[&[&str]] = &[&[
    "CREATE TABLE framelag_runs (
        id TEXT PRIMARY KEY,
        added TEXT NOT NULL,
        started TEXT NOT NULL,
        url TEXT NOT NULL,
        machine TEXT NOT NULL,
        settings TEXT NOT NULL,
        outcome TEXT NOT NULL,
        partial BIGINT NOT NULL,
        duration_s DOUBLE PRECISION,
        frames BIGINT NOT NULL,
        p50_ms DOUBLE PRECISION,
        p95_ms DOUBLE PRECISION,
        p99_ms DOUBLE PRECISION,
        max_ms DOUBLE PRECISION,
        run TEXT NOT NULL,
        histogram TEXT
    )",
    "CREATE INDEX framelag_runs_started ON framelag_runs (started)",
    "CREATE TABLE framelag_labels (
        run TEXT NOT NULL REFERENCES framelag_runs (id),
        name TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (run, name)
    )",
    "CREATE TABLE framelag_baselines (name TEXT PRIMARY KEY, saved TEXT NOT NULL, runs TEXT NOT NULL)",
]];

/// Guards the making of tables on a PostgreSQL server: `framelag` in ASCII.
const LOCK: i64 = 0x6672_616d_656c_6167;

/// The database; SQLite and PostgreSQL differ in the methods below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

/// What a database holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contents {
    /// A store of this version. It may be older than [`VERSION`], or newer.
    Version(i64),
    /// No table at all, or a server's database, which others may use too.
    Nothing,
    /// Another program's file.
    Other,
    /// Tables with our names, but no valid version: why.
    Damaged(&'static str),
}

impl Dialect {
    /// Begins a writing transaction. With a plain `BEGIN`, SQLite would read first and then refuse to write if another
    /// process did the same.
    pub(super) const fn begin(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }

    /// Counts the version table, other tables with our names, all tables, and views, triggers and the like with our names, which
    /// may never return.
    const fn tables(self) -> &'static str {
        match self {
            // Views and virtual tables have no page of their own. Names there are the same in capital letters.
            Self::Sqlite => {
                "SELECT SUM(type <> 'trigger' AND LOWER(name) = 'framelag_store'), \
                 SUM(type <> 'trigger' AND LOWER(name) IN ('framelag_runs', 'framelag_labels', 'framelag_baselines')), \
                 COUNT(CASE WHEN type <> 'trigger' THEN 1 END), \
                 SUM(CASE type WHEN 'trigger' THEN LOWER(tbl_name) ELSE LOWER(name) END \
                 IN ('framelag_store', 'framelag_runs', 'framelag_labels', 'framelag_baselines') \
                 AND (type <> 'table' OR rootpage = 0)) \
                 FROM sqlite_master WHERE type IN ('table', 'view', 'trigger')"
            }
            Self::Postgres => {
                "SELECT SUM((relname = 'framelag_store')::INT), \
                 SUM((relname IN ('framelag_runs', 'framelag_labels', 'framelag_baselines'))::INT), 0::BIGINT, \
                 SUM((relkind NOT IN ('r', 'p'))::INT) \
                 FROM pg_catalog.pg_class WHERE oid IN (to_regclass('framelag_store'), to_regclass('framelag_runs'), \
                 to_regclass('framelag_labels'), to_regclass('framelag_baselines'))"
            }
        }
    }

    /// Statements that limit waiting for locks to `wait` and a statement to `answer`. They take no parameters.
    pub(super) fn timeouts(self, wait: Duration, answer: Duration) -> Vec<String> {
        match self {
            Self::Sqlite => vec![format!("PRAGMA busy_timeout = {}", wait.as_millis())],
            Self::Postgres => vec![
                format!("SET lock_timeout = {}", wait.as_millis()),
                // It does not go on for somebody who has gone.
                format!("SET statement_timeout = {}", answer.as_millis()),
            ],
        }
    }
}

/// Looks at what is there.
pub(super) async fn contents(connection: &mut AnyConnection, dialect: Dialect) -> sqlx::Result<Contents> {
    let tables = sqlx::query(dialect.tables()).fetch_one(&mut *connection).await?;
    // The sum over no table at all is NULL.
    let (ours, alike, all, other): (Option<i64>, Option<i64>, i64, Option<i64>) =
        (tables.try_get(0)?, tables.try_get(1)?, tables.try_get(2)?, tables.try_get(3)?);
    if other.unwrap_or(0) > 0 {
        return Ok(Contents::Damaged(
            "what has the name of a table of a store is a view, or something else that is no table, or has a trigger",
        ));
    }
    if ours.unwrap_or(0) == 0 {
        return Ok(match (alike.unwrap_or(0), all) {
            (0, 0) => Contents::Nothing,
            (0, _) => Contents::Other,
            _ => Contents::Damaged("there are tables of a store, and no table framelag_store"),
        });
    }
    let version = sqlx::query("SELECT MAX(version) FROM framelag_store").fetch_one(connection).await?;
    // A new store has its first version in the transaction that makes it.
    Ok(match version.try_get::<Option<i64>, _>(0)? {
        Some(version) if version > 0 => Contents::Version(version),
        Some(_) => Contents::Damaged("its version is less than 1"),
        None => Contents::Damaged("its version is missing"),
    })
}

/// Brings an older or empty store to the version that `migrations` lead to, in one transaction: whoever comes second
/// finds nothing to do, and what fails leaves all as it was.
pub(super) async fn migrate(
    connection: &mut AnyConnection,
    dialect: Dialect,
    migrations: &[&'static [&'static str]],
) -> sqlx::Result<()> {
    let mut transaction = connection.begin_with(dialect.begin()).await?;
    if dialect == Dialect::Postgres {
        sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *transaction).await?;
    }
    let version = match contents(&mut transaction, dialect).await? {
        Contents::Version(version) => version,
        Contents::Nothing | Contents::Other | Contents::Damaged(_) => {
            sqlx::query("CREATE TABLE framelag_store (version BIGINT NOT NULL)").execute(&mut *transaction).await?;
            sqlx::query("INSERT INTO framelag_store (version) VALUES (0)").execute(&mut *transaction).await?;
            0
        }
    };
    for statement in migrations.iter().skip(usize::try_from(version).unwrap_or(usize::MAX)).copied().flatten() {
        sqlx::query(statement).execute(&mut *transaction).await?;
    }
    let reached = version.max(migrations.len() as i64);
    sqlx::query("UPDATE framelag_store SET version = $1").bind(reached).execute(&mut *transaction).await?;
    transaction.commit().await
}
