//! What passes over TCP connections, told to whoever watches.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};

use common::time::Now;

/// Pieces that wait for a watcher at most; what comes meanwhile is not told.
pub const MAX_PIECES: usize = 1 << 14;

/// What came with one read of a TCP connection: on one host, mostly what was written at once.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Its connection, counted from 0.
    pub connection: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// When it had been read.
    pub read: Now,
    /// When the write began that took its first byte: before, and not after, since a write may wake the reader in the
    /// proxy's place.
    pub begun: Now,
    /// When the write began that took its last byte.
    pub written: Now,
}

/// Who watches a direction.
#[derive(Debug, Default)]
pub(super) struct Watcher(Mutex<Option<SyncSender<Piece>>>);

impl Watcher {
    /// Tells from now on; who watched before is told nothing more.
    pub fn watch(&self) -> Receiver<Piece> {
        let (watcher, pieces) = sync_channel(MAX_PIECES);
        *self.lock() = Some(watcher);
        pieces
    }

    pub fn is_there(&self) -> bool {
        self.lock().is_some()
    }

    pub fn tell(&self, piece: Piece) {
        if let Some(watcher) = &*self.lock() {
            // Whoever does not take them in time, or has gone, does without.
            let _ = watcher.try_send(piece);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<SyncSender<Piece>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_that_nobody_takes_are_bounded() {
        let (watcher, now) = (Watcher::default(), Now::default());
        assert!(!watcher.is_there());
        let pieces = watcher.watch();
        for connection in 0..=MAX_PIECES as u64 {
            watcher.tell(Piece { connection, bytes: Vec::new(), read: now, begun: now, written: now });
        }
        assert_eq!(pieces.try_iter().map(|piece| piece.connection).max(), Some(MAX_PIECES as u64 - 1));
    }
}
