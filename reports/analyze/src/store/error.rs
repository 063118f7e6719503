//! Why a store cannot be used. The only place that knows the codes of SQLite and PostgreSQL.

use common::printable::escaped;

/// What went wrong, with the place and what to do. No message shows a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Something else should have been typed: another place, run, label or baseline.
    #[error("{0}")]
    Usage(String),
    /// The store cannot be reached, read or written.
    #[error("{0}")]
    Failed(String),
}

impl Error {
    /// What the process should end with: 2 where something else should have been typed, else 1.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Failed(_) => 1,
        }
    }

    /// `why` is from a database that may be another program's.
    pub(super) fn damaged(place: &str, why: &str) -> Self {
        Self::Usage(format!(
            "{place} is a damaged store, or another program's ({why}): restore a copy, or name another store with --store"
        ))
    }

    /// What the driver says of `place`.
    pub(super) fn of(place: &str, error: &sqlx::Error) -> Self {
        let why = match error {
            sqlx::Error::Io(error) => return Self::Failed(format!("cannot reach {place}: {error}")),
            sqlx::Error::Tls(error) => return Self::Failed(format!("cannot reach {place}: TLS: {error}")),
            sqlx::Error::Configuration(error) => {
                return Self::Usage(format!("runs cannot be kept in {place:?}: {error}"));
            }
            sqlx::Error::Database(error) => escaped(error.message()).into_owned(),
            other => escaped(&other.to_string()).into_owned(),
        };
        match error.as_database_error().and_then(|error| error.code()).as_deref() {
            // SQLite's SQLITE_NOTADB and SQLITE_CORRUPT (https://sqlite.org/rescode.html).
            Some("26" | "11") => {
                Self::Usage(format!("{place} is no SQLite database, or a damaged one: name another file with --store"))
            }
            // SQLITE_ERROR: statements do not change, so it is the tables that are not ours. PostgreSQL's codes (appendix A of its
            // manual) say the same: no such table, no such column, another type, a table that is there already.
            Some("1" | "42P01" | "42703" | "42804" | "42883" | "42P07") => Self::damaged(place, &why),
            // SQLITE_BUSY, with what it was busy with, and SQLITE_LOCKED; PostgreSQL's lock_not_available.
            Some("5" | "261" | "517" | "6" | "55P03") => {
                Self::Failed(format!("{place} is locked by another process: try again when that has ended"))
            }
            // PostgreSQL's class 28 (authorization), and a privilege that is not there.
            Some("28000" | "28P01") => Self::Failed(format!(
                "{place} refuses: {why} (the password is read from the URL, PGPASSWORD or ~/.pgpass)"
            )),
            Some("42501") => {
                Self::Failed(format!("{place}: {why}: its user has to own the tables, or to be granted them"))
            }
            Some("3D000") => Self::Usage(format!("{place}: {why}: make it with createdb, or name another one")),
            _ => Self::Failed(format!("{place}: {why}")),
        }
    }
}
