//! Stamped pictures that are kept for a comparison with what a receiver decodes.

use std::io;
use std::path::PathBuf;

use common::frame::Picture;
use common::host::files;
use common::host::pictures::Keeper;
use common::y4m::Header;

use crate::capture::Format;
use crate::config;
use crate::error::Error;
use crate::event::Log;
use crate::stamp::Stamper;

/// Keeps one picture in so many.
pub(crate) struct Pictures {
    file: PathBuf,
    keeper: Keeper,
    log: Log,
}

impl Pictures {
    /// Makes the file, and the thread that writes it, for pictures of `format` as `stamper` paints them.
    ///
    /// # Errors
    /// [`Error::Pictures`] where either cannot be had.
    pub(crate) fn open(wanted: &config::Pictures, format: Format, stamper: &Stamper, log: Log) -> Result<Self, Error> {
        let error = |why| Error::Pictures { file: wanted.file.clone(), why };
        let out = files::create(&wanted.file).map_err(error)?;
        let rate = format.rate;
        let rate = (u64::from(rate.numerator()), u64::from(rate.denominator()) * u64::from(wanted.every));
        let (code, text) = (Some(stamper.code()), stamper.text());
        let header = move |size| Header { size, rate, code, text };
        let name = wanted.file.display().to_string();
        let failed = move |why: &io::Error| {
            log.warn("pictures", &format!("--pictures {name}: {why}; publishing goes on without keeping pictures"));
        };
        let keeper = Keeper::start(out, wanted.every, header, failed).map_err(error)?;
        Ok(Self { file: wanted.file.clone(), keeper, log })
    }

    /// Takes the picture with number `sequence` when it has been handed on, and gives back memory for another one.
    pub(crate) fn put(&self, sequence: u32, picture: Picture) -> Picture {
        if !self.keeper.wants(sequence) {
            return picture;
        }
        let size = picture.size();
        self.keeper.put(sequence, picture).unwrap_or_else(|| self.keeper.spare(size))
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// [`Error::Pictures`] where writing failed, though publishing went on.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        let kept = self.keeper.finish();
        if kept.dropped > 0 {
            self.log.warn("pictures", &format!("--pictures {}: {kept}", self.file.display()));
        }
        kept.failure.map_or(Ok(()), |why| Err(Error::Pictures { file: self.file.clone(), why }))
    }
}
