//! Limits the number of requests that wait or are streamed at the same time.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use common::lock::lock;
use common::peer::owner;

/// Limit for all addresses together.
pub(crate) const VIEWERS_MAX: usize = 512;

/// Admits requests. An address may use at most as much as it leaves free, so a single address gets half of the limit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Viewers(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
    refused: u64,
}

/// Permission for one request, returned on drop.
#[derive(Debug)]
pub(crate) struct Permit {
    viewers: Viewers,
    address: IpAddr,
}

impl Viewers {
    /// Returns `None` if `peer` or the whole server has reached its limit.
    pub(crate) fn admit(&self, peer: IpAddr) -> Option<Permit> {
        let mut counts = lock(&self.0);
        let (address, left) = (owner(peer), VIEWERS_MAX - counts.all);
        let own = counts.by_address.get(&address).copied().unwrap_or_default();
        if own >= left {
            counts.refused += 1;
            return None;
        }
        counts.all += 1;
        counts.by_address.insert(address, own + 1);
        Some(Permit { viewers: self.clone(), address })
    }

    /// Counts a request refused for another reason.
    pub(crate) fn refuse(&self) {
        lock(&self.0).refused += 1;
    }

    /// Number of requests that hold a permit.
    pub(crate) fn admitted(&self) -> usize {
        lock(&self.0).all
    }

    /// Number of requests refused so far.
    pub(crate) fn refused(&self) -> u64 {
        lock(&self.0).refused
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut counts = lock(&self.viewers.0);
        counts.all -= 1;
        if let Some(own) = counts.by_address.get_mut(&self.address) {
            *own -= 1;
            if *own == 0 {
                counts.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_leaves_room_for_others() {
        let viewers = Viewers::default();
        let address = |last| IpAddr::from([192, 0, 2, last]);
        let fill = |last| std::iter::from_fn(|| viewers.admit(address(last))).collect::<Vec<_>>();
        let first = fill(1);
        assert_eq!(first.len(), VIEWERS_MAX / 2);
        let others: Vec<_> = (2..=9).map(fill).collect();
        assert!(others.iter().all(|permits| !permits.is_empty()), "each new one gets some");
        assert!(viewers.admitted() <= VIEWERS_MAX);
        assert_eq!(viewers.refused(), 9);
        drop((first, others));
        assert_eq!((viewers.admitted(), lock(&viewers.0).by_address.len()), (0, 0));
        assert!(viewers.admit(address(1)).is_some());
    }
}
