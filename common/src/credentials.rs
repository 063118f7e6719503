//! Who plays or publishes a stream.

use std::fmt;

use percent_encoding::percent_decode_str;
use url::Url;

use crate::secret::Secret;

/// A user's name and password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    user: String,
    password: Secret,
}

impl Credentials {
    /// A user's name and password, as typed.
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self { user: user.into(), password: Secret::new(password.into()) }
    }

    /// Those of the user info of a URL, `USER[:PASSWORD]` with percent-encoding. `None` where it says nothing.
    pub fn from_user_info(text: &str) -> Option<Self> {
        // A line end in a name would end the header that it is sent in.
        let decode = |text: &str| {
            percent_decode_str(text).decode_utf8_lossy().chars().filter(|c| !c.is_control()).collect::<String>()
        };
        let (user, password) = text.split_once(':').unwrap_or((text, ""));
        let found = Self::new(decode(user), decode(password));
        (!found.user.is_empty() || !found.password().is_empty()).then_some(found)
    }

    /// Takes the user info out of `url`, so that the URL can be sent, printed and logged. `None` where it has none.
    pub fn take_from(url: &mut Url) -> Option<Self> {
        let found = Self::from_user_info(&format!("{}:{}", url.username(), url.password().unwrap_or_default()));
        // Both fail only where there is no host, and then there is no user info either.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        found
    }

    /// The user's name.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The password, for the code that sends it or proves to know it.
    pub fn password(&self) -> &str {
        self.password.reveal()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_info_leaves_the_url_and_is_never_printed() {
        let mut url = Url::parse("rtsp://a%40b:p%3Ass@host:8554/cam").expect("a URL");
        let credentials = Credentials::take_from(&mut url).expect("user info");
        assert_eq!(credentials, Credentials::new("a@b", "p:ss"));
        assert_eq!(url.as_str(), "rtsp://host:8554/cam");
        assert_eq!(format!("{credentials:?}"), "Credentials(…)");
        assert_eq!(Credentials::take_from(&mut url), None);
    }
}
