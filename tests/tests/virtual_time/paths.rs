//! The streams of the server in a world.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use common::rtsp::auth::{Attempt, Verifier};
use common::rtsp::serve::{Access, Busy, Description, Host, Permission, StreamPath};
use common::time::{MediaTime, MonoTime};

/// The server's streams: one path that one connection can hold.
pub struct Paths {
    /// Held by the connection.
    pub held: bool,
    /// Held by somebody else.
    pub taken: bool,
    user: Option<(&'static str, &'static str)>,
    verifier: Verifier,
}

impl Paths {
    /// Nobody publishes, and anybody may.
    pub fn free(verifier: Verifier) -> Self {
        Self { held: false, taken: false, user: None, verifier }
    }

    /// Nobody publishes, and only `user` may, if there is one.
    pub fn for_user(user: Option<(&'static str, &'static str)>) -> Self {
        Self { user, ..Self::free(Verifier::new("framelag")) }
    }
}

impl Host for Paths {
    fn permit(&mut self, now: MonoTime, access: &Access<'_>) -> Permission {
        let Some((user, password)) = self.user else { return Permission::Granted };
        let attempt = Attempt { method: access.method.into(), uri: access.url.as_str() };
        let password_of = |name: &str| (name == user).then(|| password.to_owned());
        match self.verifier.verify(&attempt, access.authorization, now, password_of) {
            Ok(_) => Permission::Granted,
            Err(_) => Permission::Challenge(self.verifier.challenge(now)),
        }
    }

    fn local_ip(&self) -> IpAddr {
        Ipv4Addr::LOCALHOST.into()
    }

    fn find(&mut self, _: &StreamPath) -> Option<Arc<Description>> {
        None
    }

    fn newest_time(&mut self, _: &StreamPath, _: usize) -> Option<MediaTime> {
        None
    }

    fn reserve(&mut self, path: &StreamPath) -> Result<(), Busy> {
        if self.taken || self.held {
            return Err(Busy(format!("somebody else publishes to {path}")));
        }
        self.held = true;
        Ok(())
    }

    fn open_udp(&mut self, _: usize, _: bool, _: (u16, u16)) -> Option<(u16, u16)> {
        Some((50_000, 50_001))
    }
}
