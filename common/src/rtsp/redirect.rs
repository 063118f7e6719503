//! Which redirect is followed, and where to (RFC 2326 section 11.3; RFC 7826 section 17.3 says it at greater length).

use url::Url;

use crate::credentials::Credentials;
use crate::stream_url::port;
use crate::{printable, redact};

/// Most redirects of one stream that are followed.
const REDIRECTS_MAX: usize = 5;
/// Longest URL of a server's that is shown, in characters.
const SHOWN_MAX: usize = 200;

/// Why a redirect is not followed. None shows user info or a query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No `Location`.
    #[error("it redirects ({0}) without saying where to: ask who runs the server for the stream's new URL")]
    NoLocation(u16),
    /// A `Location` that is no URL of a host.
    #[error("it redirects to {0}, which is not a URL: ask who runs the server for the stream's new URL")]
    NotAUrl(String),
    /// Another scheme.
    #[error("it redirects to {to}, and redirects are followed to {scheme}:// only")]
    Scheme {
        /// Where to.
        to: String,
        /// That of the URL that was asked for.
        scheme: String,
    },
    /// Back to a URL that redirected before.
    #[error("its redirects go round in a circle, back to {0}: ask who runs the server for the stream's URL")]
    Circle(String),
    /// More than `REDIRECTS_MAX`.
    #[error("it redirects more than {REDIRECTS_MAX} times, last to {0}: give the stream's own URL")]
    TooMany(String),
}

/// Where a redirect leads.
#[derive(Clone, PartialEq, Eq)]
pub struct Next {
    /// What to ask for now, without user info.
    pub url: Url,
    /// The host and port are those asked before. Only then may the same credentials go there: a server must not be able to have
    /// them sent to whomever it likes.
    pub same_host: bool,
}

impl std::fmt::Debug for Next {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Next").field("url", &shown(&self.url)).field("same_host", &self.same_host).finish()
    }
}

/// The redirects of one stream so far.
///
/// ```
/// use common::rtsp::redirect::Redirects;
///
/// let mut redirects = Redirects::from(url::Url::parse("rtsp://camera/live")?);
/// let next = redirects.follow(302, Some("/main?track=1"))?;
/// assert_eq!((next.url.as_str(), next.same_host), ("rtsp://camera/main?track=1", true));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Redirects {
    /// Where to, first the URL that was given.
    urls: Vec<Url>,
}

impl From<Url> for Redirects {
    fn from(first: Url) -> Self {
        Self { urls: vec![anonymous(first)] }
    }
}

/// A response that says where the stream is: 301, 302, 303, 305, 307 and 308. 300 and 304 name no one place.
pub const fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 305 | 307 | 308)
}

impl Redirects {
    /// Where the URL that was asked for last redirects to. `location` may be relative to it. A proxy (305) is asked for the same
    /// path, unless `location` has one of its own.
    ///
    /// # Errors
    /// [`Error`]: the stream cannot be had this way.
    pub fn follow(&mut self, status: u16, location: Option<&str>) -> Result<Next, Error> {
        let base = self.urls.last().expect("it begins with one");
        let location = location.map(str::trim).filter(|location| !location.is_empty());
        let location = location.ok_or(Error::NoLocation(status))?;
        let to = base.join(location).map_err(|_| Error::NotAUrl(quoted(location)))?;
        if to.scheme() != base.scheme() {
            return Err(Error::Scheme { to: shown(&to), scheme: base.scheme().to_owned() });
        }
        if to.host_str().is_none_or(str::is_empty) {
            return Err(Error::NotAUrl(quoted(location)));
        }
        let mut to = anonymous(to);
        if status == 305 && matches!(to.path(), "" | "/") {
            to.set_path(base.path());
            to.set_query(base.query());
        }
        if self.urls.contains(&to) {
            return Err(Error::Circle(shown(&to)));
        }
        if self.urls.len() > REDIRECTS_MAX {
            return Err(Error::TooMany(shown(&to)));
        }
        let same_host = to.host_str() == base.host_str() && port(&to) == port(base);
        self.urls.push(to.clone());
        Ok(Next { url: to, same_host })
    }
}

/// Without user info: what a server puts there would be sent and printed, and is not the user's.
fn anonymous(mut url: Url) -> Url {
    let _ = Credentials::take_from(&mut url);
    url.set_fragment(None);
    // The url crate leaves the case of hosts of schemes that it does not know.
    let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
    let _ = url.set_host(Some(&host));
    url
}

/// As it may be printed.
fn shown(url: &Url) -> String {
    quoted(anonymous(url.clone()).as_str())
}

fn quoted(text: &str) -> String {
    printable::excerpt(&redact::url(text), SHOWN_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(url: &str) -> Redirects {
        Redirects::from(url.parse::<Url>().expect("a URL"))
    }

    #[test]
    fn locations_are_absolute_or_relative_and_keep_no_user_info() {
        for (base, status, location, to, same_host) in [
            ("rtsp://a/cam", 302, "rtsp://a/other", "rtsp://a/other", true),
            ("rtsp://a:8554/cam", 301, "/other?x=1#y", "rtsp://a:8554/other?x=1", true),
            ("rtsp://a/dir/cam", 307, "other", "rtsp://a/dir/other", true),
            ("rtsp://a/cam", 302, " rtsp://b/cam ", "rtsp://b/cam", false),
            ("rtsp://a/cam", 302, "//b/cam", "rtsp://b/cam", false),
            ("rtsp://a/cam", 302, "rtsp://a:8554/cam", "rtsp://a:8554/cam", false),
            ("rtsp://a/cam", 302, "RTSP://A:554/x", "rtsp://a:554/x", true),
            ("rtsp://a/cam", 302, "rtsp://evil:pw@b/cam", "rtsp://b/cam", false),
            ("rtsp://a/cam?live", 305, "rtsp://proxy:8554", "rtsp://proxy:8554/cam?live", false),
            ("rtsp://a/cam", 305, "rtsp://proxy/a/cam", "rtsp://proxy/a/cam", false),
        ] {
            let next = from(base).follow(status, Some(location)).expect(location);
            assert_eq!((next.url.as_str(), next.same_host), (to, same_host), "{location}");
        }
    }

    #[test]
    fn what_is_not_followed_says_why_and_shows_no_secret() {
        for (location, why) in [
            (None, "without saying where to"),
            (Some(""), "without saying where to"),
            (Some("http://b/?token=secret"), "redirects to http://b/?…, and redirects are followed to rtsp:// only"),
            (Some("rtsps://u:secret@b/cam"), "rtsps://b/cam, and"),
            (Some("file:///etc/passwd"), "to rtsp:// only"),
            (Some("rtsp://u:secret@:99999/"), "is not a URL"),
            (Some("rtsp:///cam"), "is not a URL"),
            (Some("rtsp://a/cam"), "circle"),
        ] {
            let error = from("rtsp://a/cam").follow(302, location).expect_err("refused").to_string();
            assert!(error.contains(why) && !error.contains("secret"), "{location:?}: {error}");
        }
    }

    #[test]
    fn five_are_followed_and_no_circle() {
        let mut redirects = from("rtsp://a/0");
        for n in 1..=REDIRECTS_MAX {
            redirects.follow(301, Some(&format!("/{n}"))).expect("followed");
        }
        assert_eq!(redirects.clone().follow(301, Some("/0")), Err(Error::Circle("rtsp://a/0".to_owned())));
        let error = redirects.follow(301, Some("/6")).expect_err("one too many");
        assert_eq!(error.to_string(), "it redirects more than 5 times, last to rtsp://a/6: give the stream's own URL");
    }

    #[test]
    fn only_those_that_name_a_place_are_redirects() {
        let followed: Vec<u16> = (100..600).filter(|&status| is_redirect(status)).collect();
        assert_eq!(followed, [301, 302, 303, 305, 307, 308]);
    }
}
