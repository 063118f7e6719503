//! The network on one side of the server: the proxy of `framelag impair` in this process, or none for a network as it is.

use std::net::{Ipv4Addr, SocketAddr};

use common::impair::Conditions;
use common::stream_url::StreamUrl;
use framelag::proxy::{Network, Protocol, Proxy};

use super::matrix::is_impaired;

/// A route to a server. Dropping it ends it.
pub struct Route {
    /// What to use in place of the server's URL.
    pub url: StreamUrl,
    _proxy: Option<Proxy>,
}

impl Route {
    /// Leads to `server` under `conditions`, which apply both ways.
    pub fn start(server: &StreamUrl, conditions: &Conditions, udp: bool, seed: u64) -> Result<Self, String> {
        if !is_impaired(conditions) {
            return Ok(Self { url: server.clone(), _proxy: None });
        }
        let unknown = |why: String| format!("cannot resolve the server {server}: {why}");
        let addresses = server.addresses().map_err(|error| unknown(error.to_string()))?;
        let address = *addresses.first().ok_or_else(|| unknown("its name has no address".to_owned()))?;
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let network = Network { forward: conditions.clone(), back: conditions.clone() };
        let protocol = if udp { Protocol::Rtsp } else { Protocol::Tcp };
        let proxy = Proxy::start(protocol, any, address, network, seed)?;
        let at = proxy.address();
        let mut url = server.url().clone();
        url.set_ip_host(at.ip())
            .and_then(|()| url.set_port(Some(at.port())))
            .map_err(|()| unknown("it has no host".to_owned()))?;
        Ok(Self { url: StreamUrl::at(url, server.credentials().cloned()), _proxy: Some(proxy) })
    }
}
