//! Journeys that measure time take turns.
//!
//! Several at once on two cores would measure each other: a frame that a busy machine loses is no bug. Cargo runs the test
//! programs of one suite one after another, but not those of two suites: the turn is the machine's. Journeys whose figures
//! nobody looks at share a turn: they run side by side, and beside none that measures.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// The kernel's lock is each open file's: of two threads that open it anew both would wait, but in no order.
static PROGRAM: RwLock<()> = RwLock::new(());

/// The machine, or a share in it, until it is dropped.
#[must_use = "the turn ends where it is dropped"]
pub struct Turn {
    _machine: File,
    _program: Guard,
}

/// This program's own part of a turn.
#[expect(dead_code, reason = "held to be dropped")]
enum Guard {
    Whole(RwLockWriteGuard<'static, ()>),
    Share(RwLockReadGuard<'static, ()>),
}

/// Waits until no other journey of this machine is under way. A program that ends gives its turn up, however it ends.
///
/// # Panics
///
/// Where the lock cannot be had: its folder is another's, who lets nobody in.
pub fn take() -> Turn {
    // Another journey's failure is not this one's.
    let program = Guard::Whole(PROGRAM.write().unwrap_or_else(PoisonError::into_inner));
    Turn { _machine: locked(File::lock), _program: program }
}

/// Waits until no journey that [takes](take) the machine is under way: for one that measures no time.
///
/// # Panics
///
/// As [`take`].
pub fn share() -> Turn {
    let program = Guard::Share(PROGRAM.read().unwrap_or_else(PoisonError::into_inner));
    Turn { _machine: locked(File::lock_shared), _program: program }
}

fn locked(by: impl Fn(&File) -> io::Result<()>) -> File {
    let place = place();
    lock(&place, by).unwrap_or_else(|error| panic!("{}: {error}", place.display()))
}

/// A folder, since a file that another user made in `/tmp` cannot be opened where the kernel protects them (`protected_regular`).
fn place() -> PathBuf {
    std::env::temp_dir().join("framelag-tests-turn")
}

fn lock(place: &Path, by: impl Fn(&File) -> io::Result<()>) -> io::Result<File> {
    match fs::create_dir(place) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let folder = File::open(place)?;
    by(&folder)?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use std::fs::TryLockError;

    use super::*;

    /// What another program would open.
    fn others() -> File {
        File::open(place()).expect("it is there")
    }

    #[test]
    fn a_turn_is_the_machines() {
        let turn = take();
        let other = others();
        assert!(matches!(other.try_lock_shared(), Err(TryLockError::WouldBlock)));
        drop(turn);
        // Another suite's journey may have the next one.
        other.lock().expect("it can be had");
    }

    #[test]
    fn a_turn_is_shared_by_those_who_measure_nothing() {
        let _turn = share();
        let other = others();
        assert!(matches!(other.try_lock(), Err(TryLockError::WouldBlock)));
        other.lock_shared().expect("it can be had");
    }
}
