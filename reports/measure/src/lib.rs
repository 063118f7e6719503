//! What became of every frame of a run, and how old the picture was: samples, accounts, latency histograms, intervals, the age
//! of the picture on screen, freezes, and what the clocks did. Pure: takes `now`, reads no clock, opens no file.
//!
//! # Units
//!
//! Inside, times are whole microseconds (`_us`); in [`figures`], as in `run.json` and on the terminal, they are milliseconds
//! (`_ms`) with three decimals. A value that does not exist is `None` and becomes `null` or an empty field, never 0.
//!
//! # What is counted
//!
//! Nothing before the end of the warm-up, which begins with the first picture, is in any statistic or bucket. After
//! it, every frame of the range between the first and the last sequence number read has exactly one [`Bucket`];
//! [`ledger`] says how it is found.

#[cfg(test)]
extern crate self as measure;

pub mod age;
pub mod allowance;
pub mod catalogue;
pub mod cost;
pub mod figures;
pub mod interval;
pub mod latency;
pub mod ledger;
pub mod live;
pub mod publisher_clock;
mod publishers;
pub mod rate;
pub mod sample;
mod sequence;
pub mod stages;
pub mod stamps;
pub mod steps;
#[cfg(test)]
mod testing;
pub mod timeline;
pub mod units;

pub use sample::{Bucket, Clocks, Correction, Sample, StartupStep};
