//! Decides, packet by packet, what a reader may see: nothing before an IDR, and nothing of a frame that would not be
//! whole.

use common::media::IdrGate;

use super::packet::FramePosition;

/// A reader's gate. It starts closed, opens where decoding can start, and is closed again when the reader is too slow.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    idr: IdrGate,
    opened_once: bool,
    skipped_frames: u64,
    closings: u64,
}

impl Gate {
    /// Whether a packet with this position goes to the reader. Counts frames skipped after the first opening: those before
    /// it were never the reader's.
    pub(crate) fn admits(&mut self, position: FramePosition) -> bool {
        match position {
            FramePosition::Free => true,
            FramePosition::Other | FramePosition::Beside => self.idr.is_open(),
            FramePosition::Video { opens, first, .. } => {
                let admitted = self.idr.admits(opens);
                self.opened_once |= admitted;
                self.skipped_frames += u64::from(first && !admitted && self.opened_once);
                admitted
            }
        }
    }

    /// Closes the gate until the next IDR; `unfinished` says that the frame of the current packet was let in already
    /// and is given up, so that it counts too.
    pub(crate) fn close(&mut self, unfinished: u64) {
        self.closings += u64::from(self.idr.is_open());
        self.idr.close();
        self.skipped_frames += unfinished;
    }

    /// Shuts the gate as at the start; the counts stay.
    pub(crate) fn restart(&mut self) {
        self.idr.close();
        self.opened_once = false;
    }

    /// Whether the reader has ever got a frame: what is skipped before is waiting, after it is loss.
    pub(crate) fn was_opened(&self) -> bool {
        self.opened_once
    }

    /// Whether packets pass.
    pub(crate) fn is_open(&self) -> bool {
        self.idr.is_open()
    }

    /// How often the reader turned out to be too slow.
    pub(crate) fn closings(&self) -> u64 {
        self.closings
    }

    /// Frames that this reader did not get because it was too slow.
    pub(crate) fn skipped_frames(&self) -> u64 {
        self.skipped_frames
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn video(frame: u64, first: bool, opens: bool) -> FramePosition {
        FramePosition::Video { frame, first, opens }
    }

    #[test]
    fn nothing_passes_before_an_idr_but_sender_reports() {
        let mut gate = Gate::default();
        assert!(!gate.admits(video(1, true, false)));
        assert!(!gate.admits(FramePosition::Other));
        assert!(gate.admits(FramePosition::Free));
        assert!(gate.admits(video(2, true, true)));
        assert!(gate.admits(video(2, false, false)));
        assert!(gate.admits(FramePosition::Other));
        assert_eq!(gate.skipped_frames(), 0, "frames before a join are not drops");
    }

    #[test]
    fn closing_skips_whole_frames_up_to_the_next_idr_and_counts_them() {
        let mut gate = Gate::default();
        assert!(gate.admits(video(1, true, true)));
        gate.close(1);
        for position in [video(1, false, false), video(2, true, false), video(2, false, false), video(3, true, false)] {
            assert!(!gate.admits(position));
        }
        assert!(gate.admits(video(4, true, true)));
        assert_eq!(gate.skipped_frames(), 3);
    }
}
