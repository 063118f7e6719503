//! What a session asks, answered out of the server's registry, its users and its sockets.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use common::rtsp::serve::{Access, Action, Busy, Description, Full, Host, Permission, StreamPath};
use common::time::{MediaTime, MonoTime};

use super::udp::Pair;
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
    lease: Lease,
}

impl ConnectionHost {
    pub(super) fn new(shared: Arc<Shared>, local: SocketAddr, peer: SocketAddr, lease: Lease) -> Self {
        let challenger = shared.users.clone().map(|users| Challenger::new(users, peer.ip()));
        Self { shared, local, peer, challenger, reservation: None, udp: BTreeMap::new(), lease }
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
    }
}

impl ConnectionHost {
    fn open_pair(&mut self, track: usize, client: (u16, u16)) -> Result<(u16, u16), String> {
        self.lease.claim(Pair::DESCRIPTORS).map_err(|_| "too many sockets are open".to_owned())?;
        let pair = Pair::bind(self.local.ip(), self.peer.ip().to_canonical(), client);
        match pair.and_then(|pair| Ok((pair.ports()?, pair))) {
            Ok((ports, pair)) => {
                self.udp.insert(track, pair);
                Ok(ports)
            }
            Err(error) => {
                self.lease.unclaim(Pair::DESCRIPTORS);
                Err(error.to_string())
            }
        }
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
        self.lease.settle(returning).map_err(|_| Full)
    }

    fn local_ip(&self) -> IpAddr {
        self.local.ip()
    }

    fn find(&mut self, path: &StreamPath) -> Option<Arc<Description>> {
        Some(self.shared.paths.find(path)?.description())
    }

    fn newest_time(&mut self, path: &StreamPath) -> Option<MediaTime> {
        self.shared.paths.find(path)?.newest_time()
    }

    fn reserve(&mut self, path: &StreamPath) -> Result<(), Busy> {
        let reservation = self.shared.paths.reserve(path).map_err(|taken| Busy(taken.to_string()))?;
        self.reservation = Some(reservation);
        Ok(())
    }

    fn open_udp(&mut self, track: usize, client: (u16, u16)) -> Option<(u16, u16)> {
        let opened = if track == Description::VIDEO {
            self.open_pair(track, client)
        } else {
            self.shared.drain(self.local.ip()).map_err(|error| error.to_string())
        };
        let warn = |error: &String| tracing::warn!(peer = %self.peer, error, "no UDP ports for a track");
        opened.inspect_err(warn).ok()
    }
}
