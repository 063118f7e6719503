//! What a session asks, answered out of the server's registry, its users and its sockets.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use common::rtsp::serve::{Access, Busy, Description, Host, Permission, StreamPath};
use common::time::{MediaTime, MonoTime};

use super::udp::Pair;
use crate::Shared;
use crate::auth::Challenger;
use crate::relay::Reservation;

/// One connection's part of the server.
pub(super) struct ConnectionHost {
    shared: Arc<Shared>,
    local: SocketAddr,
    peer: SocketAddr,
    challenger: Option<Challenger>,
    reservation: Option<Reservation>,
    udp: BTreeMap<usize, Pair>,
}

impl ConnectionHost {
    pub(super) fn new(shared: Arc<Shared>, local: SocketAddr, peer: SocketAddr) -> Self {
        let challenger = shared.users.clone().map(Challenger::new);
        Self { shared, local, peer, challenger, reservation: None, udp: BTreeMap::new() }
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
        self.udp.clear();
    }
}

impl Host for ConnectionHost {
    fn permit(&mut self, now: MonoTime, access: &Access<'_>) -> Permission {
        match &mut self.challenger {
            None => Permission::Granted,
            Some(challenger) => {
                let permission = challenger.check(now, access);
                if permission != Permission::Granted && access.authorization.is_some() {
                    tracing::warn!(peer = %self.peer, path = %access.path, action = ?access.action, "access denied");
                }
                permission
            }
        }
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
        let pair = Pair::bind(self.local.ip(), self.peer.ip().to_canonical(), client);
        let opened = pair.and_then(|pair| Ok((pair.ports()?, pair)));
        match opened {
            Ok((ports, pair)) => {
                self.udp.insert(track, pair);
                Some(ports)
            }
            Err(error) => {
                tracing::warn!(peer = %self.peer, %error, "no UDP ports for a track");
                None
            }
        }
    }
}
