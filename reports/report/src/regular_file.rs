//! Files of a report folder, read only where they are files: a pipe in the place of one would be waited for without an end, and a
//! device has none. `dir` writes them.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{FileType, OFlags};

/// What stands in a file's place.
#[derive(Debug, thiserror::Error)]
#[error("it is a {0}, not a regular file")]
struct NotAFile(&'static str);

/// Opens a file to be read, if it is a regular one; links are followed. Waits for nobody.
///
/// # Errors
/// The system's, or one that `is_not_a_file` tells from them.
pub fn open(path: &Path) -> io::Result<File> {
    // First by its name: to open a device may set something going.
    if let Ok(there) = fs::metadata(path) {
        check(&there)?;
    }
    // Then what was opened, which may have been put there meanwhile.
    let nonblock = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(nonblock).open(path)?;
    check(&file.metadata()?)?;
    Ok(file)
}

/// Whether `error` says that something else stands in the file's place.
pub(crate) fn is_not_a_file(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<NotAFile>())
}

/// What is said where something stands in the way of what would be written.
pub(crate) fn in_the_way(found: FileType) -> io::Error {
    let why = format!("there is a {} of this name: delete it, or give another folder", name(found));
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

fn check(found: &Metadata) -> io::Result<()> {
    match FileType::from_raw_mode(found.mode()) {
        FileType::RegularFile => Ok(()),
        other => Err(io::Error::new(io::ErrorKind::InvalidInput, NotAFile(name(other)))),
    }
}

const fn name(found: FileType) -> &'static str {
    match found {
        FileType::RegularFile => "file",
        FileType::Directory => "folder",
        FileType::Fifo => "named pipe",
        FileType::Socket => "socket",
        FileType::Symlink => "link",
        _ => "device",
    }
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
            let error = open(&at(name)).expect_err(name);
            assert!(is_not_a_file(&error) && error.to_string().contains(name), "{error}");
        }
        fs::write(at("file"), "").expect("a file");
        assert!(open(&at("file")).is_ok());
        let missing = open(&at("missing")).expect_err("it is not there");
        assert_eq!((missing.kind(), is_not_a_file(&missing)), (io::ErrorKind::NotFound, false));
    }
}
