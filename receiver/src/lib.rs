//! The receiver: plays a stamped stream, reads the stamp back, and says how old each picture is.
//!
//! A picture moves one way: [`ingress`] → [`queue`] → [`decode`] and `read` (on one thread) → [`render`] → `observe`.
//! `pipeline` is the one file that knows the order, `stream` holds what belongs to one input, and [`run()`] begins and ends it
//! all. `metrics` tells other programs how it goes. Where a browser plays, `via` brings its readings straight to the report.

// What goes to a terminal passes `common::printable`.
#[macro_use]
extern crate common;

pub mod args;
mod calibration;
pub mod config;
pub mod decode;
pub mod decoding;
pub mod ingress;
mod metrics;
mod observe;
mod offset;
mod output;
mod pictures;
mod pipeline;
pub mod queue;
mod read;
pub mod render;
mod run;
mod step_summary;
pub mod stream;
pub mod via;

pub use run::{Error, run};
