//! Measuring in a browser: `receiver --via`. A browser brings readings, not pictures: it receives, decodes, shows and reads by
//! itself, and what its page reports goes straight to [`report::Recorder`].
//!
//! ```text
//! browser ── WebSocket ──▶ server (a runtime) ── events ──▶ the caller's thread
//!   plays, reads codes       probes its clock                 join → Observation → Recorder
//! ```

use std::io;
use std::time::{Duration, Instant};

use common::clock::Clock;
use common::host::{Stop, SystemClock, clock};
use common::printable::excerpt;
use common::time::Now;
use crossbeam_channel::RecvTimeoutError;
use report::run::Settings;
use report::warning::Code;
use report::{Place, Recorder, Setup, Summary, Warning};
use serde_json::{Map, Value};
use tokio::sync::mpsc;

use crate::output::Output;

pub(crate) mod args;
mod assets;
mod browser;
pub(crate) mod config;
mod join;
mod page_clock;
mod protocol;
mod server;

pub use config::Config;

use browser::Browser;
use join::Join;
use protocol::{EndError, Start, ToPage};
use server::{Event, Server, What};

/// How often the report is told that time passes.
const TICK: Duration = Duration::from_millis(20);
const SECOND: Duration = Duration::from_secs(1);
/// How long a browser may take to open the page, or to load it anew.
const PAGE_LIMIT: Duration = Duration::from_secs(60);
/// How long the page's clock is asked before it plays.
const SETTLING_LIMIT: Duration = Duration::from_secs(5);
/// How long a player may take to its first picture.
const FIRST_PICTURE_LIMIT: Duration = Duration::from_secs(30);
/// How long a page may take to send what it holds.
const END_LIMIT: Duration = Duration::from_secs(3);
/// Rest before a stream that is not there yet is tried again.
const RETRY: Duration = Duration::from_millis(500);

/// Why a run in a browser cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No browser.
    #[error(transparent)]
    Browser(#[from] browser::Error),
    /// The report cannot be written.
    #[error(transparent)]
    Report(#[from] report::Error),
    /// The page cannot be served.
    #[error("cannot serve the measuring page: {0}")]
    Serve(io::Error),
    /// The build lacks a library.
    #[error("this receiver was built without {player}: run {}", assets::REMEDY)]
    Library {
        /// Whose.
        player: &'static str,
    },
}

/// What every run has, be it in a browser or not.
#[derive(Debug)]
pub(crate) struct Common<'a> {
    /// From the first picture of a join to its end.
    pub(crate) duration: Duration,
    pub(crate) warmup: Duration,
    pub(crate) settings: Settings,
    pub(crate) folder: Option<Place>,
    pub(crate) assertions: &'a [report::Assertion],
}

/// Plays and measures what `config` asks for in a browser. Tells `output` how it goes.
///
/// # Errors
/// [`Error`] if the run cannot begin. What goes wrong later is in the summary.
pub(crate) fn run(config: &Config, common: Common<'_>, output: &Output, stop: &Stop) -> Result<Summary, Error> {
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
        clocks: config.clocks(),
        config: common.settings.clone(),
        host: report::host::describe(),
        folder: common.folder.clone(),
    };
    let recorder = Recorder::in_browser(setup, config.via.name(), config.player.name())?;
    let server = Server::start(clock.clone()).map_err(Error::Serve)?;
    let browser = Browser::open(&config.browser, &server.page)?;
    if browser.is_none() {
        output.event("page", "", format_args!("open {} in a browser on this host", server.page));
    }
    let reported = Instant::now();
    let mut run = Run { config, common, output, stop, clock, recorder, server, browser, socket: None, reported };
    let how = run.play();
    Ok(run.finish(how))
}

struct Run<'a> {
    config: &'a Config,
    common: Common<'a>,
    output: &'a Output,
    stop: &'a Stop,
    clock: SystemClock,
    recorder: Recorder,
    server: Server,
    browser: Option<Browser>,
    /// The newest of the page.
    socket: Option<(u64, mpsc::Sender<String>)>,
    reported: Instant,
}

/// How a join ended early.
enum Early {
    /// The user wants no more.
    Stopped,
    /// It failed, and so does the run.
    Failed(String),
}

impl Run<'_> {
    /// Plays as often as was asked for.
    fn play(&mut self) -> Result<(), Early> {
        let began = Instant::now();
        let mut joined = 0;
        while joined < self.config.joins {
            let mut join = Join::new(self.config.clocks());
            self.open_page(&mut join)?;
            self.play_once(&mut join)?;
            let ended = join.end.take();
            let failed = ended.filter(|error| error.kind != "none");
            match failed {
                Some(error)
                    if may_come(&error) && join.first_picture.is_none() && began.elapsed() < self.config.wait =>
                {
                    self.output.event("waiting", "", format_args!("{}; trying again", told(&error)));
                    self.rest(RETRY)?;
                }
                Some(error) => return Err(Early::Failed(told(&error))),
                None => {
                    joined += 1;
                    self.account(&join);
                }
            }
            if joined < self.config.joins {
                self.say(ToPage::Reload);
                self.socket = None;
            }
        }
        Ok(())
    }

    /// Waits for the page, and until its clock is known.
    fn open_page(&mut self, join: &mut Join) -> Result<(), Early> {
        let by_hand = self.browser.is_none();
        self.until(join, PAGE_LIMIT, |run, _| run.socket.is_some() || by_hand)?;
        // A person takes as long as they take.
        while self.socket.is_none() && by_hand {
            self.until(join, SECOND, |run, _| run.socket.is_some())?;
        }
        if self.socket.is_none() {
            return Err(Early::Failed(format!("the browser did not open {}", self.server.page)));
        }
        self.until(join, SETTLING_LIMIT, |_, join| join.clock.is_settled())?;
        if !join.clock.is_settled() {
            return Err(Early::Failed("the page does not answer".to_owned()));
        }
        Ok(())
    }

    /// From `start` to the page's last message.
    fn play_once(&mut self, join: &mut Join) -> Result<(), Early> {
        let config = self.config;
        let cushion = config.cushion_ms.map(|cushion| ("cushionMs".to_owned(), Value::from(cushion)));
        self.say(ToPage::Start(Start {
            player: config.page_player(),
            url: config.url.url().as_str(),
            preset: config.preset.map(args::Preset::name),
            options: cushion.into_iter().collect::<Map<_, _>>(),
            clock_shift_us: config.clock_shift_us,
        }));
        let has_ended = |_: &Self, join: &Join| join.end.is_some();
        self.until(join, FIRST_PICTURE_LIMIT, |_, join| join.end.is_some() || join.first_picture.is_some())?;
        let duration = self.common.duration;
        if let Some(first) = join.first_picture {
            // What the page tells is a moment old.
            let passed = self.clock.now().mono - first;
            self.until(join, duration.saturating_sub(passed), has_ended)?;
        }
        if join.end.is_none() {
            self.say(ToPage::Stop);
            self.until(join, END_LIMIT, has_ended)?;
        }
        Ok(())
    }

    /// Takes events until `done`, or for as long as `limit`.
    fn until(&mut self, join: &mut Join, limit: Duration, done: impl Fn(&Self, &Join) -> bool) -> Result<(), Early> {
        let end = Instant::now() + limit;
        while !done(self, join) && Instant::now() < end {
            if self.stop.is_requested() {
                return Err(Early::Stopped);
            }
            match self.server.events.recv_timeout(TICK) {
                Ok(event) => self.event(event, join)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(Early::Failed("the server ended".to_owned())),
            }
            if let Some(how) = self.browser.as_mut().and_then(Browser::has_ended) {
                return Err(Early::Failed(format!("the browser ended by itself ({how})")));
            }
            self.report();
        }
        Ok(())
    }

    fn event(&mut self, Event { socket, what }: Event, join: &mut Join) -> Result<(), Early> {
        if let What::Opened(sender) = what {
            // One that was reloaded, or opened once more: the newest page plays.
            self.socket = Some((socket, sender));
            return Ok(());
        }
        if self.socket.as_ref().is_none_or(|(newest, _)| *newest != socket) {
            return Ok(());
        }
        match what {
            What::Probed(probe) => join.probed(probe),
            What::Lines(text) => {
                let now = self.now();
                join.lines(&text, &mut self.recorder, now);
                self.recorder.viewed(join.browser.clone(), join.viewed.clone());
            }
            What::Closed if join.end.is_none() => return Err(Early::Failed("the page was closed".to_owned())),
            What::Closed | What::Opened(_) => {}
        }
        Ok(())
    }

    /// Both clocks, now. The report knows of the suspends that lie before.
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

    /// Tells the user how it goes, once a second.
    fn report(&mut self) {
        if self.reported.elapsed() < SECOND {
            return;
        }
        self.reported = Instant::now();
        if let Some(why) = self.recorder.take_trouble() {
            self.output.event("report", "", format_args!("{why}; measuring goes on without a report"));
        }
        let live = self.recorder.live();
        self.output.second(Duration::ZERO, std::iter::once(("", live)));
    }

    /// A join is over.
    fn account(&mut self, join: &Join) {
        let now = self.now();
        let mut warn = |code, text: String| self.recorder.warn(Warning::new(code, text));
        if join.malformed > 0 {
            warn(Code::Input, format!("{} messages of the page could not be read", join.malformed));
        }
        if join.unsent > 0 {
            warn(Code::Input, format!("{} messages were left out by the page: the receiver was too slow", join.unsent));
        }
        if join.was_hidden {
            warn(
                Code::Input,
                "the page was not on screen all the time, where browsers tell nothing of pictures".to_owned(),
            );
        }
        self.recorder.end_join(join.ended.unwrap_or(now));
    }

    fn finish(mut self, how: Result<(), Early>) -> Summary {
        // Children first: what they do from here on is no part of the measurement.
        drop(self.browser.take());
        if clock::is_handed_in().unwrap_or(true) {
            let text = format!("{} is set: the wall clock of this run is not the host's", clock::TEST_VARIABLE);
            self.recorder.warn(Warning::new(Code::Input, text));
        }
        if let Err(Early::Failed(why)) = how {
            self.output.event("failed", "", &why);
            self.recorder.fail(why);
        }
        let now = self.now();
        self.recorder.finish(now, self.common.assertions).with_pages(render::pages_of)
    }
}

/// A stream that is not there may come: publisher and receiver are started in any order.
fn may_come(error: &EndError) -> bool {
    matches!(error.kind.as_str(), "network" | "http-status")
}

/// Why a page stopped playing, in one line.
fn told(error: &EndError) -> String {
    let status = error.status.map(|status| format!(" {status}")).unwrap_or_default();
    format!("{}{status}: {}", excerpt(&error.kind, 40), excerpt(&error.message, 300))
}
