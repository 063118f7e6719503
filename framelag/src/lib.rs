//! What of the umbrella command others can use: a [`proxy`] that makes a network worse.

pub mod proxy;
