//! One response or packet that waits.

use bytes::Bytes;
use common::time::MonoTime;

/// What an entry holds beside its body: its place in a deque that may be half empty, and the body's two blocks of
/// memory (the bytes, and the count of those who share them) with the allocator's headers and rounding.
pub(super) const ENTRY_OVERHEAD: usize = 2 * size_of::<Entry>() + 96;

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    pub(super) queued: MonoTime,
    /// `$`, channel and length (RFC 2326 section 10.12); unused before a response.
    pub(super) prefix: [u8; 4],
    pub(super) body: Bytes,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Control,
    Media { frame: Option<u64> },
}

impl Entry {
    pub(super) fn prefix(&self) -> &[u8] {
        match self.kind {
            Kind::Control => &[],
            Kind::Media { .. } => &self.prefix,
        }
    }

    /// Bytes on the wire.
    pub(super) fn len(&self) -> usize {
        self.prefix().len() + self.body.len()
    }

    /// Bytes held. A body owns its memory alone (see [`common::rtsp::message::Item::Data`]), so that its length is what
    /// it holds; several readers may share it, and each counts it.
    pub(super) fn cost(&self) -> usize {
        self.body.len() + ENTRY_OVERHEAD
    }
}
