//! What of the umbrella command others can use: a [`proxy`] that makes a network worse, and the [`plan`] of a sweep.

pub mod loopback;
pub mod mediamtx;
pub mod plan;
pub mod programs;
pub mod proxy;
