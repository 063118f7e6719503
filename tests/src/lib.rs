//! What framelag's whole-journey tests share: real processes, RTSP peers, pictures, a screen, a camera.
//!
//! Tests install and download nothing. What they need beside the built binaries is installed and made by
//! `make test-tools`; a test that misses something fails, and says by name what is missing and what mends it.
//!
//! Waiting is always for an event, with a limit that only a broken run reaches ([`LIMIT`]).

use std::time::Duration;

pub mod attacks;
pub mod binary;
pub mod browser;
pub mod camera;
pub mod corner_code;
pub mod gate_rates;
pub mod hostile;
pub mod kept;
pub mod measuring;
pub mod misreading;
pub mod namespaces;
pub mod need;
pub mod pictures;
pub mod postgres;
pub mod process;
pub mod report;
pub mod rtsp;
pub mod scraping;
pub mod screen;
pub mod serving;
pub mod streaming;
pub mod survival;
pub mod turn;
pub mod viewers;
pub mod viewing;

pub use process::Process;

/// How long a test waits for what should take seconds at most: generous, since two cores may run many things at once.
pub const LIMIT: Duration = Duration::from_secs(60);
