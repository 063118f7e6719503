//! MediaMTX as a server of `framelag tune`, and as a peer in the tests: RTSP only.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::programs::on_path;

/// Turns Media over QUIC off. Not in the file: versions without it refuse a key that they do not know.
pub const ENVIRONMENT: (&str, &str) = ("MTX_MOQ", "no");

/// The program: `$MEDIAMTX`, or `mediamtx` on `PATH`.
pub fn find() -> Option<PathBuf> {
    let named = std::env::var_os("MEDIAMTX").map(PathBuf::from);
    named.filter(|path| path.is_file()).or_else(|| on_path("mediamtx"))
}

/// A configuration file: RTSP at `rtsp` over TCP and UDP, any path, nothing else. The port is even: RTP uses its number, RTCP the
/// next.
pub fn config(rtsp: SocketAddr) -> String {
    let (host, rtp) = (rtsp.ip(), rtsp.port());
    format!(
        "rtspAddress: {rtsp}\nrtpAddress: {host}:{rtp}\nrtcpAddress: {host}:{}\nrtmp: no\nhls: no\nwebrtc: no\n\
         srt: no\npaths:\n  all_others:\n",
        rtp + 1
    )
}
