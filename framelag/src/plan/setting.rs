//! The one table of what can be varied. A row says what a setting is called in a plan and what it becomes: a flag of
//! the publisher or the receiver, the server, or a condition of a network. Whether a value is possible is for the part
//! to say that it becomes: the programs' own parsers are asked, so a plan takes what they take, and refuses what they refuse.
//!
//! A path that needs more (segment and part lengths, a player's buffer) adds rows, and nothing else.

use clap::Parser;
use common::impair::Conditions;
use common::redact;
use common::units::{parse_rate, parse_share};

use super::server::Server;
use crate::proxy::delay as typed_delay;

/// One row.
#[derive(Debug)]
pub struct Setting {
    /// As in a plan: `PART.WHAT`.
    pub name: &'static str,
    /// A value that it takes.
    pub example: &'static str,
    /// What sets it.
    becomes: Becomes,
}

/// What a setting becomes.
#[derive(Debug)]
enum Becomes {
    /// This flag of the publisher.
    Publisher(&'static str),
    /// This flag of the receiver.
    Receiver(&'static str),
    /// The server that is between them.
    Server,
    /// A condition of the network from the publisher to the server.
    Uplink(Condition),
    /// A condition of the network from the server to the receiver.
    Downlink(Condition),
}

/// Sets one condition to what is typed.
type Condition = fn(&mut Conditions, &str) -> Result<(), String>;

/// What all settings of a cell come to. A part that no setting names is as its program has it by default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parts {
    /// Flags of the publisher with their values.
    pub publisher: Vec<(&'static str, String)>,
    /// Flags of the receiver with their values.
    pub receiver: Vec<(&'static str, String)>,
    /// The server between them.
    pub server: Server,
    /// Between publisher and server, both ways.
    pub uplink: Conditions,
    /// Between server and receiver, both ways.
    pub downlink: Conditions,
}

const fn publisher(name: &'static str, flag: &'static str, example: &'static str) -> Setting {
    Setting { name, example, becomes: Becomes::Publisher(flag) }
}

const fn uplink(name: &'static str, example: &'static str, condition: Condition) -> Setting {
    Setting { name, example, becomes: Becomes::Uplink(condition) }
}

const fn downlink(name: &'static str, example: &'static str, condition: Condition) -> Setting {
    Setting { name, example, becomes: Becomes::Downlink(condition) }
}

/// All settings.
pub static ALL: [Setting; 25] = [
    publisher("publisher.source", "--source", "\"clip.mp4\""),
    publisher("publisher.size", "--size", "\"640x480\""),
    publisher("publisher.fps", "--fps", "30"),
    publisher("publisher.encoder", "--encoder", "\"openh264\""),
    publisher("publisher.bitrate", "--bitrate", "\"1000k\""),
    publisher("publisher.gop", "--gop", "30"),
    publisher("publisher.transport", "--transport", "\"tcp\""),
    Setting { name: "receiver.transport", example: "\"tcp\"", becomes: Becomes::Receiver("--transport") },
    Setting { name: "server", example: "\"embedded\"", becomes: Becomes::Server },
    uplink("uplink.delay", "\"20ms\"", delay),
    uplink("uplink.jitter", "\"5ms\"", jitter),
    uplink("uplink.loss", "\"1%\"", loss),
    uplink("uplink.reorder", "\"1%\"", reorder),
    uplink("uplink.hold", "\"10ms\"", hold),
    uplink("uplink.duplicate", "\"1%\"", duplicate),
    uplink("uplink.rate", "\"2M\"", rate),
    uplink("uplink.queue", "65536", queue),
    downlink("downlink.delay", "\"20ms\"", delay),
    downlink("downlink.jitter", "\"5ms\"", jitter),
    downlink("downlink.loss", "\"1%\"", loss),
    downlink("downlink.reorder", "\"1%\"", reorder),
    downlink("downlink.hold", "\"10ms\"", hold),
    downlink("downlink.duplicate", "\"1%\"", duplicate),
    downlink("downlink.rate", "\"2M\"", rate),
    downlink("downlink.queue", "65536", queue),
];

/// The setting with this name.
pub fn find(name: &str) -> Option<&'static Setting> {
    ALL.iter().find(|setting| setting.name == name)
}

/// Whether settings are named after it.
pub fn is_part(name: &str) -> bool {
    ALL.iter().any(|setting| setting.name.split_once('.').is_some_and(|(part, _)| part == name))
}

/// The one of `names` that was probably meant; `None` where none is near.
pub fn nearest<'n>(typed: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
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
    /// The flag that it becomes, where it becomes one.
    pub const fn flag(&self) -> Option<&'static str> {
        match self.becomes {
            Becomes::Publisher(flag) | Becomes::Receiver(flag) => Some(flag),
            Becomes::Server | Becomes::Uplink(_) | Becomes::Downlink(_) => None,
        }
    }

    /// Whether `text` is possible, whatever else is set.
    ///
    /// # Errors
    /// Why it is not, and what would be.
    pub fn check(&self, text: &str) -> Result<(), String> {
        let mut parts = Parts::default();
        self.set(&mut parts, text)?;
        match self.becomes {
            Becomes::Publisher(_) => parts.publisher_args().map(drop),
            Becomes::Receiver(_) => parts.receiver_config().map(drop),
            Becomes::Server => parts.server.check(),
            Becomes::Uplink(_) | Becomes::Downlink(_) => Ok(()),
        }
    }

    /// Sets it.
    ///
    /// # Errors
    /// Where `text` is nothing that it takes. A program's flag is looked at by [`Setting::check`].
    pub fn set(&self, parts: &mut Parts, text: &str) -> Result<(), String> {
        match self.becomes {
            Becomes::Publisher(flag) => parts.publisher.push((flag, text.to_owned())),
            Becomes::Receiver(flag) => parts.receiver.push((flag, text.to_owned())),
            Becomes::Server => parts.server = text.parse()?,
            Becomes::Uplink(condition) => return condition(&mut parts.uplink, text),
            Becomes::Downlink(condition) => return condition(&mut parts.downlink, text),
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

    /// Its flags, each right by itself. What they mean together, as a bit rate for an encoder, is another question.
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

/// A command line. A value is joined to its flag, so that one with a dash in front is no flag.
fn command(program: &str, flags: &[(&'static str, String)]) -> Vec<String> {
    let flags = flags.iter().map(|(flag, value)| format!("{flag}={value}"));
    std::iter::once(program.to_owned()).chain(flags).collect()
}

fn delay(conditions: &mut Conditions, text: &str) -> Result<(), String> {
    conditions.delay = typed_delay(text)?;
    Ok(())
}

fn jitter(conditions: &mut Conditions, text: &str) -> Result<(), String> {
    conditions.jitter = typed_delay(text)?;
    Ok(())
}

fn hold(conditions: &mut Conditions, text: &str) -> Result<(), String> {
    conditions.hold = typed_delay(text)?;
    Ok(())
}

fn loss(conditions: &mut Conditions, text: &str) -> Result<(), String> {
    conditions.loss = share(text)?;
    Ok(())
}

fn reorder(conditions: &mut Conditions, text: &str) -> Result<(), String> {
    conditions.reorder = share(text)?;
    Ok(())
}

fn duplicate(conditions: &mut Conditions, text: &str) -> Result<(), String> {
    conditions.duplicate = share(text)?;
    Ok(())
}

/// All of it would be a network without anything in it.
fn share(text: &str) -> Result<f64, String> {
    let share = parse_share(text).map_err(|error| error.to_string())?;
    if share < 1.0 { Ok(share) } else { Err("100% leaves nothing to measure: lower it".to_owned()) }
}

fn rate(conditions: &mut Conditions, text: &str) -> Result<(), String> {
    // An axis has a value for the network as it is.
    conditions.rate_bps =
        if text == "none" { 0 } else { parse_rate(text).map_err(|error| format!("{error}, or none"))? };
    Ok(())
}

fn queue(conditions: &mut Conditions, text: &str) -> Result<(), String> {
    /// A datagram that fits into no Ethernet frame does not come.
    const LEAST: usize = 1500;
    let bytes = text.parse().ok().filter(|bytes| *bytes >= LEAST);
    conditions.queue_bytes = bytes.ok_or_else(|| format!("a queue is a number of bytes, at least {LEAST}"))?;
    Ok(())
}

#[cfg(test)]
mod tests;
