//! How RTP packets travel beside an RTSP session.

use std::fmt;

/// The lower transport of RTP (RFC 2326 section 12.39).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Transport {
    /// Interleaved in the RTSP connection (RFC 2326 section 10.12).
    #[default]
    Tcp,
    /// In datagrams of its own; lost ones are not sent again.
    Udp,
}

impl Transport {
    /// Its name on command lines.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }

    /// The one to try when this one is refused.
    pub const fn other(self) -> Self {
        match self {
            Self::Tcp => Self::Udp,
            Self::Udp => Self::Tcp,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
