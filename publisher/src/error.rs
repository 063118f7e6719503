//! Everything that can end a run, and the exit code it ends with.

use std::net::SocketAddr;

use common::code::TooSmall;

use crate::{capture, config, encode};

/// Why a run failed; one line for the user.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The flags do not fit together.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// The source.
    #[error(transparent)]
    Capture(#[from] capture::Error),
    /// The code does not fit into the picture.
    #[error(transparent)]
    Stamp(#[from] TooSmall),
    /// The encoder.
    #[error(transparent)]
    Encode(#[from] encode::Error),
    /// The embedded server is for this machine alone.
    #[error(
        "{flag} {address} is reachable from other hosts, and the embedded server has no passwords: run \
         framelag serve {flag} {address} --auth FILE, and publisher --to rtsp://USER:PASSWORD@HOST:PORT/cam"
    )]
    Exposed {
        /// The address asked for.
        address: SocketAddr,
        /// The flag it came from.
        flag: &'static str,
    },
    /// The embedded server.
    #[error(transparent)]
    Server(server::Error),
    /// The connection to the server.
    #[error(transparent)]
    Send(#[from] crate::egress::NetworkError),
    /// The system gives no thread to compare clocks.
    #[error("cannot start a thread: {0}")]
    Clock(std::io::Error),
    /// The clock that a test meant to hand in.
    #[error(transparent)]
    TestClock(#[from] common::host::clock::Malformed),
    /// The file for pictures.
    #[error("--pictures {}: {why}", file.display())]
    Pictures {
        /// The file.
        file: std::path::PathBuf,
        /// The system's reason.
        why: std::io::Error,
    },
    /// Standard output.
    #[error("cannot write to standard output: {0}")]
    Output(std::io::Error),
}

impl From<server::Error> for Error {
    fn from(error: server::Error) -> Self {
        match error {
            server::Error::Exposed { address, flag } => Self::Exposed { address, flag },
            other => Self::Server(other),
        }
    }
}

impl Error {
    /// 2 where the user named something unusable, 1 where it failed at run time.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Stamp(_) | Self::Exposed { .. } | Self::TestClock(_) => 2,
            Self::Capture(error) if error.is_usage() => 2,
            Self::Encode(error) if error.is_usage() => 2,
            _ => 1,
        }
    }
}
