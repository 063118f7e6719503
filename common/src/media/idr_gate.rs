//! Dropping whole frames up to the next one that decoding can begin with.

/// Decides which frames of a stream can be decoded: none after a gap, until a key frame comes.
///
/// It counts nothing: a dropped frame means something else to each caller. By default it is [closed](IdrGate::closed).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IdrGate {
    open: bool,
}

impl IdrGate {
    /// A gate that lets the next frame through, whatever it is.
    pub const fn open() -> Self {
        Self { open: true }
    }

    /// A gate that waits for a key frame.
    pub const fn closed() -> Self {
        Self { open: false }
    }

    /// Whether the next frame goes through. A key frame opens the gate; so may another entry point, such as a recovery
    /// point, where the caller passes it as one.
    pub const fn admits(&mut self, is_key: bool) -> bool {
        self.open |= is_key;
        self.open
    }

    /// A frame was dropped: nothing up to the next key frame can be decoded.
    pub const fn close(&mut self) {
        self.open = false;
    }

    /// Whether a frame that is no key frame would go through.
    pub const fn is_open(&self) -> bool {
        self.open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_goes_through_between_a_gap_and_the_next_key_frame() {
        let mut gate = IdrGate::open();
        assert!(gate.admits(false) && gate.admits(true) && gate.admits(false));
        gate.close();
        assert!(!gate.is_open() && !gate.admits(false) && !gate.admits(false), "the gap lasts");
        assert!(gate.admits(true) && gate.is_open() && gate.admits(false));
    }

    #[test]
    fn a_stream_is_joined_at_a_key_frame() {
        let mut gate = IdrGate::closed();
        let frames = [false, false, true, false, true];
        assert_eq!(frames.map(|is_key| gate.admits(is_key)), [false, false, true, true, true]);
    }
}
