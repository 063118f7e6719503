//! The five steps of a picture, in order: [`receive`] → [`decode`](decoding::Decoding::decode) →
//! [`read`](decoding::PictureReading) → [`render`] → [`observe`].
//!
//! ```text
//! receive thread ── queue ──▶ decode thread ── events ──▶ the caller's thread
//!    receive                  decode, read                  render, observe
//!                                  └──── slot: newest pixels ────▲
//! ```
//!
//! A picture is observed after it was rendered, because only then it is known when it was shown.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use common::clock::Clock;
use common::host::pictures::Keeper;
use common::host::{Stop, SystemClock};
use common::time::Now;
use crossbeam_channel::Sender as Events;

use crate::config::Input;
use crate::decoding::{self, Event};
use crate::ingress::Source;
use crate::queue::{self, Sender, Status};
use crate::render::pixels::Slot;
use crate::render::{Screen, window};
use crate::stream::Stream;

/// What all streams of a run share.
#[derive(Clone, Debug)]
pub(crate) struct Environment {
    /// The clock of the run.
    pub(crate) clock: SystemClock,
    /// Ends the threads.
    pub(crate) stop: Stop,
    /// Where the events of all streams go, with the stream's number.
    pub(crate) events: Events<(usize, Event)>,
}

/// Starts the two threads of `input`: one that receives, and one that decodes and reads. Their events carry the number `index`; the
/// threads end with the environment's `stop`, or when nobody takes the events.
///
/// Returns the threads to wait for at the end: none where the input cannot be interrupted.
///
/// # Errors
/// If the system gives no thread.
pub(crate) fn start(
    input: &Input,
    index: usize,
    environment: &Environment,
    slot: Arc<Slot>,
    keeper: Option<Arc<Keeper>>,
) -> io::Result<Vec<JoinHandle<()>>> {
    let (mut sender, receiver) = queue::queue();
    let source = input.source.clone();
    let Environment { clock, stop, .. } = environment.clone();
    let receiving = spawn(format!("receive-{index}"), move || receive(&source, &clock, &stop, &mut sender))?;
    let Environment { clock, events, .. } = environment.clone();
    let decoding = spawn(format!("decode-{index}"), move || {
        decoding::run(&receiver, &clock, &slot, keeper.as_deref(), &mut |event| events.send((index, event)).is_ok());
    })?;
    Ok(if input.source.is_interruptible() { vec![receiving, decoding] } else { Vec::new() })
}

fn spawn(name: String, body: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name(name).spawn(body)
}

/// Brings pictures into the queue until the input ends, and says how it ended.
fn receive(source: &Source, clock: &SystemClock, stop: &Stop, queue: &mut Sender) {
    let outcome = source.receive(clock, stop, queue);
    queue.notify(Status::Ended(outcome));
}

/// Shows the newest picture of each stream, if there is a window.
///
/// # Errors
/// If there is no display after all: time to [`Screen::give_up`].
pub(crate) fn render(screen: &mut Screen, streams: &mut [Stream], clock: &dyn Clock) -> Result<(), window::Error> {
    let mut captions = |index: usize, label: &_, since| streams[index].caption(label, since, clock.now());
    let Some(shown) = screen.refresh(clock, &mut captions)? else { return Ok(()) };
    for (index, stream) in streams.iter_mut().enumerate() {
        screen.serial(index).into_iter().for_each(|serial| stream.shown(serial, shown.at));
        let costs = stream.recorder().costs();
        costs.compose.add(shown.compose);
        costs.hand_over.add(shown.hand_over);
    }
    Ok(())
}

/// Records the pictures that were shown, or that no `window` shows.
pub(crate) fn observe(streams: &mut [Stream], window: bool, now: Now) {
    streams.iter_mut().for_each(|stream| stream.observe(window, now));
}
