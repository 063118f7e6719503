//! The settings a plan can vary. `publisher.X`, `receiver.X` and the settings of the player in a browser become flags
//! of that program, whose own parser validates them. Segment settings go to the server in between, chosen by
//! `server`; `uplink` and `downlink` are the networks on its two sides.

use clap::Parser;
use common::impair::Conditions;
use common::redact;
use common::units::{parse_rate, parse_share};

use super::segments::Segments;
use super::server::Server;
use crate::proxy::delay;

mod table;

pub use table::ALL;

/// What can be varied.
#[derive(Debug)]
pub struct Setting {
    /// As written in a plan: `PART.WHAT`, or one word.
    pub name: &'static str,
    /// A value that it takes, as TOML.
    pub(super) example: &'static str,
}

/// All settings of a cell together. A part that no setting names has its program's defaults.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parts {
    /// Flags of the publisher: `--flag=value`.
    pub publisher: Vec<String>,
    /// Flags of the receiver: `--flag=value`.
    pub receiver: Vec<String>,
    /// The server as written in the plan; see [`Parts::server`].
    server: Option<Server>,
    /// Segment settings for browsers.
    pub segments: Segments,
    /// Between publisher and server, both ways.
    pub uplink: Conditions,
    /// Between server and receiver, both ways.
    pub downlink: Conditions,
}

/// The setting with this name.
pub(super) fn find(name: &str) -> Option<&'static Setting> {
    ALL.iter().find(|setting| setting.name == name)
}

/// Whether settings begin with `name.`.
pub(super) fn is_part(name: &str) -> bool {
    ALL.iter().any(|setting| setting.name.split_once('.').is_some_and(|(part, _)| part == name))
}

/// One-word settings that are flags of the receiver.
const OF_PLAYER: [&str; 4] = ["via", "player", "preset", "cushion"];

/// Settings that are flags of the server.
const OF_SERVER: [&str; 5] = ["via", "preset", "segment", "part", "playlist"];

/// Libraries whose options are settings.
const LIBRARIES: [&str; 2] = ["hls.js.", "dash.js."];

impl Setting {
    /// Returns the flag of publisher, receiver or server that the setting becomes, if any.
    pub fn flag(&self) -> Option<String> {
        if OF_PLAYER.contains(&self.name) || OF_SERVER.contains(&self.name) {
            return Some(format!("--{}", self.name));
        }
        if let Some(option) = self.player_option() {
            return Some(format!("--player-option {option}"));
        }
        let (part, what) = self.name.split_once('.')?;
        ["publisher", "receiver"].contains(&part).then(|| format!("--{what}"))
    }

    /// Returns the player library's option that the setting names, if any.
    fn player_option(&self) -> Option<&'static str> {
        LIBRARIES.iter().find_map(|library| self.name.strip_prefix(library))
    }

    /// Whether `text` is possible, whatever else is set.
    pub(super) fn check(&self, text: &str) -> Result<(), String> {
        let mut parts = Parts::default();
        self.set(&mut parts, text)?;
        if OF_PLAYER.contains(&self.name) || self.player_option().is_some() {
            return parts.receiver_args().map(drop);
        }
        match self.name.split_once('.') {
            Some(("publisher", _)) => parts.publisher_args().map(drop),
            Some(("receiver", _)) => parts.receiver_config().map(drop),
            _ if OF_SERVER.contains(&self.name) => Ok(()),
            _ => parts.server().check(),
        }
    }

    /// Sets it. A program's flag is looked at by [`Parts::publisher_config`] and [`Parts::receiver_config`].
    ///
    /// # Errors
    /// Explains why `text` is not a valid server, network condition or length.
    pub fn set(&self, parts: &mut Parts, text: &str) -> Result<(), String> {
        if let Some(option) = self.player_option() {
            parts.receiver.push(format!("--player-option={option}={text}"));
            return Ok(());
        }
        match self.name.split_once('.') {
            Some(("publisher", "encoder-option")) => {
                let options = text.split_whitespace().filter(|option| *option != NO_OPTION);
                parts.publisher.extend(options.map(|option| format!("--encoder-option={option}")));
            }
            Some(("publisher", what)) => parts.publisher.push(format!("--{what}={text}")),
            Some(("receiver", what)) => parts.receiver.push(format!("--{what}={text}")),
            Some(("uplink", what)) => set_condition(&mut parts.uplink, what, text)?,
            Some((_, what)) => set_condition(&mut parts.downlink, what, text)?,
            None if self.name == "server" => parts.server = Some(text.parse()?),
            None => {
                if OF_PLAYER.contains(&self.name) {
                    parts.receiver.push(format!("--{}={text}", self.name));
                }
                if OF_SERVER.contains(&self.name) || self.name == "variant" {
                    parts.segments.set(self.name, text)?;
                }
            }
        }
        Ok(())
    }
}

/// An axis of encoder options needs a value for "no options".
const NO_OPTION: &str = "none";

impl Parts {
    /// Returns the server between publisher and receiver: embedded in the publisher by default, unless a browser
    /// plays.
    pub fn server(&self) -> Server {
        let default = || if self.segments.via.is_some() { Server::Own } else { Server::Embedded };
        self.server.clone().unwrap_or_else(default)
    }

    /// Checks whether the server supports what the browser is to play.
    ///
    /// # Errors
    /// Names the unsupported setting and what to use instead.
    pub fn check_segments(&self) -> Result<(), String> {
        self.segments.check(&self.server())
    }

    /// What the publisher makes of its flags.
    ///
    /// # Errors
    /// What it says against them.
    pub fn publisher_config(&self) -> Result<publisher::config::Config, String> {
        let config = publisher::config::Config::resolve(self.publisher_args()?);
        config.map_err(|error| redact::secrets(&error.to_string()))
    }

    /// Its flags, each checked by itself: not whether they fit together, such as a bit rate and an encoder.
    fn publisher_args(&self) -> Result<publisher::args::Args, String> {
        let args = publisher::args::Args::try_parse_from(command("publisher", &self.publisher));
        args.map_err(|error| redact::one_line(&error.to_string()))
    }

    /// What the receiver makes of its flags.
    ///
    /// # Errors
    /// What it says against them.
    pub fn receiver_config(&self) -> Result<receiver::config::Config, String> {
        receiver::config::Config::try_from(self.receiver_args()?).map_err(|error| redact::secrets(&error.to_string()))
    }

    /// Returns the receiver's flags. A preset is also the server's: the receiver gets it only if its player has settings of
    /// that name.
    pub fn receiver_flags(&self) -> Vec<String> {
        let mut flags = self.receiver.clone();
        if Self::parsed(&flags).is_ok_and(|args| !args.via.preset_fits()) {
            flags.retain(|flag| !flag.starts_with("--preset="));
        }
        flags
    }

    fn receiver_args(&self) -> Result<receiver::args::Args, String> {
        Self::parsed(&self.receiver_flags())
    }

    /// Parses the receiver's `flags`, each on its own, with a URL that fits.
    fn parsed(flags: &[String]) -> Result<receiver::args::Args, String> {
        let via = flags.iter().any(|flag| flag.starts_with("--via="));
        let in_browser = |flag: &String| !flag.starts_with("--transport=");
        // A flag for browsers only, validated on its own.
        let needs_via = !via && flags.iter().any(in_browser);
        let more =
            needs_via.then_some("--via=hls").into_iter().chain((via || needs_via).then_some("http://localhost/cam"));
        let args = receiver::args::Args::try_parse_from(command("receiver", flags).chain(more));
        args.map_err(|error| redact::one_line(&error.to_string()))
    }
}

fn command<'a>(program: &'a str, flags: &'a [String]) -> impl Iterator<Item = &'a str> {
    std::iter::once(program).chain(flags.iter().map(String::as_str))
}

fn set_condition(conditions: &mut Conditions, what: &str, text: &str) -> Result<(), String> {
    match what {
        "delay" => conditions.delay = delay(text)?,
        "jitter" => conditions.jitter = delay(text)?,
        "hold" => conditions.hold = delay(text)?,
        "loss" => conditions.loss = share(text)?,
        "reorder" => conditions.reorder = share(text)?,
        "duplicate" => conditions.duplicate = share(text)?,
        // An axis needs a value for a network without a limit.
        "rate" if text == "none" => conditions.rate_bps = 0,
        "rate" => conditions.rate_bps = parse_rate(text).map_err(|error| format!("{error}, or none"))?,
        _ => conditions.queue_bytes = queue(text)?,
    }
    Ok(())
}

/// A share below 100 %, which would leave nothing.
fn share(text: &str) -> Result<f64, String> {
    let share = parse_share(text).map_err(|error| error.to_string())?;
    if share < 1.0 { Ok(share) } else { Err("100% leaves nothing to measure: lower it".to_owned()) }
}

fn queue(text: &str) -> Result<usize, String> {
    /// The largest packet of an Ethernet has to fit in.
    const LEAST: usize = 1500;
    let bytes = text.parse().ok().filter(|bytes| *bytes >= LEAST);
    bytes.ok_or_else(|| format!("a queue is a number of bytes, at least {LEAST}"))
}

#[cfg(test)]
mod tests;
