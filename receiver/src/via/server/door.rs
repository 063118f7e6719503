//! Who may come in where others than this host can: whoever opens the page first with the token of its URL, and nobody else. That
//! load is given a cookie, and everything after it is asked for that.

use std::sync::atomic::{AtomicBool, Ordering};

use sha2::{Digest, Sha256};

/// The name of the cookie.
const COOKIE: &str = "framelag";

/// See the module.
pub(super) struct Door {
    /// The path of the page, and its query.
    page: String,
    query: String,
    session: String,
    is_used: AtomicBool,
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// It is let in.
    In,
    /// It is let in, and is given this cookie.
    First(String),
    /// It is not.
    Refused,
}

impl Door {
    /// Of the page at the path `page` with this query, which has the token.
    pub(super) fn new(page: String, query: String) -> Self {
        Self { page, query, session: format!("{:032x}", rand::random::<u128>()), is_used: AtomicBool::new(false) }
    }

    /// A request for this path and query, with these Cookie headers.
    pub(super) fn enter<'a>(
        &self,
        path: &str,
        query: Option<&str>,
        mut cookies: impl Iterator<Item = &'a str>,
    ) -> Entry {
        let is_session = |pair: &str| {
            pair.trim().split_once('=').is_some_and(|(name, value)| name == COOKIE && is_same(value, &self.session))
        };
        if cookies.any(|header| header.split(';').any(is_session)) {
            return Entry::In;
        }
        let has_token = path == self.page && query.is_some_and(|query| is_same(query, &self.query));
        if has_token && !self.is_used.swap(true, Ordering::AcqRel) {
            return Entry::First(format!("{COOKIE}={}; Path=/; Secure; HttpOnly; SameSite=Strict", self.session));
        }
        Entry::Refused
    }
}

/// Compares digests: how long that takes says nothing of the text.
fn is_same(one: &str, other: &str) -> bool {
    Sha256::digest(one) == Sha256::digest(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_load_of_the_page_is_let_in_and_then_its_cookie() {
        let door = Door::new("/measure/index.html".to_owned(), "token=1234".to_owned());
        let enter = |path, query, cookies: &[&'static str]| door.enter(path, query, cookies.iter().copied());
        assert_eq!(enter("/measure/index.html", None, &[]), Entry::Refused);
        assert_eq!(enter("/measure/index.html", Some("token=1235"), &[]), Entry::Refused);
        assert_eq!(enter("/players/own.js", Some("token=1234"), &[]), Entry::Refused, "the token is the page's");
        let Entry::First(cookie) = enter("/measure/index.html", Some("token=1234"), &[]) else { panic!("the first") };
        assert!(cookie.ends_with("; Path=/; Secure; HttpOnly; SameSite=Strict"));
        assert_eq!(enter("/measure/index.html", Some("token=1234"), &[]), Entry::Refused, "once");
        let pair = cookie.split(';').next().expect("a pair").to_owned();
        for cookies in [vec![&*pair], vec!["a=b; c", &format!("x=y; {pair}")]] {
            assert_eq!(door.enter("/players/own.js", None, cookies.into_iter()), Entry::In);
        }
        assert_eq!(enter("/players/own.js", None, &["framelag=; framelag", "framelag=0"]), Entry::Refused);
    }
}
