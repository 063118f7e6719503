//! The calibration of this machine, read once when a run begins.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use common::bom;
use common::time::WallTime;
use report::calibration::{MAX_BYTES, Quote, default_path, quote};
use report::{host, regular_file};

/// The calibration of this machine, if there is one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Lookup {
    /// This machine was not calibrated.
    None,
    /// What to quote.
    Quote(Quote),
    /// A file, but not one to quote; the text says why and what to do.
    Unusable(String),
}

/// A file that was asked for and cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("--calibration {} cannot be read: {why}", file.display())]
pub struct Unreadable {
    file: PathBuf,
    why: io::Error,
}

/// Looks at the file that was `given`, or else where `framelag calibrate` leaves it.
///
/// # Errors
/// [`Unreadable`], if one was given.
pub(crate) fn find(given: Option<&Path>, now: WallTime) -> Result<Lookup, Unreadable> {
    let default = || default_path(std::env::var_os("XDG_STATE_HOME"), std::env::var_os("HOME"));
    let Some(file) = given.map(Path::to_owned).or_else(default) else { return Ok(Lookup::None) };
    let refused = |why: String| {
        let file = file.display();
        Lookup::Unusable(format!(
            "the calibration {file} {why}: it is not quoted; run `framelag calibrate` to make another"
        ))
    };
    Ok(match regular_file::open(&file).and_then(|file| bom::read(file, MAX_BYTES)) {
        Ok(text) => match quote(&text, &file, host::machine().as_deref(), now) {
            Ok(quote) => Lookup::Quote(quote),
            Err(error) => refused(error.to_string()),
        },
        Err(why) if matches!(why.kind(), ErrorKind::FileTooLarge | ErrorKind::InvalidData) => {
            refused(format!("is not one ({why})"))
        }
        Err(why) if given.is_some() => return Err(Unreadable { file, why }),
        Err(why) if why.kind() == ErrorKind::NotFound => Lookup::None,
        Err(why) => refused(format!("cannot be read ({why})")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: WallTime = WallTime::from_micros(1_767_323_045_000_000);

    #[test]
    fn a_file_that_was_asked_for_must_be_there_and_a_bad_one_is_refused_by_name() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let file = folder.path().join("c.json");
        let error = find(Some(&file), NOW).expect_err("it is not there");
        assert!(error.to_string().contains("c.json"), "{error}");
        assert!(find(Some(folder.path()), NOW).is_err(), "a folder");
        for (text, words) in [
            (&b"\xff\xfe"[..], "UTF-16"),
            (b"{", "corrupt"),
            (b"{}", "schema"),
            (&b" ".repeat(MAX_BYTES as usize + 1), "larger than"),
        ] {
            std::fs::write(&file, text).expect("a test's folder can be written to");
            match find(Some(&file), NOW).expect("it can be read") {
                Lookup::Unusable(why) => {
                    assert!(
                        why.contains("c.json") && why.contains(words) && why.contains("framelag calibrate"),
                        "{why}"
                    )
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
