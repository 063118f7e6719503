//! Accounts for every frame of a run and says what it means: buckets, latency histograms, the age of the picture on
//! screen, freezes, assertions, and the report folder.
//!
//! [`Recorder`] is the front door. A receiver feeds it with what it saw, ticks it at least 20 times a second, and
//! gets a [`Summary`] at the end:
//!
//! ```text
//! receiver ── Observation, tick … ──▶ Recorder ──▶ Tally (pure: takes `now`, reads no clock, opens no file)
//!                                        └────────▶ folder (a thread of its own writes the files)
//! ```
//!
//! # Units
//!
//! Inside, times are whole microseconds (`_us`); in `run.json` and on the terminal they are milliseconds (`_ms`) with
//! three decimals. A value that does not exist is `None` and becomes `null` or an empty field, never 0.
//!
//! # What is counted
//!
//! Nothing before the end of the warm-up, which begins with the first picture, is in any statistic or bucket. After
//! it, every frame of the range between the first and the last sequence number read has exactly one [`Bucket`];
//! [`account`] says how it is found.

pub mod account;
pub mod age;
pub mod allowance;
pub mod calibration;
pub mod comparison;
pub mod cost;
pub mod dir;
pub mod export;
pub mod folder;
pub mod gate;
pub mod host;
pub mod identity;
pub mod interval;
pub mod latency;
mod math;
pub mod merge;
pub mod metrics;
pub mod observation;
pub mod plot;
pub mod publisher_clock;
pub mod quality;
pub mod rate;
pub mod recorder;
pub mod regular;
mod rivals;
pub mod run;
pub mod sample;
pub mod saved;
mod sequence;
pub mod stamps;
pub mod steps;
#[cfg(feature = "store")]
pub mod store;
pub mod summary;
pub mod sweep;
pub mod tally;
pub mod threshold;
pub mod timeline;
pub mod trend;
pub mod warning;

#[cfg(test)]
mod testing;

pub use observation::Observation;
pub use recorder::{Error, Live, Place, Recorder, Setup};
pub use run::{Outcome, Run};
pub use sample::{Bucket, Clocks, Correction, Mark, Sample};
pub use summary::Summary;
pub use threshold::Assertion;
pub use warning::Warning;
