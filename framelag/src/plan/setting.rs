//! The one table of what can be varied. `publisher.X` and `receiver.X` become the flag `--X` of that program, whose own parser says
//! whether a value is possible; `server` is the server in between, `uplink` and `downlink` are the networks on its two sides.

use clap::Parser;
use common::impair::Conditions;
use common::redact;
use common::units::{parse_rate, parse_share};

use super::server::Server;
use crate::proxy::delay;

/// What can be varied.
#[derive(Debug)]
pub struct Setting {
    /// As in a plan: `PART.WHAT`, or `server`.
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
    /// The server between them.
    pub server: Server,
    /// Between publisher and server, both ways.
    pub uplink: Conditions,
    /// Between server and receiver, both ways.
    pub downlink: Conditions,
}

/// All settings, each with an example.
pub static ALL: [Setting; 25] = [
    setting("publisher.source", "\"clip.mp4\""),
    setting("publisher.size", "\"640x480\""),
    setting("publisher.fps", "30"),
    setting("publisher.encoder", "\"openh264\""),
    setting("publisher.bitrate", "\"1000k\""),
    setting("publisher.gop", "30"),
    setting("publisher.transport", "\"tcp\""),
    setting("receiver.transport", "\"tcp\""),
    setting("server", "\"embedded\""),
    setting("uplink.delay", "\"20ms\""),
    setting("uplink.jitter", "\"5ms\""),
    setting("uplink.loss", "\"1%\""),
    setting("uplink.reorder", "\"1%\""),
    setting("uplink.hold", "\"10ms\""),
    setting("uplink.duplicate", "\"1%\""),
    setting("uplink.rate", "\"2M\""),
    setting("uplink.queue", "65536"),
    setting("downlink.delay", "\"20ms\""),
    setting("downlink.jitter", "\"5ms\""),
    setting("downlink.loss", "\"1%\""),
    setting("downlink.reorder", "\"1%\""),
    setting("downlink.hold", "\"10ms\""),
    setting("downlink.duplicate", "\"1%\""),
    setting("downlink.rate", "\"2M\""),
    setting("downlink.queue", "65536"),
];

const fn setting(name: &'static str, example: &'static str) -> Setting {
    Setting { name, example }
}

/// The setting with this name.
pub(super) fn find(name: &str) -> Option<&'static Setting> {
    ALL.iter().find(|setting| setting.name == name)
}

/// Whether settings begin with `name.`.
pub(super) fn is_part(name: &str) -> bool {
    ALL.iter().any(|setting| setting.name.split_once('.').is_some_and(|(part, _)| part == name))
}

/// The one of `names` that was probably meant; `None` if none is close.
pub(super) fn nearest<'n>(typed: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    /// Below it two words have little in common.
    const NEAR: f64 = 0.75;
    // A setting's name alone, without its part, is meant as a whole.
    let likeness = |name: &str| {
        let own = name.split_once('.').map_or(name, |(_, own)| own);
        strsim::jaro_winkler(typed, name).max(if typed.contains('.') { 0.0 } else { strsim::jaro_winkler(typed, own) })
    };
    let near = names.map(|name| (likeness(name), name)).filter(|(likeness, _)| *likeness >= NEAR);
    near.max_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, name)| name)
}

impl Setting {
    /// The flag of publisher or receiver that it becomes; `None` for others.
    pub fn flag(&self) -> Option<String> {
        let (part, what) = self.name.split_once('.')?;
        ["publisher", "receiver"].contains(&part).then(|| format!("--{what}"))
    }

    /// Whether `text` is possible, whatever else is set.
    pub(super) fn check(&self, text: &str) -> Result<(), String> {
        let mut parts = Parts::default();
        self.set(&mut parts, text)?;
        match self.name.split_once('.') {
            Some(("publisher", _)) => parts.publisher_args().map(drop),
            Some(("receiver", _)) => parts.receiver_config().map(drop),
            _ => parts.server.check(),
        }
    }

    /// Sets it. A program's flag is looked at by [`Parts::publisher_config`] and [`Parts::receiver_config`].
    ///
    /// # Errors
    /// Why `text` is not a server or a network condition, and what would be.
    pub fn set(&self, parts: &mut Parts, text: &str) -> Result<(), String> {
        match self.name.split_once('.') {
            Some(("publisher", what)) => parts.publisher.push(format!("--{what}={text}")),
            Some(("receiver", what)) => parts.receiver.push(format!("--{what}={text}")),
            Some(("uplink", what)) => set_condition(&mut parts.uplink, what, text)?,
            Some((_, what)) => set_condition(&mut parts.downlink, what, text)?,
            None => parts.server = text.parse()?,
        }
        Ok(())
    }
}

impl Parts {
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
        let args = receiver::args::Args::try_parse_from(command("receiver", &self.receiver));
        let args = args.map_err(|error| redact::one_line(&error.to_string()))?;
        receiver::config::Config::try_from(args).map_err(|error| redact::secrets(&error.to_string()))
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
