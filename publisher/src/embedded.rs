//! The media server in this process.

use std::net::SocketAddr;

use common::stream_url::StreamUrl;

use crate::error::Error;
use crate::event::Log;

/// Path of the stream on it.
const PATH: &str = "cam";

/// Starts the server; returns it with the URL to publish to and to play. It ends when the handle is dropped.
///
/// # Errors
/// [`Error::Server`] where an address cannot be bound, [`Error::Exposed`] where other hosts could reach it.
pub(crate) fn start(rtsp: SocketAddr, http: SocketAddr, log: Log) -> Result<(server::Handle, StreamUrl), Error> {
    let server = server::start(server::Config { rtsp, http: Some(http), ..server::Config::default() })?;
    let url = format!("rtsp://{}/{PATH}", server.rtsp_addr());
    let page = server.http_addr().map(|http| format!("; in a browser: http://{http}/{PATH}/index.m3u8"));
    let page = page.unwrap_or_default();
    log.info("server", &format!("server in this process; play with: receiver {url}{page}"));
    Ok((server, url.parse().expect("an address and a path are a URL")))
}
