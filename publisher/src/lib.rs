//! Captures live video, stamps every picture with the time, encodes it and sends it out.
//!
//! A picture goes one way, and [`pipeline`] knows the order: [`capture`] → [`stamp`] → [`encode`] → [`seal`] → [`egress`], where
//! it is sent. Each step reads the clock once and adds its time to the picture's own.

pub mod args;
pub mod capture;
mod clock;
pub mod config;
pub mod egress;
mod embedded;
pub mod encode;
pub mod error;
pub mod event;
mod pace;
mod pictures;
pub mod pipeline;
mod preview;
pub mod rate;
pub mod seal;
pub mod stamp;
