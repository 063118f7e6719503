//! Waiting for sockets until a time, to within some microseconds.
//!
//! A kernel may let a thread sleep longer than it asked for, to wake up less often: 50 µs on Linux unless told
//! otherwise. So a waiting thread asks for [`TIMER_SLACK`], wakes [`SPIN`] early and spends the rest asking its sockets
//! over and over; nothing that arrives meanwhile waits for it.

use std::os::fd::AsFd;
use std::time::Duration;

use common::time::MonoTime;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, Result};

/// How much later than asked for the kernel may wake a thread of ours.
const TIMER_SLACK: Duration = Duration::from_micros(1);

/// How long before its time a thread stops sleeping: what waking up takes, often.
const SPIN: Duration = Duration::from_micros(100);

const FOREVER: Timespec = Timespec { tv_sec: i64::MAX, tv_nsec: 0 };

/// Asks the kernel to wake this thread on time. On systems where it cannot be asked, times are met less well.
pub fn reduce_timer_slack() {
    #[cfg(target_os = "linux")]
    {
        let nanos = std::num::NonZeroU64::new(TIMER_SLACK.as_nanos() as u64);
        if let Err(error) = rustix::thread::set_current_timer_slack(nanos) {
            tracing::debug!("the timer slack stays as it is: {error}");
        }
    }
}

/// Something to read, or the end of what there was.
pub(super) fn readable(socket: &impl AsFd) -> PollFd<'_> {
    PollFd::new(socket, PollFlags::IN)
}

/// Room to write, or nobody who reads any more.
pub(super) fn writable(socket: &impl AsFd) -> PollFd<'_> {
    PollFd::new(socket, PollFlags::OUT)
}

/// The end of a pipe: its other side was closed.
pub(super) fn closed(pipe: &impl AsFd) -> PollFd<'_> {
    PollFd::new(pipe, PollFlags::empty())
}

/// Whether the last wait found the socket ready, ended or failed.
pub(super) fn is_ready(socket: &PollFd<'_>) -> bool {
    !socket.revents().is_empty()
}

/// Waits until one of `sockets` [is ready](is_ready) or, early by up to [`SPIN`], until `due`: the caller looks at its clock
/// and asks again. Without a `due` it waits as long as it takes.
pub(super) fn until(sockets: &mut [PollFd<'_>], due: Option<MonoTime>, now: MonoTime) -> Result<()> {
    let sleep = due.map(|due| Timespec::try_from((due - now).saturating_sub(SPIN)).unwrap_or(FOREVER));
    match poll(sockets, sleep.as_ref()) {
        Ok(_) => Ok(()),
        Err(Errno::INTR) => {
            sockets.iter_mut().for_each(PollFd::clear_revents);
            Ok(())
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};

    use super::*;

    #[test]
    fn what_is_ready_is_told_apart_and_a_time_that_is_over_is_not_waited_for() {
        let ((empty, _open), (full, mut writer)) = (io::pipe().expect("a pipe"), io::pipe().expect("a pipe"));
        writer.write_all(b"a").expect("a pipe takes a byte");
        let at = |ms| MonoTime::from_origin(Duration::from_millis(ms));
        let ready = |sockets: &mut [PollFd<'_>], due, now| {
            until(sockets, due, now).map(|()| sockets.iter().map(is_ready).collect::<Vec<_>>())
        };
        let mut all = [readable(&empty), readable(&full), writable(&writer), closed(&full)];
        assert_eq!(ready(&mut all, None, at(0)), Ok(vec![false, true, true, false]));
        assert_eq!(ready(&mut [readable(&empty)], Some(at(5)), at(9)), Ok(vec![false]));
        drop(writer);
        assert_eq!(ready(&mut [closed(&full)], None, at(0)), Ok(vec![true]));
    }
}
