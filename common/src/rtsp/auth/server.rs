//! Challenges a client and checks its answers.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use digest_auth::{AuthContext, AuthorizationHeader, HttpMethod, Qop};

use super::{is_safe_for_digest_auth, resource};
use crate::time::MonoTime;

/// How long a nonce can be used.
const NONCE_LIFETIME: Duration = Duration::from_secs(3600);

/// A server's half of authentication on one connection.
///
/// One nonce is good at a time, on the connection that it was issued on; a header that was overheard is worth nothing
/// on another one. Where the client counts its requests (`nc`, RFC 2617 section 3.2.2), no count is taken twice.
#[derive(Clone, Debug)]
pub struct Verifier {
    realm: String,
    basic: bool,
    nonce: Option<Nonce>,
}

#[derive(Clone, Debug)]
struct Nonce {
    value: String,
    issued: MonoTime,
    /// The highest request count seen.
    count: u32,
}

/// The request that somebody wants to be allowed.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// Its method.
    pub method: &'a str,
    /// Its URL.
    pub uri: &'a str,
}

/// Why a request is answered with 401.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// It has no Authorization header of a scheme that counts.
    #[error("no credentials were given")]
    Missing,
    /// Its nonce is old, unknown, or was used before: the client may try again with a new one.
    #[error("the nonce is stale")]
    Stale,
    /// User, password, or the header itself are wrong.
    #[error("the credentials are wrong")]
    Wrong,
}

impl Verifier {
    /// Asks for Digest in `realm`, which is shown to users.
    pub fn new(realm: impl Into<String>) -> Self {
        Self { realm: realm.into(), basic: false, nonce: None }
    }

    /// Takes Basic as well, which tells the password to everybody on the way.
    #[must_use]
    pub fn allowing_basic(mut self) -> Self {
        self.basic = true;
        self
    }

    /// The `WWW-Authenticate` value for a 401, with a new nonce.
    ///
    /// MD5, because ffmpeg and GStreamer know nothing else and ffmpeg takes the last challenge where there are several.
    pub fn challenge(&mut self, now: MonoTime) -> String {
        self.challenge_again(now, false)
    }

    /// [`Verifier::challenge`], which says whether the answer before was only too late.
    pub fn challenge_again(&mut self, now: MonoTime, stale: bool) -> String {
        let value = format!("{:032x}", rand::random::<u128>());
        let stale = if stale { ", stale=true" } else { "" };
        let header = format!("Digest realm=\"{}\", nonce=\"{value}\", qop=\"auth\", algorithm=MD5{stale}", self.realm);
        self.nonce = Some(Nonce { value, issued: now, count: 0 });
        header
    }

    /// Checks a request's Authorization header. `password_of` gives the password of a user, if there is such a user; it is
    /// asked only where a password is about to be tried. Gives the user's name.
    pub fn verify(
        &mut self,
        attempt: &Attempt<'_>,
        authorization: Option<&str>,
        now: MonoTime,
        password_of: impl FnOnce(&str) -> Option<String>,
    ) -> Result<String, Denied> {
        let header = authorization.ok_or(Denied::Missing)?.trim();
        let (scheme, value) = header.split_once(' ').ok_or(Denied::Wrong)?;
        if scheme.eq_ignore_ascii_case("Digest") {
            self.verify_digest(attempt, value, now, password_of)
        } else if scheme.eq_ignore_ascii_case("Basic") && self.basic {
            verify_basic(value, password_of)
        } else {
            Err(Denied::Missing)
        }
    }

    fn verify_digest(
        &mut self,
        attempt: &Attempt<'_>,
        value: &str,
        now: MonoTime,
        password_of: impl FnOnce(&str) -> Option<String>,
    ) -> Result<String, Denied> {
        if !is_safe_for_digest_auth(value) {
            return Err(Denied::Wrong);
        }
        let given = AuthorizationHeader::parse(value).map_err(|_| Denied::Wrong)?;
        let nonce = self.nonce.as_mut().filter(|nonce| nonce.value == given.nonce).ok_or(Denied::Stale)?;
        if now - nonce.issued > NONCE_LIFETIME {
            return Err(Denied::Stale);
        }
        if given.realm != self.realm || !resource::same(&given.uri, attempt.uri) || given.qop == Some(Qop::AUTH_INT) {
            return Err(Denied::Wrong);
        }
        let password = password_of(&given.username).ok_or(Denied::Wrong)?;
        let method = HttpMethod(attempt.method.to_owned().into());
        let context = AuthContext::new_with_method(&*given.username, password, &*given.uri, None::<&[u8]>, method);
        let mut expected = given.clone();
        expected.digest(&context);
        if !equal(expected.response.as_bytes(), given.response.as_bytes()) {
            return Err(Denied::Wrong);
        }
        if given.qop.is_some() {
            if given.nc <= nonce.count {
                return Err(Denied::Stale);
            }
            nonce.count = given.nc;
        }
        Ok(given.username)
    }
}

fn verify_basic(value: &str, password_of: impl FnOnce(&str) -> Option<String>) -> Result<String, Denied> {
    let decoded = STANDARD.decode(value.trim()).map_err(|_| Denied::Wrong)?;
    let text = String::from_utf8(decoded).map_err(|_| Denied::Wrong)?;
    let (user, password) = text.split_once(':').ok_or(Denied::Wrong)?;
    let expected = password_of(user).ok_or(Denied::Wrong)?;
    if equal(expected.as_bytes(), password.as_bytes()) { Ok(user.to_owned()) } else { Err(Denied::Wrong) }
}

/// Compares in a time that does not tell how far two values agree.
fn equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}
