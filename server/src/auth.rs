//! Who may publish and play: the file of users, and its use for RTSP (Basic and Digest) and HTTP (Basic).

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
use common::rtsp::serve::{Access, Action, Permission};
use common::secret::Secret;
use common::time::MonoTime;

use tries::Tries;

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
}

/// Why credentials do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There are none, or they are wrong.
    Denied(Denied),
    /// They were not looked at: too many were wrong before.
    Later(Duration),
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
        Self { by_name, nobody: format!("{:032x}", rand::random::<u128>()), tries: Mutex::default() }
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

/// The WWW-Authenticate header of the HTTP side.
pub(crate) fn http_challenge() -> String {
    format!("Basic realm=\"{REALM}\"")
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
            Ok(_) => Permission::Forbidden,
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
        std::fs::write(&path, b"\xff\xfea\0:\0a\0\n\0").expect("a file");
        let error = Users::load(&path).expect_err("UTF-16").to_string();
        assert!(error.contains("users.txt: it is UTF-16: save it as UTF-8"), "{error}");
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
        let know = |authorization| users.authenticate([127, 0, 0, 1].into(), authorization, MonoTime::default());
        assert_eq!(know(Some("Basic YW5uOmE=")), Ok("ann".to_owned()));
        for _ in 0..100 {
            assert_eq!(know(None), Err(Refused::Denied(Denied::Missing)), "asking without a password is no try");
        }
        for _ in 0..tries::FREE {
            assert_eq!(know(Some("Basic YW5uOmI=")), Err(Refused::Denied(Denied::Wrong)));
        }
        for password in ["Basic YW5uOmI=", "Basic YW5uOmE="] {
            assert_eq!(know(Some(password)), Err(Refused::Later(tries::WAIT_FIRST)), "nothing is looked at");
        }
    }

    #[test]
    fn a_guesser_waits_on_every_connection_and_by_either_scheme() {
        let users = Arc::new(Users::parse("ann:a").expect("good"));
        let (peer, now) = (IpAddr::from([127, 0, 0, 1]), MonoTime::default());
        let path = common::rtsp::serve::StreamPath::parse("cam").expect("a name");
        let url = "rtsp://127.0.0.1/cam".parse().expect("a URL");
        let ask = |authorization: Option<&str>, challenger: &mut Challenger| {
            let method = &"DESCRIBE".into();
            challenger.check(now, &Access { action: Action::Play, path: &path, method, url: &url, authorization })
        };
        for _ in 0..tries::FREE {
            let mut challenger = Challenger::new(users.clone(), peer);
            let Permission::Challenge(challenge) = ask(None, &mut challenger) else { panic!("asked for a password") };
            let mut client = common::rtsp::auth::Client::new(common::credentials::Credentials::new("ann", "wrong"));
            client.challenged(&challenge);
            let answer = client.authorization("DESCRIBE", "rtsp://127.0.0.1/cam");
            let Permission::Challenge(again) = ask(answer.as_deref(), &mut challenger) else { panic!("wrong") };
            assert!(!again.contains("stale"), "{again}");
            let Permission::Challenge(stale) = ask(answer.as_deref(), &mut challenger) else { panic!("old nonce") };
            assert!(stale.contains("stale=true"), "a nonce that is used up is no wrong password: {stale}");
        }
        let mut challenger = Challenger::new(users.clone(), peer);
        assert_eq!(ask(Some("Basic YW5uOmE="), &mut challenger), Permission::Later(tries::WAIT_FIRST));
        assert_eq!(users.authenticate(peer, Some("Basic YW5uOmE="), now), Err(Refused::Later(tries::WAIT_FIRST)));
        let mut elsewhere = Challenger::new(users, IpAddr::from([127, 0, 0, 2]));
        assert_eq!(ask(Some("Basic YW5uOmE="), &mut elsewhere), Permission::Granted);
    }
}
