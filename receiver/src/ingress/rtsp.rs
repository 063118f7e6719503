//! Plays RTSP by retina, which only this file and its folder know: hands access units on, each with the time its first packet
//! came in and the time it was whole.
//!
//! `player` keeps a stream playing, `connect` leads from a URL to a session, through a `relay` if retina refuses what
//! others play, `activity` judges silences, and `guard` bounds memory. retina has no time-outs and reports errors as texts
//! of many lines, which `reason` turns into one. It hands an access unit over on the RTP marker (RFC 6184 section 5.1), or one
//! frame late if the sender sets none.

mod activity;
mod config;
mod connect;
mod error;
mod failure;
mod guard;
mod player;
mod probe;
mod reason;
mod relay;

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Once};
use std::time::Duration;

use common::host::{Stop, SystemClock};
pub(crate) use config::no_video_hint;
pub use config::{Config, Limits};
pub use error::Error;
use futures::FutureExt;
use guard::{Guard, Watched};
use player::Player;
use tokio::time::timeout;

use crate::queue::{Sender, Status};

/// Longest wait for the answer to TEARDOWN at the end.
const TEARDOWN_LIMIT: Duration = Duration::from_millis(200);

/// Plays until `stop`, or until the first connection fails for good. Blocks; runs the network on the calling thread.
///
/// Before the first picture, a failure that may pass is retried for `config.wait`; after it, every failure but a flood is
/// retried for ever, and [`Status::Disconnected`] says that there is a gap. If even a flood cannot end this, [`Status::Ended`] is
/// sent from another thread.
///
/// # Errors
/// Why there was no first picture, or that it is a flood.
pub fn run(config: &Config, clock: &SystemClock, stop: &Stop, queue: &mut Sender) -> Result<(), Error> {
    let failed = |error: std::io::Error| Error::permanent(format!("cannot start receiving: {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    quieten_retina();
    let watched = Watched::default();
    let (notifier, address) = (queue.notifier(), config.url.host_and_port());
    let give_up = move |limit| notifier.notify(Status::Ended(Err(Error::flood(&address, limit).to_string())));
    let _guard = Guard::start(config.limits, watched.clone(), give_up).map_err(failed)?;
    let player = Player::new(config, clock, watched.clone());
    let sessions = Arc::clone(&player.connector.sessions);
    let outcome = runtime.block_on(async {
        tokio::select! {
            () = stop.requested() => Ok(()),
            error = player.play_for_ever(queue) => Err(error),
        }
    });
    // retina sends TEARDOWN from a task of its own; whether anybody answers does not matter any more. A flood is not told
    // anything: the task would read on.
    runtime.block_on(async {
        tokio::select! {
            biased;
            _ = watched.flooded() => {}
            // It panics where its task did.
            _ = AssertUnwindSafe(timeout(TEARDOWN_LIMIT, sessions.await_teardown())).catch_unwind() => {}
        }
    });
    runtime.shutdown_background();
    outcome
}

/// A panic of retina's is caught, and told as an error is: nothing else is printed of it.
fn quieten_retina() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| match panic.location() {
            Some(at) if at.file().contains("/retina-") => tracing::debug!("{panic}"),
            _ => usual(panic),
        }));
    });
}
