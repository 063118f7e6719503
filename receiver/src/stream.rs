//! One stream of a run: the account of what comes out of its threads.

use std::collections::VecDeque;
use std::time::Duration;

use common::host::ClockClient;
use common::host::clock;
use common::time::{MonoTime, Now};
use common::units::seconds;
use measure::live::{Metrics, Named};
use measure::{Clocks, StartupStep};
use report::warning::Code;
use report::{Assertion, Observation, Recorder, Setup, Summary, Warning};

use crate::calibration::Found;
use crate::config::{ClockChoice, Config, Input, Source};
use crate::decoding::{Event, Lack, Undecodable};
use crate::observe::Observer;
use crate::queue::Dropped;
use crate::render::pixels::Label;

mod lack;
mod pending;

use lack::{Silence, Unread, Waiting};
use pending::{Item, Pending};

/// How long access units may come without one that gives a picture: longer than the longest usual GOP, x264's 250 pictures at
/// 10 per second.
const FIRST_PICTURE_LIMIT: Duration = Duration::from_secs(30);

/// An input that ends after less than this part of the duration that was asked for ended early. Its last picture is shown
/// some time before a live source of the same duration ends, and no figure hangs on a tenth of its frames.
const MIN_DURATION_SHARE: f64 = 0.9;

/// The account of one stream.
#[derive(Debug)]
pub struct Stream {
    /// Its short name.
    pub name: String,
    /// What it plays, without user info.
    pub url: String,
    /// How its pictures come: `tcp`, `udp` or `pipe`.
    pub transport: &'static str,
    observer: Observer,
    pending: Pending,
    shown: Option<(u64, MonoTime)>,
    first_picture: Option<MonoTime>,
    /// From the first picture to the end that was asked for.
    duration: Option<Duration>,
    link: Link,
    ended: Option<End>,
    /// The session plays, and no access unit has come yet.
    silence: Silence,
    /// Access units came since the newest picture, and gave none.
    waiting: Option<Waiting>,
    /// The newest whole access unit that the decoder refused.
    refused: Option<Undecodable>,
    /// Pictures came before any code was read.
    unread: Unread,
    /// The most that are decoded before one is shown.
    reordered: usize,
    /// To be told to the user.
    notices: VecDeque<Notice>,
    dropped: u64,
    replaced: u64,
}

/// How far the input is from playing.
#[derive(Clone, Copy, Debug, Default)]
struct Link {
    /// When the last access unit was whole.
    last_unit: Option<MonoTime>,
    /// Lost, and nothing has come since.
    lost: bool,
    /// Pictures come, and the user was told so.
    plays: bool,
}

/// The end of an input.
#[derive(Clone, Debug)]
struct End {
    /// Of itself, or with what stopped it.
    how: Result<(), String>,
    at: Now,
}

/// What to tell the user while the run goes: the event's name for programs, and a line for people.
pub type Notice = (&'static str, String);

impl Stream {
    /// An account that is empty but for its report folder, which is made here.
    ///
    /// # Errors
    /// Where the report folder cannot be written.
    pub fn new(input: &Input, config: &Config, started: Now) -> Result<Self, report::Error> {
        let recorder = Recorder::new(Setup {
            started,
            warmup: config.warmup,
            url: input.source.to_string(),
            clocks: match &input.source {
                _ if config.clock == ClockChoice::SameHost => Clocks::ByUser,
                Source::Rtsp(url) if !url.is_loopback() => Clocks::Unknown,
                Source::Rtsp(_) | Source::Stdin => Clocks::Assumed,
            },
            config: config.describe(input),
            host: report::host::describe(),
            folder: config.report_place(input),
        })?;
        let mut observer = Observer::new(recorder, clock::host());
        if clock::is_handed_in().unwrap_or(true) {
            let message = format!("{} is set: the wall clock of this run is not the host's", clock::TEST_VARIABLE);
            observer.recorder().warn(Warning::new(Code::Input, message));
        }
        Ok(Self {
            name: input.name.clone(),
            url: input.source.to_string(),
            transport: config.transport_of(input),
            observer,
            pending: Pending::default(),
            shown: None,
            first_picture: None,
            duration: config.duration,
            link: Link::default(),
            ended: None,
            silence: Silence::default(),
            waiting: None,
            refused: None,
            unread: Unread::default(),
            reordered: 0,
            notices: VecDeque::new(),
            dropped: 0,
            replaced: 0,
        })
    }

    /// What is known of how far figures may be off here.
    pub fn calibrated(&mut self, found: &Found) {
        match found {
            Found::Nothing => {}
            Found::Quote(quote) => self.observer.recorder().calibration(quote.clone()),
            Found::Refused(why) => self.observer.recorder().warn(Warning::new(Code::Calibration, why)),
        }
    }

    /// What its figures go to.
    pub fn recorder(&mut self) -> &mut Recorder {
        self.observer.recorder()
    }

    /// Compares clocks by what `client` finds.
    pub fn compare(&mut self, client: ClockClient) {
        self.observer.compare(client);
    }

    /// The figures of the moment, for programs that watch.
    pub fn metrics(&mut self, now: Now) -> Named {
        let metrics = self.observer.recorder().metrics(now);
        // Nobody measures after the end: there is no moment to tell of.
        let gauges = metrics.gauges.filter(|_| !self.has_ended());
        let metrics = Metrics { gauges, ..metrics };
        Named { stream: self.name.clone(), transport: self.transport, metrics }
    }

    /// When its first picture was read.
    pub const fn first_picture(&self) -> Option<MonoTime> {
        self.first_picture
    }

    /// Nothing more will come of it.
    pub const fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// Takes an event in. Pictures wait for [`Stream::settle`]. True with the first picture, and with the first one after
    /// the stream was lost: it plays from now on.
    pub fn event(&mut self, event: Event, now: Now) -> bool {
        match event {
            Event::Connected => {
                // A pipe is there before anything was asked for.
                if self.transport != "pipe" {
                    self.silence.begin(now.mono);
                }
                self.observer.recorder().started(StartupStep::Connected, now.mono);
            }
            Event::Disconnected(_) => {
                self.link.lost = true;
                self.link.plays = false;
                self.silence.pause();
                // What comes after it is another matter, and time without a stream is none without a picture of it.
                self.waiting = None;
                self.observer.recorder().disconnected(self.link.last_unit.unwrap_or(now.mono));
            }
            Event::Waiting(_) => self.silence.pause(),
            Event::Remark(what) => {
                self.warn(what.clone());
                self.notices.push_back(("warning", what));
            }
            Event::Ended(how) => self.end(how, now),
            Event::Undecodable(unit) => self.undecodable(&unit, now),
            Event::Held(at) => self.unit(at),
            Event::Reordered(depth) => {
                if self.reordered == 0 && depth > 0 {
                    self.notices.push_back(("reordered", lack::reordered(depth)));
                }
                self.reordered = self.reordered.max(depth);
            }
            Event::Dropped(dropped) => self.drop_units(dropped),
            Event::Picture(seen) => {
                self.unit(seen.assembled);
                self.waiting = None;
                self.unread.picture(&seen);
                self.first_picture.get_or_insert(seen.read);
                self.pending.picture(seen);
                return !std::mem::replace(&mut self.link.plays, true);
            }
        }
        false
    }

    /// Time passes, until the input has ended. A stream of which nothing can be decoded ends, and says so.
    pub fn tick(&mut self, now: Now) {
        if self.has_ended() {
            return;
        }
        self.observer.recorder().tick(now);
        self.notices.extend(self.unread.notice(now.mono).map(|text| ("waiting", text)));
        let waiting = self.waiting.as_mut().and_then(|waiting| waiting.notice(now.mono));
        if let Some(text) = waiting.or_else(|| self.silence.notice(self.transport, now.mono)) {
            self.notices.push_back(("waiting", text));
            self.explain(now.mono);
        }
        let Some(waiting) = &self.waiting else { return };
        if self.first_picture.is_none() && now.mono - waiting.since() > FIRST_PICTURE_LIMIT {
            let why = format!("{}: {}", self.url, waiting.explain(now.mono));
            self.notices.push_back(("failed", why.clone()));
            self.end(Err(why), now);
        }
    }

    /// What the user has not been told yet.
    pub fn take_notice(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }

    /// The host has slept for `total` since the receiver began, as [`Recorder::slept`] takes it.
    pub fn slept(&mut self, total: Duration, now: Now) {
        if !self.has_ended() {
            self.observer.recorder().slept(total, now);
        }
    }

    /// The texts for its picture of `label`, which is shown since `since`.
    pub fn caption(&mut self, label: &Label, since: MonoTime, now: Now) -> Vec<String> {
        self.observer.lines(label.stamp, since, now)
    }

    /// The picture with number `serial` was shown at `at`.
    pub fn shown(&mut self, serial: u64, at: MonoTime) {
        if self.shown.is_none_or(|(newest, _)| newest < serial) {
            self.shown = Some((serial, at));
        }
    }

    /// Measures the pictures that wait. With a window, a picture counts as presented when it or a newer one was shown;
    /// headless, when its code was read, because nothing would have kept it from being shown then.
    pub fn settle(&mut self, window: bool, now: Now) {
        while let Some(item) = self.pending.front() {
            let seen = match item {
                Item::Picture(seen) => **seen,
                &Item::Nothing { units, refused } => {
                    self.pending.pop();
                    self.undecoded(units, refused, now);
                    continue;
                }
            };
            let shown = match self.shown.filter(|&(newest, _)| newest >= seen.serial) {
                Some((newest, at)) => {
                    self.replaced += u64::from(newest > seen.serial);
                    Some(at.max(seen.read))
                }
                None if window => break,
                None => None,
            };
            self.pending.pop();
            self.observer.observe(&seen, shown, now);
        }
    }

    /// Ends the account and judges it. Pictures that a `window` has not taken were never shown: the range ends before them.
    pub fn finish(mut self, window: bool, assertions: &[Assertion], now: Now) -> Summary {
        self.settle(window, now);
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
        let reordered = (self.reordered > 0).then(|| Warning::new(Code::Reordered, lack::reordered(self.reordered)));
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

    /// Has the report say why there is no picture, or why the decoder refused some: lines of a run that is over are gone.
    fn explain(&mut self, now: MonoTime) {
        let lacking = self.waiting.as_ref().map(|waiting| waiting.explain(now));
        let lacking = lacking.or_else(|| self.silence.explain(self.transport, now));
        if let (Some(why), None) = (lacking, self.first_picture) {
            self.observer.recorder().explain(Code::NoPicture, why);
        }
        if let Some(unit) = &self.refused {
            self.observer.recorder().explain(Code::Undecoded, lack::refusal(unit.sps.as_ref()));
        }
    }

    /// Why the figures, good as they may be, do not speak for the whole run.
    fn cut_short(&mut self, how: Option<&Result<(), String>>, now: Now) -> Option<Warning> {
        let first = self.first_picture?;
        let Some(how) = how else {
            let gap = seconds(self.observer.recorder().overdue(now.mono)?);
            let why =
                self.waiting.as_ref().map_or_else(String::new, |waiting| format!("; {}", waiting.explain(now.mono)));
            let text = format!("the stream was gone when the run ended: no picture came for the last {gap}{why}");
            return Some(Warning::new(Code::StreamStopped, text));
        };
        let (wanted, lasted) = (self.duration?, now.mono - first);
        let early = how.is_ok() && lasted < wanted.mul_f64(MIN_DURATION_SHARE);
        let text = format!("the input ended {} after its first picture, not {}", seconds(lasted), seconds(wanted));
        early.then(|| Warning::new(Code::EndedEarly, text))
    }

    fn undecodable(&mut self, unit: &Undecodable, now: Now) {
        self.unit(now.mono);
        self.pending.nothing(Dropped { units: 1, bytes: u64::from(unit.bytes) }, unit.refused);
        if unit.refused && unit.lack == Lack::Decoder {
            self.refused = Some(unit.clone());
        }
        self.waiting.get_or_insert_with(|| Waiting::new(now.mono)).add(unit);
    }

    fn end(&mut self, how: Result<(), String>, at: Now) {
        self.ended.get_or_insert(End { how, at });
    }

    /// An access unit or picture came, whole at `at`.
    fn unit(&mut self, at: MonoTime) {
        // Pictures come in the order of output, and their access units came in another.
        self.link.last_unit = self.link.last_unit.max(Some(at));
        self.silence = Silence::default();
        if std::mem::take(&mut self.link.lost) {
            self.observer.recorder().reconnected(at);
        }
    }

    fn warn(&mut self, message: String) {
        self.observer.recorder().warn(Warning::new(Code::Input, message));
    }

    /// Each arrived and was not decoded, which is what the report calls undecodable.
    fn drop_units(&mut self, dropped: Dropped) {
        self.dropped += u64::from(dropped.units);
        self.pending.nothing(dropped, true);
    }

    fn undecoded(&mut self, Dropped { units, bytes }: Dropped, refused: bool, now: Now) {
        let mean = u32::try_from(bytes / u64::from(units.max(1))).unwrap_or(u32::MAX);
        let recorder = self.observer.recorder();
        for _ in 0..units {
            recorder.observe(&Observation::undecodable(now, mean, refused));
        }
    }
}

/// Warns where two streams come from two publishers that have the same stream id.
pub fn tell_apart(streams: &mut [Stream]) {
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

#[cfg(test)]
mod tests;
