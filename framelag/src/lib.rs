//! The parts of the umbrella command that tests use too: the impairment [`proxy`], the [`plan`] of a sweep, and the
//! [`stream_settings`] of the server.

pub mod loopback;
pub mod mediamtx;
pub mod plan;
pub mod programs;
pub mod proxy;
pub mod stream_settings;
