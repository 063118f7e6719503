//! Bearer tokens of users who may play (RFC 6750), kept in memory.
//!
//! A token consists of an id for the lookup and a secret, so only the secret needs a constant-time comparison.

use std::collections::HashMap;
use std::hint::black_box;
use std::time::Duration;

use common::rtsp::serve::StreamPath;
use common::time::MonoTime;

/// Lifetime of a token.
pub(crate) const VALID: Duration = Duration::from_secs(12 * 3_600);
/// Most tokens per user; a new one replaces the oldest.
const OF_USER_MAX: usize = 256;
/// Most tokens of all users; a new one replaces the oldest.
const ALL_MAX: usize = 8_192;
/// Hexadecimal digits of the id and of the secret.
const DIGITS: (usize, usize) = (16, 32);

/// The valid tokens.
#[derive(Debug, Default)]
pub(super) struct Tokens(HashMap<u64, Token>);

struct Token {
    secret: u128,
    user: String,
    /// The only stream it opens; `None` for all.
    path: Option<StreamPath>,
    since: MonoTime,
}

/// A token as presented in a request.
#[derive(Clone, Copy)]
pub(super) struct Shown {
    number: u64,
    secret: u128,
}

/// Why a token is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Invalid {
    /// The token does not exist or its secret is wrong.
    Wrong,
    /// The token has expired.
    Expired,
    /// The token is for another stream.
    OtherPath,
}

impl Shown {
    /// Returns `None` if `text` is not a well-formed token.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let hexadecimal = text.len() == DIGITS.0 + DIGITS.1 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let (number, secret) = hexadecimal.then(|| text.split_at(DIGITS.0))?;
        Some(Self { number: u64::from_str_radix(number, 16).ok()?, secret: u128::from_str_radix(secret, 16).ok()? })
    }

    /// Returns the id, which is not secret.
    pub(super) fn number(&self) -> String {
        format!("{:016x}", self.number)
    }
}

impl Tokens {
    /// Issues a token for `user`, limited to the stream at `path` if given.
    pub(super) fn issue(&mut self, now: MonoTime, user: &str, path: Option<StreamPath>) -> String {
        let of_user = self.0.values().filter(|token| token.user == user).count();
        if of_user >= OF_USER_MAX {
            self.forget(|token| token.user == user);
        }
        if self.0.len() >= ALL_MAX {
            self.forget(|_| true);
        }
        let (number, secret) = (rand::random(), rand::random());
        self.0.insert(number, Token { secret, user: user.to_owned(), path, since: now });
        format!("{number:016x}{secret:032x}")
    }

    /// Returns the user of `shown` for the stream at `path`.
    pub(super) fn check(&self, now: MonoTime, shown: Shown, path: Option<&StreamPath>) -> Result<&str, Invalid> {
        let token = self.0.get(&shown.number).ok_or(Invalid::Wrong)?;
        // Constant-time comparison.
        if black_box(token.secret ^ shown.secret) != 0 {
            Err(Invalid::Wrong)
        } else if now - token.since >= VALID {
            Err(Invalid::Expired)
        } else if token.path.as_ref().is_some_and(|only| Some(only) != path) {
            Err(Invalid::OtherPath)
        } else {
            Ok(&token.user)
        }
    }

    /// Returns the oldest token that satisfies `which`.
    fn forget(&mut self, which: impl Fn(&Token) -> bool) {
        let oldest = self.0.iter().filter(|(_, token)| which(token)).min_by_key(|(_, token)| token.since);
        if let Some(number) = oldest.map(|(number, _)| *number) {
            self.0.remove(&number);
        }
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("user", &self.user).field("path", &self.path).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> MonoTime {
        MonoTime::from_origin(Duration::from_secs(seconds))
    }

    fn path(name: &str) -> StreamPath {
        StreamPath::parse(name).expect("a name")
    }

    fn shown(text: &str) -> Shown {
        Shown::parse(text).expect(text)
    }

    #[test]
    fn a_token_is_good_for_its_stream_and_its_time() {
        let mut tokens = Tokens::default();
        let (all, one) = (tokens.issue(at(0), "ann", None), tokens.issue(at(0), "bob", Some(path("cam"))));
        let check = |text: &str, seconds, name: &str| tokens.check(at(seconds), shown(text), Some(&path(name)));
        assert_eq!((check(&all, 1, "cam"), check(&all, 1, "other")), (Ok("ann"), Ok("ann")));
        assert_eq!((check(&one, 1, "cam"), check(&one, 1, "other")), (Ok("bob"), Err(Invalid::OtherPath)));
        assert_eq!(tokens.check(at(1), shown(&one), None), Err(Invalid::OtherPath));
        assert_eq!(check(&all, VALID.as_secs() - 1, "cam"), Ok("ann"));
        assert_eq!(check(&all, VALID.as_secs(), "cam"), Err(Invalid::Expired));
        // The id of one token with the secret of the other.
        let mixed = format!("{}{}", &all[..DIGITS.0], &one[DIGITS.0..]);
        assert_eq!(check(&mixed, 1, "cam"), Err(Invalid::Wrong));
        assert_eq!(check(&"0".repeat(48), 1, "cam"), Err(Invalid::Wrong));
    }

    #[test]
    fn what_is_no_token_is_not_looked_for() {
        let long = "0".repeat(49);
        for text in ["", "0", &long, &"g".repeat(48), &"é".repeat(24), &format!("+{}", "0".repeat(47))] {
            assert!(Shown::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn they_are_limited_and_one_user_does_not_push_out_another() {
        let mut tokens = Tokens::default();
        let of_ann = tokens.issue(at(0), "ann", None);
        let of_bob: Vec<_> = (0..2 * OF_USER_MAX).map(|n| tokens.issue(at(n as u64), "bob", None)).collect();
        assert_eq!(tokens.0.len(), OF_USER_MAX + 1);
        assert_eq!(tokens.check(at(600), shown(&of_ann), None), Ok("ann"));
        assert_eq!(tokens.check(at(600), shown(&of_bob[0]), None), Err(Invalid::Wrong));
        assert_eq!(tokens.check(at(600), shown(&of_bob[2 * OF_USER_MAX - 1]), None), Ok("bob"));
        for number in 0..2 * ALL_MAX {
            tokens.issue(at(1_000), &format!("user{}", number / 100), None);
        }
        assert_eq!(tokens.0.len(), ALL_MAX);
        assert!(!format!("{tokens:?}").contains("secret"));
    }
}
