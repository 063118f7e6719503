//! Command-line flags for measuring in a browser, as typed. [`super::config`] validates them.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use common::units::parse_duration;

use super::browser::Choice;
use super::options::PlayerOption;

/// The flags.
#[derive(Clone, Debug, clap::Args)]
pub struct ViaArgs {
    /// Play in a browser and measure there. URL is what a viewer would open: a playlist (ll-hls, hls), a manifest
    /// (dash), or /cam/mse of framelag's server.
    #[arg(long, value_enum)]
    pub via: Option<Via>,

    /// Choose the player in the page. Default: hls.js or dash.js, and own for the presets ultra and frame.
    #[arg(long, value_enum, requires = "via")]
    pub player: Option<Player>,

    /// Use a named preset of player settings. Default: the player's own settings.
    #[arg(long, value_enum, requires = "via")]
    pub preset: Option<Preset>,

    /// Keep this much media buffered ahead, such as 60ms. Default: the preset's.
    #[arg(long, value_name = "TIME", requires = "via", allow_hyphen_values = true, value_parser = parse_cushion)]
    pub cushion: Option<Duration>,

    /// Set an option of hls.js or dash.js by its library name, such as maxBufferLength=2 or
    /// streaming.delay.liveDelay=0.2. Overrides the preset. Repeatable.
    #[arg(long = "player-option", value_name = "NAME=VALUE", requires = "via", value_parser = PlayerOption::parse)]
    pub player_options: Vec<PlayerOption>,

    /// Play N times, each for --duration (default 10s) in a freshly loaded page.
    #[arg(long, value_name = "N", default_value_t = 5, requires = "via", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub joins: u32,

    /// Open chromium, firefox, or the browser at a path; with none, print a URL to open by hand, on this host or,
    /// with --listen, on any device.
    #[arg(long, value_name = "NAME|PATH", default_value = "chromium", requires = "via", value_parser = Choice::parse)]
    pub browser: Choice,

    /// Serve the page over TLS at this address of this host, to the first browser that runs it, such as a phone's.
    /// Requires --browser none.
    #[arg(long, value_name = "ADDR:PORT", requires = "via")]
    pub listen: Option<SocketAddr>,
}

impl ViaArgs {
    /// Returns the player: the one chosen, or the default of `via`.
    pub(super) fn player(&self, via: Via) -> Player {
        self.player.unwrap_or(via.players(self.preset)[0])
    }

    /// Whether the preset, if any, has settings for the player.
    pub fn preset_fits(&self) -> bool {
        self.via.zip(self.preset).is_none_or(|(via, preset)| self.player(via).presets().contains(&preset))
    }
}

/// Longest cushion: a live playlist seldom has more.
const CUSHION_MAX: Duration = Duration::from_secs(60);

fn parse_cushion(text: &str) -> Result<Duration, String> {
    let cushion = parse_duration(text).map_err(|error| error.to_string())?;
    if cushion > CUSHION_MAX {
        return Err(format!("use at most {}s", CUSHION_MAX.as_secs()));
    }
    Ok(cushion)
}

/// The default URLs by `--via`: those of the publisher's embedded server.
pub(crate) const DEFAULT_URLS: [(&str, &str, &str); 4] = [
    ("via", "ll-hls", "http://127.0.0.1:8080/cam/index.m3u8"),
    ("via", "hls", "http://127.0.0.1:8080/cam/index.m3u8"),
    ("via", "dash", "http://127.0.0.1:8080/cam/manifest.mpd"),
    ("via", "mse", "http://127.0.0.1:8080/cam/mse"),
];

/// How the stream reaches the browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Via {
    /// A playlist with parts (RFC 8216bis).
    LlHls,
    /// A playlist of segments.
    Hls,
    /// A DASH manifest.
    Dash,
    /// One streamed response of fragments, for Media Source Extensions.
    Mse,
}

/// The player.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Player {
    /// hls.js.
    #[value(name = "hls.js")]
    HlsJs,
    /// dash.js.
    #[value(name = "dash.js")]
    DashJs,
    /// The browser's built-in player.
    Native,
    /// Framelag's own player.
    Own,
}

/// Named settings, shared by players and servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Preset {
    /// 200 ms segments, 50 ms parts.
    Ultra,
    /// 0.5 s segments, a list of 3.
    RealTime,
    /// 2 s segments, a list of 3.
    Safe,
    /// One-frame parts.
    Frame,
}

impl Via {
    /// Returns the name used on command lines and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LlHls => "ll-hls",
            Self::Hls => "hls",
            Self::Dash => "dash",
            Self::Mse => "mse",
        }
    }

    /// Returns the name that framelag's server and others use.
    pub const fn file(self) -> &'static str {
        match self {
            Self::LlHls | Self::Hls => "index.m3u8",
            Self::Dash => "manifest.mpd",
            Self::Mse => "mse",
        }
    }

    /// Returns the players that support it, the default first.
    pub(super) const fn players(self, preset: Option<Preset>) -> &'static [Player] {
        match (self, preset) {
            (Self::LlHls, Some(Preset::Ultra | Preset::Frame)) => &[Player::Own, Player::HlsJs, Player::Native],
            (Self::LlHls | Self::Hls, _) => &[Player::HlsJs, Player::Own, Player::Native],
            (Self::Dash, _) => &[Player::DashJs],
            (Self::Mse, _) => &[Player::Own],
        }
    }
}

impl Player {
    /// Returns the name used on command lines and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HlsJs => "hls.js",
            Self::DashJs => "dash.js",
            Self::Native => "native",
            Self::Own => "own",
        }
    }

    /// Returns the presets that have settings for it, as named in `web/players/presets.js`.
    pub(super) const fn presets(self) -> &'static [Preset] {
        match self {
            Self::HlsJs | Self::DashJs => &[Preset::Ultra, Preset::RealTime, Preset::Safe, Preset::Frame],
            Self::Own => &[Preset::Ultra, Preset::Frame],
            Self::Native => &[],
        }
    }

    /// Returns the library file that a build needs for it.
    pub(super) const fn library(self) -> Option<&'static str> {
        match self {
            Self::HlsJs => Some("vendor/hls.mjs"),
            Self::DashJs => Some("vendor/dash.mjs"),
            Self::Native | Self::Own => None,
        }
    }
}

impl Preset {
    /// Returns the name used on command lines and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ultra => "ultra",
            Self::RealTime => "real-time",
            Self::Safe => "safe",
            Self::Frame => "frame",
        }
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Player {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
