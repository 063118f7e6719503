//! What every binary needs of the operating system, and the only part of this crate that does I/O: files, sockets, threads,
//! signals, the environment and the terminal.

pub mod clock;
pub mod clock_client;
pub mod command_line;
pub mod credentials;
pub mod descriptors;
pub mod files;
pub mod logging;
pub mod parent_death;
pub mod pictures;
pub mod process;
pub mod resolve;
pub mod signals;
mod stop;
pub mod terminal;

pub use clock::SystemClock;
pub use clock_client::ClockClient;
pub use stop::Stop;
