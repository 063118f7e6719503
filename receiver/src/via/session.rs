//! One run in a browser: opens it, tells its page what to play, and passes its reports to the joins.

use std::time::{Duration, Instant};

use common::clock::Clock;
use common::host::{Stop, SystemClock};
use common::redact;
use common::time::Now;
use crossbeam_channel::RecvTimeoutError;
use measure::Clocks;
use report::warning::Code;
use report::{Recorder, Setup, Summary, Warning};
use tokio::sync::mpsc;

use super::assets;
use super::browser::Browser;
use super::config::{Common, Config};
use super::failure::{Error, may_come, told};
use super::invite;
use super::join::Join;
use super::origin::Origin;
use super::protocol::{Start, ToPage};
use super::server::{Event, Server, What};
use crate::output::Output;

mod asking;
mod telling;

/// How often the report is updated while no messages arrive.
const TICK: Duration = Duration::from_millis(20);
const SECOND: Duration = Duration::from_secs(1);
/// Time limit for the browser to open or reload the page.
const PAGE_LIMIT: Duration = Duration::from_secs(60);
/// Time limit for estimating the page's clock before playback.
const SETTLING_LIMIT: Duration = Duration::from_secs(5);
/// Time limit for a player to show its first picture.
const FIRST_PICTURE_LIMIT: Duration = Duration::from_secs(30);
/// Time limit for a stopping page to send its remaining messages.
const END_LIMIT: Duration = Duration::from_secs(3);
/// How long a killed browser may take to exit after its page's socket has closed.
const EXIT_LIMIT: Duration = Duration::from_secs(1);
/// Pause before retrying a stream that is not published yet.
const RETRY: Duration = Duration::from_millis(500);

/// A run: the page, its joins, and their results.
pub(crate) struct Session<'a> {
    config: &'a Config,
    common: Common<'a>,
    output: &'a Output,
    stop: &'a Stop,
    /// Whether the user stopped the run and the page was told.
    is_stopping: bool,
    clock: SystemClock,
    recorder: Recorder,
    pub(super) server: Server,
    origin: Origin,
    /// Assumption about the publisher's clock.
    clocks: Clocks,
    /// Whether the publisher's pictures can be shifted between joins; `None` before it was asked.
    shifts: Option<bool>,
    /// Whether a shift was requested that the end of the run has to undo.
    was_shifted: bool,
    /// When the server was asked last.
    asked: Instant,
    browser: Option<Browser>,
    /// Whether a page was ever open.
    was_opened: bool,
    /// The page that plays.
    socket: Option<(u64, mpsc::Sender<String>)>,
    /// When the socket of the page that plays closed before its join's end.
    closed: Option<Instant>,
    reported: Instant,
}

/// Why a join ended early.
enum Early {
    /// The user stopped the run.
    Stopped,
    /// The stream is gone after other joins were played.
    Gone(String),
    /// The join and the run failed.
    Failed(String),
}

impl<'a> Session<'a> {
    /// Opens the report, the server and the browser.
    ///
    /// # Errors
    /// Fails if any of them cannot be opened.
    pub(crate) fn open(
        config: &'a Config,
        common: Common<'a>,
        output: &'a Output,
        stop: &'a Stop,
    ) -> Result<Self, Error> {
        if let Some(library) = config.player.library()
            && assets::find(library).is_none()
        {
            return Err(Error::Library { player: config.player.name() });
        }
        let clock = SystemClock::new();
        let setup = Setup {
            started: clock.now(),
            warmup: common.warmup,
            url: config.url.to_string(),
            // The page's clock and the publisher's: nothing has been compared yet.
            clocks: Clocks::Different,
            config: common.settings.clone(),
            host: report::host::describe(),
            folder: common.folder.clone(),
        };
        let recorder = Recorder::in_browser(setup, config.via.name(), config.player.name())?;
        let server = Server::start(clock.clone(), &config.url, config.listen).map_err(Error::Serve)?;
        let origin = Origin::of(&config.url).map_err(Error::Serve)?;
        let browser = Browser::open(&config.browser, &server.page)?;
        if browser.is_none() {
            invite::tell(output, &server);
        }
        let (clocks, reported) = (config.clocks(), Instant::now());
        Ok(Self {
            config,
            common,
            output,
            stop,
            is_stopping: false,
            clock,
            recorder,
            server,
            origin,
            clocks,
            shifts: None,
            was_shifted: false,
            asked: reported,
            browser,
            was_opened: false,
            socket: None,
            closed: None,
            reported,
        })
    }

    /// Runs to the end and returns the result.
    pub(crate) fn measure(mut self) -> Summary {
        let how = self.play();
        if matches!(how, Err(Early::Stopped)) {
            self.leave_out();
            let text = format!("the run was stopped before all of its {} joins were over", self.config.joins);
            self.recorder.warn(Warning::new(Code::Input, text));
        }
        if let Err(Early::Gone(why)) = &how {
            self.recorder.leave_out_join();
            self.recorder.warn(Warning::new(Code::StreamStopped, why.clone()));
        }
        self.finish(how)
    }

    /// Plays the requested number of joins.
    fn play(&mut self) -> Result<(), Early> {
        let mut joined = 0;
        // When the current join was first tried.
        let mut tried: Option<Instant> = None;
        while joined < self.config.joins {
            let mut join = Join::new(self.config.via, self.clocks);
            self.ask_origin(&mut join, joined);
            self.open_page(&mut join)?;
            if join.served.is_none() {
                // A stream that is waited for may have come meanwhile.
                self.ask_origin(&mut join, joined);
            }
            let since = *tried.get_or_insert_with(Instant::now);
            let played = self.play_once(&mut join);
            if matches!(played, Err(Early::Stopped)) {
                self.take_what_is_there(&mut join);
            }
            let failed = join.end.take().filter(|error| error.kind != "none");
            let gone = failed.as_ref().filter(|error| may_come(error)).map(told);
            match &gone {
                Some(why) if join.first_picture.is_none() && since.elapsed() < self.config.wait => {
                    self.output.event("waiting", "", format_args!("{why}; trying again"));
                    self.rest(RETRY)?;
                }
                Some(why) if join.first_picture.is_none() && joined > 0 => {
                    let of = self.config.joins;
                    return Err(Early::Gone(format!("only {joined} of {of} joins were played ({why})")));
                }
                _ => {
                    (joined, tried) = (joined + 1, None);
                    if matches!(played, Err(Early::Stopped)) && self.leave_out() {
                        return played;
                    }
                    self.account(&mut join, joined, gone.as_deref());
                    played?;
                    if let Some(error) = failed.filter(|_| gone.is_none() || join.first_picture.is_none()) {
                        return Err(Early::Failed(told(&error)));
                    }
                }
            }
            if joined < self.config.joins {
                self.say(ToPage::Reload);
                self.socket = None;
            }
        }
        Ok(())
    }

    /// The user stopped the run: the page's remaining messages are still part of the measurement.
    fn take_what_is_there(&mut self, join: &mut Join) {
        self.is_stopping = true;
        self.ask_last(join);
        self.say(ToPage::Stop);
        // A closed page has nothing left to send.
        let _ = self.until(join, END_LIMIT, |_, join| join.end.is_some());
    }

    /// Waits for the page to connect, the first time for whoever opens it, and for its clock to be estimated.
    fn open_page(&mut self, join: &mut Join) -> Result<(), Early> {
        let by_hand = self.browser.is_none();
        self.until(join, PAGE_LIMIT, |session, _| session.socket.is_some() || by_hand)?;
        // No time limit for a person.
        while self.socket.is_none() && by_hand {
            self.until(join, SECOND, |session, _| session.socket.is_some())?;
        }
        if self.socket.is_none() {
            return Err(Early::Failed(format!("the browser did not open {}", redact::url(&self.server.page))));
        }
        if by_hand && !self.was_opened {
            self.output.event("opened", "", "the page is open in a browser");
        }
        self.was_opened = true;
        self.until(join, SETTLING_LIMIT, |_, join| join.clock.is_settled())?;
        if !join.clock.is_settled() {
            return Err(Early::Failed("the page does not answer".to_owned()));
        }
        Ok(())
    }

    /// Runs one join, from `start` to the page's last message.
    fn play_once(&mut self, join: &mut Join) -> Result<(), Early> {
        let config = self.config;
        let media = self.server.media.clone();
        self.say(ToPage::Start(Start::of(config, &media)));
        let has_ended = |_: &Self, join: &Join| join.end.is_some();
        self.until(join, FIRST_PICTURE_LIMIT, |_, join| join.end.is_some() || join.first_picture.is_some())?;
        let duration = self.common.duration;
        if let Some(first) = join.first_picture {
            self.output.event("connected", "", format_args!("playing {}", config.url));
            // The page's messages describe a moment ago.
            let passed = self.clock.now().mono - first;
            self.until(join, duration.saturating_sub(passed), has_ended)?;
        }
        if join.end.is_none() {
            self.ask_last(join);
            self.say(ToPage::Stop);
            self.until(join, END_LIMIT, has_ended)?;
        }
        Ok(())
    }

    /// Handles events until `done` returns true, or for `limit` at most.
    fn until(&mut self, join: &mut Join, limit: Duration, done: impl Fn(&Self, &Join) -> bool) -> Result<(), Early> {
        let end = Instant::now() + limit;
        while !done(self, join) && Instant::now() < end {
            if !self.is_stopping && self.stop.is_requested() {
                return Err(Early::Stopped);
            }
            match self.server.events.recv_timeout(TICK) {
                Ok(event) => self.event(event, join)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(Early::Failed("the server ended".to_owned())),
            }
            if let Some(how) = self.browser.as_mut().and_then(Browser::has_ended) {
                return Err(Early::Failed(format!("the browser exited unexpectedly ({how})")));
            }
            // A browser that was killed exits a moment later.
            let limit = if self.browser.is_some() { EXIT_LIMIT } else { Duration::ZERO };
            if self.closed.is_some_and(|closed| closed.elapsed() >= limit) {
                return Err(Early::Failed("the page was closed".to_owned()));
            }
            self.follow_origin(join);
            self.report(join);
        }
        Ok(())
    }

    fn event(&mut self, Event { socket, what }: Event, join: &mut Join) -> Result<(), Early> {
        if let What::Opened(sender) = what {
            // One page plays; another that is opened meanwhile is let go.
            if self.socket.is_none() {
                self.socket = Some((socket, sender));
            }
            return Ok(());
        }
        if self.socket.as_ref().is_none_or(|(known, _)| *known != socket) {
            return Ok(());
        }
        match what {
            What::Probed(probe) => join.probed(probe),
            What::Lines(text) => {
                let now = self.now();
                join.lines(&text, &mut self.recorder, now);
                self.recorder.viewed(join.browser.clone(), join.viewed.clone());
            }
            What::Closed if join.end.is_none() => self.closed = Some(Instant::now()),
            What::Closed => self.socket = None,
            What::Opened(_) => {}
        }
        Ok(())
    }

    /// Reads both clocks. The report accounts for earlier suspends.
    fn now(&mut self) -> Now {
        let now = self.clock.now();
        self.recorder.slept(self.clock.slept(), now);
        now
    }

    fn say(&mut self, message: ToPage<'_>) {
        let Some((_, sender)) = &self.socket else { return };
        if sender.try_send(message.to_text()).is_err() {
            tracing::debug!("the page takes no messages");
        }
    }

    fn rest(&mut self, time: Duration) -> Result<(), Early> {
        self.stop.sleep(time);
        if self.stop.is_requested() { Err(Early::Stopped) } else { Ok(()) }
    }
}
