//! What passes over TCP connections, for whoever watches.

use common::time::Now;

/// What came with one read of a TCP connection: on one host, mostly what was written at once.
#[derive(Clone, Debug)]
pub struct Chunk {
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
