//! What a run is about, and where its report goes: fixed before it begins.

use std::path::PathBuf;
use std::time::Duration;

use common::time::Now;
use measure::sample::Clocks;

use crate::dir::Dir;
use crate::folder;
use crate::run::{Host, Settings};

/// What a run is about, and where its report goes.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// When the receiver began to connect. Start-up is counted from here.
    pub started: Now,
    /// Left out of every figure, from the first picture on.
    pub warmup: Duration,
    /// What is played, without user info.
    pub url: String,
    /// What the address says about the clocks of publisher and receiver.
    pub clocks: Clocks,
    /// The receiver's settings, for `run.json`.
    pub config: Settings,
    /// The receiver's machine, for `run.json`: [`crate::host::describe`].
    pub host: Host,
    /// The report folder, made where it is missing; none where there is to be no report.
    pub folder: Option<Place>,
}

/// Where a report goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The folder that the user named, wherever that leads.
    Folder(PathBuf),
    /// A folder in it, by a name of ours.
    Inside(PathBuf, String),
}

impl Place {
    pub(crate) fn open(&self) -> Result<Dir, folder::Error> {
        let opened = match self {
            Self::Folder(path) => Dir::make(path),
            Self::Inside(path, name) => Dir::make(path).and_then(|dir| dir.inside(name)),
        };
        opened.map_err(|source| folder::Error { path: self.path(), source })
    }

    /// Its path.
    pub fn path(&self) -> PathBuf {
        match self {
            Self::Folder(path) => path.clone(),
            Self::Inside(path, name) => path.join(name),
        }
    }
}
