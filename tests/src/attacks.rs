//! What one party may do so that everybody else is served late or not at all: for `hostile_server` and `relay_attacks`.
//!
//! An attack runs until it is told to stop. All go about as fast as a fast network would bring them, [`RATE`], not as fast
//! as a loopback can: what is measured is what the server makes of them.

mod crowds;
mod floods;
pub mod parties;
mod publishers;
mod viewers;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

/// Bytes per second of an attack: 40 Mbit/s.
pub const RATE: usize = 5_000_000;
/// The path that the innocent publish to.
pub const INNOCENT: &str = "cam";

/// A server under attack.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Where it listens for RTSP.
    pub rtsp: SocketAddr,
    /// Where it listens for HTTP.
    pub http: SocketAddr,
}

/// One attack, until the flag is set.
pub type Attack = fn(Target, &AtomicBool);

/// Every attack, by name.
pub const ATTACKS: [(&str, Attack); 19] = [
    ("reports to 20 readers that stand still", publishers::reports),
    ("frames without end to 20 such readers", publishers::endless_frames),
    ("the same to readers of the stream itself", publishers::readers_of_the_innocent),
    ("parameter sets, 16,000 in a packet", publishers::parameter_sets),
    ("small packets in large reads", publishers::small_packets),
    ("8 publishers of tiny packets", publishers::tiny_packets),
    ("DESCRIBE of a large description", floods::describe),
    ("ANNOUNCE of large descriptions", floods::announce_refused),
    ("PLAY and PAUSE in turn", floods::play_and_pause),
    ("/metrics and /api/streams", floods::http),
    ("pictures lost without end", floods::picture_losses),
    ("500 keep-alives by RTSP and 200 by HTTP", crowds::keep_alives),
    ("passwords guessed", crowds::guessed_passwords),
    ("8 publishers of 16 media by UDP", publishers::many_media),
    ("300 viewers by HTTP that read nothing", viewers::streams_unread),
    ("3,000 playlists that are waited for", viewers::reloads),
    ("300 HTTP heads, byte by byte", viewers::slow_heads),
    ("a connection for each HTTP request", viewers::small_connections),
    ("settings changed without end", viewers::settings),
];

/// Gives what `meanwhile` gives, during `attack`.
///
/// # Panics
///
/// Where the attack does, such as for a server that has gone.
pub fn during<T>(attack: Attack, target: Target, meanwhile: impl FnOnce() -> T) -> T {
    struct Stop<'a>(&'a AtomicBool);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Relaxed);
        }
    }
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        // Also where `meanwhile` panics: the scope waits for the attack.
        let _stop = Stop(&stop);
        scope.spawn(|| attack(target, &stop));
        meanwhile()
    })
}

/// Calls `send` with about [`RATE`] bytes a second, `size` at a time, until `stop` or until it gives `false`.
fn paced(stop: &AtomicBool, size: usize, mut send: impl FnMut() -> bool) {
    let (start, mut sent) = (Instant::now(), 0);
    while !stop.load(Relaxed) && send() {
        sent += size;
        let due = Duration::from_secs_f64(sent as f64 / RATE as f64);
        thread::sleep(due.saturating_sub(start.elapsed()));
    }
}
