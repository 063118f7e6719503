//! Opens sources whose opening may block forever: a pipe without a writer.

use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, bounded};

use super::Error;
use crate::event::Log;
use common::host::Stop;

/// How long a source may take before the user is told what is waited for.
const NOTICE_AFTER: Duration = Duration::from_secs(2);
/// How often a request to stop is looked for.
const TICK: Duration = Duration::from_millis(50);

/// What `open` opens on a thread of its own, or `None` where `stop` is asked first: the thread is then left behind, because a
/// system call that waits for a pipe's writer cannot be woken. `waiting` says what is waited for.
///
/// # Errors
/// Those of `open`, and [`Error::Start`] where there can be no thread.
pub fn open<T: Send + 'static>(
    waiting: &str,
    stop: &Stop,
    log: Log,
    open: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<Option<T>, Error> {
    let (done, opened) = bounded(1);
    let thread = thread::Builder::new().name("open-source".to_owned());
    // The receiver is gone once the run has ended.
    let thread = thread.spawn(move || drop(done.send(open())));
    thread.map_err(|why| Error::Start("a thread that opens the source", why))?;
    let (begun, mut is_told) = (Instant::now(), false);
    while !stop.is_requested() {
        match opened.recv_timeout(TICK) {
            Ok(opened) => return opened.map(Some),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => panic!("the thread that opens the source says what came of it"),
        }
        if !is_told && begun.elapsed() >= NOTICE_AFTER {
            is_told = true;
            log.warn("waiting", waiting);
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_opened_is_handed_over_and_a_stop_ends_the_wait() {
        let (stop, log) = (Stop::new(), Log::new(false));
        assert_eq!(open("it", &stop, log, || Ok(1)).expect("it opens"), Some(1));
        let error = open("it", &stop, log, || Err::<(), _>(Error::NoFfmpeg("it".to_owned()))).expect_err("it does not");
        assert!(matches!(error, Error::NoFfmpeg(_)));
        let (_writer, nothing) = bounded::<()>(0);
        let (asker, asked) = (stop.clone(), stop.clone());
        let opening = thread::spawn(move || {
            open("it", &asked, log, move || {
                asker.request();
                Ok(nothing.recv())
            })
        });
        assert_eq!(opening.join().expect("no panic").expect("no error"), None);
    }
}
