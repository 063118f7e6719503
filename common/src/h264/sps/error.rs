//! Why a sequence parameter set cannot be read.

/// A sequence parameter set that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpsError {
    /// The NAL unit has another type.
    #[error("the NAL unit is not a sequence parameter set")]
    NotSps,
    /// It ends too early.
    #[error("the sequence parameter set is cut off")]
    Truncated,
    /// A value that H.264 does not allow.
    #[error("the sequence parameter set holds a {0} that H.264 does not allow")]
    OutOfRange(&'static str),
}
