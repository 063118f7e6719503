//! MediaMTX as a server of `framelag tune` and as a peer in tests: RTSP, and HLS for browsers.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::programs::on_path;

/// Turns Media over QUIC off. Not in the file: versions without it refuse a key that they do not know.
pub const ENVIRONMENT: (&str, &str) = ("MTX_MOQ", "no");

/// The program: `$MEDIAMTX`, or `mediamtx` on `PATH`.
pub fn find() -> Option<PathBuf> {
    let named = std::env::var_os("MEDIAMTX").map(PathBuf::from);
    named.filter(|path| path.is_file()).or_else(|| on_path("mediamtx"))
}

/// HLS variant, `hlsVariant`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Variant {
    /// MPEG-TS segments.
    #[value(name = "mpegts")]
    MpegTs,
    /// Fragmented MP4 segments.
    #[value(name = "fmp4")]
    Fmp4,
    /// Fragmented MP4 segments with parts.
    #[value(name = "lowLatency")]
    LowLatency,
}

impl Variant {
    /// Returns the name in MediaMTX's configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MpegTs => "mpegts",
            Self::Fmp4 => "fmp4",
            Self::LowLatency => "lowLatency",
        }
    }
}

/// The HLS configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hls {
    /// `hlsVariant`.
    pub variant: Variant,
    /// `hlsSegmentDuration`.
    pub segment: Duration,
    /// `hlsPartDuration`; ignored by variants without parts.
    pub part: Duration,
    /// `hlsSegmentCount`.
    pub count: usize,
}

impl Default for Hls {
    /// MediaMTX's defaults.
    fn default() -> Self {
        let (segment, part) = (Duration::from_secs(1), Duration::from_millis(200));
        Self { variant: Variant::LowLatency, segment, part, count: 7 }
    }
}

/// Writes a configuration: RTSP at `rtsp` over TCP and UDP for any path, optionally HLS, and nothing else. The RTSP
/// port is even: RTP uses the port itself, RTCP the next.
pub fn config(rtsp: SocketAddr, hls: Option<(SocketAddr, Hls)>) -> String {
    let (host, rtp) = (rtsp.ip(), rtsp.port());
    let hls = hls.map_or_else(
        || "hls: no\n".to_owned(),
        |(address, Hls { variant, segment, part, count })| {
            // Start with the first frame, not with the first viewer.
            format!(
                "hls: yes\nhlsAddress: {address}\nhlsAlwaysRemux: yes\nhlsVariant: {}\nhlsSegmentCount: {count}\n\
                 hlsSegmentDuration: {}ms\nhlsPartDuration: {}ms\n",
                variant.name(),
                segment.as_millis(),
                part.as_millis()
            )
        },
    );
    format!(
        "rtspAddress: {rtsp}\nrtpAddress: {host}:{rtp}\nrtcpAddress: {host}:{}\nrtmp: no\n{hls}webrtc: no\n\
         srt: no\npaths:\n  all_others:\n",
        rtp + 1
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hls_is_configured_where_it_is_asked_for() {
        let address = SocketAddr::from(([127, 0, 0, 1], 8554));
        assert!(config(address, None).contains("\nhls: no\n"));
        let hls = Hls { segment: Duration::from_millis(500), ..Hls::default() };
        let text = config(address, Some((SocketAddr::from(([127, 0, 0, 1], 8888)), hls)));
        for line in ["hls: yes", "hlsAddress: 127.0.0.1:8888", "hlsVariant: lowLatency", "hlsSegmentDuration: 500ms"] {
            assert!(text.lines().any(|other| other == line), "{line} is not in\n{text}");
        }
    }
}
