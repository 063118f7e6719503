//! Waiting for sockets until a time, to within some microseconds.
//!
//! A kernel may let a thread sleep longer than it asked for, to wake up less often: 50 µs on Linux unless told
//! otherwise. So a waiting thread asks for [`TIMER_SLACK`], wakes [`SPIN`] early and spends the rest asking its sockets
//! over and over; nothing that arrives meanwhile waits for it.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use common::time::MonoTime;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, Result};

/// How much later than asked for the kernel may wake a thread of ours.
pub const TIMER_SLACK: Duration = Duration::from_micros(1);

/// How long before its time a thread stops sleeping: what waking up takes, often.
pub const SPIN: Duration = Duration::from_micros(100);

/// Asks the kernel to wake this thread on time. Where it cannot be asked, times are met less well.
pub fn on_time() {
    #[cfg(target_os = "linux")]
    {
        let nanos = std::num::NonZeroU64::new(TIMER_SLACK.as_nanos() as u64);
        if let Err(error) = rustix::thread::set_current_timer_slack(nanos) {
            tracing::debug!("the timer slack stays as it is: {error}");
        }
    }
}

/// A socket, and what is waited for there.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    socket: BorrowedFd<'a>,
    flags: PollFlags,
}

/// What a wait has come to: for each socket, whether what was waited for (or its end, or an error) is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready<const N: usize>(pub [bool; N]);

/// Something to read, or the end of what there was.
pub fn readable(socket: &impl AsFd) -> Wanted<'_> {
    Wanted { socket: socket.as_fd(), flags: PollFlags::IN }
}

/// Room to write, or nobody who reads any more.
pub fn writable(socket: &impl AsFd) -> Wanted<'_> {
    Wanted { socket: socket.as_fd(), flags: PollFlags::OUT }
}

/// The end of a pipe: its other side was closed.
pub fn ended(pipe: &impl AsFd) -> Wanted<'_> {
    Wanted { socket: pipe.as_fd(), flags: PollFlags::empty() }
}

/// Waits until one of `sockets` is ready or, early by up to [`SPIN`], until `due`: the caller looks at its clock and
/// asks again. Without a `due` it waits as long as it takes.
///
/// # Errors
/// The system's, where it cannot wait.
pub fn until<const N: usize>(sockets: [Wanted<'_>; N], due: Option<MonoTime>, now: MonoTime) -> Result<Ready<N>> {
    let mut fds = sockets.map(|wanted| PollFd::from_borrowed_fd(wanted.socket, wanted.flags));
    let sleep = due.map(|due| timespec((due - now).saturating_sub(SPIN)));
    match poll(&mut fds, sleep.as_ref()) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(error) => return Err(error),
    }
    Ok(Ready(fds.map(|fd| !fd.revents().is_empty())))
}

fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(duration.subsec_nanos()),
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
        let all = || [readable(&empty), readable(&full), writable(&writer), ended(&full)];
        assert_eq!(until(all(), None, at(0)), Ok(Ready([false, true, true, false])));
        assert_eq!(until([readable(&empty)], Some(at(5)), at(9)), Ok(Ready([false])));
        drop(writer);
        assert_eq!(until([ended(&full)], None, at(0)), Ok(Ready([true])));
    }
}
