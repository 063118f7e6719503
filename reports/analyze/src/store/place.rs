//! Where runs are kept: a file, or a database of a PostgreSQL server.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use common::redact;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use report::calibration;
use url::Url;

use super::Error;
use super::schema::Dialect;

/// Parameters of a PostgreSQL URL. The driver would print others, a misspelled password included.
const PARAMETERS: [&str; 12] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// Names the store if no flag does.
const VARIABLE: &str = "FRAMELAG_STORE";

/// Where runs are kept. Neither `Display` nor `Debug` shows a password.
#[derive(Clone, PartialEq, Eq)]
pub enum Place {
    /// An SQLite database.
    File(PathBuf),
    /// A PostgreSQL database.
    Server(Url),
}

impl Place {
    /// What `$FRAMELAG_STORE` names, which other users cannot read as they can a command line; without it `framelag/runs.sqlite`
    /// in `$XDG_STATE_HOME` or `~/.local/state`.
    ///
    /// # Errors
    /// Where no folder is known, or the variable names no place.
    pub fn unnamed() -> Result<Self, Error> {
        if let Some(named) = std::env::var_os(VARIABLE).filter(|named| !named.is_empty()) {
            let text = named.into_string().map_err(|named| not_a_place(&named.to_string_lossy(), "it is not UTF-8"))?;
            return text.parse();
        }
        let calibration = calibration::default_path(std::env::var_os("XDG_STATE_HOME"), std::env::var_os("HOME"));
        let path = calibration.ok_or_else(|| {
            Error::Usage(
                "neither XDG_STATE_HOME nor HOME says where runs are kept: name a file with --store".to_owned(),
            )
        })?;
        Ok(Self::File(path.with_file_name("runs.sqlite")))
    }

    /// The database there.
    pub(super) const fn dialect(&self) -> Dialect {
        match self {
            Self::File(_) => Dialect::Sqlite,
            Self::Server(_) => Dialect::Postgres,
        }
    }

    /// Nothing is kept there yet.
    pub(super) fn missing(&self) -> Error {
        Error::Usage(format!("there is no store {self}: `framelag report DIR --store {self}` makes it"))
    }

    /// The place as the driver takes it. A missing file and its folder are created if `make` is set.
    pub(super) fn url(&self, make: bool) -> Result<Url, Error> {
        let path = match self {
            Self::Server(url) => return Ok(url.clone()),
            Self::File(path) => path,
        };
        match path.metadata() {
            Ok(there) if there.is_dir() => {
                return Err(not_a_place(&self.to_string(), "it is a folder: name a file in it, as runs.sqlite"));
            }
            // SQLite would wait for somebody to write into a pipe.
            Ok(there) if !there.is_file() => return Err(not_a_place(&self.to_string(), "it is no regular file")),
            Err(_) if path.is_symlink() => {
                let to = std::fs::read_link(path).unwrap_or_default();
                let why = format!(
                    "it is a link to {}, which is not there: delete the link, or name the file itself",
                    to.display()
                );
                return Err(not_a_place(&self.to_string(), &why));
            }
            Err(_) if !make => return Err(self.missing()),
            _ => {}
        }
        let failed = |error: std::io::Error| Error::Failed(format!("{self}: {error}"));
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.map_or(PathBuf::from("."), PathBuf::from);
        if make {
            std::fs::create_dir_all(&folder).map_err(failed)?;
        }
        // Links are followed before a URL's own rules could take a `..` out.
        let path = folder.canonicalize().map_err(failed)?.join(path.file_name().unwrap_or_default());
        let text = path.to_str().ok_or_else(|| not_a_place(&self.to_string(), "the path is not UTF-8"))?;
        let encoded: Vec<_> =
            text.split('/').map(|part| utf8_percent_encode(part, NON_ALPHANUMERIC).to_string()).collect();
        let mode = if make { "rwc" } else { "rw" };
        let url = format!("sqlite://{}?mode={mode}", encoded.join("/"));
        Url::parse(&url).map_err(|error| not_a_place(&self.to_string(), &error.to_string()))
    }
}

impl FromStr for Place {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        // Text before `://` is meant as a scheme and may precede a password: it never becomes a file's name.
        let scheme = text.split_once(':').filter(|(scheme, rest)| is_scheme(scheme) || rest.starts_with("//"));
        let Some((scheme, rest)) = scheme else { return file(text, text) };
        match scheme.to_ascii_lowercase().as_str() {
            "sqlite" => {
                let path = percent_decode_str(rest.strip_prefix("//").unwrap_or(rest)).decode_utf8();
                file(text, &path.map_err(|_| not_a_place(text, "the path is not UTF-8"))?)
            }
            "postgres" | "postgresql" => server(text),
            _ if rest.starts_with("//") => {
                Err(not_a_place(text, "runs are kept in a file or at postgres://HOST/DATABASE"))
            }
            _ => file(text, text),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Server(url) => f.write_str(&redact::url(url.as_str())),
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn is_scheme(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase())
}

fn file(text: &str, path: &str) -> Result<Place, Error> {
    if path.is_empty() || path.ends_with('/') {
        return Err(not_a_place(text, "that names no file, as runs.sqlite does"));
    }
    Ok(Place::File(PathBuf::from(path)))
}

fn server(text: &str) -> Result<Place, Error> {
    let url = Url::parse(text).map_err(|error| not_a_place(text, &error.to_string()))?;
    let unknown = url.query_pairs().find(|(key, _)| !PARAMETERS.contains(&&**key)).map(|(key, _)| key.into_owned());
    match unknown {
        Some(key) => {
            Err(not_a_place(text, &format!("{key:?} is no setting of it; there are {}", PARAMETERS.join(", "))))
        }
        None => Ok(Place::Server(url)),
    }
}

fn not_a_place(text: &str, why: &str) -> Error {
    Error::Usage(format!("runs cannot be kept in {:?}: {why}", redact::url(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> Place {
        text.parse().expect("a place")
    }

    #[test]
    fn files_and_servers_are_told_apart() {
        for (text, path) in [
            ("runs.sqlite", "runs.sqlite"),
            ("sqlite:///var/a%20b.sqlite", "/var/a b.sqlite"),
            ("sqlite://runs.sqlite", "runs.sqlite"),
            ("odd:name", "odd:name"),
        ] {
            assert_eq!(place(text), Place::File(PathBuf::from(path)), "{text}");
        }
        for text in ["postgres://ann@db/lag?sslmode=verify-full", "Postgres://ann:secret@db/lag"] {
            let place = place(text);
            assert!(matches!(place, Place::Server(_)) && !place.to_string().contains("secret"), "{place}");
        }
    }

    #[test]
    fn what_is_no_place_is_refused_by_name() {
        for (text, said) in [
            ("", "names no file"),
            ("runs/", "names no file"),
            ("mysql://ann:secret@db/lag", "a file or at postgres://"),
            ("postgres+ssl://ann:secret@db/lag", "a file or at postgres://"),
            ("post gres://ann:secret@db/lag", "a file or at postgres://"),
            ("postgres://ann:secret@db/lag?pasword=secret", "\"pasword\" is no setting"),
            ("postgres://ann:secret@db:port/lag", "invalid port"),
        ] {
            let error = text.parse::<Place>().expect_err("no place").to_string();
            assert!(error.contains(said) && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn no_password_is_shown() {
        for text in ["postgres://ann:secret@db/lag", "postgres://db/lag?user=ann&password=secret"] {
            let place = place(text);
            assert!(!format!("{place} {place:?}").contains("secret"), "{place}");
        }
    }

    #[test]
    fn any_name_of_a_file_reaches_the_driver() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = Place::File(folder.path().join("a?b#c %2e d.sqlite"));
        let url = file.url(true).expect("a URL");
        assert_eq!(url.query(), Some("mode=rwc"));
        assert!(url.path().ends_with("/a%3Fb%23c%20%252e%20d%2Esqlite"), "{url}");
        assert_eq!(file.url(false), Err(file.missing()));
    }

    #[test]
    fn a_link_to_nothing_is_refused_and_creates_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let (link, file) = (folder.path().join("runs.sqlite"), folder.path().join("elsewhere.sqlite"));
        std::os::unix::fs::symlink(&file, &link).expect("a link");
        for make in [true, false] {
            let error = Place::File(link.clone()).url(make).expect_err("it leads nowhere").to_string();
            assert!(error.contains("runs.sqlite") && error.contains("elsewhere.sqlite, which is not there"), "{error}");
        }
        assert!(!file.exists());
        std::fs::write(&file, "").expect("a file");
        assert!(Place::File(link).url(true).is_ok(), "a link to a file is followed");
    }
}
