//! MediaMTX as a sweep's server, and as a peer of the tests: RTSP alone.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;

use crate::programs::on_path;

/// Media over QUIC is off by the environment: versions without it refuse a file with a key that they do not know.
pub const ENVIRONMENT: (&str, &str) = ("MTX_MOQ", "no");

/// The program: `$MEDIAMTX`, or `mediamtx` on `PATH`.
pub fn find() -> Option<PathBuf> {
    let named = std::env::var_os("MEDIAMTX").map(PathBuf::from);
    named.filter(|path| path.is_file()).or_else(|| on_path("mediamtx"))
}

/// The text of a configuration file: RTSP at `rtsp`, with ports for RTP that are free now, any path, and nothing else.
///
/// # Errors
/// Where no two such ports are found.
pub fn config(rtsp: SocketAddr) -> io::Result<String> {
    let rtp = free_udp_pair()?;
    Ok(format!(
        "rtspAddress: {rtsp}\nrtpAddress: 127.0.0.1:{rtp}\nrtcpAddress: 127.0.0.1:{}\nrtmp: no\nhls: no\nwebrtc: no\n\
         srt: no\npaths:\n  all_others:\n",
        rtp + 1
    ))
}

/// An even UDP port of 127.0.0.1 that is free, as is the next one.
fn free_udp_pair() -> io::Result<u16> {
    /// Half of the ports are odd, and few are taken.
    const TRIES: usize = 100;
    for _ in 0..TRIES {
        let port = UdpSocket::bind("127.0.0.1:0")?.local_addr()?.port();
        if port % 2 == 0 && UdpSocket::bind(("127.0.0.1", port + 1)).is_ok() {
            return Ok(port);
        }
    }
    Err(io::ErrorKind::AddrNotAvailable.into())
}
