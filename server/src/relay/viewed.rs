//! What viewers over HTTP got of a stream.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts since the stream began.
#[derive(Debug, Default)]
pub(crate) struct Viewed {
    requests: AtomicU64,
    bytes: AtomicU64,
    skips: AtomicU64,
    open: AtomicU64,
}

/// [`Viewed`], read once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ViewedCounts {
    /// Answered, or being answered.
    pub(crate) requests: u64,
    /// Handed to connections.
    pub(crate) bytes: u64,
    /// Times a viewer was too slow, and went on at the newest key frame.
    pub(crate) skips: u64,
    /// Requests that wait, or are answered piece by piece.
    pub(crate) open: u64,
}

/// A request being answered; dropping it ends that.
#[derive(Debug)]
pub(crate) struct View(Arc<Viewed>);

impl Viewed {
    /// Counts a request for as long as the result lives.
    pub(crate) fn open(self: &Arc<Self>) -> View {
        self.requests.fetch_add(1, Relaxed);
        self.open.fetch_add(1, Relaxed);
        View(self.clone())
    }

    pub(crate) fn counts(&self) -> ViewedCounts {
        ViewedCounts {
            requests: self.requests.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            skips: self.skips.load(Relaxed),
            open: self.open.load(Relaxed),
        }
    }
}

impl View {
    pub(crate) fn sent(&self, bytes: usize) {
        self.0.bytes.fetch_add(bytes as u64, Relaxed);
    }

    pub(crate) fn skipped(&self) {
        self.0.skips.fetch_add(1, Relaxed);
    }
}

impl Drop for View {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_stays_counted_and_who_has_gone_is_not_open() {
        let viewed = Arc::<Viewed>::default();
        let views = [viewed.open(), viewed.open()];
        views[0].sent(100);
        views[1].skipped();
        assert_eq!(viewed.counts(), ViewedCounts { requests: 2, bytes: 100, skips: 1, open: 2 });
        drop(views);
        assert_eq!(viewed.counts(), ViewedCounts { requests: 2, bytes: 100, skips: 1, open: 0 });
    }
}
