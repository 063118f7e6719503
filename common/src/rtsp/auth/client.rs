//! Answers a server's challenges.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use digest_auth::{AlgorithmType, AuthContext, HttpMethod, WwwAuthenticateHeader};

use super::{Credentials, is_safe_for_digest_auth};

/// Most challenges that are looked at in one header.
const CHALLENGES_MAX: usize = 8;

/// A client's half of authentication, kept for all requests of a connection.
#[derive(Clone, Debug)]
pub struct Client {
    credentials: Credentials,
    challenge: Option<Challenge>,
    /// A request with the credentials was answered well since the last challenge.
    accepted: bool,
}

#[derive(Clone, Debug)]
enum Challenge {
    Basic,
    Digest(Box<WwwAuthenticateHeader>),
}

/// What to do after a 401.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Challenged {
    /// Send the request again, with [`Client::authorization`].
    TryAgain,
    /// The credentials have been sent already, and were never accepted: they are wrong.
    Rejected,
    /// The server asks for nothing that framelag speaks, but for these schemes.
    Unknown(String),
}

impl Client {
    /// A client that has not been challenged yet, and so offers nothing.
    pub const fn new(credentials: Credentials) -> Self {
        Self { credentials, challenge: None, accepted: false }
    }

    /// Takes the `WWW-Authenticate` value of a 401, several of them joined by commas. Of the challenges in it the
    /// strongest is answered from now on: Digest with SHA-256, Digest with MD5, Basic.
    pub fn challenged(&mut self, www_authenticate: &str) -> Challenged {
        let offers = split(www_authenticate);
        let strongest = offers.iter().filter_map(|offer| parse(offer)).max_by_key(Challenge::strength);
        let Some(strongest) = strongest else {
            if self.challenge.is_some() {
                // gortsplib refuses wrong credentials without a new challenge.
                return Challenged::Rejected;
            }
            let schemes: Vec<_> = offers.iter().filter_map(|offer| offer.split_ascii_whitespace().next()).collect();
            return Challenged::Unknown(schemes.join(", ").chars().take(60).flat_map(char::escape_debug).collect());
        };
        let stale = matches!(&strongest, Challenge::Digest(digest) if digest.stale);
        let first = self.challenge.replace(strongest).is_none();
        // Credentials that were right before are so still: the server wants another nonce, and not all say `stale`.
        let accepted = std::mem::take(&mut self.accepted);
        if first || stale || accepted { Challenged::TryAgain } else { Challenged::Rejected }
    }

    /// Whether there has been a challenge, and so requests carry credentials.
    pub const fn is_challenged(&self) -> bool {
        self.challenge.is_some()
    }

    /// Takes note that a request was not refused: a challenge that comes later is about its nonce.
    pub const fn accepted(&mut self) {
        self.accepted = self.challenge.is_some();
    }

    /// The `Authorization` value of a request; `None` before the first challenge.
    pub fn authorization(&mut self, method: &str, uri: &str) -> Option<String> {
        let (user, password) = (self.credentials.user(), self.credentials.password());
        match self.challenge.as_mut()? {
            Challenge::Basic => Some(format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))),
            Challenge::Digest(digest) => {
                let method = HttpMethod(method.to_owned().into());
                let context = AuthContext::new_with_method(user, password, uri, None::<&[u8]>, method);
                digest.respond(&context).ok().map(|answer| answer.to_string())
            }
        }
    }
}

impl Challenge {
    fn strength(&self) -> u8 {
        match self {
            Self::Basic => 0,
            Self::Digest(digest) if digest.algorithm.algo == AlgorithmType::MD5 => 1,
            Self::Digest(_) => 2,
        }
    }
}

fn parse(offer: &str) -> Option<Challenge> {
    let scheme = offer.split_ascii_whitespace().next()?;
    if scheme.eq_ignore_ascii_case("Basic") {
        return Some(Challenge::Basic);
    }
    if !scheme.eq_ignore_ascii_case("Digest") || !is_safe_for_digest_auth(offer) {
        return None;
    }
    digest_auth::parse(&offer[scheme.len()..]).ok().map(Box::new).map(Challenge::Digest)
}

/// Cuts a list of challenges (RFC 9110 section 11.6.1), in which commas also separate the parameters of one: a new
/// one begins where a word stands before the first `=`, or alone.
fn split(header: &str) -> Vec<&str> {
    let mut starts = Vec::new();
    let mut piece_start = 0;
    for end in commas(header).chain([header.len()]) {
        let piece = header[piece_start..end].trim_start();
        let at = end - piece.len();
        let before_equals = piece.split('=').next().unwrap_or_default().trim_end();
        let is_scheme = !piece.is_empty() && (!piece.contains('=') || before_equals.contains(' '));
        if (is_scheme || starts.is_empty()) && starts.len() < CHALLENGES_MAX {
            starts.push(at);
        }
        piece_start = end + 1;
    }
    let ends = starts.iter().skip(1).copied().chain([header.len()]);
    starts.iter().zip(ends).map(|(&start, end)| header[start..end].trim_end_matches([' ', ','])).collect()
}

/// Where the commas outside of quoted strings are.
fn commas(header: &str) -> impl Iterator<Item = usize> {
    let mut quoted = false;
    let mut escaped = false;
    header.bytes().enumerate().filter_map(move |(at, byte)| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => return Some(at),
            _ => {}
        }
        None
    })
}
