//! What a calibration finds wrong.

use serde::Serialize;

/// Something that is wrong, or keeps from saying whether it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What, for programs: a link's name with `-late`, `-early` or `-drift`; `goal`, `busy`, `few-frames`, `few-readings` or
    /// `clock-moved`.
    pub code: String,
    /// The same for people.
    pub message: String,
}
