//! What a server is told, and why it may not start.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;

use common::rtsp::serve::StreamPath;

use crate::auth::AuthFileError;
use crate::segment::{SegmentSettings, SettingsChange, SettingsError};

/// What a server is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address for RTSP; port 0 takes a free one. Default 127.0.0.1:8554.
    pub rtsp: SocketAddr,
    /// Address for HTTP; port 0 takes a free one, `None` leaves HTTP out. Default 127.0.0.1:8080.
    pub http: Option<SocketAddr>,
    /// File of users: lines of `user:password`, with `:publish`, `:play` or `:all` (the default) behind them; blank
    /// lines and lines that begin with `#` do not count. Default: everybody may do everything.
    pub auth: Option<PathBuf>,
    /// Lets everybody in from everywhere where there is no file of users. Default no.
    pub insecure: bool,
    /// Segment settings for HTTP viewers.
    pub segments: SegmentSettings,
    /// Changes by path.
    pub paths: BTreeMap<StreamPath, SettingsChange>,
}

impl Default for Config {
    fn default() -> Self {
        let loopback = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        Self {
            rtsp: loopback(8554),
            http: Some(loopback(8080)),
            auth: None,
            insecure: false,
            segments: SegmentSettings::default(),
            paths: BTreeMap::new(),
        }
    }
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process listens there.
    #[error("port {} is taken: stop the program that listens on {address}, or choose another address with {flag}, such as {flag} {}", address.port(), suggest(*address))]
    PortTaken {
        /// The address asked for.
        address: SocketAddr,
        /// The flag to change.
        flag: &'static str,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address} ({flag}): {source}")]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// The flag to change.
        flag: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// An address that others can reach, without users.
    #[error(
        "{flag} {address} can be reached from other hosts without a password: add --auth FILE with lines of user:password, or --insecure to allow it"
    )]
    Exposed {
        /// The address asked for.
        address: SocketAddr,
        /// The flag it came from.
        flag: &'static str,
    },
    /// The file of users.
    #[error(transparent)]
    Auth(#[from] AuthFileError),
    /// Invalid segment settings, of one path if it is named.
    #[error("{}{error}", path.as_ref().map_or(String::new(), |path| format!("/{path}: ")))]
    Segments {
        /// The path; `None` for [`Config::segments`].
        path: Option<StreamPath>,
        /// What is wrong.
        error: SettingsError,
    },
    /// Threads or the event queue are not to be had.
    #[error("cannot start the server's threads: {0}")]
    Runtime(#[source] io::Error),
}

impl Config {
    /// Fails if a setting is out of range.
    pub(crate) fn check_segments(&self) -> Result<(), Error> {
        self.segments.check().map_err(|error| Error::Segments { path: None, error })?;
        self.paths.iter().try_for_each(|(path, change)| {
            let checked = change.of(self.segments).check();
            checked.map_err(|error| Error::Segments { path: Some(path.clone()), error })
        })
    }

    /// Refuses addresses that others can reach where nobody would be asked for a password.
    pub(crate) fn check_exposure(&self) -> Result<(), Error> {
        let open = self.auth.is_none() && !self.insecure;
        let addresses = [(Some(self.rtsp), "--rtsp"), (self.http, "--http")];
        for (address, flag) in addresses {
            if let Some(address) = address.filter(|a| open && !a.ip().to_canonical().is_loopback()) {
                return Err(Error::Exposed { address, flag });
            }
        }
        Ok(())
    }
}

/// Listens on `address`, which came from `flag`.
pub(crate) fn listen(address: SocketAddr, flag: &'static str) -> Result<TcpListener, Error> {
    let bound = TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    bound.map_err(|source| match source.kind() {
        // Where any port would do and none is left, none in particular is taken.
        io::ErrorKind::AddrInUse if address.port() != 0 => Error::PortTaken { address, flag },
        _ => Error::Bind { address, flag, source },
    })
}

/// The next port, to be typed instead.
fn suggest(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip(), address.port().checked_add(1).unwrap_or(8_555))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_named_with_its_flag() {
        let first = listen("127.0.0.1:0".parse().expect("an address"), "--rtsp").expect("a free port");
        let address = first.local_addr().expect("bound");
        let error = listen(address, "--rtsp").expect_err("taken").to_string();
        assert!(error.contains(&format!("port {} is taken", address.port())) && error.contains("--rtsp"), "{error}");
    }

    #[test]
    fn other_hosts_are_let_in_only_knowingly() {
        let config = |rtsp: &str, insecure| Config {
            rtsp: rtsp.parse().expect("an address"),
            http: None,
            insecure,
            ..Config::default()
        };
        for open in ["0.0.0.0:8554", "192.0.2.1:8554", "[::]:8554"] {
            let error = config(open, false).check_exposure().expect_err(open).to_string();
            assert!(error.contains("--auth FILE") && error.contains("--insecure") && error.contains(open), "{error}");
            assert!(config(open, true).check_exposure().is_ok());
        }
        for own in ["127.0.0.1:8554", "[::1]:8554", "127.9.9.9:1"] {
            assert!(config(own, false).check_exposure().is_ok());
        }
        let http = Config { http: Some("0.0.0.0:80".parse().expect("an address")), ..Config::default() };
        assert!(http.check_exposure().expect_err("HTTP").to_string().contains("--http"));
    }
}
