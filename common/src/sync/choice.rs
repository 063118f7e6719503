use std::fmt;

use super::{Endpoint, EndpointError};

/// Which clock to compare this host's with: what `--clock` takes at either end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClockChoice {
    /// The server's, where it is on another host.
    Auto,
    /// None.
    Off,
    /// None, because both ends are on one host.
    SameHost,
    /// This one.
    Ask(Endpoint),
}

impl ClockChoice {
    /// Parses `auto`, the name of `none`, or the URL of a clock.
    ///
    /// # Errors
    /// What to write instead.
    ///
    /// ```
    /// use common::sync::ClockChoice;
    ///
    /// assert_eq!(ClockChoice::parse("off", ClockChoice::Off), Ok(ClockChoice::Off));
    /// assert!(ClockChoice::parse("off", ClockChoice::SameHost).unwrap_err().ends_with("auto, or same-host"));
    /// ```
    pub fn parse(text: &str, none: Self) -> Result<Self, String> {
        let name = none.to_string();
        match text {
            "auto" => Ok(Self::Auto),
            text if text == name => Ok(none),
            url => url.parse().map(Self::Ask).map_err(|error: EndpointError| format!("{error}, auto, or {name}")),
        }
    }
}

impl fmt::Display for ClockChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Off => f.write_str("off"),
            Self::SameHost => f.write_str("same-host"),
            Self::Ask(endpoint) => endpoint.fmt(f),
        }
    }
}
