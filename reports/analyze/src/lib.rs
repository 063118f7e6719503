//! What finished runs say together: [`gate`] compares runs with runs, [`merge`] joins them, [`store`] keeps them and [`trend`]
//! finds where they changed; [`sweep`] says what the settings of a plan did, [`quality`] what became of the picture, and
//! [`calibration`] how far off the instrument is.

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
