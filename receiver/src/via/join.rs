//! One join: what a page reports from loading it until it stops playing becomes observations. Pure.
//!
//! The page's messages come in batches, up to 200 ms old. Frames are put in order and handed on once nothing older can come, and time
//! passes for the report as the page's messages say.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use common::marks::{Mark, Marks};
use common::printable::excerpt;
use common::time::{MonoTime, Now, WallTime};
use measure::cost::OwnCost;
use measure::figures::browser::{Presented, Viewed};
use measure::{Clocks, Correction, Sample, StartupStep};
use report::observation::ClockCheck;
use report::warning::Code;
use report::{Observation, Recorder, Warning};

use super::args::Via;
use super::page_clock::{PageClock, Probe};
use super::protocol::{Claim, EndError, Frame, FromPage, Hello, Media, PageCode, State};
use super::served::{Served, ask_from};

/// A frame may come so much later than a state of the same time: it waits for its pixels.
const LATE: i64 = 250_000;
/// Where a server of ours is asked when it was where, it waits for the answer too.
const ANSWERED: i64 = 500_000;
/// Frames that wait for older ones at most: four seconds at 500 per second.
const MAX_WAITING: usize = 2_000;
/// Pieces of media that are remembered: more than a player buffers.
const MAX_PIECES: usize = 1_000;
/// Frames without a callback that are counted one by one.
const MAX_MISSED: u32 = 1_000;
/// Two media times of one frame are no further apart: the element's clock has steps of 1 µs, and players round.
const SAME_FRAME_US: u64 = 1_000;
/// A claim is compared with the latency of a picture that is no older than this.
const FRESH_US: u64 = 1_000_000;
/// Longest text of a page that is shown.
const TEXT_MAX: usize = 200;

/// What a join has come to.
#[derive(Debug, Default)]
pub(super) struct Join {
    pub(super) clock: PageClock,
    pub(super) viewed: Viewed,
    /// Which browser plays: name and version.
    pub(super) browser: Option<(String, String)>,
    pub(super) first_picture: Option<MonoTime>,
    /// Why the page stopped playing, once it has.
    pub(super) end: Option<EndError>,
    /// When that was.
    pub(super) ended: Option<Now>,
    /// Lines that are no message.
    pub(super) malformed: u64,
    /// What the page could not send.
    pub(super) unsent: u64,
    /// The page was not on screen, where callbacks stop.
    pub(super) was_hidden: bool,
    clocks: Clocks,
    /// One response brings everything: when it was asked for says nothing of a frame.
    is_one_response: bool,
    /// Where the server is one of ours.
    pub(super) served: Option<Served>,
    waiting: BTreeMap<(i64, u64), Frame>,
    arrived: u64,
    pieces: VecDeque<Media>,
    /// The newest latency, and when its picture was shown, by the page's clock.
    latency: Option<(i64, i64)>,
}

impl Join {
    /// `clocks` says whether publisher and receiver are on one host: then the page's clock is the only other one.
    pub(super) fn new(via: Via, clocks: Clocks, served: Option<Served>) -> Self {
        Self { clocks, is_one_response: via == Via::Mse, served, ..Self::default() }
    }

    /// A server of ours says so, and whose clock stamps.
    pub(super) fn told(&mut self, served: Served, clocks: Clocks) {
        (self.served, self.clocks) = (Some(served), clocks);
    }

    /// The frame to ask a server of ours from, for those that wait; `None` where none does.
    pub(super) fn ask_from(&self) -> Option<u32> {
        self.waiting.values().find_map(|frame| frame.code).map(|code| ask_from(code.sequence))
    }

    /// What a reader of its figures must know.
    pub(super) fn warnings(&self) -> Vec<Warning> {
        let malformed = format!("{} messages of the page could not be read", self.malformed);
        let unsent = format!("{} messages were left out by the page: the receiver was too slow", self.unsent);
        let hidden = "the page was not on screen all the time, where browsers tell nothing of pictures".to_owned();
        let assumed =
            "no SEI reaches a page: the publisher is assumed to be on this host, because the URL is".to_owned();
        let all = [
            (self.malformed > 0, Code::Input, malformed),
            (self.unsent > 0, Code::Input, unsent),
            (self.was_hidden, Code::Input, hidden),
            (self.clocks == Clocks::Assumed, Code::ClockAssumed, assumed),
        ];
        all.into_iter().filter(|(holds, ..)| *holds).map(|(_, code, text)| Warning::new(code, text)).collect()
    }

    /// Its clock was asked.
    pub(super) fn probed(&mut self, probe: Probe) {
        self.clock.add(probe);
    }

    /// Takes the page's messages, one a line, that came in by `now`.
    pub(super) fn lines(&mut self, text: &str, recorder: &mut Recorder, now: Now) {
        for line in text.lines().filter(|line| !line.is_empty()) {
            match FromPage::parse(line) {
                Some(message) => self.message(message, recorder, now),
                None => self.malformed += 1,
            }
        }
    }

    fn message(&mut self, message: FromPage, recorder: &mut Recorder, now: Now) {
        match message {
            FromPage::Hello(hello) => self.hello(&hello, recorder, now),
            FromPage::Frame(frame) => self.frame(frame, recorder, now),
            FromPage::Media(media) => self.media(media, recorder, now),
            FromPage::Stall { length_us } => self.viewed.stall(length_us),
            FromPage::Seek(seek) => self.viewed.seek(&excerpt(&seek.why, TEXT_MAX)),
            FromPage::State(state) => self.state(&state, recorder, now),
            FromPage::Claim(claim) => self.claim(&claim),
            FromPage::End { at_us, error } => {
                self.hand_over(i64::MAX, recorder, now);
                self.ended = self.clock.here(at_us, now);
                self.end.get_or_insert(error);
            }
            FromPage::Answer(_) | FromPage::Unknown => {}
        }
    }

    fn hello(&mut self, hello: &Hello, recorder: &mut Recorder, now: Now) {
        self.clock.isolated(hello.cross_origin_isolated);
        self.browser = Some((excerpt(&hello.browser, TEXT_MAX), excerpt(&hello.version, TEXT_MAX)));
        if let Some(started) = self.clock.here(hello.started_us, now) {
            recorder.begin_join(started);
        }
        if !self.clocks.are_one() {
            recorder.compared().advise("where the publisher is on this host, say --clock same-host".to_owned());
        }
    }

    /// Frames wait for older ones, which may be read later.
    fn frame(&mut self, frame: Frame, recorder: &mut Recorder, now: Now) {
        self.arrived += 1;
        self.waiting.insert((frame.presented_us, self.arrived), frame);
        while self.waiting.len() > MAX_WAITING {
            self.hand_over_oldest(recorder, now);
        }
    }

    fn media(&mut self, media: Media, recorder: &mut Recorder, now: Now) {
        let here = media.first_byte_us.and_then(|at| self.clock.here(at, now));
        here.into_iter().for_each(|here| recorder.started(StartupStep::FirstPacket, here.mono));
        if self.pieces.len() >= MAX_PIECES {
            self.pieces.pop_front();
        }
        self.pieces.push_back(media);
    }

    fn state(&mut self, state: &State, recorder: &mut Recorder, now: Now) {
        let &State { at_us, playback_rate, ahead_us, callbacks, missed, dropped, .. } = state;
        self.was_hidden |= state.hidden;
        self.unsent = self.unsent.max(state.messages_dropped);
        self.viewed.state(playback_rate, ahead_us, Presented { callbacks, missed, dropped });
        let until = at_us.saturating_sub(if self.served.is_some() { LATE + ANSWERED } else { LATE });
        self.hand_over(until, recorder, now);
        if let Some(passed) = self.clock.here(until, now) {
            recorder.tick(passed);
        }
    }

    fn claim(&mut self, claim: &Claim) {
        let latency = self.latency.filter(|(at, _)| claim.at_us.abs_diff(*at) < FRESH_US).map(|(_, latency)| latency);
        self.viewed.claim(&excerpt(&claim.name, TEXT_MAX), (claim.value_ms * 1e3).round() as i64, latency);
    }

    /// Hands on what was presented before `until` of the page's clock.
    fn hand_over(&mut self, until: i64, recorder: &mut Recorder, now: Now) {
        while self.waiting.first_key_value().is_some_and(|((at, _), _)| *at < until) {
            self.hand_over_oldest(recorder, now);
        }
    }

    fn hand_over_oldest(&mut self, recorder: &mut Recorder, now: Now) {
        let Some((_, frame)) = self.waiting.pop_first() else { return };
        let Some(shown) = self.clock.here(frame.presented_us, now) else {
            self.malformed += 1;
            return;
        };
        self.first_picture.get_or_insert(shown.mono);
        // Shown, and never looked at: of the frames that are missing, these were not lost.
        for _ in 0..frame.missed.min(MAX_MISSED) {
            recorder.observe(&Observation::unreadable(shown, 0, false));
        }
        let code = frame.code.filter(|_| is_of_its_picture(&frame));
        let clocks = self.check_clocks(now);
        let observation = match code {
            Some(code) => Observation { clocks, ..Observation::frame(self.sample(&frame, &code, shown, now, &clocks)) },
            None => Observation { clocks, ..Observation::unreadable(shown, 0, false) },
        };
        recorder.observe(&Observation { cost: cost(&frame), ..observation });
    }

    /// Two clocks, of which the page's is known within a bound. Nobody knows how far a publisher on another host is off.
    fn check_clocks(&self, now: Now) -> ClockCheck {
        let comparison = self.clock.comparison(now).filter(|_| self.clocks.are_one());
        ClockCheck { clocks: Some(Clocks::Different), comparison, probes: Some(self.clock.probes()), step: None }
    }

    fn sample(&mut self, frame: &Frame, code: &PageCode, shown: Now, now: Now, clocks: &ClockCheck) -> Sample {
        let stamped = WallTime::from_micros(code.pub_us);
        let piece = frame.media_us.and_then(|at| self.piece(at)).copied().unwrap_or_default();
        let here = |at: Option<i64>| Some(self.clock.here(at?, now)?.wall);
        // A piece of which only its end is known came at once, as far as is known.
        let first_byte = here(piece.first_byte_us.or(piece.received_us));
        let (fetched, appended) = (here(piece.received_us), here(piece.appended_us));
        // One that is played while it still comes says nothing of a single frame.
        let whole = first_byte >= Some(stamped) && fetched.max(appended) <= Some(shown.wall);
        // One of few of which a server of ours told nothing: their time would count as another stage's.
        let told = self.served.as_ref().map(|served| (served, served.find(code)));
        let is_untold = told.is_some_and(|(_, frame)| frame.is_none());
        let known = |at: Option<WallTime>| at.filter(|_| whole);
        let marks = Marks::new(stamped, shown.wall)
            .with(Mark::Requested, known(here(piece.requested_us)).filter(|_| !self.is_one_response))
            .with(Mark::FirstByte, known(first_byte).filter(|_| !is_untold))
            .with(Mark::Fetched, known(fetched))
            .with(Mark::Appended, known(appended))
            .with(Mark::Called, here(frame.callback_us));
        let marks = match told {
            Some((served, Some(frame))) => served.add(marks, frame),
            _ => marks,
        };
        if let Some(date) = frame.date_us {
            let latency = marks.latency_us();
            self.viewed.date(latency.saturating_add(code.pub_us.saturating_sub(date)), latency);
        }
        self.latency = Some((frame.presented_us, marks.latency_us()));
        Sample {
            stream_id: code.stream,
            sequence: code.sequence,
            run: None,
            marks,
            presented: shown.mono,
            // The page's times are converted to the receiver's clock, which is the publisher's.
            correction: clocks.comparison.map_or(Correction::Missing, |_| Correction::By(0)),
            shown: true,
            bytes: 0,
            idr: false,
        }
    }

    /// The newest piece that has the frame of this media time in it.
    fn piece(&self, media_us: i64) -> Option<&Media> {
        // Players round the ends of pieces, and a frame's time is its beginning.
        let at = media_us.saturating_add(i64::try_from(SAME_FRAME_US).unwrap_or(0));
        self.pieces.iter().rev().find(|piece| piece.from_us <= at && at < piece.to_us)
    }
}

/// The pixels that were read are those of the frame that the callback is about.
fn is_of_its_picture(frame: &Frame) -> bool {
    match (frame.pixels_us, frame.media_us) {
        (Some(pixels), Some(media)) => pixels.abs_diff(media) <= SAME_FRAME_US,
        _ => true,
    }
}

fn cost(frame: &Frame) -> OwnCost<Option<Duration>> {
    let micros = frame.grab_us.zip(frame.read_us).map(|(grab, read)| u64::from(grab) + u64::from(read));
    OwnCost { read: micros.map(Duration::from_micros), ..OwnCost::default() }
}

#[cfg(test)]
mod tests;
