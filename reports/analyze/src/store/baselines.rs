//! Baselines: names for runs of a store.

use chrono::{SecondsFormat, Utc};
use report::run::Run;
use sqlx::Row;

use super::listed::printable_text;
use super::{Error, RunId, Store};

impl Store {
    /// Calls these runs a baseline; one of the same name is replaced.
    ///
    /// # Errors
    /// Without a name or a run, where a run is not kept, or where the store cannot take it.
    pub fn save_baseline(&mut self, name: &str, runs: &[RunId]) -> Result<(), Error> {
        const SAVE: &str = "INSERT INTO framelag_baselines (name, saved, runs) VALUES ($1, $2, $3) \
                            ON CONFLICT (name) DO UPDATE SET saved = excluded.saved, runs = excluded.runs";
        if name.trim().is_empty() || runs.is_empty() {
            return Err(Error::Usage("a baseline takes a name and at least one run".to_owned()));
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
    /// Where there is none of that name, saying which there are, or where a run cannot be read.
    pub fn baseline(&mut self, name: &str) -> Result<Vec<(RunId, Run)>, Error> {
        let sql = "SELECT runs FROM framelag_baselines WHERE name = $1";
        let ids: Option<String> = self.rows(sql, &[name], |row| row.try_get(0))?.pop();
        let Some(ids) = ids else {
            let others = match self.baselines()?.join(", ") {
                none if none.is_empty() => {
                    "there is none at all: `framelag gate … --save-baseline NAME` makes one".to_owned()
                }
                some => format!("there are {some}"),
            };
            return Err(Error::Usage(format!("there is no baseline {name:?} in {}; {others}", self.place)));
        };
        ids.split(' ').map(|id| RunId(id.to_owned())).map(|id| Ok((id.clone(), self.run(&id)?))).collect()
    }

    /// The names of all baselines.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn baselines(&mut self) -> Result<Vec<String>, Error> {
        self.rows("SELECT name FROM framelag_baselines ORDER BY name", &[], |row| printable_text(row, "name"))
    }
}
