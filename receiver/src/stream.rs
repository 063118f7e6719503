//! One stream of a run: its threads, and the account of what comes out of them.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, UdpSocket};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use common::clock::SystemClock;
use common::time::{MonoTime, Now};
use crossbeam_channel::Sender;
use reports::warning::Code;
use reports::{Assertion, Recorder, Setup, Summary, Warning};

use crate::config::{Address, Config, Input, Source};
use crate::measure::{Costs, Meter};
use crate::queue::{self, Arrival, Dropped};
use crate::render::pixels::{Label, Slot};
use crate::stop::Stop;
use crate::work::{self, Event, Seen};
use crate::{receive, y4m};

/// How long access units may come without one that gives a picture: longer than the longest usual GOP.
const FIRST_PICTURE_LIMIT: Duration = Duration::from_secs(15);

/// Starts the two threads of `input`: one that receives, and one that decodes and reads. What comes out of them goes to `events`
/// under the number `index`; the threads end with `stop`, or when nobody takes the events.
///
/// Returns the threads that are worth waiting for: one that reads standard input cannot be woken.
///
/// # Errors
/// Where the system gives no thread.
pub fn start(
    input: &Input,
    index: usize,
    config: &Config,
    environment: &Environment,
    slot: Arc<Slot>,
) -> io::Result<Vec<JoinHandle<()>>> {
    let (mut sender, receiver) = queue::queue();
    let Environment { clock, stop, events } = environment.clone();
    let receiving = thread::Builder::new().name(format!("receive-{index}"));
    let receiving = match input.source.clone() {
        Source::Stdin => {
            let clock = clock.clone();
            receiving.spawn(move || {
                let outcome = y4m::read(io::stdin().lock(), &clock, &mut sender);
                sender.say(Arrival::Ended(outcome.map_err(|error| error.to_string())));
            })?;
            None
        }
        Source::Rtsp(address) => {
            let clock = clock.clone();
            let config = receive::Config {
                address,
                transport: config.transport,
                wait: config.wait,
                limits: receive::Limits::default(),
            };
            Some(receiving.spawn(move || {
                let outcome = receive::run(&config, &clock, &stop, &mut sender);
                sender.say(Arrival::Ended(outcome.map_err(|error| error.to_string())));
            })?)
        }
    };
    let working = thread::Builder::new().name(format!("decode-{index}")).spawn(move || {
        work::work(&receiver, &clock, &slot, &mut |event| events.send((index, event)).is_ok());
    })?;
    Ok(receiving.map_or_else(Vec::new, |receiving| vec![receiving, working]))
}

/// What all streams of a run share.
#[derive(Clone, Debug)]
pub struct Environment {
    /// The clock of the run.
    pub clock: SystemClock,
    /// The wish to end it.
    pub stop: Stop,
    /// Where the events of all streams go, with the stream's number.
    pub events: Sender<(usize, Event)>,
}

/// The account of one stream.
#[derive(Debug)]
pub struct Stream {
    /// Its short name.
    pub name: String,
    /// What it plays, without user info.
    pub url: String,
    meter: Meter,
    pending: VecDeque<Seen>,
    shown: Option<(u64, MonoTime)>,
    first_picture: Option<MonoTime>,
    ended: Option<Result<(), String>>,
    undecodable: Option<Undecodable>,
    dropped: u64,
    replaced: u64,
}

/// Access units that gave no picture, before there was any picture.
#[derive(Clone, Copy, Debug)]
struct Undecodable {
    since: MonoTime,
    count: u64,
}

impl Stream {
    /// An account that is empty but for its report folder, which is made here.
    ///
    /// # Errors
    /// Where the report folder cannot be written.
    pub fn new(input: &Input, config: &Config, started: Now) -> Result<Self, reports::Error> {
        let recorder = Recorder::new(Setup {
            started,
            warmup: config.warmup,
            url: input.source.to_string(),
            same_host: match &input.source {
                Source::Stdin => true,
                Source::Rtsp(address) => is_this_host(address),
            },
            config: config.describe(input),
            host: reports::host::describe(),
            folder: config.report_folder(input),
        })?;
        Ok(Self {
            name: input.name.clone(),
            url: input.source.to_string(),
            meter: Meter::new(recorder),
            pending: VecDeque::new(),
            shown: None,
            first_picture: None,
            ended: None,
            undecodable: None,
            dropped: 0,
            replaced: 0,
        })
    }

    /// What measures it.
    pub fn meter(&mut self) -> &mut Meter {
        &mut self.meter
    }

    /// When its first picture was read.
    pub const fn first_picture(&self) -> Option<MonoTime> {
        self.first_picture
    }

    /// Nothing more will come of it.
    pub const fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// Takes an event in. Pictures wait for [`Stream::settle`].
    pub fn event(&mut self, event: Event, now: Now) {
        match event {
            Event::Connected => self.meter.connected(now),
            Event::Disconnected(_) => self.meter.recorder().disconnected(now),
            Event::Waiting(_) => {}
            Event::Ended(how) => self.end(how),
            Event::Undecodable { bytes } => {
                self.meter.recorder().undecodable(now, bytes);
                self.undecodable.get_or_insert(Undecodable { since: now.mono, count: 0 }).count += 1;
            }
            Event::Dropped(dropped) => self.drop_units(dropped, now),
            Event::Picture(seen) => {
                self.first_picture.get_or_insert(seen.read);
                self.pending.push_back(seen);
            }
        }
    }

    /// Time passes. A stream of which nothing can be decoded ends, and says so.
    pub fn tick(&mut self, now: Now) {
        self.meter.recorder().tick(now);
        let Some(Undecodable { since, count }) = self.undecodable.filter(|_| self.first_picture.is_none()) else {
            return;
        };
        if now.mono - since > FIRST_PICTURE_LIMIT {
            let why = "H.264 of 8 bits in 4:2:0 can be decoded, without interlacing";
            self.end(Err(format!("none of {count} access units from {} could be decoded: {why}", self.url)));
        }
    }

    /// The texts for its picture of `label`, which is shown since `since`.
    pub fn caption(&mut self, label: &Label, since: MonoTime, now: Now) -> Vec<String> {
        self.meter.lines(label.stamp, since, now)
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
        while let Some(&seen) = self.pending.front() {
            let presented = match self.shown.filter(|&(newest, _)| newest >= seen.serial) {
                Some((newest, at)) => {
                    self.replaced += u64::from(newest > seen.serial);
                    at.max(seen.read)
                }
                None if window => break,
                None => seen.read,
            };
            self.pending.pop_front();
            self.meter.picture(&seen, presented, now);
        }
    }

    /// Ends the account and judges it.
    pub fn finish(mut self, assertions: &[Assertion], now: Now) -> (Summary, Costs) {
        self.settle(false, now);
        if self.dropped > 0 {
            let text = "pictures were dropped because this host decodes too slowly";
            self.warn(format!("{} {text}", self.dropped));
        }
        if self.replaced > 0 {
            let text = "pictures were replaced by a newer one before the window took them; their latency ends with it";
            self.warn(format!("{} {text}", self.replaced));
        }
        let failure = match (self.ended.take(), self.first_picture) {
            (Some(Err(why)), None) => Some(why),
            (Some(Err(why)), Some(_)) => {
                self.warn(why);
                None
            }
            _ => None,
        };
        let (mut recorder, costs) = self.meter.into_recorder();
        if let Some(why) = failure {
            recorder.fail(why);
        }
        (recorder.finish(now, assertions), costs)
    }

    fn end(&mut self, how: Result<(), String>) {
        self.ended.get_or_insert(how);
    }

    fn warn(&mut self, message: String) {
        self.meter.recorder().warn(Warning::new(Code::Input, message));
    }

    /// Each arrived and was not decoded, which is what the report calls undecodable.
    fn drop_units(&mut self, dropped: Dropped, now: Now) {
        self.dropped += u64::from(dropped.units);
        let mean = dropped.bytes / u64::from(dropped.units.max(1));
        let mean = u32::try_from(mean).unwrap_or(u32::MAX);
        (0..dropped.units).for_each(|_| self.meter.recorder().undecodable(now, mean));
    }
}

/// The address is one of this host's own: then a socket can be bound to it.
fn is_this_host(address: &Address) -> bool {
    let Some(host) = address.url.host_str() else { return false };
    let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || literal.is_ok_and(|ip| UdpSocket::bind((ip, 0)).is_ok())
}
