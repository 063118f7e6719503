//! What an H.264 decoding library is asked for.

use super::error::Error;
use crate::decode::Planes;

/// Decodes access units one by one, in the order in which they come.
pub(super) trait Library {
    /// Decodes one access unit in Annex B form (ITU-T H.264 annex B: every NAL unit behind a start code) and shows its
    /// picture, exactly once if it returns `Ok` and never otherwise.
    ///
    /// # Errors
    /// [`Error`] if no picture could be made of it. The library stays usable: the next IDR decodes again.
    fn decode(&mut self, annex_b: &[u8], show: &mut dyn FnMut(Planes<'_>)) -> Result<(), Error>;
}
