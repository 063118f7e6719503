//! Captures live video, stamps every picture with the time, encodes it and pushes it by RTSP.
//!
//! A picture goes one way, and [`pipeline`] knows the order: [`capture`] → [`stamp`] → [`encode`] → packetize and
//! [`send`]. Each step reads the clock once and adds its time to the picture's own.

pub mod args;
pub mod capture;
pub mod clock;
pub mod config;
pub mod encode;
pub mod error;
pub mod event;
pub mod output;
pub mod pace;
pub mod pictures;
pub mod pipeline;
pub mod preview;
pub mod push;
pub mod rate;
pub mod send;
pub mod stamp;
pub mod stop;
