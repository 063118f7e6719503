//! A folder that files are written into by names of ours. Whoever else may write there can put links in the way, or another
//! folder in its place: so it is opened once, and what is written goes into that one by its descriptor (`openat(2)`), always
//! into a new file, which then takes its place by renaming. Nothing that was there before is ever written to, whatever leads to it.
//!
//! A file or folder that the *user* named is followed wherever it leads, as everywhere on Unix; only names that we choose are not.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::regular_file;

/// To reach files in it, which takes no permission to list them.
#[cfg(target_os = "linux")]
const HELD: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
const HELD: OFlags = OFlags::DIRECTORY.union(OFlags::CLOEXEC);

/// Names that are tried for a new file. They are random: a second one is hardly ever needed.
const TRIES: u32 = 8;

/// As for any file or folder that a program makes: less what the user's umask takes.
const FILE: Mode = Mode::from_raw_mode(0o666);
const FOLDER: Mode = Mode::from_raw_mode(0o777);

/// An open folder.
#[derive(Debug)]
pub struct Dir {
    path: PathBuf,
    fd: OwnedFd,
}

/// A file that is being made. Dropped before [`Fresh::put`] it leaves nothing behind.
#[derive(Debug)]
pub struct Fresh<'a> {
    dir: &'a Dir,
    name: &'a str,
    /// Its name until then; none once it is in its place.
    made_as: Option<String>,
    file: File,
}

impl Dir {
    /// Opens the folder that the user named.
    ///
    /// # Errors
    /// The system's.
    pub fn open(path: &Path) -> io::Result<Self> {
        let fd = rustix::fs::openat(CWD, named(path), HELD, Mode::empty())?;
        Ok(Self { path: path.to_owned(), fd })
    }

    /// Like [`Dir::open`], made where it is missing.
    ///
    /// # Errors
    /// The system's.
    pub fn make(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        Self::open(path)
    }

    /// A folder in it, made where it is missing.
    ///
    /// # Errors
    /// The system's, and where something else is there, a link to a folder too.
    pub fn inside(&self, name: &str) -> io::Result<Self> {
        match rustix::fs::mkdirat(&self.fd, name, FOLDER) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        if let Some(found) = self.kind(name)?.filter(|found| !found.is_dir()) {
            return Err(regular_file::in_the_way(found));
        }
        let fd = rustix::fs::openat(&self.fd, name, HELD | OFlags::NOFOLLOW, Mode::empty())?;
        Ok(Self { path: self.path.join(name), fd })
    }

    /// A folder in it that is new and empty: one that was there is removed with all that is in it.
    ///
    /// # Errors
    /// The system's.
    pub fn anew(&self, name: &str) -> io::Result<Self> {
        // A link is removed, and not what it leads to.
        match fs::remove_dir_all(self.held().join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        rustix::fs::mkdirat(&self.fd, name, FOLDER)?;
        self.inside(name)
    }

    /// A path to it that no link leads astray, where the system has one.
    fn held(&self) -> PathBuf {
        let held = PathBuf::from(format!("/proc/self/fd/{}", self.fd.as_raw_fd()));
        if held.exists() { held } else { self.path.clone() }
    }

    /// As it was named.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder once more, to be read and locked. `None` where that is not allowed.
    pub fn readable(&self) -> Option<File> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        rustix::fs::openat(&self.fd, ".", flags, Mode::empty()).ok().map(File::from)
    }

    /// Whether its path still leads to it.
    ///
    /// # Errors
    /// Says where it is now, where the system knows.
    pub fn check(&self) -> io::Result<()> {
        let here = rustix::fs::fstat(&self.fd)?;
        match fs::metadata(named(&self.path)) {
            Ok(there) if (there.dev(), there.ino()) == (here.st_dev, here.st_ino) => Ok(()),
            _ => Err(io::Error::other(format!(
                "the folder was moved, deleted or replaced while it was being written; what was written is {}",
                self.whereabouts().map_or("where it went".to_owned(), |path| format!("in {}", path.display()))
            ))),
        }
    }

    fn whereabouts(&self) -> Option<PathBuf> {
        fs::read_link(format!("/proc/self/fd/{}", self.fd.as_raw_fd())).ok()
    }

    /// Whether a file can have this name.
    ///
    /// # Errors
    /// Where something else than a file is there, a link to a file too.
    pub(crate) fn check_free(&self, name: &str) -> io::Result<()> {
        match self.kind(name)?.filter(|found| !found.is_file()) {
            Some(found) => Err(regular_file::in_the_way(found)),
            None => Ok(()),
        }
    }

    /// Begins a file that will have this name. What is there already stays until [`Fresh::put`].
    ///
    /// # Errors
    /// As of `Dir::check_free`, and the system's.
    pub fn fresh<'a>(&'a self, name: &'a str) -> io::Result<Fresh<'a>> {
        self.check_free(name)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        for _ in 0..TRIES {
            let made_as = format!("{name}.{:016x}.new", RandomState::new().hash_one(name));
            match rustix::fs::openat(&self.fd, &*made_as, flags, FILE) {
                Ok(fd) => return Ok(Fresh { dir: self, name, made_as: Some(made_as), file: fd.into() }),
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Errno::EXIST.into())
    }

    /// Replaces a file at once: a reader sees the old one or the new one, whole.
    ///
    /// # Errors
    /// As of [`Dir::fresh`], and what writing brings.
    pub fn replace(&self, name: &str, text: &str) -> io::Result<()> {
        let mut file = self.fresh(name)?;
        file.write_all(text.as_bytes())?;
        file.put().map(drop)
    }

    /// Opens a file to go on with, made where it is missing.
    ///
    /// # Errors
    /// The system's, and where it is something else than a file, a link too, or has a second name elsewhere.
    pub fn resume(&self, name: &str) -> io::Result<File> {
        self.check_free(name)?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::openat(&self.fd, name, flags, FILE)?);
        let opened = file.metadata()?;
        if !opened.is_file() {
            return Err(regular_file::in_the_way(FileType::from_raw_mode(opened.mode())));
        }
        if opened.nlink() > 1 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it is a hard link, and what it shares its content with would change too: put a copy in its place",
            ));
        }
        Ok(file)
    }

    /// Removes a file, or a link; what is not there is removed already.
    ///
    /// # Errors
    /// The system's.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.fd, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// What has this name.
    fn kind(&self, name: &str) -> io::Result<Option<FileType>> {
        match rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => Ok(Some(FileType::from_raw_mode(found.st_mode))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// The folder of a bare file name is the current one.
fn named(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

/// Makes a file whose name is ours, beside others that the user may share: a log, a configuration. Its content goes into a new one.
///
/// # Errors
/// As of [`Dir::fresh`].
pub fn create(path: &Path) -> io::Result<File> {
    let dir = Dir::open(path.parent().unwrap_or(Path::new("")))?;
    let name = path.file_name().and_then(|name| name.to_str());
    dir.fresh(name.ok_or(io::ErrorKind::InvalidFilename)?)?.put()
}

impl Fresh<'_> {
    /// Gives the file its name, in place of what had it, and gives it back to be written on.
    ///
    /// # Errors
    /// The system's.
    pub fn put(mut self) -> io::Result<File> {
        if let Some(made_as) = &self.made_as {
            rustix::fs::renameat(&self.dir.fd, made_as, &self.dir.fd, self.name)?;
        }
        self.made_as = None;
        self.file.try_clone()
    }
}

impl Write for Fresh<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Fresh<'_> {
    fn drop(&mut self) {
        // Half a file is of no use, and the disk may be full.
        if let Some(made_as) = &self.made_as {
            let _ = self.dir.remove(made_as);
        }
    }
}

#[cfg(test)]
mod tests;
