//! The file to write: checked to be writable before anything is measured.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use report::dir::Dir;

use crate::exit::Error;

/// Where the calibration goes.
pub struct File {
    path: PathBuf,
    dir: Dir,
    name: String,
}

impl File {
    /// Makes sure that `path` can be written, and leaves it as it is.
    pub fn prepare(path: PathBuf) -> Result<Self, Error> {
        let name = path.file_name().and_then(OsStr::to_str).filter(|_| !path.is_dir()).map(str::to_owned);
        let name = name.ok_or_else(|| Error::Usage(format!("--out {} is a folder: name a file", path.display())))?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let dir = Dir::make(folder).map_err(|error| unwritable(&path, &error))?;
        dir.fresh(&name).map_err(|error| unwritable(&path, &error))?;
        Ok(Self { dir, name, path })
    }

    /// Replaces the file atomically, and returns its path.
    pub fn write(self, text: &str) -> Result<PathBuf, Error> {
        self.dir.replace(&self.name, text).map_err(|error| unwritable(&self.path, &error))?;
        Ok(self.path)
    }
}

fn unwritable(path: &Path, error: &io::Error) -> Error {
    Error::Failed(format!("cannot write {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a test's folder can be read");
        let name = |entry: io::Result<fs::DirEntry>| entry.expect("it is there").file_name().into_string();
        let mut names: Vec<String> = entries.map(|entry| name(entry).expect("UTF-8")).collect();
        names.sort();
        names
    }

    #[test]
    fn only_the_file_itself_is_replaced_whatever_its_name() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = |name: &str| folder.path().join(name);
        for name in ["a.new", "a.json.new"] {
            fs::write(path(name), "the user's").expect("a test's folder can be written to");
        }
        for name in ["a.json", "x.new", "x", "b.json"] {
            let written = File::prepare(path(name)).and_then(|file| file.write("{}")).expect("it can be written");
            assert_eq!((written, fs::read_to_string(path(name)).expect("it is there")), (path(name), "{}".to_owned()));
        }
        File::prepare(path("a.json")).and_then(|file| file.write("again")).expect("it can be replaced");
        assert_eq!(fs::read_to_string(path("a.json")).expect("it is there"), "again");
        for name in ["a.new", "a.json.new"] {
            assert_eq!(fs::read_to_string(path(name)).expect("it is still there"), "the user's", "{name}");
        }
        assert_eq!(names(folder.path()), ["a.json", "a.json.new", "a.new", "b.json", "x", "x.new"]);
    }

    #[test]
    fn without_a_result_all_is_as_it_was() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join("x.new");
        fs::write(&path, "old").expect("a test's folder can be written to");
        drop(File::prepare(path.clone()).expect("it can be written"));
        assert_eq!(fs::read_to_string(&path).expect("it is there"), "old");
        assert_eq!(names(folder.path()), ["x.new"]);
        for folder in [folder.path().to_owned(), folder.path().join("no/.."), PathBuf::from("/")] {
            assert!(matches!(File::prepare(folder), Err(Error::Usage(_))));
        }
        assert!(matches!(File::prepare(path.join("below/a/file")), Err(Error::Failed(_))));
    }
}
