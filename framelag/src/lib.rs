//! The parts of the umbrella command that tests use too: the impairment [`proxy`] and the [`plan`] of a sweep.

pub mod loopback;
pub mod mediamtx;
pub mod plan;
pub mod programs;
pub mod proxy;
