//! Counters of a stream's HTTP viewers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counters since the stream began.
#[derive(Debug, Default)]
pub(crate) struct Viewed {
    requests: AtomicU64,
    bytes: AtomicU64,
    skips: AtomicU64,
    open: AtomicU64,
}

/// A snapshot of [`Viewed`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ViewedCounts {
    /// Requests answered or being answered.
    pub(crate) requests: u64,
    /// Bytes handed to connections.
    pub(crate) bytes: u64,
    /// Times a slow viewer skipped to the newest key frame.
    pub(crate) skips: u64,
    /// Requests that wait or are being streamed.
    pub(crate) open: u64,
}

/// An open request, closed on drop.
#[derive(Debug)]
pub(crate) struct View(Arc<Viewed>);

impl Viewed {
    /// Counts an open request until the result is dropped.
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
