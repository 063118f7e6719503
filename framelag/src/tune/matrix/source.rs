//! What a cell plays: whether it can be played repeatedly, and its size and rate.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use common::clock::Clock;
use common::host::Stop;
use common::host::SystemClock;
use common::lock::lock;
use framelag::programs::on_path;
use publisher::capture::{self, DEFAULT_SIZE, Format};
use publisher::config::{Config, Source};
use publisher::event::Log;
use publisher::rate::FrameRate;

/// Of the test pattern, and asked of a camera, unless the plan says otherwise.
const DEFAULT: Format = Format { size: DEFAULT_SIZE, rate: FrameRate::THIRTY };

/// Size and rate of the pictures.
///
/// # Errors
/// Why they are not known, or why it cannot be played repeatedly.
pub fn format(config: &Config) -> Result<Format, String> {
    check(&config.source)?;
    let (size, rate) = (config.requested.size, config.requested.rate);
    // A file is opened even if size and rate are given: it may not be a video.
    let found = match &config.source {
        Source::File(path) => opened(path, config)?,
        _ => DEFAULT,
    };
    Ok(Format { size: size.unwrap_or(found.size), rate: rate.unwrap_or(found.rate) })
}

fn check(source: &Source) -> Result<(), String> {
    match source {
        Source::Auto => Err("no source: add source = \"test\", or a file".to_owned()),
        Source::Stdin | Source::RawStdin { .. } => {
            Err("standard input can be read only once: give a file, a camera, or test".to_owned())
        }
        Source::File(path) if !path.is_file() => {
            Err(format!("no such file: {}; paths are relative to the working directory of tune", path.display()))
        }
        Source::File(path) if !is_y4m(path) && on_path("ffmpeg").is_none() => {
            Err(format!("reading {} needs ffmpeg, which is not on PATH", path.display()))
        }
        Source::File(_) | Source::Camera(_) | Source::Pattern => Ok(()),
    }
}

fn is_y4m(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("y4m"))
}

/// Opens a file as the publisher does: once for each size and rate, since there may be thousands of cells.
fn opened(path: &Path, config: &Config) -> Result<Format, String> {
    static OPENED: Mutex<BTreeMap<String, Result<Format, String>>> = Mutex::new(BTreeMap::new());
    let mut opened = lock(&OPENED);
    let open = || {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let source = capture::open(config, &clock, &Stop::new(), Log::new(false)).map_err(|error| error.to_string())?;
        Ok(source.expect("nobody asks to stop").format())
    };
    opened.entry(format!("{} {:?}", path.display(), config.requested)).or_insert_with(open).clone()
}
