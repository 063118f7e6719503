//! One join: turns a page's reports, from loading the player until it stops, into observations. Pure.
//!
//! The page's messages arrive in batches, up to 200 ms late. They are put in order and passed on once no older frame
//! can arrive; report time advances with the page's messages.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use common::marks::{Mark, Marks};
use common::printable::excerpt;
use common::time::{MonoTime, Now, WallTime};
use measure::cost::OwnCost;
use measure::figures::browser::Viewed;
use measure::{Clocks, Correction, Sample, StartupStep};
use report::observation::ClockCheck;
use report::warning::Code;
use report::{Observation, Recorder, Warning};

use super::args::Via;
use super::page_clock::{PageClock, Probe};
use super::protocol::{Claim, EndError, Frame, FromPage, Hello, Media, PROTOCOL, PageCode, State};
use super::served::{Served, ask_from};

/// How much later a frame may arrive than a state of the same time, because it waits for its pixels.
const LATE: i64 = 250_000;
/// As above, but also waiting for a framelag server's answer.
const ANSWERED: i64 = 500_000;
/// Most frames and other events waiting for older ones: four seconds at 500 fps.
const MAX_WAITING: usize = 2_000;
/// Most media pieces remembered: a minute of one-frame parts at 60 fps, and no player buffers more.
const MAX_PIECES: usize = 3_600;
/// Frames without a callback that are counted one by one.
const MAX_MISSED: u32 = 1_000;
/// Largest difference between two media times of one frame: the element's clock has 1 µs steps, and players round.
const SAME_FRAME_US: u64 = 1_000;
/// Largest age of a picture whose latency a claim is compared with.
const FRESH_US: u64 = 1_000_000;
/// Longest text from a page that is shown.
const TEXT_MAX: usize = 200;

/// What happened at a moment of the page's clock.
#[derive(Debug)]
enum Told {
    Frame(Frame),
    Stall { length_us: i64 },
    Seek { why: String },
    State(State),
    Claim(Claim),
}

/// The state of one join.
#[derive(Debug, Default)]
pub(super) struct Join {
    pub(super) clock: PageClock,
    pub(super) viewed: Viewed,
    /// Name and version of the browser.
    pub(super) browser: Option<(String, String)>,
    pub(super) first_picture: Option<MonoTime>,
    /// Why the page stopped playing, if it has.
    pub(super) end: Option<EndError>,
    /// When it stopped.
    pub(super) ended: Option<Now>,
    /// When it was heard of last.
    pub(super) heard: Option<Now>,
    /// Number of malformed lines.
    pub(super) malformed: u64,
    /// Number of messages the page could not send.
    pub(super) unsent: u64,
    /// Whether the page was ever hidden, which stops frame callbacks.
    pub(super) was_hidden: bool,
    /// Number of frames whose code may have come from the pixels of a neighbour.
    untied: u64,
    clocks: Clocks,
    /// Whether one response carries the whole stream, so that request times say nothing about a frame.
    is_one_response: bool,
    /// Set if the server is framelag's.
    pub(super) served: Option<Served>,
    waiting: BTreeMap<(i64, u64), Told>,
    arrived: u64,
    pieces: VecDeque<Media>,
    /// The newest latency, and when its picture was shown by the page's clock.
    latency: Option<(i64, i64)>,
    /// When the newest picture that was read was stamped, in µs.
    newest_us: Option<i64>,
}

impl Join {
    /// `clocks` says whether publisher and receiver share a host; then the page's clock is the only other one.
    pub(super) fn new(via: Via, clocks: Clocks) -> Self {
        Self { clocks, is_one_response: via == Via::Mse, ..Self::default() }
    }

    /// Notes that the server is framelag's and whose clock stamps the pictures.
    pub(super) fn told(&mut self, served: Served, clocks: Clocks) {
        (self.served, self.clocks) = (Some(served), clocks);
    }

    /// Returns the frame number to request from a framelag server for the pending frames; `None` if none are pending.
    pub(super) fn ask_from(&self) -> Option<u32> {
        let code = |told: &Told| if let Told::Frame(frame) = told { frame.code } else { None };
        self.waiting.values().find_map(code).map(|code| ask_from(code.sequence))
    }

    /// Whether a framelag server has no newer picture than was read: the page does not wait for data, there is none.
    pub(super) fn has_all(&self) -> bool {
        let newest = self.served.as_ref().and_then(Served::newest_us);
        newest.zip(self.newest_us).is_some_and(|(there, here)| there <= here)
    }

    /// Returns warnings that apply to the join's figures.
    pub(super) fn warnings(&self) -> Vec<Warning> {
        let malformed = format!("{} messages of the page could not be read", self.malformed);
        let unsent = format!("{} messages were left out by the page: the receiver was too slow", self.unsent);
        let hidden =
            "the page was hidden for part of the run, and browsers report no frames of hidden pages".to_owned();
        let untied = format!(
            "the browser did not tell which frame the pixels of {} picture{} belong to: the latency of each may be one \
             frame interval off",
            self.untied,
            if self.untied == 1 { "" } else { "s" }
        );
        let assumed =
            "no SEI reaches a page: the publisher is assumed to be on this host, because the URL is a loopback one"
                .to_owned();
        let all = [
            (self.malformed > 0, Code::Input, malformed),
            (self.unsent > 0, Code::Input, unsent),
            (self.was_hidden, Code::Input, hidden),
            (self.untied > 0, Code::Input, untied),
            (self.clocks == Clocks::Assumed, Code::ClockAssumed, assumed),
        ];
        all.into_iter().filter(|(holds, ..)| *holds).map(|(_, code, text)| Warning::new(code, text)).collect()
    }

    /// Notes a probe of the page's clock.
    pub(super) fn probed(&mut self, probe: Probe) {
        self.clock.add(probe);
    }

    /// Takes messages that arrived by `now`, one per line.
    pub(super) fn lines(&mut self, text: &str, recorder: &mut Recorder, now: Now) {
        self.heard = Some(now);
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
            FromPage::Frame(frame) => self.put(frame.presented_us, Told::Frame(frame), recorder, now),
            FromPage::Media(media) => self.media(media, recorder, now),
            FromPage::Stall { at_us, length_us } => {
                self.put(at_us.saturating_add(length_us), Told::Stall { length_us }, recorder, now);
            }
            FromPage::Seek(seek) => {
                self.put(seek.at_us, Told::Seek { why: excerpt(&seek.why, TEXT_MAX) }, recorder, now);
            }
            FromPage::State(state) => self.state(state, recorder, now),
            FromPage::Claim(claim) => {
                let name = excerpt(&claim.name, TEXT_MAX);
                self.put(claim.at_us, Told::Claim(Claim { name, ..claim }), recorder, now);
            }
            FromPage::End { at_us, error } => {
                self.hand_over(i64::MAX, recorder, now);
                self.ended = self.clock.here(at_us, now);
                self.end.get_or_insert(error);
            }
            FromPage::Answer(_) | FromPage::Unknown => {}
        }
    }

    fn hello(&mut self, hello: &Hello, recorder: &mut Recorder, now: Now) {
        if hello.protocol != PROTOCOL {
            let message =
                format!("it has version {} of the protocol, this receiver {PROTOCOL}: load it anew", hello.protocol);
            self.end.get_or_insert(EndError { kind: "page".to_owned(), message, status: None });
        }
        self.browser = Some((excerpt(&hello.browser, TEXT_MAX), excerpt(&hello.version, TEXT_MAX)));
        if let Some(started) = self.clock.here(hello.started_us, now) {
            recorder.begin_join(started);
        }
        if !self.clocks.are_one() {
            recorder.compared().advise("if the publisher is on this host, pass --clock same-host".to_owned());
        }
    }

    /// Queues what happened at this time until what is older, such as frames that take longer to read, has arrived.
    fn put(&mut self, at_us: i64, told: Told, recorder: &mut Recorder, now: Now) {
        self.arrived += 1;
        self.waiting.insert((at_us, self.arrived), told);
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

    fn state(&mut self, state: State, recorder: &mut Recorder, now: Now) {
        let at_us = state.at_us;
        self.was_hidden |= state.hidden;
        self.unsent = self.unsent.max(state.messages_dropped);
        self.put(at_us, Told::State(state), recorder, now);
        let until = at_us.saturating_sub(if self.served.is_some() { LATE + ANSWERED } else { LATE });
        self.hand_over(until, recorder, now);
        if let Some(passed) = self.clock.here(until, now) {
            recorder.tick(passed);
        }
    }

    fn claim(&mut self, claim: &Claim) {
        let latency = self.latency.filter(|(at, _)| claim.at_us.abs_diff(*at) < FRESH_US).map(|(_, latency)| latency);
        self.viewed.claim(&claim.name, (claim.value_ms * 1e3).round() as i64, latency);
    }

    /// Passes on what is left of a join whose page did not finish. Returns `false` if the page did.
    pub(super) fn cut_off(&mut self, recorder: &mut Recorder, now: Now) -> bool {
        if self.ended.is_some() {
            return false;
        }
        if self.browser.is_none() {
            // It did not even begin, but it is one of the joins.
            recorder.begin_join(now);
        }
        self.hand_over(i64::MAX, recorder, now);
        true
    }

    /// Passes on what happened before `until` of the page's clock.
    fn hand_over(&mut self, until: i64, recorder: &mut Recorder, now: Now) {
        while self.waiting.first_key_value().is_some_and(|((at, _), _)| *at < until) {
            self.hand_over_oldest(recorder, now);
        }
    }

    fn hand_over_oldest(&mut self, recorder: &mut Recorder, now: Now) {
        let Some((_, told)) = self.waiting.pop_first() else { return };
        match told {
            Told::Frame(frame) => self.hand_over_frame(&frame, recorder, now),
            // How the player starts and plays during the warm-up is in no figure.
            _ if !recorder.is_measuring() => {}
            Told::Stall { length_us } => self.viewed.stall(length_us),
            Told::Seek { why } => self.viewed.seek(&why),
            Told::State(state) => self.viewed.state(state.playback_rate, state.ahead_us, state.dropped),
            Told::Claim(claim) => self.claim(&claim),
        }
    }

    fn hand_over_frame(&mut self, frame: &Frame, recorder: &mut Recorder, now: Now) {
        let Some(shown) = self.clock.here(frame.presented_us, now) else {
            self.malformed += 1;
            return;
        };
        self.first_picture.get_or_insert(shown.mono);
        // Presented but never examined: these missing frames were not lost.
        let missed = frame.missed.min(MAX_MISSED);
        let is_near = frame.pixels_us.is_none();
        for _ in 0..missed {
            recorder.observe(&Observation::unread(shown, is_near));
        }
        let code = frame.code.filter(|_| is_of_its_picture(frame));
        self.untied += u64::from(code.is_some() && is_near);
        self.newest_us = self.newest_us.max(code.map(|code| code.pub_us));
        let clocks = self.check_clocks(now);
        let observation = match code {
            Some(code) => Observation { clocks, ..Observation::frame(self.sample(frame, &code, shown, now, &clocks)) },
            None => Observation { clocks, ..Observation::unread(shown, is_near) },
        };
        recorder.observe(&Observation { cost: cost(frame), ..observation });
        if recorder.is_measuring() {
            self.viewed.called(missed);
            if let (Some(code), Some(date), Some((_, latency))) = (code, frame.date_us, self.latency) {
                self.viewed.date(latency.saturating_add(code.pub_us.saturating_sub(date)), latency);
            }
        }
    }

    /// Two clocks: the page's is known within a bound, the offset of a remote publisher's is unknown.
    fn check_clocks(&self, now: Now) -> ClockCheck {
        let comparison = self.clock.comparison(now).filter(|_| self.clocks.are_one());
        ClockCheck { clocks: Some(Clocks::Different), comparison, probes: Some(self.clock.probes()), step: None }
    }

    fn sample(&mut self, frame: &Frame, code: &PageCode, shown: Now, now: Now, clocks: &ClockCheck) -> Sample {
        let stamped = WallTime::from_micros(code.pub_us);
        let piece = frame.media_us.and_then(|at| self.piece(at)).copied().unwrap_or_default();
        let here = |at: Option<i64>| Some(self.clock.here(at?, now)?.wall);
        let first_byte = here(piece.first_byte_us);
        let (fetched, appended) = (here(piece.received_us), here(piece.appended_us));
        // A piece that plays while it is still loading says nothing about a single frame.
        let whole = first_byte.or(fetched) >= Some(stamped) && fetched.max(appended) <= Some(shown.wall);
        // Skip the few frames without server marks: another stage would absorb their time.
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
        self.latency = Some((frame.presented_us, marks.latency_us()));
        Sample {
            stream_id: code.stream,
            sequence: code.sequence,
            run: None,
            marks,
            presented: shown.mono,
            // The page's times are converted to the receiver's clock, which is also the publisher's.
            correction: clocks.comparison.map_or(Correction::Missing, |_| Correction::By(0)),
            shown: true,
            bytes: 0,
            idr: false,
        }
    }

    /// Returns the newest piece that contains the frame at this media time.
    fn piece(&self, media_us: i64) -> Option<&Media> {
        // Players round the ends of pieces, and a frame's time is its start.
        let at = media_us.saturating_add(i64::try_from(SAME_FRAME_US).unwrap_or(0));
        self.pieces.iter().rev().find(|piece| piece.from_us <= at && at < piece.to_us)
    }
}

/// Whether the pixels read belong to the frame that the callback reported.
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
