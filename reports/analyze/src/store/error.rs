//! Why a store cannot be used. The only place that knows the codes of SQLite and PostgreSQL.

use common::printable::escaped;

use super::schema;

/// What went wrong. No message shows a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not the name of a place.
    #[error("runs cannot be kept in {text:?}: {why}")]
    Place {
        /// What was typed, without secrets.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// Nothing says where the default file is.
    #[error("neither XDG_STATE_HOME nor HOME says where runs are kept: name a file with --store")]
    NoDefault,
    /// Nothing is kept there yet.
    #[error("there is no store {place}: `framelag report DIR --store {place}` makes it")]
    Missing {
        /// Where.
        place: String,
    },
    /// A file of another kind.
    #[error("{place} is no SQLite database, or a damaged one: name another file with --store")]
    NotADatabase {
        /// Where.
        place: String,
    },
    /// Somebody else's database.
    #[error("{place} is a database of another program: name another file with --store")]
    NotAStore {
        /// Where.
        place: String,
    },
    /// Tables by our names that are not ours, or not whole.
    #[error(
        "{place} is a damaged store, or another program's ({why}): put a copy in its place, or name another store with \
         --store"
    )]
    Damaged {
        /// Where.
        place: String,
        /// What is not as it should be.
        why: String,
    },
    /// Made by a framelag that knows more.
    #[error(
        "{place} is a store of version {version}, and this framelag knows versions up to {}: use the framelag that \
         made it, or a newer one, or name another store with --store",
        schema::VERSION
    )]
    Newer {
        /// Where.
        place: String,
        /// Its version.
        version: i64,
    },
    /// Another process does not let go of it.
    #[error("{place} is locked by another process: try again when that has ended")]
    Locked {
        /// Where.
        place: String,
    },
    /// Nobody there.
    #[error("cannot reach {place}: {why}")]
    Unreachable {
        /// Where.
        place: String,
        /// What the system says.
        why: String,
    },
    /// Let in, and not allowed to read or write.
    #[error("{place}: {why}: its user has to own the tables, or to be granted them")]
    Forbidden {
        /// Where.
        place: String,
        /// What the server says.
        why: String,
    },
    /// Not let in.
    #[error("{place} refuses: {why} (the password is read from the URL, PGPASSWORD or ~/.pgpass)")]
    Denied {
        /// Where.
        place: String,
        /// What the server says.
        why: String,
    },
    /// The server has no such database.
    #[error("{place}: {why}: make it with createdb, or name another one")]
    NoDatabase {
        /// Where.
        place: String,
        /// What the server says.
        why: String,
    },
    /// No answer.
    #[error("{place} does not answer within {seconds} s")]
    Silent {
        /// Where.
        place: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// More than any list is made of.
    #[error("{place} has more than {most} runs or labels that fit: ask for less, with --last or --label")]
    TooMany {
        /// Where.
        place: String,
        /// So many are read.
        most: usize,
    },
    /// Anything else.
    #[error("{place}: {why}")]
    Failed {
        /// Where.
        place: String,
        /// What the database says.
        why: String,
    },
    /// A kept run that makes no sense.
    #[error("run {id} in {place} cannot be read: {why}")]
    Unreadable {
        /// Where.
        place: String,
        /// The run.
        id: String,
        /// What is wrong with it.
        why: String,
    },
    /// No such run.
    #[error("there is no run {id:?} in {place}: `framelag report list --store {place}` says which there are")]
    NoRun {
        /// Where.
        place: String,
        /// What was asked for.
        id: String,
    },
    /// Too little, or too much, to be a run's name.
    #[error(
        "{id:?} is no name of a run, which is its first {least} of {most} hexadecimal digits at least, in small letters"
    )]
    NoId {
        /// What was asked for.
        id: String,
        /// The fewest digits.
        least: usize,
        /// All digits.
        most: usize,
    },
    /// Not the same in all databases.
    #[error("{what} has a NUL character in it, which no database keeps: this is no run of a receiver's")]
    Nul {
        /// What.
        what: &'static str,
    },
    /// Two values at once.
    #[error("--label {name} is given twice, as {first:?} and as {second:?}: which is meant?")]
    TwoLabels {
        /// The label.
        name: String,
        /// One value.
        first: String,
        /// Another.
        second: String,
    },
    /// The beginning of several ids.
    #[error("{id:?} is the beginning of several runs: {}", runs.join(", "))]
    Ambiguous {
        /// What was asked for.
        id: String,
        /// Some of them.
        runs: Vec<String>,
    },
    /// No such baseline.
    #[error("there is no baseline {name:?} in {place}; {}", if there.is_empty() {
        "there is none at all: `framelag gate … --save-baseline NAME` makes one".to_owned()
    } else {
        format!("there are {}", there.join(", "))
    })]
    NoBaseline {
        /// Where.
        place: String,
        /// What was asked for.
        name: String,
        /// Those that there are.
        there: Vec<String>,
    },
    /// A baseline of nothing.
    #[error("a baseline takes a name and at least one run")]
    EmptyBaseline,
}

impl Error {
    /// What the process should end with: 2 where something else should have been typed, else 1.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Place { .. }
            | Self::NoDefault
            | Self::Missing { .. }
            | Self::NotADatabase { .. }
            | Self::NotAStore { .. }
            | Self::Damaged { .. }
            | Self::Newer { .. }
            | Self::NoDatabase { .. }
            | Self::NoRun { .. }
            | Self::NoId { .. }
            | Self::Nul { .. }
            | Self::TwoLabels { .. }
            | Self::Ambiguous { .. }
            | Self::NoBaseline { .. }
            | Self::EmptyBaseline => 2,
            Self::Locked { .. }
            | Self::Unreachable { .. }
            | Self::Denied { .. }
            | Self::Forbidden { .. }
            | Self::Silent { .. }
            | Self::TooMany { .. }
            | Self::Failed { .. }
            | Self::Unreadable { .. } => 1,
        }
    }

    /// What the driver says of `place`.
    pub(super) fn of(place: String, error: sqlx::Error) -> Self {
        let why = match &error {
            sqlx::Error::Io(error) => return Self::Unreachable { place, why: error.to_string() },
            sqlx::Error::Tls(error) => return Self::Unreachable { place, why: format!("TLS: {error}") },
            sqlx::Error::Configuration(error) => return Self::Place { text: place, why: error.to_string() },
            sqlx::Error::Database(error) => escaped(error.message()).into_owned(),
            other => return Self::Failed { place, why: escaped(&other.to_string()).into_owned() },
        };
        match error.as_database_error().and_then(|error| error.code()).as_deref() {
            // SQLite's SQLITE_NOTADB and SQLITE_CORRUPT (https://sqlite.org/rescode.html).
            Some("26" | "11") => Self::NotADatabase { place },
            // SQLITE_ERROR: statements do not change, so it is the tables that are not ours. PostgreSQL's codes (appendix A of its
            // manual) say the same: no such table, no such column, another type, a table that is there already.
            Some("1" | "42P01" | "42703" | "42804" | "42883" | "42P07") => Self::Damaged { place, why },
            // SQLITE_BUSY, with what it was busy with, and SQLITE_LOCKED; PostgreSQL's lock_not_available.
            Some("5" | "261" | "517" | "6" | "55P03") => Self::Locked { place },
            // PostgreSQL's class 28 (authorization), and a privilege that is not there.
            Some("28000" | "28P01") => Self::Denied { place, why },
            Some("42501") => Self::Forbidden { place, why },
            Some("3D000") => Self::NoDatabase { place, why },
            _ => Self::Failed { place, why },
        }
    }
}
