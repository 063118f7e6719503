//! What a user may set of an encoder beyond bit rate and GOP.

use std::fmt;
use std::str::FromStr;

use super::Error;

/// How an encoder keeps to its bit rate, and its own options.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tuning {
    /// How it keeps to its bit rate.
    pub control: RateControl,
    /// Bits that it may be ahead of the bit rate: the size of the buffer of a decoder that receives at that rate (H.264 annex C,
    /// ffmpeg's bufsize). Default: by the rate control.
    pub buffer: Option<u64>,
    /// Its own options, in order; the last one of a name counts.
    pub options: Vec<EncoderOption>,
}

/// How an encoder keeps to its bit rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum RateControl {
    /// All the time.
    #[default]
    Cbr,
    /// On average.
    Vbr,
}

/// An option of an encoder: `KEY=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncoderOption {
    /// Its name, in the encoder's words.
    pub key: String,
    /// What it is set to.
    pub value: String,
}

impl FromStr for EncoderOption {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const HINT: &str = "write KEY=VALUE, as in preset=veryfast";
        let (key, value) = text.split_once('=').ok_or(HINT)?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let fits = key.starts_with(|c: char| c.is_ascii_alphanumeric()) && key.chars().all(is_name);
        // A program gets the value as an argument of its own.
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
    /// The name on command lines.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cbr => "cbr",
            Self::Vbr => "vbr",
        }
    }
}

/// An option that encoder `name` refuses: `why`.
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
