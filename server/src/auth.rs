//! Who may publish and play: the file of users, and its use for RTSP (Basic and Digest) and HTTP (Basic).

mod tokens;
mod tries;

use std::collections::BTreeMap;
use std::fs::File;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{fmt, io};

use common::bom;
use common::host::credentials::readable_by_others;
use common::lock::lock;
use common::rtsp::auth::{Attempt, Denied, Verifier};
use common::rtsp::serve::{Access, Action, Permission, StreamPath};
use common::secret::Secret;
use common::time::MonoTime;

use tokens::{Invalid, Shown, Tokens};
use tries::Tries;

pub(crate) use tokens::VALID as TOKEN_VALID;

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
    #[error("--auth {}, line {line}: {why}: write user:password, or user:password:publish (or :play, :all)", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        why: &'static str,
    },
    /// There is nobody in it.
    #[error("--auth {}: the file has no users: write lines of user:password", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

/// Users by name, and what went wrong with their passwords on all connections.
pub(crate) struct Users {
    by_name: BTreeMap<String, User>,
    /// Password of users that do not exist, so that trying theirs takes as long as any other's. Nobody knows it.
    nobody: String,
    tries: Mutex<Tries>,
    tokens: Mutex<Tokens>,
}

/// Why credentials do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There are none, or they are wrong.
    Denied(Denied),
    /// They were not looked at: too many were wrong before.
    Later(Duration),
    /// The credentials are valid but do not grant access.
    Forbidden,
}

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
        if let Some(warning) = readable_by_others("--auth", path) {
            tracing::warn!("{warning}");
        }
        let text = bom::read(file, FILE_MAX).map_err(read)?;
        Self::parse(&text).map_err(|problem| match problem {
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
                return Err(Some((index + 1, "this user is already defined")));
            }
        }
        if users.is_empty() { Err(None) } else { Ok(Self::new(users)) }
    }

    fn new(by_name: BTreeMap<String, User>) -> Self {
        Self {
            by_name,
            nobody: format!("{:032x}", rand::random::<u128>()),
            tries: Mutex::default(),
            tokens: Mutex::default(),
        }
    }

    /// Whether an HTTP request with this Authorization header, from `peer`, comes from one of the users.
    pub(crate) fn authenticate(
        &self,
        peer: IpAddr,
        authorization: Option<&str>,
        now: MonoTime,
    ) -> Result<String, Refused> {
        let attempt = Attempt { method: "GET", uri: "/" };
        self.verify(peer, &mut Verifier::new(REALM).allowing_basic(), &attempt, authorization, now)
    }

    /// The one place where passwords are tried. One at a time: what a try costs is told before the next one is looked at.
    fn verify(
        &self,
        peer: IpAddr,
        verifier: &mut Verifier,
        attempt: &Attempt<'_>,
        authorization: Option<&str>,
        now: MonoTime,
    ) -> Result<String, Refused> {
        let mut tries = lock(&self.tries);
        let mut tried = None;
        let mut wait = None;
        let verified = verifier.verify(attempt, authorization, now, |name| {
            wait = tries.admit(now, peer, name).err();
            tried = Some(name.to_owned());
            let password = self.password(name).unwrap_or_else(|| self.nobody.clone());
            wait.is_none().then_some(password)
        });
        match (verified, tried, wait) {
            (_, _, Some(wait)) => Err(Refused::Later(wait)),
            (Ok(name), ..) => {
                tries.succeeded(now, peer, &name);
                Ok(name)
            }
            (Err(Denied::Wrong), Some(name), None) => {
                tries.failed(now, peer, &name);
                Err(Refused::Denied(Denied::Wrong))
            }
            (Err(denied), ..) => Err(Refused::Denied(denied)),
        }
    }

    /// Issues a token for `user`, to play the stream at `path` or, if `None`, every stream.
    pub(crate) fn issue_token(&self, peer: IpAddr, user: &str, path: Option<StreamPath>, now: MonoTime) -> String {
        let token = lock(&self.tokens).issue(now, user, path);
        if let Some(shown) = Shown::parse(&token) {
            // Wrong guesses from the same address do not delay this token.
            lock(&self.tries).succeeded(now, peer, &token_name(Some(shown)));
        }
        token
    }

    /// Returns the user of `token`, presented by `peer` for the stream at `path`. Wrong tokens count like wrong
    /// passwords.
    pub(crate) fn authenticate_token(
        &self,
        peer: IpAddr,
        token: &str,
        path: Option<&StreamPath>,
        now: MonoTime,
    ) -> Result<String, Refused> {
        let shown = Shown::parse(token);
        let (mut tries, name) = (lock(&self.tries), token_name(shown));
        tries.admit(now, peer, &name).map_err(Refused::Later)?;
        let tokens = lock(&self.tokens);
        match shown.ok_or(Invalid::Wrong).and_then(|shown| tokens.check(now, shown, path)) {
            Ok(user) => {
                tries.succeeded(now, peer, &name);
                Ok(user.to_owned())
            }
            Err(Invalid::Wrong) => {
                tries.failed(now, peer, &name);
                Err(Refused::Denied(Denied::Wrong))
            }
            // Not a guess: the token was valid once.
            Err(Invalid::Expired) => Err(Refused::Denied(Denied::Stale)),
            Err(Invalid::OtherPath) => Err(Refused::Forbidden),
        }
    }

    /// Logs what has failed since the last time, which was `period` ago.
    pub(crate) fn report(&self, period: Duration) {
        let lines = lock(&self.tries).report(period);
        lines.iter().for_each(|line| tracing::warn!("{line}"));
    }

    fn password(&self, name: &str) -> Option<String> {
        self.by_name.get(name).map(|user| user.password.reveal().clone())
    }

    /// Whether user `name` has the right to do `action`.
    pub(crate) fn may(&self, name: &str, action: Action) -> bool {
        self.by_name.get(name).is_some_and(|user| match user.rights {
            Rights::All => true,
            Rights::Only(only) => only == action,
        })
    }
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Users({})", self.by_name.len())
    }
}

/// WWW-Authenticate headers for HTTP: one for passwords, one for tokens.
pub(crate) fn http_challenges() -> [String; 2] {
    ["Basic", "Bearer"].map(|scheme| format!("{scheme} realm=\"{REALM}\""))
}

/// Whether `text` is a well-formed token.
pub(crate) fn is_token(text: &str) -> bool {
    Shown::parse(text).is_some()
}

/// Key under which wrong tokens are counted; not a valid user name.
fn token_name(shown: Option<Shown>) -> String {
    format!(":{}", shown.map_or_else(String::new, |shown| shown.number()))
}

/// Asks one connection for credentials and checks them.
pub(crate) struct Challenger {
    users: Arc<Users>,
    peer: IpAddr,
    verifier: Verifier,
}

impl Challenger {
    pub(crate) fn new(users: Arc<Users>, peer: IpAddr) -> Self {
        Self { users, peer, verifier: Verifier::new(REALM).allowing_basic() }
    }

    /// Whether `access` is granted.
    pub(crate) fn check(&mut self, now: MonoTime, access: &Access<'_>) -> Permission {
        let attempt = Attempt { method: access.method.into(), uri: access.url.as_str() };
        match self.users.verify(self.peer, &mut self.verifier, &attempt, access.authorization, now) {
            Ok(name) if self.users.may(&name, access.action) => Permission::Granted,
            Ok(_) | Err(Refused::Forbidden) => Permission::Forbidden,
            Err(Refused::Later(wait)) => Permission::Later(wait),
            Err(Refused::Denied(denied)) => {
                Permission::Challenge(self.verifier.challenge_again(now, denied == Denied::Stale))
            }
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
        Some(_) => return Err("the third field is not publish, play or all (a password cannot contain a colon)"),
    };
    if fields.next().is_some() {
        return Err("more than three fields (a password cannot contain a colon)");
    }
    Ok((name.to_owned(), User { password: Secret::new(password.to_owned()), rights }))
}

#[cfg(test)]
mod tests;
