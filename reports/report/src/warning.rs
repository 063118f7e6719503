//! What a reader of the figures must know about them: a code for programs, a sentence for people.

mod code;
mod texts;

pub use code::{Code, Warning};
pub(crate) use texts::{clock_never_set, of, two_publishers};
