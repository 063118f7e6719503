//! How many files and sockets this process may have open (`RLIMIT_NOFILE`).

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors without which nothing of framelag does its work.
const NEEDED: usize = 32;

/// The limit is too low, also after raising it as far as is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this process may open {0} files and sockets only, and needs at least {NEEDED}: raise the limit, as with ulimit -n 1024"
)]
pub struct TooFew(usize);

/// To be called first thing: without descriptors, threads and event queues of libraries panic.
///
/// # Errors
/// Where the process may have fewer than it needs.
pub fn require() -> Result<(), TooFew> {
    let limit = raise(NEEDED);
    if limit < NEEDED { Err(TooFew(limit)) } else { Ok(()) }
}

/// Raises the limit to `wanted` where it is lower, as far as is allowed. Gives the limit.
pub fn raise(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let in_usize = |limit: Option<u64>| limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let (current, maximum) = (in_usize(limit.current), in_usize(limit.maximum));
    if current >= wanted {
        return current;
    }
    let raised = wanted.min(maximum);
    let asked = Rlimit { current: Some(raised as u64), maximum: limit.maximum };
    if setrlimit(Resource::Nofile, asked).is_ok() { raised } else { current }
}

/// Descriptors that are open now, as far as the system tells.
pub fn open() -> usize {
    // On Linux a link to /proc/self/fd.
    std::fs::read_dir("/dev/fd").map_or(0, Iterator::count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_has_enough_and_the_error_says_what_to_do() {
        assert_eq!(require(), Ok(()));
        assert!(raise(1) > 1, "never lowered");
        let error = TooFew(8).to_string();
        assert!(error.contains(" 8 ") && error.contains("ulimit -n"), "{error}");
    }
}
