//! How far another host's clock is from this one, asked for over UDP: pure, takes `now`, opens no socket.
//!
//! `docs/clock.md` has the byte layouts, the arithmetic and its assumptions. In short:
//!
//! 1. A [`Prober`] sends small requests, and notes this host's **monotonic** time before each.
//! 2. The other end answers with its **wall** time of receiving and of sending: framelag's own protocol ([`wire`],
//!    answered by a [`Responder`]), or an NTP server ([`ntp`]).
//! 3. However unevenly the network delays the two ways, the other clock was within an interval as wide as the round trip
//!    (Cristian 1989). An [`Estimator`] keeps the intersection of all of them (Marzullo 1984), each grown by how far two
//!    clocks may have drifted apart since, and hands out a [`Fix`].
//!
//! A fix tells the other clock's wall time at any of our monotonic times, so that a step of our own wall clock does not
//! touch it. A step of the other clock contradicts it: then the estimate starts over, and says so.

mod choice;
mod drift;
mod endpoint;
mod estimator;
mod fix;
pub mod ntp;
mod prober;
mod refusal;
mod responder;
pub mod wire;

pub use choice::ClockChoice;
pub use endpoint::{Endpoint, EndpointError, Protocol};
pub use estimator::{Estimator, Restarts, Sample, Verdict};
pub use fix::{Estimate, Fix, GROWTH_PPM, MAX_AGE, MAX_FIT_PPM, MAX_RATE_PPM};
pub use prober::{Prober, View};
pub use refusal::{Counts, Refusal};
pub use responder::Responder;

pub use drift::Drift;
