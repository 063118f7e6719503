//! Who may publish and play: the file of users, and its use for RTSP (Basic and Digest) and HTTP (Basic).

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fmt, io};

use common::bom;
use common::rtsp::auth::{Attempt, Denied, Verifier};
use common::rtsp::serve::{Access, Action, Permission};
use common::secret::Secret;
use common::time::MonoTime;

/// What clients show when they ask for a password.
const REALM: &str = "framelag";
/// Largest file of users, in bytes.
const FILE_MAX: u64 = 1 << 20;

/// Why a file of users is not taken. Passwords are never part of the message.
#[derive(Debug, thiserror::Error)]
pub enum AuthFileError {
    /// It cannot be read.
    #[error("--auth {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A line is wrong.
    #[error("--auth {}, line {line}: {why}; write user:password, or user:password:publish (or :play, :all)", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        why: &'static str,
    },
    /// There is nobody in it.
    #[error("--auth {}: no users in it; write lines of user:password", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

/// Users by name.
#[derive(Default)]
pub(crate) struct Users(BTreeMap<String, User>);

#[derive(Debug)]
struct User {
    password: Secret,
    rights: Rights,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rights {
    All,
    Only(Action),
}

impl Users {
    /// Reads lines of `user:password`, with `:publish`, `:play` or `:all` behind them for what the user may do
    /// (default all). Blank lines and lines that begin with `#` do not count.
    pub(crate) fn load(path: &Path) -> Result<Self, AuthFileError> {
        let read = |source| AuthFileError::Read { path: path.to_owned(), source };
        let file = File::open(path).map_err(read)?;
        let mode = file.metadata().map_err(read)?.mode();
        if let Some(others) = readers(mode) {
            let path = path.display();
            tracing::warn!(
                "--auth {path} has passwords, and {others} can read it (mode {:03o}): chmod 600 {path}",
                mode & 0o777
            );
        }
        let mut text = String::new();
        // A pipe has no length to ask for.
        if file.take(FILE_MAX + 1).read_to_string(&mut text).map_err(read)? as u64 > FILE_MAX {
            return Err(read(io::Error::other("larger than 1 MiB")));
        }
        Self::parse(bom::without(&text)).map_err(|problem| match problem {
            Some((line, why)) => AuthFileError::Line { path: path.to_owned(), line, why },
            None => AuthFileError::Empty { path: path.to_owned() },
        })
    }

    /// The error is the line and what is wrong with it, or `None` where there are no users.
    fn parse(text: &str) -> Result<Self, Option<(usize, &'static str)>> {
        let mut users = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, user) = parse_line(line).map_err(|why| Some((index + 1, why)))?;
            if users.insert(name, user).is_some() {
                return Err(Some((index + 1, "this user was named before")));
            }
        }
        if users.is_empty() { Err(None) } else { Ok(Self(users)) }
    }

    /// Whether an HTTP request with this Authorization header comes from one of the users.
    pub(crate) fn know(&self, authorization: Option<&str>, now: MonoTime) -> bool {
        let attempt = Attempt { method: "GET", uri: "/" };
        let mut verifier = Verifier::new(REALM).allowing_basic();
        verifier.verify(&attempt, authorization, now, |name| self.password(name)).is_ok()
    }

    fn password(&self, name: &str) -> Option<String> {
        self.0.get(name).map(|user| user.password.reveal().clone())
    }

    fn may(&self, name: &str, action: Action) -> bool {
        self.0.get(name).is_some_and(|user| match user.rights {
            Rights::All => true,
            Rights::Only(only) => only == action,
        })
    }
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Users({})", self.0.len())
    }
}

/// The WWW-Authenticate header of the HTTP side.
pub(crate) fn http_challenge() -> String {
    format!("Basic realm=\"{REALM}\"")
}

/// Asks one connection for credentials and checks them.
pub(crate) struct Challenger {
    users: Arc<Users>,
    verifier: Verifier,
}

impl Challenger {
    pub(crate) fn new(users: Arc<Users>) -> Self {
        Self { users, verifier: Verifier::new(REALM).allowing_basic() }
    }

    /// Whether `access` is granted.
    pub(crate) fn check(&mut self, now: MonoTime, access: &Access<'_>) -> Permission {
        let attempt = Attempt { method: access.method.into(), uri: access.url.as_str() };
        let users = &self.users;
        match self.verifier.verify(&attempt, access.authorization, now, |name| users.password(name)) {
            Ok(name) if users.may(&name, access.action) => Permission::Granted,
            Ok(_) => Permission::Forbidden,
            Err(denied) => Permission::Challenge(self.verifier.challenge_again(now, denied == Denied::Stale)),
        }
    }
}

fn parse_line(line: &str) -> Result<(String, User), &'static str> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| !name.is_empty()).ok_or("no user")?;
    let password = fields.next().filter(|password| !password.is_empty()).ok_or("no password")?;
    let rights = match fields.next() {
        None | Some("all") => Rights::All,
        Some("publish") => Rights::Only(Action::Publish),
        Some("play") => Rights::Only(Action::Play),
        Some(_) => return Err("what the user may do is not publish, play or all (a password cannot have a colon)"),
    };
    if fields.next().is_some() {
        return Err("more than three fields (a password cannot have a colon)");
    }
    Ok((name.to_owned(), User { password: Secret::new(password.to_owned()), rights }))
}

/// Who beside its owner can read a file of this mode.
const fn readers(mode: u32) -> Option<&'static str> {
    match mode & 0o044 {
        0 => None,
        0o040 => Some("its group"),
        _ => Some("every user of this machine"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_what_they_may_do() {
        let users = Users::parse("# staff\nann:a:publish\n\nbob:b:play\r\ncy:c:all\ndi:d").expect("good");
        let may = |name| [Action::Publish, Action::Play].map(|action| users.may(name, action));
        assert_eq!(may("ann"), [true, false]);
        assert_eq!(may("bob"), [false, true]);
        assert_eq!([may("cy"), may("di")], [[true; 2]; 2]);
        assert_eq!(may("eve"), [false; 2]);
        assert_eq!(users.password("bob").as_deref(), Some("b"));
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_name() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join("users.txt");
        std::fs::write(&path, "\u{feff}ann:a\r\n").expect("a file");
        assert_eq!(Users::load(&path).expect("good").password("ann").as_deref(), Some("a"));
    }

    #[test]
    fn a_file_that_others_can_read_is_told_of() {
        for (mode, who) in
            [(0o600, None), (0o640, Some("its group")), (0o604, Some("every user")), (0o644, Some("every user"))]
        {
            let said = readers(0o100_000 | mode);
            assert!(
                said.is_some() == who.is_some() && said.unwrap_or_default().contains(who.unwrap_or_default()),
                "{mode:o}"
            );
        }
    }

    #[test]
    fn no_password_is_printed() {
        let user = parse_line("ann:sesame").expect("good");
        assert!(!format!("{user:?} {:?}", Users::parse("ann:sesame")).contains("sesame"));
    }

    #[test]
    fn errors_name_the_line_and_never_the_password() {
        for (text, line) in
            [("ann", 1), ("\n:secret", 2), ("ann:", 1), ("a:secret:x", 1), ("a:b:c:d", 1), ("a:b\na:c", 2)]
        {
            let (found, why) = Users::parse(text).expect_err(text).expect("a line");
            assert_eq!(found, line, "{text}");
            assert!(!why.contains("secret"));
        }
        assert_eq!(Users::parse("# nobody\n").err(), Some(None));
        let error = Users::load(Path::new("no/such/file")).expect_err("missing").to_string();
        assert!(error.contains("--auth no/such/file"), "{error}");
    }

    #[test]
    fn http_knows_users_by_basic() {
        let users = Users::parse("ann:a").expect("good");
        // base64 of ann:a and of ann:b.
        assert!(users.know(Some("Basic YW5uOmE="), MonoTime::default()));
        assert!(!users.know(Some("Basic YW5uOmI="), MonoTime::default()));
        assert!(!users.know(None, MonoTime::default()));
    }
}
