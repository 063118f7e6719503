//! Sources of pictures: camera, test pattern, files, standard input.
//!
//! A source hands over I420 pictures one at a time. Cameras set their own pace; everything else is played by the
//! pipeline's plan (start + n / rate), read ahead on another thread, so that disk, pipe and child
//! process add no latency.

use std::sync::Arc;

use common::clock::Clock;

use crate::config::{self, Config, RequestedFormat};
use crate::event::Log;
use common::host::Stop;

mod ahead;
mod convert;

pub mod camera;
mod ffmpeg;
mod file;
mod looped;
mod opening;
pub mod pattern;
mod raw;
mod source;
mod y4m;

pub use source::{Captured, DEFAULT_SIZE, Error, Format, Frame, Next, Pace, Source};

/// Opens the source that `config` names; `None` where `stop` is asked before it is open.
///
/// # Errors
/// [`Error`], with what to do about it.
pub fn open(config: &Config, clock: &Arc<dyn Clock>, stop: &Stop, log: Log) -> Result<Option<Box<dyn Source>>, Error> {
    let (requested, driver, looped) = (config.requested, config.camera_driver, config.looped);
    let source: Box<dyn Source> = match &config.source {
        config::Source::Auto => auto(driver, requested, clock, log)?,
        config::Source::Camera(number) => {
            Box::new(camera::Source::open(driver, *number, requested, clock.clone(), log)?)
        }
        config::Source::Pattern => Box::new(pattern::Source::new(requested)),
        config::Source::File(path) => {
            let (waiting, path) = (file::waiting(path), path.clone());
            match opening::open(&waiting, stop, log, move || file::open(&path, requested, looped, log))? {
                Some(source) => Box::new(source),
                None => return Ok(None),
            }
        }
        config::Source::Stdin => {
            let open = move || file::pipe("standard input".to_owned(), Box::new(std::io::stdin()), requested, log);
            match opening::open("no picture on standard input yet: waiting for its writer", stop, log, open)? {
                Some(source) => Box::new(source),
                None => return Ok(None),
            }
        }
        config::Source::RawStdin { format, size, rate } => {
            Box::new(raw::stdin(*format, Format { size: *size, rate: *rate })?)
        }
    };
    config::check_size(&source.describe(), source.format().size, config.corner)?;
    Ok(Some(source))
}

/// The first camera, or the test pattern where there is none.
fn auto(
    driver: camera::Choice,
    requested: RequestedFormat,
    clock: &Arc<dyn Clock>,
    log: Log,
) -> Result<Box<dyn Source>, Error> {
    match camera::first(driver) {
        Some(number) => Ok(Box::new(camera::Source::open(driver, number, requested, clock.clone(), log)?)),
        None => {
            log.warn("no-camera", "no camera found: showing the test pattern (--source test) instead");
            Ok(Box::new(pattern::Source::new(requested)))
        }
    }
}
