//! Access control for pages served beyond this host. Loading the page with the URL's token gives a cookie, which every
//! later request must present. From the first page that opens its socket on, no other is let in: a preview of the link
//! loads the page as well, but does not run it.

use std::collections::VecDeque;
use std::sync::Mutex;

use axum::http::Method;
use common::lock::lock;
use sha2::{Digest, Sha256};

/// Name of the cookie.
const COOKIE: &str = "framelag";

/// Most loads of the page that may still become the viewer; the oldest make room.
const MAX_LOADS: usize = 16;

/// Most cookies of this name that are looked at in one request.
const MAX_COOKIES: usize = 4;

/// Secrets are compared by their digests, so that the time it takes tells nothing about them.
type Hash = [u8; 32];

/// Grants access to one browser.
pub(super) struct Door {
    /// The page's path.
    page: String,
    /// Of the page's query, which contains the token.
    query: Hash,
    visitors: Mutex<Visitors>,
}

/// Sessions, by their cookies.
enum Visitors {
    /// Each has loaded the page, and none has run it.
    Loaded(VecDeque<Hash>),
    /// Has run it.
    Chosen(Hash),
}

/// Outcome of an access check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// All is allowed.
    Chosen,
    /// The page's own files and its socket are allowed, but not the stream.
    Loaded,
    /// The page is allowed, with this cookie.
    New(String),
    /// The request is refused.
    Refused,
}

impl Door {
    /// Creates a door for the page at path `page` with this query, which contains the token.
    pub(super) fn new(page: String, query: &str) -> Self {
        Self { page, query: hash(query), visitors: Mutex::new(Visitors::Loaded(VecDeque::new())) }
    }

    /// Checks a request for this path and query with these Cookie headers.
    pub(super) fn enter<'a>(
        &self,
        method: &Method,
        path: &str,
        query: Option<&str>,
        cookies: impl Iterator<Item = &'a str>,
    ) -> Entry {
        let given = sessions(cookies);
        let has_token =
            *method == Method::GET && path == self.page && query.is_some_and(|text| hash(text) == self.query);
        match &mut *lock(&self.visitors) {
            Visitors::Chosen(session) if given.contains(session) => Entry::Chosen,
            Visitors::Chosen(_) => Entry::Refused,
            Visitors::Loaded(loaded) if loaded.iter().any(|session| given.contains(session)) => Entry::Loaded,
            Visitors::Loaded(_) if !has_token => Entry::Refused,
            Visitors::Loaded(loaded) => {
                if loaded.len() == MAX_LOADS {
                    loaded.pop_front();
                }
                let session = format!("{:032x}", rand::random::<u128>());
                loaded.push_back(hash(&session));
                Entry::New(format!("{COOKIE}={session}; Path=/; Secure; HttpOnly; SameSite=Strict"))
            }
        }
    }

    /// Notes that the page with these Cookie headers runs. Returns `false` if another one does.
    pub(super) fn choose<'a>(&self, cookies: impl Iterator<Item = &'a str>) -> bool {
        let given = sessions(cookies);
        let mut visitors = lock(&self.visitors);
        let chosen = match &*visitors {
            Visitors::Chosen(session) => Some(*session).filter(|session| given.contains(session)),
            Visitors::Loaded(loaded) => loaded.iter().copied().find(|session| given.contains(session)),
        };
        chosen.is_some_and(|session| {
            *visitors = Visitors::Chosen(session);
            true
        })
    }
}

/// Returns the sessions that Cookie headers name.
fn sessions<'a>(cookies: impl Iterator<Item = &'a str>) -> Vec<Hash> {
    let pairs = cookies.flat_map(|header| header.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(name, _)| *name == COOKIE).take(MAX_COOKIES).map(|(_, value)| hash(value)).collect()
}

fn hash(text: &str) -> Hash {
    Sha256::digest(text).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "/measure/index.html";
    const TOKEN: Option<&str> = Some("token=1234");

    fn door() -> Door {
        Door::new(PAGE.to_owned(), "token=1234")
    }

    fn enter(door: &Door, path: &str, query: Option<&str>, cookies: &[&str]) -> Entry {
        door.enter(&Method::GET, path, query, cookies.iter().copied())
    }

    /// Loads the page; returns the pair of its cookie.
    fn load(door: &Door) -> String {
        let Entry::New(cookie) = enter(door, PAGE, TOKEN, &[]) else { panic!("it has the token") };
        assert!(cookie.ends_with("; Path=/; Secure; HttpOnly; SameSite=Strict"));
        cookie.split(';').next().expect("a pair").to_owned()
    }

    #[test]
    fn only_the_token_loads_the_page_and_only_its_cookie_the_rest() {
        let door = door();
        assert_eq!(enter(&door, PAGE, None, &[]), Entry::Refused);
        assert_eq!(enter(&door, PAGE, Some("token=1235"), &[]), Entry::Refused);
        assert_eq!(enter(&door, "/players/own.js", TOKEN, &[]), Entry::Refused, "the token is the page's");
        assert_eq!(door.enter(&Method::HEAD, PAGE, TOKEN, [].into_iter()), Entry::Refused);
        let pair = load(&door);
        for cookies in [vec![&*pair], vec!["a=b; c", &format!("x=y; {pair}")]] {
            assert_eq!(enter(&door, "/players/own.js", None, &cookies), Entry::Loaded);
        }
        assert_eq!(enter(&door, "/players/own.js", None, &["framelag=; framelag", "framelag=0"]), Entry::Refused);
    }

    #[test]
    fn the_first_page_that_runs_is_the_only_one() {
        let door = door();
        let (preview, viewer) = (load(&door), load(&door));
        assert!(!door.choose(["framelag=0"].into_iter()) && !door.choose([].into_iter()), "nobody's");
        assert!(door.choose([&*viewer].into_iter()));
        assert!(!door.choose([&*preview].into_iter()));
        for path in [PAGE, "/players/own.js"] {
            assert_eq!(enter(&door, path, TOKEN, &[&preview]), Entry::Refused, "{path}");
            assert_eq!(enter(&door, path, TOKEN, &[]), Entry::Refused, "{path}");
            assert_eq!(enter(&door, path, TOKEN, &[&viewer]), Entry::Chosen, "it may load again: {path}");
        }
        assert!(door.choose([&*viewer].into_iter()), "and run again");
    }

    #[test]
    fn loads_and_cookies_are_bounded() {
        let door = door();
        let loads: Vec<_> = (0..=MAX_LOADS).map(|_| load(&door)).collect();
        assert_eq!(enter(&door, "/players/own.js", None, &[&loads[0]]), Entry::Refused, "the oldest made room");
        assert_eq!(enter(&door, "/players/own.js", None, &[&loads[1]]), Entry::Loaded);
        let many = [vec!["framelag=x"; MAX_COOKIES], vec![&loads[1]]].concat();
        assert_eq!(enter(&door, "/players/own.js", None, &many), Entry::Refused);
        assert!(door.choose([&*loads[MAX_LOADS]].into_iter()));
    }
}
