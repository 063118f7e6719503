//! The runs that a trend is made of: those that can be compared with the latest one, found by the database. What it leaves out is
//! counted there, so that a store of many machines and years is not read whole.

use sqlx::Row;
use sqlx::any::AnyRow;

use super::read::WHOLE;
use super::{Error, Filter, Kept, Store};
use crate::trend::Subset;

/// Runs that can be compared, and how many others there are.
#[derive(Clone, Debug)]
pub struct Comparable {
    /// From the earliest to the latest.
    pub runs: Vec<Kept>,
    /// What else fits the filter.
    pub left_out: Vec<Subset>,
}

/// Runs of one machine with one kind of settings that ended alike.
struct Kind {
    like: (String, String),
    partial: bool,
    inconclusive: bool,
    runs: usize,
    latest: String,
}

impl Store {
    /// The latest `limit` conclusive runs that fit: those of the machine and with the settings of the latest one, or
    /// `all` of them.
    ///
    /// # Errors
    /// Where the store cannot be read, or a run in it.
    pub fn comparable(&mut self, filter: &Filter, limit: usize, all: bool) -> Result<Comparable, Error> {
        let query = filter.matching("").kinds();
        let rows = self.rows(&query)?;
        let kinds = self.read(&rows, Kind::read)?;
        let conclusive = || kinds.iter().filter(|kind| kind.is_conclusive());
        let latest = conclusive().max_by(|one, other| one.latest.cmp(&other.latest)).map(|kind| &kind.like);
        let like = latest.filter(|_| !all);
        let runs = self.kept(&filter.matching(WHOLE).conclusive(WHOLE, like, limit).labelled(WHOLE))?;

        let count =
            |of: &dyn Fn(&Kind) -> bool| kinds.iter().filter(|kind| of(kind)).map(|kind| kind.runs).sum::<usize>();
        let other = |of: &dyn Fn(&(String, String), &Kind) -> bool| {
            like.map_or(0, |like| count(&|kind| kind.is_conclusive() && of(like, kind)))
        };
        let fitting = count(&|kind| kind.is_conclusive() && like.is_none_or(|like| kind.like == *like));
        let left_out = [
            (count(&|kind| kind.partial), "that did not end".to_owned()),
            (count(&|kind| !kind.partial && kind.inconclusive), "that were inconclusive".to_owned()),
            (other(&|like, kind| kind.like.0 != like.0), "of other machines".to_owned()),
            (other(&|like, kind| kind.like.0 == like.0 && kind.like.1 != like.1), "with other settings".to_owned()),
            (fitting.saturating_sub(limit), format!("before the latest {limit}")),
        ];
        let left_out = left_out.into_iter().filter(|(runs, _)| *runs > 0).map(|(runs, why)| Subset { runs, why });
        Ok(Comparable { runs, left_out: left_out.collect() })
    }
}

impl Kind {
    fn read(row: &AnyRow) -> sqlx::Result<Self> {
        Ok(Self {
            like: (row.try_get("machine")?, row.try_get("settings")?),
            partial: row.try_get::<i64, _>("partial")? != 0,
            inconclusive: row.try_get::<String, _>("outcome")? == "inconclusive",
            runs: usize::try_from(row.try_get::<i64, _>("runs")?).unwrap_or(0),
            latest: row.try_get("latest")?,
        })
    }

    fn is_conclusive(&self) -> bool {
        !self.partial && !self.inconclusive
    }
}
