//! The runs that a trend is made of: those that can be compared with the latest one. They are chosen by their columns, so that a
//! store of many machines and years is not read whole.

use serde::Serialize;

use super::{Error, Filter, Kept, Listed, Store};

/// Runs that can be compared, and how many others there are.
#[derive(Clone, Debug, Default)]
pub struct Comparable {
    /// From the earliest to the latest.
    pub runs: Vec<Kept>,
    /// What else fits the filter.
    pub left_out: Vec<Subset>,
}

/// How many runs something holds for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Subset {
    /// How many.
    pub runs: usize,
    /// What holds for them: "of other machines".
    pub why: String,
}

impl Subset {
    /// Adds some runs to `all`, if there are any.
    pub(crate) fn note(all: &mut Vec<Self>, runs: usize, why: &str) {
        if runs > 0 {
            all.push(Self { runs, why: why.to_owned() });
        }
    }
}

impl Store {
    /// The latest `limit` conclusive runs that fit: those of the machine and with the settings of the latest one, or `all` of them.
    ///
    /// # Errors
    /// Where the store cannot be read, or a run in it.
    pub fn comparable(&mut self, filter: &Filter, limit: usize, all: bool) -> Result<Comparable, Error> {
        let mut listed = self.list(filter)?;
        let mut left_out = Vec::new();
        let mut keep = |listed: &mut Vec<Listed>, why: &str, keep: &dyn Fn(&Listed) -> bool| {
            let before = listed.len();
            listed.retain(keep);
            Subset::note(&mut left_out, before - listed.len(), why);
        };
        keep(&mut listed, "that did not end", &|run| !run.partial);
        keep(&mut listed, "that were inconclusive", &|run| run.outcome != "inconclusive");
        if let Some(latest) = listed.last().filter(|_| !all).cloned() {
            keep(&mut listed, "of other machines", &|run| run.machine == latest.machine);
            keep(&mut listed, "with other settings", &|run| run.settings == latest.settings);
        }
        let earlier = listed.len().saturating_sub(limit);
        listed.drain(..earlier);
        Subset::note(&mut left_out, earlier, &format!("before the latest {limit}"));
        let mut runs = Vec::new();
        for listed in listed {
            let (run, histogram) = self.whole(&listed.id)?;
            runs.push(Kept { listed, run, histogram });
        }
        Ok(Comparable { runs, left_out })
    }
}
