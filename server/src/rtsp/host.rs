//! What a session asks, answered out of the server's registry, its users and its sockets.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use common::rtsp::serve::{Access, Action, Busy, Description, Full, Host, Permission, StreamPath};
use common::time::{MediaTime, MonoTime};

use super::udp::{Drain, Pair};
use crate::Shared;
use crate::auth::Challenger;
use crate::budget::Lease;
use crate::relay::Reservation;

/// One connection's part of the server.
pub(super) struct ConnectionHost {
    shared: Arc<Shared>,
    local: SocketAddr,
    peer: SocketAddr,
    challenger: Option<Challenger>,
    reservation: Option<Reservation>,
    udp: BTreeMap<usize, Pair>,
    drain: Option<Drain>,
    lease: Lease,
}

impl ConnectionHost {
    pub(super) fn new(shared: Arc<Shared>, local: SocketAddr, peer: SocketAddr, lease: Lease) -> Self {
        let challenger = shared.users.clone().map(|users| Challenger::new(users, peer.ip()));
        Self { shared, local, peer, challenger, reservation: None, udp: BTreeMap::new(), drain: None, lease }
    }

    /// Local address of the connection.
    pub(super) fn local(&self) -> SocketAddr {
        self.local
    }

    /// The connection's descriptors.
    pub(super) fn lease(&self) -> &Lease {
        &self.lease
    }

    /// The path reserved by ANNOUNCE.
    pub(super) fn take_reservation(&mut self) -> Option<Reservation> {
        self.reservation.take()
    }

    /// The sockets opened by SETUP, by track.
    pub(super) fn udp(&self) -> &BTreeMap<usize, Pair> {
        &self.udp
    }

    /// Frees everything that the session had.
    pub(super) fn release(&mut self) {
        self.reservation = None;
        self.lease.unclaim(Pair::DESCRIPTORS * self.udp.len());
        self.udp.clear();
        if self.drain.take().is_some() {
            self.lease.unclaim(Drain::DESCRIPTORS);
        }
    }
}

/// The HTTP server uses these names for other resources.
const OWN_NAMES: [&str; 5] = ["api", "assets", "health", "metrics", "time"];

impl ConnectionHost {
    fn open_pair(&mut self, track: usize, client: (u16, u16)) -> Result<(u16, u16), String> {
        let (local, peer) = (self.local.ip(), self.peer.ip().to_canonical());
        let bind = || Pair::bind(local, peer, client).and_then(|pair| Ok((pair.ports()?, pair)));
        let (ports, pair) = self.claiming(Pair::DESCRIPTORS, bind)?;
        self.udp.insert(track, pair);
        Ok(ports)
    }

    /// Ports for a track that nobody gets.
    fn open_drain(&mut self) -> Result<(u16, u16), String> {
        if let Some(drain) = &self.drain {
            return drain.ports().map_err(|error| error.to_string());
        }
        let local = self.local.ip();
        let bind = || Drain::bind(local).and_then(|drain| Ok((drain.ports()?, drain)));
        let (ports, drain) = self.claiming(Drain::DESCRIPTORS, bind)?;
        self.drain = Some(drain);
        Ok(ports)
    }

    fn claiming<T>(&self, descriptors: usize, open: impl FnOnce() -> io::Result<T>) -> Result<T, String> {
        self.lease.claim(descriptors).map_err(|_| "too many sockets are open".to_owned())?;
        open().map_err(|error| {
            self.lease.unclaim(descriptors);
            error.to_string()
        })
    }
}

impl Host for ConnectionHost {
    fn permit(&mut self, now: MonoTime, access: &Access<'_>) -> Permission {
        match &mut self.challenger {
            None => Permission::Granted,
            Some(challenger) => challenger.check(now, access),
        }
    }

    fn admit(&mut self, action: Action, path: &StreamPath) -> Result<(), Full> {
        let returning = action == Action::Publish && self.shared.paths.is_recent(path);
        self.lease.confirm(returning)
    }

    fn local_ip(&self) -> IpAddr {
        self.local.ip()
    }

    fn find(&mut self, path: &StreamPath) -> Option<Arc<Description>> {
        Some(self.shared.paths.find(path)?.description())
    }

    fn newest_time(&mut self, path: &StreamPath, track: usize) -> Option<MediaTime> {
        self.shared.paths.find(path)?.newest_time(track)
    }

    fn reserve(&mut self, path: &StreamPath) -> Result<(), Busy> {
        let first = path.as_str().split('/').next().unwrap_or_default();
        if OWN_NAMES.contains(&first) {
            return Err(Busy(format!("/{first} is the server's own over HTTP: choose another name for the stream")));
        }
        self.reservation = Some(self.shared.paths.reserve(path)?);
        Ok(())
    }

    fn open_udp(&mut self, track: usize, is_relayed: bool, client: (u16, u16)) -> Option<(u16, u16)> {
        let opened = if is_relayed { self.open_pair(track, client) } else { self.open_drain() };
        let warn = |error: &String| tracing::warn!(peer = %self.peer, error, "cannot open UDP ports for a track");
        opened.inspect_err(warn).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Listener;

    #[tokio::test]
    async fn ports_of_a_track_that_nobody_gets_are_on_the_books_and_go_with_the_session() {
        let shared = Arc::new(Shared::new(None, &crate::Config::default()));
        let [local, peer] = [1, 2].map(|last| SocketAddr::from(([127, 0, 0, last], 0)));
        let Ok(lease) = shared.budget.admit(peer.ip(), Listener::Rtsp).await else { panic!("there is room") };
        let mut host = ConnectionHost::new(shared.clone(), local, peer, lease);
        for _ in 0..2 {
            let ports = host.open_udp(1, false, (5000, 5001)).expect("ports");
            assert_eq!(host.open_udp(2, false, (5002, 5003)), Some(ports), "one pair does");
            assert_eq!(shared.budget.used(), 1 + Drain::DESCRIPTORS);
            host.release();
            assert_eq!(shared.budget.used(), 1);
            assert!(host.drain.is_none());
        }
    }
}
