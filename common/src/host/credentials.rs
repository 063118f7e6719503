//! User name and password from a file or the environment: on a command line every process of the host can read them.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};

use crate::bom;
use crate::credentials::Credentials;

/// The variables of the environment that hold a user name and a password.
pub const VARIABLES: [&str; 2] = ["FRAMELAG_USER", "FRAMELAG_PASSWORD"];

/// Largest file, in bytes.
const FILE_MAX: u64 = 4096;

/// Why there are no credentials to be had. None shows any of them.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("--credentials {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's words.
        error: std::io::Error,
    },
    /// The file holds something else.
    #[error("--credentials {}: it does not hold one line of user:password", .0.display())]
    NotCredentials(PathBuf),
    /// One variable without the other.
    #[error("{set} is set and {missing} is not: set both")]
    OneAlone {
        /// The variable that is set.
        set: &'static str,
        /// The one that is not.
        missing: &'static str,
    },
    /// Not UTF-8.
    #[error("{0} is not UTF-8")]
    NotText(&'static str),
}

/// The credentials in `file`, else those of the environment, which `variable` looks up.
///
/// # Errors
/// [`LoadError`].
pub fn load(
    file: Option<&Path>,
    variable: impl Fn(&'static str) -> Option<OsString>,
) -> Result<Option<Credentials>, LoadError> {
    if let Some(path) = file {
        return from_file(path).map(Some);
    }
    let text = |name| variable(name).map(|value| value.into_string().map_err(|_| LoadError::NotText(name))).transpose();
    let [user, password] = VARIABLES;
    match (text(user)?, text(password)?) {
        (Some(user), Some(password)) => Ok(Some(Credentials::new(user, password))),
        (Some(_), None) => Err(LoadError::OneAlone { set: user, missing: password }),
        (None, Some(_)) => Err(LoadError::OneAlone { set: password, missing: user }),
        (None, None) => Ok(None),
    }
}

/// What to tell a user whose `--credentials` others can read.
pub fn warning(file: Option<&Path>) -> Option<String> {
    readable_by_others("--credentials", file?)
}

/// What to tell a user who gives `file` to `flag` where others can read it; `None` where it is theirs alone, or no file.
pub fn readable_by_others(flag: &str, file: &Path) -> Option<String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(file).ok().filter(std::fs::Metadata::is_file)?.permissions().mode();
        let others = match mode & 0o044 {
            0 => return None,
            0o040 => "its group",
            _ => "every user of this host",
        };
        let file = file.display();
        Some(format!("{flag} {file} has passwords, and {others} can read it: chmod 600 {file}"))
    }
    #[cfg(not(unix))]
    {
        let _ = (flag, file);
        None
    }
}

fn from_file(path: &Path) -> Result<Credentials, LoadError> {
    let read = File::open(path).and_then(|file| bom::read(file, FILE_MAX));
    let text = read.map_err(|error| LoadError::Unreadable { path: path.to_owned(), error })?;
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let line = lines.next().and_then(|line| line.split_once(':'));
    match (line, lines.next()) {
        (Some((user, password)), None) if !user.is_empty() => Ok(Credentials::new(user, password)),
        _ => Err(LoadError::NotCredentials(path.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_environment(set: &[(&str, &str)]) -> Result<Option<Credentials>, LoadError> {
        load(None, |name| set.iter().find(|(set, _)| *set == name).map(|(_, value)| OsString::from(value)))
    }

    fn file(text: impl AsRef<[u8]>) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), text).expect("it can be written");
        file
    }

    #[test]
    fn a_file_holds_one_line_of_user_and_password() {
        for text in ["ann:se:cr@t/ #?!", "ann:se:cr@t/ #?!\n", "\u{feff}ann:se:cr@t/ #?!\r\n\r\n"] {
            let found = load(Some(file(text).path()), |_| panic!("a file comes first")).expect(text);
            assert_eq!(found, Some(Credentials::new("ann", "se:cr@t/ #?!")));
        }
        for text in ["", "\n", "secret", ":secret", "ann:secret\nbob:secret\n"] {
            let error = load(Some(file(text).path()), |_| None).expect_err(text).to_string();
            assert!(error.contains("one line of user:password") && !error.contains("secret"), "{error}");
        }
        for (bytes, hint) in
            [(&b"\xfe\xff\0a\0:"[..], "it is UTF-16: save it as UTF-8"), (&[b'a'; 5000], "larger than 4096")]
        {
            let error = load(Some(file(bytes).path()), |_| None).expect_err(hint).to_string();
            assert!(error.contains(hint), "{error}");
        }
        let error = load(Some(Path::new("/nowhere/file")), |_| None).expect_err("there is none").to_string();
        assert!(error.starts_with("--credentials /nowhere/file: "), "{error}");
    }

    #[test]
    fn the_environment_comes_second_and_has_to_name_user_and_password() {
        let set = [("FRAMELAG_USER", "ann"), ("FRAMELAG_PASSWORD", "secret")];
        assert_eq!(of_environment(&set).expect("both"), Some(Credentials::new("ann", "secret")));
        let empty = [set[0], ("FRAMELAG_PASSWORD", "")];
        assert_eq!(of_environment(&empty).expect("both"), Some(Credentials::new("ann", "")));
        assert_eq!(of_environment(&[]).expect("nothing"), None);
        let error = of_environment(&set[1..]).expect_err("a password of nobody").to_string();
        assert_eq!(error, "FRAMELAG_PASSWORD is set and FRAMELAG_USER is not: set both");
        let error = of_environment(&set[..1]).expect_err("a user without a password").to_string();
        assert_eq!(error, "FRAMELAG_USER is set and FRAMELAG_PASSWORD is not: set both");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_is_told() {
        use std::os::unix::fs::PermissionsExt;
        let file = file("ann:secret");
        for (mode, told) in [(0o600, false), (0o400, false), (0o640, true), (0o604, true)] {
            std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).expect("it is ours");
            assert_eq!(
                readable_by_others("--credentials", file.path()).is_some_and(|text| text.contains("chmod 600")),
                told,
                "{mode:o}"
            );
        }
        assert_eq!(readable_by_others("--auth", Path::new("/dev/null")), None);
    }
}
