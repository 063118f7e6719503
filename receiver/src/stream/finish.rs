//! The end of a stream's account, and what it comes to.

use common::time::Now;
use common::units::seconds;
use report::warning::Code;
use report::{Assertion, Summary, Warning};

use super::{End, Stream, no_picture};

/// An input that ends after less than this part of the duration that was asked for ended early. Its last picture is shown
/// some time before a live source of the same duration ends, and no figure hangs on a tenth of its frames.
const MIN_DURATION_SHARE: f64 = 0.9;

impl Stream {
    /// Ends the account and judges it. Pictures that a `window` has not taken were never shown: the range ends before them.
    pub fn finish(mut self, window: bool, assertions: &[Assertion], now: Now) -> Summary {
        self.observe(window, now);
        if self.dropped > 0 {
            let text = "pictures were dropped because this host decodes too slowly";
            self.warn(format!("{} {text}", self.dropped));
        }
        if self.replaced > 0 {
            let text = "pictures were replaced by a newer one before the window took them; their latency ends with it";
            self.warn(format!("{} {text}", self.replaced));
        }
        let (how, now) = match self.ended.take() {
            Some(End { how, at }) => (Some(how), at),
            None => (None, now),
        };
        let reordered =
            (self.reordered > 0).then(|| Warning::new(Code::Reordered, no_picture::reordered(self.reordered)));
        for warning in self.cut_short(how.as_ref(), now).into_iter().chain(reordered) {
            self.observer.recorder().warn(warning);
        }
        if !matches!(how, Some(Err(_))) {
            self.explain(now.mono);
        }
        let mut recorder = self.observer.into_recorder();
        if let Some(Err(why)) = how {
            recorder.fail(why);
        }
        recorder.finish(now, assertions).with_pages(render::pages_of)
    }

    /// Why the figures, good as they may be, do not speak for the whole run.
    fn cut_short(&mut self, how: Option<&Result<(), String>>, now: Now) -> Option<Warning> {
        let first = self.first_picture?;
        let Some(how) = how else {
            let gap = seconds(self.observer.recorder().overdue(now.mono)?);
            let undecoded = self.undecoded.as_ref().map(|undecoded| format!("; {}", undecoded.explain(now.mono)));
            let why = undecoded.unwrap_or_default();
            let text = format!("the stream was gone when the run ended: no picture came for the last {gap}{why}");
            return Some(Warning::new(Code::StreamStopped, text));
        };
        let (wanted, lasted) = (self.duration?, now.mono - first);
        let early = how.is_ok() && lasted < wanted.mul_f64(MIN_DURATION_SHARE);
        let text = format!("the input ended {} after its first picture, not {}", seconds(lasted), seconds(wanted));
        early.then(|| Warning::new(Code::EndedEarly, text))
    }
}
