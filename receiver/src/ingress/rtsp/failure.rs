//! Why an attempt to play led nowhere, and whether a relay would help.

use common::stream_url::StreamUrl;

use super::error::Error;
use super::reason::is_framing;
use super::relay::Transcript;

/// Why an attempt led nowhere.
pub(super) enum Failure {
    /// What retina says.
    Retina(retina::Error),
    /// retina panicked, and why the answer is of no use.
    Panic(Error),
    /// DESCRIBE was not answered.
    Silence(Error),
    /// What is known without it.
    Known(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Known(error)
    }
}

impl Failure {
    /// Whether a relay would tell more of it, or mend it.
    pub(super) fn is_worth_relaying(&self, target: &StreamUrl) -> bool {
        match self {
            Self::Retina(error) => match error.status_code() {
                Some(401) => target.credentials().is_some(),
                // Waited for, and known well enough.
                Some(404) => false,
                Some(_) => true,
                None => is_framing(&error.to_string()),
            },
            // retina waits for a line end that it knows.
            Self::Panic(_) | Self::Silence(_) => true,
            Self::Known(_) => false,
        }
    }

    /// Whether retina did not take an answer that was no refusal.
    pub(super) fn is_nonconforming(&self, transcript: &Transcript) -> bool {
        match self {
            Self::Retina(error) => error.status_code().is_none_or(|status| status < 300),
            Self::Panic(_) => true,
            Self::Known(_) | Self::Silence(_) => transcript.bare_line_feeds,
        }
    }
}
