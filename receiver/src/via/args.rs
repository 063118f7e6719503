//! The flags of measuring in a browser, as typed. [`super::config`] makes sense of them.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use common::units::parse_duration;

use super::browser::Choice;
use super::options::PlayerOption;

/// The flags.
#[derive(Clone, Debug, clap::Args)]
pub struct ViaArgs {
    /// Play in a browser, and measure there. URL is then what a viewer would open: a playlist (ll-hls, hls), a manifest (dash), or
    /// /cam/mse of framelag's server.
    #[arg(long, value_enum)]
    pub via: Option<Via>,

    /// What plays it there. Default: hls.js or dash.js; own for the presets ultra and frame.
    #[arg(long, value_enum, requires = "via")]
    pub player: Option<Player>,

    /// Settings for the player, by name. Default: the player's own.
    #[arg(long, value_enum, requires = "via")]
    pub preset: Option<Preset>,

    /// How much the player keeps buffered ahead, such as 60ms. Default: the preset's.
    #[arg(long, value_name = "TIME", requires = "via", value_parser = parse_duration)]
    pub cushion: Option<Duration>,

    /// Set an option of hls.js or dash.js by the name that it has there, such as maxBufferLength=2 or
    /// streaming.delay.liveDelay=0.2. It goes before the preset's. Repeatable.
    #[arg(long = "player-option", value_name = "NAME=VALUE", requires = "via", value_parser = PlayerOption::parse)]
    pub player_options: Vec<PlayerOption>,

    /// Play N times, for --duration (default 10s) each, in a page that is loaded anew.
    #[arg(long, value_name = "N", default_value_t = 5, requires = "via", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub joins: u32,

    /// chromium, firefox, the path of either, or none: print a URL to open by hand, on this host or, with --listen, on any
    /// device.
    #[arg(long, value_name = "NAME|PATH", default_value = "chromium", requires = "via", value_parser = parse_browser)]
    pub browser: Choice,

    /// Serve the page at this address of this host, over TLS and for who opens it first: a phone, say. Takes --browser none.
    #[arg(long, value_name = "ADDR:PORT", requires = "via")]
    pub listen: Option<SocketAddr>,
}

fn parse_browser(text: &str) -> Result<Choice, std::convert::Infallible> {
    Ok(Choice::parse(text))
}

/// How a stream comes to a browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Via {
    /// A playlist with parts (RFC 8216bis).
    LlHls,
    /// A playlist of segments.
    Hls,
    /// A manifest.
    Dash,
    /// One streamed response of fragments, for Media Source Extensions.
    Mse,
}

/// What plays it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Player {
    /// hls.js.
    #[value(name = "hls.js")]
    HlsJs,
    /// dash.js.
    #[value(name = "dash.js")]
    DashJs,
    /// The browser's own.
    Native,
    /// Framelag's.
    Own,
}

/// Settings by name, of players and servers alike.
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
    /// The name on command lines and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LlHls => "ll-hls",
            Self::Hls => "hls",
            Self::Dash => "dash",
            Self::Mse => "mse",
        }
    }

    /// What framelag's server and others call it.
    pub const fn file(self) -> &'static str {
        match self {
            Self::LlHls | Self::Hls => "index.m3u8",
            Self::Dash => "manifest.mpd",
            Self::Mse => "mse",
        }
    }

    /// Those that play it, the usual one first.
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
    /// The name on command lines and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HlsJs => "hls.js",
            Self::DashJs => "dash.js",
            Self::Native => "native",
            Self::Own => "own",
        }
    }

    /// The file that a build has to have for it.
    pub(super) const fn library(self) -> Option<&'static str> {
        match self {
            Self::HlsJs => Some("vendor/hls.mjs"),
            Self::DashJs => Some("vendor/dash.mjs"),
            Self::Native | Self::Own => None,
        }
    }
}

impl Preset {
    /// The name on command lines and in reports.
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
