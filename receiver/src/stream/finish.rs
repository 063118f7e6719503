//! The end of a stream's account, and what it comes to.

use common::time::Now;
use common::units::seconds;
use report::warning::Code;
use report::{Assertion, Summary, Warning};

use super::{End, Stream};

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
        let reordered = self.diagnosis.reordering().map(|text| Warning::new(Code::Reordered, text));
        for warning in self.cut_short(how.as_ref(), now).into_iter().chain(reordered) {
            self.observer.recorder().warn(warning);
        }
        if !matches!(how, Some(Err(_))) {
            self.diagnosis.explain(self.observer.recorder(), self.first_picture.is_some(), now.mono);
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
            let why = self.diagnosis.undecoded(now.mono).map(|why| format!("; {why}")).unwrap_or_default();
            let text = format!("the stream was gone when the run ended: no picture came for the last {gap}{why}");
            return Some(Warning::new(Code::StreamStopped, text));
        };
        let (wanted, lasted) = (self.duration?, now.mono - first);
        let early = how.is_ok() && lasted < wanted.mul_f64(MIN_DURATION_SHARE);
        let text = format!("the input ended {} after its first picture, not {}", seconds(lasted), seconds(wanted));
        early.then(|| Warning::new(Code::EndedEarly, text))
    }
}

/// Warns if streams of different publishers have the same stream id.
pub(crate) fn warn_of_shared_stream_ids(streams: &mut [Stream]) {
    let names: Vec<_> = streams.iter().map(|stream| (stream.name.clone(), stream.observer.publisher())).collect();
    for (index, stream) in streams.iter_mut().enumerate() {
        let Some((id, run)) = names[index].1 else { continue };
        let others =
            names.iter().filter(|(_, other)| other.is_some_and(|(theirs, other)| theirs == id && other != run));
        let others: Vec<_> = others.map(|(name, _)| name.as_str()).collect();
        if !others.is_empty() {
            let others = others.join(", ");
            stream.warn(format!(
                "the stream id is {id} here and, from another publisher, in {others}: publisher --stream-id tells them apart"
            ));
        }
    }
}
