//! Saving what is shown as a PNG file. The one file that knows the `image` crate.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use chrono::{DateTime, Local};
use common::host::files;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use report::dir;

use super::canvas::Canvas;
use crate::output::Output;

/// A snapshot that could not be saved.
#[derive(Debug, thiserror::Error)]
#[error("cannot save the snapshot {}: {reason}", path.display())]
pub(crate) struct Error {
    path: PathBuf,
    reason: String,
}

/// Saves `canvas` as 8-bit RGB in the file that the user named.
///
/// # Errors
/// [`Error`] if the file cannot be written.
pub(crate) fn save(canvas: &Canvas, path: &Path) -> Result<(), Error> {
    save_in(canvas, path, files::create(path))
}

/// Saves `canvas` under a name of ours, in a folder where others may write.
///
/// # Errors
/// As of [`save`].
pub(crate) fn save_named(canvas: &Canvas, path: &Path) -> Result<(), Error> {
    save_in(canvas, path, dir::create(path))
}

fn save_in(canvas: &Canvas, path: &Path, file: io::Result<File>) -> Result<(), Error> {
    let rgb: Vec<u8> =
        canvas.data().iter().flat_map(|pixel| [pixel >> 16, pixel >> 8, *pixel].map(|c| c as u8)).collect();
    let (width, height) = (canvas.size().width, canvas.size().height);
    let failed = |reason: String| Error { path: path.to_owned(), reason };
    let mut file = BufWriter::new(file.map_err(|error| failed(error.to_string()))?);
    let written = PngEncoder::new(&mut file).write_image(&rgb, width, height, ExtendedColorType::Rgb8);
    written.map_err(|error| failed(error.to_string()))?;
    file.flush().map_err(|error| failed(error.to_string()))
}

/// The name of a snapshot taken by key, in the current folder.
pub(crate) fn name_at(time: DateTime<Local>) -> PathBuf {
    time.format("framelag-%Y%m%d-%H%M%S-%3f.png").to_string().into()
}

/// Snapshots that are being saved, each on a thread of its own: the next picture does not wait for it.
pub(crate) struct Saving {
    output: Output,
    threads: Vec<JoinHandle<()>>,
}

impl Saving {
    /// Snapshots that are being saved at most.
    const MAX: usize = 4;

    /// None yet. `output` says what came of each.
    pub(crate) const fn new(output: Output) -> Self {
        Self { output, threads: Vec::new() }
    }

    /// Saves what is `shown`, if there is something.
    pub(crate) fn save(&mut self, shown: Option<Canvas>, path: PathBuf) {
        self.threads.retain(|thread| !thread.is_finished());
        let Some(canvas) = shown else { return self.output.warn("no picture to save") };
        if self.threads.len() >= Self::MAX {
            return self.output.warn("snapshot skipped: earlier ones are still being saved");
        }
        let output = self.output.clone();
        let save = move || match save_named(&canvas, &path) {
            Ok(()) => output.saved(&path),
            Err(error) => output.warn(error),
        };
        match thread::Builder::new().name("snapshot".to_owned()).spawn(save) {
            Ok(thread) => self.threads.push(thread),
            Err(error) => self.output.warn(format_args!("cannot save a snapshot: {error}")),
        }
    }

    /// Waits for all.
    pub(crate) fn finish(&mut self) {
        // A thread that panicked has said so on standard error.
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}

#[cfg(test)]
mod tests {
    use common::frame::Size;

    use super::*;

    #[test]
    fn what_is_saved_is_what_is_shown() {
        let folder = tempfile::tempdir().expect("a folder for files");
        let path = folder.path().join("shot.png");
        let mut canvas = Canvas::new(Size::new(3, 2));
        canvas.row_mut(1, 0, 1)[0] = 0x00ff_8001;
        save(&canvas, &path).expect("it is written");
        let image = image::open(&path).expect("it is a PNG").into_rgb8();
        assert_eq!((image.dimensions(), image.get_pixel(1, 0).0), ((3, 2), [255, 128, 1]));
        let link = folder.path().join("linked.png");
        std::os::unix::fs::symlink(&path, &link).expect("a link");
        assert!(save_named(&canvas, &link).is_err(), "a link that was there before is not followed");
        assert!(save_named(&canvas, &folder.path().join("new.png")).is_ok());
        let error = save(&canvas, &folder.path().join("none/shot.png")).expect_err("there is no such folder");
        assert!(error.to_string().contains("none/shot.png"), "{error}");
    }
}
