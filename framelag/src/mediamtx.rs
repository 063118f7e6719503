//! MediaMTX as a sweep's server, and as a peer of the tests: RTSP alone.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::programs::on_path;

/// Media over QUIC is off by the environment: versions without it refuse a file with a key that they do not know.
pub const ENVIRONMENT: (&str, &str) = ("MTX_MOQ", "no");

/// The program: `$MEDIAMTX`, or `mediamtx` on `PATH`.
pub fn find() -> Option<PathBuf> {
    let named = std::env::var_os("MEDIAMTX").map(PathBuf::from);
    named.filter(|path| path.is_file()).or_else(|| on_path("mediamtx"))
}

/// The text of a configuration file: RTSP at `rtsp` over TCP and UDP, any path, and nothing else. The port is an even one, since
/// RTP has its number, and RTCP the next.
pub fn config(rtsp: SocketAddr) -> String {
    let (host, rtp) = (rtsp.ip(), rtsp.port());
    format!(
        "rtspAddress: {rtsp}\nrtpAddress: {host}:{rtp}\nrtcpAddress: {host}:{}\nrtmp: no\nhls: no\nwebrtc: no\n\
         srt: no\npaths:\n  all_others:\n",
        rtp + 1
    )
}
