//! Ctrl-C, SIGTERM and SIGHUP.

use super::Stop;

/// Exit code after a second signal: the run did not end in good order.
const INTERRUPTED: i32 = 130;

/// What a second signal does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondSignal {
    /// Exits at once, with code 130.
    Exits,
    /// Nothing: what has to be cleaned up takes a bounded time.
    Ignored,
}

/// Requests `stop` at the first signal. May be called once per process.
///
/// # Errors
/// What to tell the user where the system takes no handler.
pub fn watch(stop: &Stop, second: SecondSignal) -> Result<(), String> {
    let stop = stop.clone();
    let handler = move || {
        if stop.is_requested() && second == SecondSignal::Exits {
            std::process::exit(INTERRUPTED);
        }
        stop.request();
    };
    ctrlc::set_handler(handler).map_err(|error| format!("cannot handle Ctrl-C: {error}"))
}
