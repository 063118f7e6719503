//! Which decoder runs.

use common::media::Codec;

use super::openh264::OpenH264;
use super::{Decode, Error};

/// A decoder of `codec` that has seen nothing yet.
///
/// # Errors
/// [`Error::Start`] where its library does not start.
pub(crate) fn open(codec: Codec) -> Result<Box<dyn Decode>, Error> {
    match codec {
        Codec::H264 => Ok(Box::new(OpenH264::new()?)),
    }
}
