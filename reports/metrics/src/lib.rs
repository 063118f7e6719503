//! Metrics as every format has them, and their text as OpenMetrics. Which there are is said where they are counted.

mod buckets;
mod family;
pub mod openmetrics;

pub use buckets::Buckets;
pub use family::{Family, Kind, Label, Point, Unit, Value, seconds};
