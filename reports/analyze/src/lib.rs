//! Analysis of finished runs: [`gate`] compares two sets of runs, [`merge`] joins runs, [`store`] keeps them, [`trend`] finds where
//! their figures changed, [`sweep`] evaluates the settings of a plan, [`quality`] measures picture quality and [`calibration`] the
//! accuracy of the instrument.

pub mod calibration;
pub mod gate;
pub mod identity;
pub mod merge;
pub mod quality;
pub mod statistics;
pub mod store;
pub mod sweep;
#[cfg(test)]
#[path = "../../report/src/testing.rs"]
mod testing;
pub mod trend;
