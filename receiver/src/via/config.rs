//! What a browser plays, and how: validated before anything is opened.

use std::net::SocketAddr;
use std::time::Duration;

use common::stream_url::{Error as UrlError, StreamUrl};
use measure::Clocks;
use report::run::Settings;
use report::{Assertion, Place};
use serde_json::Map;

use super::args::{Player, Preset, Via, ViaArgs};
use super::browser::Choice;
use super::options::PlayerOption;
use crate::args::Args;

/// What a browser plays, and how.
#[derive(Clone, Debug)]
pub struct Config {
    pub(super) via: Via,
    pub(super) player: Player,
    pub(super) preset: Option<Preset>,
    pub(super) cushion_ms: Option<f64>,
    pub(super) options: Vec<PlayerOption>,
    pub(super) joins: u32,
    pub(super) browser: Choice,
    /// Address at which the page is served; `None` means loopback.
    pub(super) listen: Option<SocketAddr>,
    pub(super) url: StreamUrl,
    /// How long to wait for a stream that is not published yet.
    pub(super) wait: Duration,
    /// Whether the user declared that publisher and receiver share a clock.
    pub(super) is_same_host: bool,
}

/// Settings common to all runs, in a browser or not.
#[derive(Debug)]
pub(crate) struct Common<'a> {
    /// From the first picture of a join to its end.
    pub(crate) duration: Duration,
    pub(crate) warmup: Duration,
    pub(crate) settings: Settings,
    pub(crate) folder: Option<Place>,
    pub(crate) assertions: &'a [Assertion],
}

/// Why the flags and URL cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The URL does not fit the transport.
    #[error("{shown} cannot be played in a browser: with --via {via} write {fits}")]
    Scheme {
        /// The URL without secrets.
        shown: String,
        /// The value of `--via`.
        via: Via,
        /// A URL that fits.
        fits: String,
    },
    /// Not a URL.
    #[error(transparent)]
    Url(UrlError),
    /// A URL that pages may not fetch.
    #[error("{0}: browsers fetch no URL with a user and password in it: leave them out")]
    Credentials(String),
    /// More than one stream.
    #[error("--via plays one stream, not {0}: run one receiver per stream")]
    Several(usize),
    /// The player does not support the transport.
    #[error("--player {player} does not play {via}: use {fits}")]
    Player {
        /// The value of `--player`.
        player: Player,
        /// The value of `--via`.
        via: Via,
        /// The players that do.
        fits: String,
    },
    /// `--listen` with a browser that is started here, which needs no other address.
    #[error("--listen is for a browser that you open yourself: add --browser none")]
    ListenBrowser,
    /// An address that cannot be given to other devices.
    #[error("--listen {address}: name the address of this host that the device reaches, such as 192.168.1.20:{port}")]
    ListenAnywhere {
        /// As typed.
        address: SocketAddr,
        /// Its port.
        port: u16,
    },
    /// The preset has no settings for the player.
    #[error("--preset {} has no settings for --player {player}: {fits}", preset.name())]
    Preset {
        /// The value of `--preset`.
        preset: Preset,
        /// The player in use.
        player: Player,
        /// What does.
        fits: String,
    },
    /// The player does not support `--cushion`.
    #[error("--cushion does not go with --player {player}, which keeps a distance of its own: {fits}")]
    Cushion {
        /// The player in use.
        player: Player,
        /// What does.
        fits: &'static str,
    },
    /// The option belongs to another player.
    #[error("--player-option {name} is an option of {of}, and --player is {player}")]
    Option {
        /// The option.
        name: &'static str,
        /// The library it belongs to.
        of: &'static str,
        /// The player in use.
        player: Player,
    },
    /// Flags that do not apply in a browser or are not implemented yet.
    #[error("{0} does not go with --via")]
    Flag(&'static str),
    /// A clock setting that does not apply in a browser.
    #[error("--clock {0} does not go with --via, where no SEI says whose clock is whose: use auto or same-host")]
    Clock(String),
}

impl Config {
    /// Validates the flags and the URL.
    ///
    /// # Errors
    /// Fails if flags contradict each other or a browser cannot play the URL.
    pub(crate) fn new(via: Via, args: &Args, is_same_host: bool) -> Result<Self, Error> {
        let (urls, wait, args) = (&args.urls, args.wait, &args.via);
        let [text] = &urls[..] else { return Err(Error::Several(urls.len())) };
        let url = url(text, via)?;
        let players = via.players(args.preset);
        let player = args.player(via);
        if !players.contains(&player) {
            let fits = players.iter().map(|player| player.name()).collect::<Vec<_>>().join(", ");
            return Err(Error::Player { player, via, fits });
        }
        if let Some(preset) = args.preset.filter(|_| !args.preset_fits()) {
            let fits = player.presets().iter().map(|preset| preset.name()).collect::<Vec<_>>().join(", ");
            let fits = if fits.is_empty() { "leave it out".to_owned() } else { format!("use {fits}") };
            return Err(Error::Preset { preset, player, fits });
        }
        let no_cushion = match player {
            Player::DashJs => Some("use --player-option streaming.delay.liveDelay=SECONDS"),
            Player::Native => Some("leave it out"),
            Player::HlsJs | Player::Own => None,
        };
        if let Some(fits) = no_cushion.filter(|_| args.cushion.is_some()) {
            return Err(Error::Cushion { player, fits });
        }
        if let Some(other) = args.player_options.iter().find(|option| option.library().name() != player.name()) {
            return Err(Error::Option { name: other.name(), of: other.library().name(), player });
        }
        Ok(Self {
            via,
            player,
            preset: args.preset,
            options: args.player_options.clone(),
            cushion_ms: args.cushion.map(|cushion| cushion.as_secs_f64() * 1e3),
            joins: args.joins,
            browser: args.browser.clone(),
            listen: listen(args)?,
            url,
            wait,
            is_same_host,
        })
    }

    /// Returns what `run.json` records: every setting that affects the measurement, without secrets.
    pub(crate) fn describe(&self, duration: Duration, warmup: Duration) -> Settings {
        let mut other = Map::new();
        other.insert("via".to_owned(), self.via.name().into());
        other.insert("player".to_owned(), self.player.name().into());
        other.insert("preset".to_owned(), self.preset.map(Preset::name).into());
        other.insert("cushion_ms".to_owned(), self.cushion_ms.into());
        let options = self.options.iter().map(|option| (option.name().to_owned(), option.value().clone()));
        other.insert("player_options".to_owned(), options.collect::<Map<_, _>>().into());
        other.insert("joins".to_owned(), self.joins.into());
        other.insert("browser".to_owned(), self.browser.to_string().into());
        // TLS, and where the stream is plain HTTP a hop through the receiver.
        other.insert("listen".to_owned(), self.listen.map(|address| address.to_string()).into());
        Settings {
            url: Some(self.url.to_string()),
            transport: Some(self.via.name().to_owned()),
            headless: Some(self.browser != Choice::None),
            duration_s: Some(Some(duration.as_secs_f64())),
            warmup_s: Some(warmup.as_secs_f64()),
            other,
            ..Settings::default()
        }
    }

    /// Returns the URL without secrets.
    pub(crate) fn url(&self) -> String {
        self.url.to_string()
    }

    /// Returns the player's name in the page; the player of a single response has a name of its own there.
    pub(super) const fn page_player(&self) -> &'static str {
        match self.via {
            Via::Mse => "mse",
            _ => self.player.name(),
        }
    }

    /// Returns the kind of pieces that are loaded, `None` if only the browser knows: options and the preset *safe* decide
    /// whether hls.js follows parts.
    pub(super) fn loads(&self) -> Option<Via> {
        match self.player {
            Player::Native => None,
            Player::HlsJs => {
                let typed = self.options.iter().rfind(|option| option.name() == "lowLatencyMode");
                let follows_parts = typed
                    .map_or(self.via == Via::LlHls && self.preset != Some(Preset::Safe), |option| {
                        option.value().as_bool() == Some(true)
                    });
                Some(if follows_parts { Via::LlHls } else { Via::Hls })
            }
            Player::DashJs | Player::Own => Some(self.via),
        }
    }

    /// Returns the assumption about the publisher's clock: no SEI reaches a page.
    pub(super) fn clocks(&self) -> Clocks {
        if self.is_same_host {
            Clocks::ByUser
        } else if self.url.is_loopback() {
            Clocks::Assumed
        } else {
            Clocks::Unknown
        }
    }
}

/// Returns the address to serve the page at, which must be one that other devices can open.
fn listen(args: &ViaArgs) -> Result<Option<SocketAddr>, Error> {
    match args.listen {
        Some(_) if args.browser != Choice::None => Err(Error::ListenBrowser),
        Some(address) if address.ip().is_unspecified() => Err(Error::ListenAnywhere { address, port: address.port() }),
        listen => Ok(listen),
    }
}

fn url(text: &str, via: Via) -> Result<StreamUrl, Error> {
    let url =
        StreamUrl::typed(text, &["http", "https"], |name| std::env::var_os(name)).map_err(|error| match error {
            UrlError::Scheme { shown, .. } => {
                // Framelag's RTSP server serves the same stream under the same name.
                let rtsp = StreamUrl::typed(text, &[common::rtsp::SCHEME], |_| None).ok();
                let fits = rtsp.map(|url| {
                    let host = url.url().host_str().unwrap_or_default().to_owned();
                    format!("http://{host}:8080/{}/{}", url.shown_path().trim_matches('/'), via.file())
                });
                Error::Scheme {
                    shown,
                    via,
                    fits: fits.unwrap_or_else(|| format!("http://HOST:8080/cam/{}", via.file())),
                }
            }
            error => Error::Url(error),
        })?;
    if url.credentials().is_some() { Err(Error::Credentials(url.to_string())) } else { Ok(url) }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn config(arguments: &[&str]) -> Result<Config, Error> {
        let args = Args::try_parse_from([&["receiver"], arguments].concat()).expect("the flags parse");
        Config::new(args.via.via.expect("--via"), &args, false)
    }

    #[test]
    fn a_player_that_fits_is_chosen() {
        for (arguments, player) in [
            (vec!["--via", "hls", "http://h/x.m3u8"], "hls.js"),
            (vec!["--via", "ll-hls", "--preset", "frame", "http://h/x.m3u8"], "own"),
            (vec!["--via", "ll-hls", "--player", "native", "http://h/x.m3u8"], "native"),
            (vec!["--via", "dash", "https://h/x.mpd"], "dash.js"),
            (vec!["--via", "mse", "http://h/cam/mse"], "mse"),
        ] {
            assert_eq!(config(&arguments).expect("it can be played").page_player(), player, "{arguments:?}");
        }
    }

    #[test]
    fn where_the_page_is_served_is_recorded() {
        let flags = ["--via", "mse", "--browser", "none", "--listen", "127.0.0.1:443", "http://h/cam/mse"];
        for (flags, listen) in [(&flags[..], Some("127.0.0.1:443")), (&["--via", "mse", "http://h/cam/mse"], None)] {
            let settings = config(flags).expect("it fits").describe(Duration::ZERO, Duration::ZERO);
            assert_eq!(settings.other["listen"].as_str(), listen);
        }
    }

    #[test]
    fn what_cannot_be_played_is_named_with_what_can() {
        for (arguments, words) in [
            (vec!["--via", "hls", "rtsp://host:8554/cam"], "write http://host:8080/cam/index.m3u8"),
            (vec!["--via", "dash", "rtsp://u:p@host/cam"], "write http://host:8080/cam/manifest.mpd"),
            (vec!["--via", "mse", "cam"], "write http://HOST:8080/cam/mse"),
            (vec!["--via", "hls", "http://me:secret@host/x"], "no URL with a user"),
            (vec!["--via", "hls", "http://a/x", "http://b/x"], "one stream, not 2"),
            (vec!["--via", "mse", "--listen", "127.0.0.1:0", "http://a/cam/mse"], "add --browser none"),
            (
                vec!["--via", "mse", "--browser", "none", "--listen", "0.0.0.0:1", "http://a/cam/mse"],
                "such as 192.168.1.20:1",
            ),
            (vec!["--via", "dash", "--player", "own", "http://a/x"], "--player own does not play dash: use dash.js"),
            (vec!["--via", "mse", "--preset", "safe", "http://a/x"], "no settings for --player own: use ultra, frame"),
            (
                vec!["--via", "hls", "--player", "native", "--preset", "frame", "http://a/x"],
                "no settings for --player native: leave it out",
            ),
            (vec!["--via", "dash", "--cushion", "60ms", "http://a/x"], "streaming.delay.liveDelay"),
            (vec!["--via", "hls", "--player", "native", "--cushion", "60ms", "http://a/x"], "leave it out"),
            (
                vec!["--via", "dash", "--player-option", "maxBufferLength=2", "http://a/x"],
                "is an option of hls.js, and --player is dash.js",
            ),
        ] {
            let error = config(&arguments).expect_err("refused").to_string();
            assert!(error.contains(words) && !error.contains("secret"), "{error}");
        }
    }
}
