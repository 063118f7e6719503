//! RTSP servers as processes: our own, GStreamer's, one on gortsplib, and MediaMTX where there is one.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;

pub use common::transport::Transport;
use framelag::{loopback, mediamtx};

use crate::process::{Builder, Process, wait_until};
use crate::{LIMIT, binary, need, rtsp};

/// A running RTSP server. Dropping it ends it.
pub struct Server {
    /// Its process.
    pub process: Process,
    /// Where it listens for RTSP.
    pub address: SocketAddr,
    /// Where it listens for HTTP, where it does.
    pub http: Option<SocketAddr>,
    publish_path: &'static str,
    play_path: &'static str,
}

impl Server {
    /// URL to publish to.
    pub fn publish_url(&self) -> String {
        format!("rtsp://{}/{}", self.address, self.publish_path)
    }

    /// URL to play from.
    pub fn play_url(&self) -> String {
        format!("rtsp://{}/{}", self.address, self.play_path)
    }

    /// Waits until somebody publishes, so that a player finds a stream.
    ///
    /// # Panics
    ///
    /// Where nobody does within the limit.
    pub fn wait_for_stream(&self) {
        let url = self.play_url();
        wait_until("a stream to play", LIMIT, || (rtsp::describe(self.address, &url) == Some(200)).then_some(()));
    }
}

/// Our own server (`framelag serve`) on free ports, with more arguments.
pub fn framelag(args: &[&str]) -> Server {
    framelag_at("127.0.0.1:0", args)
}

/// An address for a server that is to come back to it: while it is away nobody else is given it.
pub fn lasting_address() -> SocketAddr {
    loopback::unused_address(loopback::random_host())
}

/// Our own server on free ports, which may have `descriptors` files and sockets open.
pub fn framelag_with_descriptors(descriptors: usize) -> Server {
    let limited = format!("ulimit -n {descriptors}; exec \"$0\" \"$@\"");
    let program = Builder::new("sh").args(["-c", &limited]).arg(binary::path("framelag"));
    our_own(program.args(["serve", "--rtsp", "127.0.0.1:0", "--http", "127.0.0.1:0"]).spawn())
}

/// Our own server at an address, for one that comes back.
pub fn framelag_at(rtsp: &str, args: &[&str]) -> Server {
    let process = Builder::new(binary::path("framelag"))
        .args(["serve", "--rtsp", rtsp, "--http", "127.0.0.1:0"])
        .args(args)
        .spawn();
    our_own(process)
}

fn our_own(process: Process) -> Server {
    let mut server = listening(process, "cam", "cam");
    server.http = Some(server.process.wait_for_line("its HTTP URL", LIMIT, |line| address_in(line, "http")));
    server
}

/// GStreamer's RTSP server (`tests/peers/gst_rtsp_server.py`).
pub fn gstreamer() -> Server {
    need::gstreamer_elements(&["x264enc", "h264parse", "rtph264pay", "appsrc", "jpegenc"]);
    let script = binary::repository().join("tests/peers/gst_rtsp_server.py");
    listening(Builder::new(need::python()).arg(script).stdin(Stdio::piped()).spawn(), "in", "cam")
}

/// The server on gortsplib (`tests/peers/gortsplib`).
pub fn gortsplib() -> Server {
    listening(Builder::new(need::made("peers/gortsplib-peer")).stdin(Stdio::piped()).spawn(), "cam", "cam")
}

/// MediaMTX at `program`, with RTSP alone and its configuration file in `folder`.
pub fn mediamtx(program: &Path, folder: &Path) -> Server {
    let address = loopback::unused_address(loopback::random_host());
    mediamtx_configured(program, folder, address, &mediamtx::config(address, None))
}

/// The same with low-latency HLS: segments of a second, parts of 200 ms.
pub fn mediamtx_with_hls(program: &Path, folder: &Path) -> Server {
    let host = loopback::random_host();
    let (address, http) = (loopback::unused_address(host), loopback::unused_address(host));
    let config = mediamtx::config(address, Some((http, mediamtx::Hls::default())));
    Server { http: Some(http), ..mediamtx_configured(program, folder, address, &config) }
}

fn mediamtx_configured(program: &Path, folder: &Path, address: SocketAddr, config: &str) -> Server {
    let path = folder.join("mediamtx.yml");
    std::fs::write(&path, config).expect("a test's folder can be written to");
    let (name, value) = mediamtx::ENVIRONMENT;
    let process = Builder::new(program).arg(path).env(name, value).spawn();
    wait_until("MediaMTX's answer", LIMIT, || rtsp::describe(address, &format!("rtsp://{address}/cam")));
    Server { process, address, http: None, publish_path: "cam", play_path: "cam" }
}

/// The address of URL `scheme://127.0.0.1:PORT…` in `line`.
pub fn address_in(line: &str, scheme: &str) -> Option<SocketAddr> {
    let rest = line.split_once(&format!("{scheme}://"))?.1;
    let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':')).unwrap_or(rest.len());
    rest[..end].trim_end_matches(['.', ':']).parse().ok()
}

/// A TCP address where nobody listens, nor can while this is held: it is that of a client of a connection.
pub struct Nobody {
    /// Where that is.
    pub address: SocketAddr,
    _connection: (TcpListener, TcpStream),
}

/// A place where connections are refused.
pub fn nobody() -> Nobody {
    let server = TcpListener::bind("127.0.0.1:0").expect("a loopback port is free");
    let client = TcpStream::connect(server.local_addr().expect("it is bound")).expect("somebody listens");
    Nobody { address: client.local_addr().expect("it is connected"), _connection: (server, client) }
}

/// Waits until a server says where it listens.
fn listening(mut process: Process, publish_path: &'static str, play_path: &'static str) -> Server {
    let address = process.wait_for_line("the server's URL", LIMIT, |line| address_in(line, "rtsp"));
    Server { process, address, http: None, publish_path, play_path }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_there_for_as_long_as_it_is_held() {
        let nobody = nobody();
        let refused = TcpStream::connect(nobody.address).expect_err("nobody listens");
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
        TcpListener::bind(nobody.address).expect_err("and nobody can");
    }

    #[test]
    fn finds_addresses_in_sentences() {
        let address = |port| Some(SocketAddr::from(([127, 0, 0, 1], port)));
        assert_eq!(address_in("rtsp://127.0.0.1:8554", "rtsp"), address(8554));
        assert_eq!(address_in("listens at rtsp://127.0.0.1:8554/cam, and http://127.0.0.1:80.", "rtsp"), address(8554));
        assert_eq!(address_in("listens at rtsp://127.0.0.1:8554/cam, and http://127.0.0.1:80.", "http"), address(80));
        assert_eq!(address_in("rtsp://localhost/", "rtsp"), None);
    }
}
