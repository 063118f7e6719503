//! Access control for pages served beyond this host. The first load of the page with the URL's token receives a
//! cookie, and every later request must present it.

use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::Method;
use sha2::{Digest, Sha256};

/// Name of the cookie.
const COOKIE: &str = "framelag";

/// Grants access to the first load of the page.
pub(super) struct Door {
    /// The page's path and query.
    page: String,
    query: String,
    session: String,
    is_used: AtomicBool,
}

/// Outcome of an access check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// The request is allowed.
    In,
    /// The request is allowed and receives this cookie.
    First(String),
    /// The request is refused.
    Refused,
}

impl Door {
    /// Creates a door for the page at path `page` with this query, which contains the token.
    pub(super) fn new(page: String, query: String) -> Self {
        Self { page, query, session: format!("{:032x}", rand::random::<u128>()), is_used: AtomicBool::new(false) }
    }

    /// Checks a request for this path and query with these Cookie headers. The head of the page, which a preview of its link
    /// asks for, does not use up the token.
    pub(super) fn enter<'a>(
        &self,
        method: &Method,
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
        let has_token =
            method == Method::GET && path == self.page && query.is_some_and(|query| is_same(query, &self.query));
        if has_token && !self.is_used.swap(true, Ordering::AcqRel) {
            return Entry::First(format!("{COOKIE}={}; Path=/; Secure; HttpOnly; SameSite=Strict", self.session));
        }
        Entry::Refused
    }
}

/// Compares digests, so the comparison time reveals nothing about the text.
fn is_same(one: &str, other: &str) -> bool {
    Sha256::digest(one) == Sha256::digest(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_load_of_the_page_is_let_in_and_then_its_cookie() {
        let door = Door::new("/measure/index.html".to_owned(), "token=1234".to_owned());
        let enter =
            |path, query, cookies: &[&'static str]| door.enter(&Method::GET, path, query, cookies.iter().copied());
        assert_eq!(enter("/measure/index.html", None, &[]), Entry::Refused);
        assert_eq!(enter("/measure/index.html", Some("token=1235"), &[]), Entry::Refused);
        assert_eq!(enter("/players/own.js", Some("token=1234"), &[]), Entry::Refused, "the token is the page's");
        let head = door.enter(&Method::HEAD, "/measure/index.html", Some("token=1234"), [].into_iter());
        assert_eq!(head, Entry::Refused, "a preview of the link is not the viewer");
        let Entry::First(cookie) = enter("/measure/index.html", Some("token=1234"), &[]) else { panic!("the first") };
        assert!(cookie.ends_with("; Path=/; Secure; HttpOnly; SameSite=Strict"));
        assert_eq!(enter("/measure/index.html", Some("token=1234"), &[]), Entry::Refused, "once");
        let pair = cookie.split(';').next().expect("a pair").to_owned();
        for cookies in [vec![&*pair], vec!["a=b; c", &format!("x=y; {pair}")]] {
            assert_eq!(door.enter(&Method::GET, "/players/own.js", None, cookies.into_iter()), Entry::In);
        }
        assert_eq!(enter("/players/own.js", None, &["framelag=; framelag", "framelag=0"]), Entry::Refused);
    }
}
