//! MediaMTX as a server of `framelag tune`, and as a peer in the tests: RTSP, and HLS where a browser plays.

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

/// How it makes HLS: `hlsVariant`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Variant {
    /// Segments of MPEG-TS.
    #[value(name = "mpegts")]
    MpegTs,
    /// Segments of fMP4.
    #[value(name = "fmp4")]
    Fmp4,
    /// Parts too.
    #[value(name = "lowLatency")]
    LowLatency,
}

impl Variant {
    /// As MediaMTX has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MpegTs => "mpegts",
            Self::Fmp4 => "fmp4",
            Self::LowLatency => "lowLatency",
        }
    }
}

/// Its HLS side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hls {
    /// `hlsVariant`.
    pub variant: Variant,
    /// `hlsSegmentDuration`.
    pub segment: Duration,
    /// `hlsPartDuration`; without effect where there are no parts.
    pub part: Duration,
    /// `hlsSegmentCount`.
    pub count: usize,
}

impl Default for Hls {
    /// Its own defaults.
    fn default() -> Self {
        let (segment, part) = (Duration::from_secs(1), Duration::from_millis(200));
        Self { variant: Variant::LowLatency, segment, part, count: 7 }
    }
}

/// A configuration file: RTSP at `rtsp` over TCP and UDP, any path, and nothing else but `hls` at its address. The RTSP port is even:
/// RTP uses its number, RTCP the next.
pub fn config(rtsp: SocketAddr, hls: Option<(SocketAddr, Hls)>) -> String {
    let (host, rtp) = (rtsp.ip(), rtsp.port());
    let hls = hls.map_or_else(
        || "hls: no\n".to_owned(),
        |(address, Hls { variant, segment, part, count })| {
            // Made from the first frame on, not from the first viewer on.
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
