//! The files of a report folder, opened only where they are files: a pipe in the place of one would be waited for without an end,
//! and a device has none.

use std::fmt;
use std::fs::{self, File, FileType, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

/// What stands in a file's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAFile(&'static str);

impl fmt::Display for NotAFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it is a {}, no regular file", self.0)
    }
}

impl std::error::Error for NotAFile {}

/// Opens `path` as `options` say, if it is, or will be, a regular file; links are followed. Waits for nobody.
///
/// # Errors
/// The system's, or one that wraps [`NotAFile`], which [`not_a_file`] finds.
pub fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    // First by its name: to open a device may set something going.
    if let Ok(there) = fs::metadata(path) {
        check(there.file_type())?;
    }
    // Then what was opened, which may have been put there meanwhile.
    let file = options.custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)?;
    check(file.metadata()?.file_type())?;
    Ok(file)
}

/// Opens a file to be read.
///
/// # Errors
/// As of [`open`].
pub fn read(path: &Path) -> io::Result<File> {
    open(path, OpenOptions::new().read(true))
}

/// Opens a file to be written, empty.
///
/// # Errors
/// As of [`open`].
pub fn create(path: &Path) -> io::Result<File> {
    open(path, OpenOptions::new().write(true).create(true).truncate(true))
}

/// Whether `error` says that something else stands in the file's place.
pub fn not_a_file(error: &io::Error) -> Option<NotAFile> {
    error.get_ref()?.downcast_ref().copied()
}

fn check(found: FileType) -> io::Result<()> {
    let what = if found.is_file() {
        return Ok(());
    } else if found.is_dir() {
        "folder"
    } else if found.is_fifo() {
        "named pipe"
    } else if found.is_socket() {
        "socket"
    } else {
        "device"
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, NotAFile(what)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use rustix::fs::{CWD, Mode, mkfifoat};

    use super::*;

    #[test]
    fn only_files_are_opened_and_what_is_none_is_named() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let at = |name: &str| folder.path().join(name);
        mkfifoat(CWD, at("pipe"), Mode::RUSR | Mode::WUSR).expect("a pipe");
        let _socket = UnixListener::bind(at("socket")).expect("a socket");
        std::os::unix::fs::symlink("/dev/zero", at("device")).expect("a link");
        fs::create_dir(at("folder")).expect("a folder");
        for name in ["pipe", "socket", "device", "folder"] {
            for opened in [read(&at(name)), create(&at(name))] {
                let error = opened.expect_err(name);
                assert!(not_a_file(&error).is_some() && error.to_string().contains(name), "{error}");
            }
        }
        assert!(create(&at("file")).is_ok() && read(&at("file")).is_ok());
        let missing = read(&at("missing")).expect_err("it is not there");
        assert_eq!((missing.kind(), not_a_file(&missing)), (io::ErrorKind::NotFound, None));
    }
}
