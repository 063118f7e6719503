//! Measuring in a browser: `receiver --via`. The browser receives, decodes, shows and reads the pictures itself; its
//! page sends readings instead of pictures, which go straight to [`report::Recorder`].
//!
//! ```text
//! browser ── WebSocket ──▶ server (a runtime) ── events ──▶ the caller's thread
//!   plays, reads codes       probes its clock                 join → Observation → Recorder
//! ```

pub(crate) mod args;
mod assets;
mod browser;
pub(crate) mod config;
mod failure;
mod invite;
mod join;
pub mod options;
mod origin;
mod page_clock;
mod protocol;
mod served;
mod server;
mod session;
#[cfg(test)]
mod tests;

pub use args::Via;
pub(crate) use config::Common;
pub use config::Config;
pub use failure::Error;
pub(crate) use session::Session;
