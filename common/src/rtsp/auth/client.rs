//! Answers a server's challenges.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use digest_auth::{AlgorithmType, AuthContext, HttpMethod, WwwAuthenticateHeader};

use super::is_safe_for_digest_auth;
use crate::credentials::Credentials;
use crate::printable::excerpt;

/// Most challenges that are looked at in one header.
const CHALLENGES_MAX: usize = 8;

/// Longest that is shown of what a server wants and framelag does not speak, in characters.
const UNKNOWN_MAX: usize = 100;

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
    /// The server asks for nothing that framelag speaks, but for this, escaped and shortened.
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
            let schemes: Vec<_> = offers.iter().map(|offer| unknown(offer)).collect();
            return Challenged::Unknown(excerpt(&schemes.join(", "), UNKNOWN_MAX));
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
    if !scheme.eq_ignore_ascii_case("Digest") || offer.contains(char::REPLACEMENT_CHARACTER) {
        return None;
    }
    // digest_auth takes positions of characters for positions of bytes.
    let ascii: String = offer[scheme.len()..].chars().map(|c| if c.is_ascii() { c } else { '?' }).collect();
    let mut digest = digest_auth::parse(&ascii).ok()?;
    if digest.algorithm.algo == AlgorithmType::SHA2_512_256 {
        return None;
    }
    if !is_safe_for_digest_auth(offer) {
        digest.realm = parameter(offer, "realm")?;
        digest.nonce = parameter(offer, "nonce")?;
        digest.opaque = parameter(offer, "opaque");
    }
    Some(Challenge::Digest(Box::new(digest)))
}

/// What a challenge that is not answered wants: its scheme and algorithm, or what is wrong with it.
fn unknown(offer: &str) -> String {
    let scheme = offer.split_ascii_whitespace().next().unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("Digest") {
        return scheme.to_owned();
    }
    if let Some(missing) = ["realm", "nonce"].into_iter().find(|name| parameter(offer, name).is_none()) {
        return format!("a Digest without a {missing} ({offer})");
    }
    if offer.contains(char::REPLACEMENT_CHARACTER) {
        return format!("a Digest that is not UTF-8 ({offer})");
    }
    parameter(offer, "algorithm").map_or_else(|| offer.to_owned(), |algorithm| format!("{scheme} {algorithm}"))
}

/// A parameter of a challenge.
fn parameter(offer: &str, wanted: &str) -> Option<String> {
    let (_, parameters) = offer.split_once(' ')?;
    let ends = commas(parameters).chain([parameters.len()]);
    let parts = ends.scan(0, |start, end| Some(&parameters[std::mem::replace(start, end + 1)..end]));
    let mut pairs = parts.filter_map(|part| part.split_once('='));
    let (_, value) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted))?;
    Some(value.trim().trim_matches('"').replace("\\\"", "\""))
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
