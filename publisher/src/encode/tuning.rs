//! Encoder settings beyond bit rate and GOP.

use std::fmt;
use std::str::FromStr;

use super::Error;

/// Rate control and encoder-specific options.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tuning {
    /// Rate control mode.
    pub control: RateControl,
    /// Size of the rate control buffer in bits (H.264 annex C, ffmpeg's bufsize). Default: depends on the rate
    /// control.
    pub buffer: Option<u64>,
    /// Encoder-specific options in order; the last one of a name counts.
    pub options: Vec<EncoderOption>,
}

/// Rate control modes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum RateControl {
    /// Constant bit rate.
    #[default]
    Cbr,
    /// Variable bit rate: holds the average.
    Vbr,
}

/// An encoder-specific option: `KEY=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncoderOption {
    /// The encoder's name for the option.
    pub key: String,
    /// The value.
    pub value: String,
}

impl FromStr for EncoderOption {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const HINT: &str = "write KEY=VALUE, as in preset=veryfast";
        let (key, value) = text.split_once('=').ok_or(HINT)?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let fits = key.starts_with(|c: char| c.is_ascii_alphanumeric()) && key.chars().all(is_name);
        // The value is passed to a program as a separate argument.
        let has_value = !value.is_empty() && !value.chars().any(char::is_control);
        if !fits || !has_value {
            return Err(HINT);
        }
        Ok(Self { key: key.to_owned(), value: value.to_owned() })
    }
}

impl fmt::Display for EncoderOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.key, self.value)
    }
}

impl RateControl {
    /// Returns the name used on command lines.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cbr => "cbr",
            Self::Vbr => "vbr",
        }
    }
}

/// Builds the error for an option that encoder `name` rejects because of `why`.
pub(super) fn refused(name: &str, option: &EncoderOption, why: String) -> Error {
    Error::Option { name: name.to_owned(), option: option.to_string(), why }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_have_a_name_and_a_value() {
        let option: EncoderOption = "x264-params=keyint=30:ref=1".parse().expect("the first = divides");
        assert_eq!((&*option.key, &*option.value), ("x264-params", "keyint=30:ref=1"));
        for bad in ["preset", "=fast", "-preset=fast", "b:v=1M", "pre set=fast", "preset=", "preset=a\nb"] {
            assert!(bad.parse::<EncoderOption>().is_err(), "{bad:?}");
        }
    }
}
