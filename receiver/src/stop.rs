//! The wish to end a run, from a signal handler, a key or a clock, seen by threads and tasks alike.

use std::sync::Arc;

use tokio::sync::watch;

/// A flag that is raised once. Clones share it.
#[derive(Clone, Debug)]
pub struct Stop {
    flag: Arc<watch::Sender<bool>>,
}

impl Stop {
    /// A flag that is not raised.
    pub fn new() -> Self {
        Self { flag: Arc::new(watch::Sender::new(false)) }
    }

    /// Asks everything that holds a clone to end.
    pub fn request(&self) {
        self.flag.send_replace(true);
    }

    /// Was it asked for?
    pub fn is_requested(&self) -> bool {
        *self.flag.borrow()
    }

    /// Returns when it is asked for.
    pub async fn requested(&self) {
        // Fails only when the sender is gone, which `self` holds.
        let _ = self.flag.subscribe().wait_for(|&raised| raised).await;
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}
