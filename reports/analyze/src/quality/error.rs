//! Why two files of pictures cannot be compared.

use common::frame::Size;
use common::y4m;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Pictures as the publisher stamped them.
    Stamped,
    /// Pictures as the receiver decoded them.
    Decoded,
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Stamped => "the file of stamped pictures",
            Self::Decoded => "the file of decoded pictures",
        })
    }
}

/// Why two files cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// One of them cannot be read.
    #[error("{side} {why}")]
    Input {
        /// Which.
        side: Side,
        /// What is wrong with it.
        why: InputError,
    },
    /// The path scaled them.
    #[error("stamped pictures are {stamped} and decoded ones {decoded}: scaled pictures cannot be compared")]
    Scaled {
        /// Size of the stamped ones.
        stamped: Size,
        /// Size of the decoded ones.
        decoded: Size,
    },
    /// Nothing is left to look at.
    #[error("pictures of {0} have no room for a window of 11x11 samples beside code and text")]
    TooSmall(Size),
    /// No number is in both.
    #[error(
        "none of {decoded} decoded pictures has the number of one of {stamped} stamped ones: are they of one run, with the \
         same --pictures-every?"
    )]
    NoneMatch {
        /// Stamped pictures read.
        stamped: u64,
        /// Decoded pictures read.
        decoded: u64,
    },
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// It is no y4m of ours, or cut off.
    #[error(transparent)]
    Y4m(#[from] y4m::Error),
    /// It holds nothing.
    #[error("holds no picture")]
    Empty,
    /// A picture of another program.
    #[error("has no XSEQ=number in the FRAME line of picture {0}: it has to be a file that --pictures wrote")]
    NoNumber(u64),
}
