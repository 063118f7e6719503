//! Which decoder runs.

use common::media::Codec;

use super::{Decoder, OpenError, h264};

/// A decoder of `codec` that has decoded nothing yet.
///
/// # Errors
/// [`OpenError`] if its library does not start.
pub fn open<T: Copy + 'static>(codec: Codec) -> Result<Box<dyn Decoder<T>>, OpenError> {
    match codec {
        Codec::H264 => h264::open(),
    }
}
