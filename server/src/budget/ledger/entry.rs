//! One connection in the ledger.

use std::net::IpAddr;

use common::time::MonoTime;

/// Where a connection came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listener {
    Rtsp,
    Http,
}

impl Listener {
    pub(super) const COUNT: usize = Self::Http as usize + 1;
}

/// What a connection is good for; the lesser goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Priority {
    /// Neither plays nor publishes.
    Idle,
    Plays,
    Publishes,
}

impl Priority {
    pub(super) const COUNT: usize = Self::Publishes as usize + 1;
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) owner: IpAddr,
    pub(super) listener: Listener,
    pub(super) held: usize,
    pub(super) priority: Priority,
    /// Last request of an idle one; since when the others stand as they do.
    pub(super) since: MonoTime,
    /// Beyond the total.
    pub(super) in_reserve: bool,
    /// Was told to go.
    pub(super) leaving: bool,
}
