//! Saving what is shown as a PNG file. The one file that knows the `image` crate.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Local};
use image::{ExtendedColorType, ImageFormat};

use super::canvas::Canvas;

/// A snapshot that could not be saved.
#[derive(Debug, thiserror::Error)]
#[error("cannot save the snapshot {}: {reason}", path.display())]
pub struct Error {
    path: PathBuf,
    reason: String,
}

/// Saves `canvas` as 8-bit RGB.
///
/// # Errors
/// [`Error`] where the file cannot be written.
pub fn save(canvas: &Canvas, path: &Path) -> Result<(), Error> {
    let rgb: Vec<u8> =
        canvas.data().iter().flat_map(|pixel| [pixel >> 16, pixel >> 8, *pixel].map(|c| c as u8)).collect();
    let (width, height) = (canvas.size().width, canvas.size().height);
    let saved = image::save_buffer_with_format(path, &rgb, width, height, ExtendedColorType::Rgb8, ImageFormat::Png);
    saved.map_err(|error| Error { path: path.to_owned(), reason: error.to_string() })
}

/// The name of a snapshot taken by key, in the current folder.
pub fn name_at(time: DateTime<Local>) -> PathBuf {
    time.format("framelag-%Y%m%d-%H%M%S-%3f.png").to_string().into()
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
        let error = save(&canvas, &folder.path().join("none/shot.png")).expect_err("there is no such folder");
        assert!(error.to_string().contains("none/shot.png"), "{error}");
    }
}
