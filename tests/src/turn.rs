//! Journeys in real time take turns.
//!
//! Several at once on two cores would measure each other: a frame that a busy machine loses is no bug. Cargo runs test
//! programs one after another, so a lock within the program is enough.

use std::sync::{Mutex, MutexGuard, PoisonError};

static MACHINE: Mutex<()> = Mutex::new(());

/// The machine, until it is dropped.
#[must_use = "the turn ends where it is dropped"]
pub struct Turn {
    _machine: MutexGuard<'static, ()>,
}

/// Waits until no other journey of this program is under way.
pub fn take() -> Turn {
    // Another journey's failure is not this one's.
    Turn { _machine: MACHINE.lock().unwrap_or_else(PoisonError::into_inner) }
}
