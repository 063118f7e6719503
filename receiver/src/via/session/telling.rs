//! Output of the run: progress, the result of each join, and the report.

use std::time::{Duration, Instant};

use common::clock::Clock;
use common::host::clock;
use common::rtsp::phase::Phase;
use common::time::MonoTime;
use common::units::seconds;
use report::warning::Code;
use report::{Summary, Warning};

use super::{Early, SECOND, Session};
use crate::via::browser::Choice;
use crate::via::join::Join;

impl Session<'_> {
    /// Prints progress once a second.
    pub(super) fn report(&mut self, join: &Join) {
        if self.reported.elapsed() < SECOND {
            return;
        }
        self.reported = Instant::now();
        if let Some(why) = self.recorder.take_trouble() {
            self.output.event("report", "", format_args!("{why}; measuring goes on without a report"));
        }
        let live = self.recorder.live();
        let elapsed = join.first_picture.map_or(Duration::ZERO, |first| self.clock.now().mono - first);
        self.output.second(elapsed, std::iter::once(("", live)));
    }

    /// Leaves out a join that was stopped before its measurement began, unless it is the first. Returns whether it did.
    pub(super) fn leave_out(&mut self) -> bool {
        let is_left_out = self.recorder.leave_out_join();
        if is_left_out {
            self.output.event("stopped", "", "the last join was stopped in its warm-up: it is left out");
        }
        is_left_out
    }

    /// Prints the result of a finished join. `gone` says how its stream ended, if it did.
    pub(super) fn account(&mut self, join: &mut Join, number: u32, gone: Option<&str>) {
        let now = self.now();
        if join.cut_off(&mut self.recorder, now) {
            self.recorder.warn(Warning::new(Code::Input, "the page did not finish"));
        }
        if self.origin.is_refused() {
            let text = "the server refuses to tell the times of frames (401): is the access_token in the URL valid?";
            self.recorder.warn(Warning::new(Code::Input, text));
        }
        let gone = gone.or(join.has_all().then_some("no picture came from the publisher"));
        // Of a join that the user stopped, no more was wanted.
        let wanted = |first: MonoTime| if self.is_stopping { now.mono } else { first + self.common.duration };
        if let Some((why, first)) = gone.zip(join.first_picture)
            && let Some(gap) = self.recorder.overdue(wanted(first))
        {
            let text = format!("the stream was gone for the last {} of the join ({why})", seconds(gap));
            self.recorder.warn(Warning::new(Code::StreamStopped, text));
        }
        join.warnings().into_iter().for_each(|warning| self.recorder.warn(warning));
        let live = self.recorder.live();
        // What a page that went away showed after its last message is unknown.
        self.recorder.end_join(join.ended.or(join.heard).unwrap_or(now));
        let of = self.config.joins;
        let played = join.first_picture.map_or(Duration::ZERO, |first| now.mono - first);
        let cut = if self.is_stopping { format!(", stopped after {}", seconds(played)) } else { String::new() };
        if let (Some(p50), Some(p99)) = (live.p50_ms, live.p99_ms) {
            self.output.event("join", "", format_args!("join {number} of {of}{cut}: p50 {p50:.1} ms, p99 {p99:.1} ms"));
        }
    }

    pub(super) fn finish(mut self, how: Result<(), Early>) -> Summary {
        // Stop the children first: what they do from here on is not part of the measurement.
        drop(self.browser.take());
        if self.was_shifted {
            // Undo the phase shift, best effort.
            let _ = Phase::new(0.0).and_then(|phase| self.origin.shift(phase));
        }
        if clock::is_handed_in().unwrap_or(true) {
            let text = format!("{} is set: the wall clock of this run is not the host's", clock::TEST_VARIABLE);
            self.recorder.warn(Warning::new(Code::Input, text));
        }
        if self.config.browser == Choice::None && !self.was_opened {
            self.recorder.explain(Code::NoPicture, "nobody opened the page");
        }
        if let Err(Early::Failed(why)) = how {
            self.output.event("failed", "", &why);
            self.recorder.fail(why);
        }
        let now = self.now();
        self.recorder.finish(now, self.common.assertions).with_pages(render::pages_of)
    }
}
