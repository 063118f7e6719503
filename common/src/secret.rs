//! What is never printed.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

/// A password, a token, or something that has one in it, as a URL may. It has no `Display`, and its `Debug` says nothing of
/// it: a type that holds one can derive `Debug`.
///
/// ```
/// let password = common::secret::Secret::new("sesame".to_owned());
/// assert_eq!(format!("{password:?}"), "***");
/// assert_eq!(password.reveal(), "sesame");
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Secret<T = String>(T);

impl<T> Secret<T> {
    /// Hides `value` from now on.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, for the one place that needs it.
    pub const fn reveal(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<T> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

/// So that it can be the type of a flag.
impl FromStr for Secret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}
