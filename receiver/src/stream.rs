//! One stream of a run: the account of what comes out of its threads.

use std::collections::VecDeque;
use std::time::Duration;

use common::host::{ClockClient, clock};
use common::time::{MonoTime, Now};
use measure::live::{Metrics, Named};
use measure::{Clocks, StartupStep};
use report::warning::Code;
use report::{Observation, Recorder, Setup, Warning};

use crate::calibration::Lookup;
use crate::config::{ClockChoice, Config, Input};
use crate::decoding::Event;
use crate::observe::Observer;
use crate::queue::{Dropped, Status};
use crate::render::pixels::Label;

mod diagnosis;
mod finish;
mod no_picture;
mod pending;

use diagnosis::Diagnosis;
pub(crate) use finish::warn_of_shared_stream_ids;
use pending::{Item, Pending};

/// The account of one stream.
#[derive(Debug)]
pub struct Stream {
    /// Its short name.
    pub(crate) name: String,
    /// What it plays, without user info.
    pub(crate) url: String,
    /// How its pictures come, for metrics.
    pub(crate) transport: &'static str,
    observer: Observer,
    pending: Pending,
    shown: Option<(u64, MonoTime)>,
    first_picture: Option<MonoTime>,
    /// From the first picture to the end that was asked for.
    duration: Option<Duration>,
    connection: Connection,
    ended: Option<End>,
    diagnosis: Diagnosis,
    /// To be told to the user.
    notices: VecDeque<Notice>,
    dropped: u64,
    replaced: u64,
}

/// How far the input is from playing.
#[derive(Clone, Copy, Debug, Default)]
struct Connection {
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
pub(crate) type Notice = (&'static str, String);

impl Stream {
    /// An account that is empty but for its report folder, which is made here.
    ///
    /// # Errors
    /// If the report folder cannot be written.
    pub fn new(input: &Input, config: &Config, started: Now) -> Result<Self, report::Error> {
        let recorder = Recorder::new(Setup {
            started,
            warmup: config.warmup,
            url: input.source.to_string(),
            clocks: if config.clock == ClockChoice::SameHost { Clocks::ByUser } else { input.source.clocks() },
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
            transport: input.source.transport(),
            observer,
            pending: Pending::default(),
            shown: None,
            first_picture: None,
            duration: config.duration,
            connection: Connection::default(),
            ended: None,
            diagnosis: Diagnosis::new(input.source.no_video_hint()),
            notices: VecDeque::new(),
            dropped: 0,
            replaced: 0,
        })
    }

    /// Takes what is known of how far figures may be off on this machine.
    pub(crate) fn calibrated(&mut self, lookup: &Lookup) {
        match lookup {
            Lookup::None => {}
            Lookup::Quote(quote) => self.observer.recorder().calibration(quote.clone()),
            Lookup::Unusable(why) => self.observer.recorder().warn(Warning::new(Code::Calibration, why)),
        }
    }

    /// What its figures go to.
    pub(crate) fn recorder(&mut self) -> &mut Recorder {
        self.observer.recorder()
    }

    /// Compares clocks by what `client` finds.
    pub(crate) fn compare(&mut self, client: ClockClient) {
        self.observer.compare(client);
    }

    /// The figures of the moment, for programs that watch.
    pub(crate) fn metrics(&mut self, now: Now) -> Named {
        let metrics = self.observer.recorder().metrics(now);
        // Nobody measures after the end: there is no moment to tell of.
        let gauges = metrics.gauges.filter(|_| !self.has_ended());
        let metrics = Metrics { gauges, ..metrics };
        Named { stream: self.name.clone(), transport: self.transport, metrics }
    }

    /// When its first picture was read.
    pub(crate) const fn first_picture(&self) -> Option<MonoTime> {
        self.first_picture
    }

    /// Nothing more will come of it.
    pub(crate) const fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// Takes an event in. Pictures wait for [`Stream::observe`]. True with the first picture, and with the first one after
    /// the stream was lost: it plays from now on.
    pub fn event(&mut self, event: Event, now: Now) -> bool {
        match event {
            Event::Status(status) => self.status(status, now),
            Event::Undecodable { bytes, refused, cause } => {
                self.unit(now.mono);
                self.pending.undecoded(Dropped { units: 1, bytes: u64::from(bytes) }, refused);
                self.diagnosis.undecodable(bytes, refused, cause, now.mono);
            }
            Event::Buffered(at) => self.unit(at),
            Event::Reordered(depth) => {
                self.notices.extend(self.diagnosis.reordered(depth).map(|text| ("reordered", text)));
            }
            // Each arrived and was not decoded, which is what the report calls undecodable.
            Event::Dropped(dropped) => {
                self.dropped += u64::from(dropped.units);
                self.pending.undecoded(dropped, true);
            }
            Event::Picture(picture) => {
                self.unit(picture.unit.assembled);
                self.diagnosis.picture(&picture);
                self.first_picture.get_or_insert(picture.read);
                self.pending.picture(picture);
                return !std::mem::replace(&mut self.connection.plays, true);
            }
        }
        false
    }

    fn status(&mut self, status: Status, now: Now) {
        match status {
            Status::Connected(_) => {
                self.diagnosis.connected(now.mono);
                self.observer.recorder().started(StartupStep::Connected, now.mono);
            }
            Status::Disconnected(_) => {
                self.connection.lost = true;
                self.connection.plays = false;
                self.diagnosis.disconnected();
                self.observer.recorder().disconnected(self.connection.last_unit.unwrap_or(now.mono));
            }
            Status::Waiting(_) => self.diagnosis.waiting(),
            Status::Remark(what) => {
                self.warn(what.clone());
                self.notices.push_back(("warning", what));
            }
            Status::Ended(how) => self.end(how, now),
        }
    }

    /// Time passes, until the input has ended. A stream of which nothing can be decoded ends, and says so.
    pub fn tick(&mut self, now: Now) {
        if self.has_ended() {
            return;
        }
        self.observer.recorder().tick(now);
        self.notices.extend(self.diagnosis.no_code_notice(now.mono).map(|text| ("waiting", text)));
        if let Some(text) = self.diagnosis.no_picture_notice(now.mono) {
            self.notices.push_back(("waiting", text));
            self.diagnosis.explain(self.observer.recorder(), self.first_picture.is_some(), now.mono);
        }
        if self.first_picture.is_none()
            && let Some(why) = self.diagnosis.first_picture_overdue(now.mono)
        {
            let why = format!("{}: {why}", self.url);
            self.notices.push_back(("failed", why.clone()));
            self.end(Err(why), now);
        }
    }

    /// What the user has not been told yet.
    pub(crate) fn take_notice(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }

    /// The host has slept for `total` since the receiver began, as [`Recorder::slept`] takes it.
    pub(crate) fn slept(&mut self, total: Duration, now: Now) {
        if !self.has_ended() {
            self.observer.recorder().slept(total, now);
        }
    }

    /// The texts for its picture of `label`, which is shown since `since`.
    pub(crate) fn caption(&mut self, label: &Label, since: MonoTime, now: Now) -> Vec<String> {
        self.observer.lines(label.stamp, since, now)
    }

    /// The picture with number `serial` was shown at `at`.
    pub(crate) fn shown(&mut self, serial: u64, at: MonoTime) {
        if self.shown.is_none_or(|(newest, _)| newest < serial) {
            self.shown = Some((serial, at));
        }
    }

    /// Measures the pictures that wait. With a window, a picture counts as presented when it or a newer one was shown;
    /// headless, when its code was read, because nothing would have kept it from being shown then.
    pub fn observe(&mut self, window: bool, now: Now) {
        while let Some(item) = self.pending.front() {
            let picture = match item {
                Item::Picture(picture) => **picture,
                &Item::Undecoded { dropped: Dropped { units, bytes }, refused } => {
                    self.pending.pop();
                    let mean = u32::try_from(bytes / u64::from(units.max(1))).unwrap_or(u32::MAX);
                    let undecodable = Observation::undecodable(now, mean, refused);
                    (0..units).for_each(|_| self.observer.recorder().observe(&undecodable));
                    continue;
                }
            };
            let shown = match self.shown.filter(|&(newest, _)| newest >= picture.serial) {
                Some((newest, at)) => {
                    self.replaced += u64::from(newest > picture.serial);
                    Some(at.max(picture.read))
                }
                None if window => break,
                None => None,
            };
            self.pending.pop();
            self.observer.observe(&picture, shown, now);
        }
    }

    fn end(&mut self, how: Result<(), String>, at: Now) {
        self.ended.get_or_insert(End { how, at });
    }

    /// An access unit or picture came, whole at `at`.
    fn unit(&mut self, at: MonoTime) {
        // Pictures come in the order of output, and their access units came in another.
        self.connection.last_unit = self.connection.last_unit.max(Some(at));
        self.diagnosis.unit();
        if std::mem::take(&mut self.connection.lost) {
            self.observer.recorder().reconnected(at);
        }
    }

    fn warn(&mut self, message: String) {
        self.observer.recorder().warn(Warning::new(Code::Input, message));
    }
}

#[cfg(test)]
mod tests;
