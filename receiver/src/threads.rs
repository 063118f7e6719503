//! The threads of one input.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use common::clock::SystemClock;
use common::pictures::Keeper;
use crossbeam_channel::Sender;

use crate::config::{Config, Input, Source};
use crate::ingress::{rtsp, y4m};
use crate::queue::{self, Arrival};
use crate::render::pixels::Slot;
use crate::stop::Stop;
use crate::work::{self, Event};

/// How long standard input may be silent at first before the user is told.
const PATIENCE: Duration = Duration::from_secs(2);

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
    keeper: Option<Arc<Keeper>>,
) -> io::Result<Vec<JoinHandle<()>>> {
    let (mut sender, receiver) = queue::queue();
    let Environment { clock, stop, events } = environment.clone();
    let receiving = thread::Builder::new().name(format!("receive-{index}"));
    let receiving = match input.source.clone() {
        Source::Stdin => {
            let clock = clock.clone();
            receiving.spawn(move || {
                if !y4m::has_come(io::stdin(), PATIENCE) {
                    let what = "no picture on standard input yet: waiting for its writer";
                    sender.say(Arrival::Waiting(what.to_owned()));
                }
                let outcome = y4m::read(io::stdin().lock(), &clock, &mut sender);
                sender.say(Arrival::Ended(outcome.map_err(|error| error.to_string())));
            })?;
            None
        }
        Source::Rtsp(url) => {
            let clock = clock.clone();
            let config = rtsp::Config {
                url,
                transport: config.transport,
                wait: config.wait,
                limits: rtsp::Limits::of_one_in(config.inputs.len()),
            };
            Some(receiving.spawn(move || {
                let outcome = rtsp::run(&config, &clock, &stop, &mut sender);
                sender.say(Arrival::Ended(outcome.map_err(|error| error.to_string())));
            })?)
        }
    };
    let working = thread::Builder::new().name(format!("decode-{index}")).spawn(move || {
        work::work(&receiver, &clock, &slot, keeper.as_deref(), &mut |event| events.send((index, event)).is_ok());
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
