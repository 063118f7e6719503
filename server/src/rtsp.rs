//! RTSP on sockets: accepts connections, and runs one [`common::rtsp::serve::Session`] for each.

pub(crate) mod listener;

mod connection;
mod host;
mod outbox;
mod reader;
mod udp;
