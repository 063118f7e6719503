//! Journeys in real time take turns.
//!
//! Several at once on two cores would measure each other: a frame that a busy machine loses is no bug. Cargo runs the test
//! programs of one suite one after another, but not those of two suites: the turn is the machine's.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The kernel's lock is each open file's: of two threads that open it anew both would wait, but in no order.
static PROGRAM: Mutex<()> = Mutex::new(());

/// The machine, until it is dropped.
#[must_use = "the turn ends where it is dropped"]
pub struct Turn {
    _machine: File,
    _program: MutexGuard<'static, ()>,
}

/// Waits until no other journey of this machine is under way. A program that ends gives its turn up, however it ends.
///
/// # Panics
///
/// Where the lock cannot be had: its folder is another's, who lets nobody in.
pub fn take() -> Turn {
    // Another journey's failure is not this one's.
    let program = PROGRAM.lock().unwrap_or_else(PoisonError::into_inner);
    let place = place();
    let locked = lock(&place);
    Turn { _machine: locked.unwrap_or_else(|error| panic!("{}: {error}", place.display())), _program: program }
}

/// A folder, since a file that another user made in `/tmp` cannot be opened where the kernel protects them (`protected_regular`).
fn place() -> PathBuf {
    std::env::temp_dir().join("framelag-tests-turn")
}

fn lock(place: &Path) -> io::Result<File> {
    match fs::create_dir(place) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let folder = File::open(place)?;
    folder.lock()?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use std::fs::TryLockError;

    use super::*;

    #[test]
    fn a_turn_is_the_machines() {
        let turn = take();
        // What another program would open.
        let other = File::open(place()).expect("it is there");
        assert!(matches!(other.try_lock(), Err(TryLockError::WouldBlock)));
        drop(turn);
        // Another suite's journey may have the next one.
        other.lock().expect("it can be had");
    }
}
