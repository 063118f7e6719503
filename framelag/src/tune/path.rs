//! The network on one side of the server: the proxy of `framelag impair` in this process, or nothing where there is
//! nothing to make worse.

use std::net::{Ipv4Addr, SocketAddr};

use common::impair::Conditions;
use common::stream_url::StreamUrl;
use framelag::proxy::{Endpoint, Network, Protocol, Proxy, RtspProxy};

use super::matrix::is_impaired;

/// A way to a server. Dropping it ends it.
pub struct Path {
    /// What to use in the server's place.
    pub url: StreamUrl,
    _way: Way,
}

/// What is in it. Held until the way ends.
#[expect(dead_code, reason = "a proxy works as long as it is held")]
enum Way {
    AsItIs,
    Connection(Proxy),
    Datagrams(RtspProxy),
}

impl Path {
    /// Leads to `server` under `conditions`, which hold both ways.
    pub fn start(server: &StreamUrl, conditions: &Conditions, udp: bool, seed: u64) -> Result<Self, String> {
        if !is_impaired(conditions) {
            return Ok(Self { url: server.clone(), _way: Way::AsItIs });
        }
        let unknown = |why: String| format!("cannot resolve the server {server}: {why}");
        let addresses = server.addresses().map_err(|error| unknown(error.to_string()))?;
        let address = *addresses.first().ok_or_else(|| unknown("its name has no address".to_owned()))?;
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let network = Network { forward: conditions.clone(), back: conditions.clone() };
        let started = if udp {
            RtspProxy::start(any, address, network, seed).map(|proxy| (proxy.address(), Way::Datagrams(proxy)))
        } else {
            let tcp = |address| Endpoint { protocol: Protocol::Tcp, address };
            Proxy::start(tcp(any), tcp(address), network, seed).map(|proxy| (proxy.address(), Way::Connection(proxy)))
        };
        let (at, way) = started.map_err(|error| error.to_string())?;
        let mut url = server.url().clone();
        url.set_ip_host(at.ip())
            .and_then(|()| url.set_port(Some(at.port())))
            .map_err(|()| unknown("it has no host".to_owned()))?;
        Ok(Self { url: StreamUrl::at(url, server.credentials().cloned()), _way: way })
    }
}
