//! Files to be written that the user named: links are followed, and a pipe is written into where somebody reads from it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;

/// Creates `path`, or empties it. Does not wait: a signal would not end a program that waits for a pipe's reader.
///
/// # Errors
/// The system's, and where `path` is a pipe without a reader.
pub fn create(path: &Path) -> io::Result<File> {
    let nonblock = OFlags::NONBLOCK.bits().cast_signed();
    let opened = OpenOptions::new().write(true).create(true).truncate(true).custom_flags(nonblock).open(path);
    let file = opened.map_err(|error| match Errno::from_io_error(&error) {
        Some(Errno::NXIO) => io::Error::new(error.kind(), "nobody reads from this pipe: start its reader first"),
        _ => error,
    })?;
    // Writing may wait.
    fcntl_setfl(&file, fcntl_getfl(&file)? - OFlags::NONBLOCK)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use rustix::fs::{CWD, Mode, mkfifoat};

    use super::*;

    #[test]
    fn links_are_followed_and_a_pipe_needs_a_reader() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("old"), "old").expect("a file");
        std::os::unix::fs::symlink(at("old"), at("link")).expect("a link");
        create(&at("link")).expect("a file").write_all(b"n").expect("room");
        assert_eq!(std::fs::read_to_string(at("old")).expect("it is there"), "n");

        mkfifoat(CWD, at("pipe"), Mode::RUSR | Mode::WUSR).expect("a pipe");
        let error = create(&at("pipe")).expect_err("nobody reads").to_string();
        assert!(error.contains("start its reader first"), "{error}");
        let pipe = at("pipe");
        let reader = std::thread::spawn(move || {
            let mut all = Vec::new();
            File::open(pipe).expect("a writer comes").read_to_end(&mut all).map(|_| all.len())
        });
        let mut writer = loop {
            if let Ok(file) = create(&at("pipe")) {
                break file;
            }
            std::thread::yield_now();
        };
        // More than a pipe holds: writing waits for the reader.
        writer.write_all(&vec![0; 1 << 20]).expect("there is a reader");
        drop(writer);
        assert_eq!(reader.join().expect("no panic").expect("it can be read"), 1 << 20);
    }
}
