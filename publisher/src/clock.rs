//! Compares this host's clock with one that receivers can ask too, so that they can correct for the offset between theirs and
//! ours.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use common::clock::Clock;
use common::host::{ClockClient, Stop};
use common::sei::Reference;
use common::sync::{ClockChoice, Endpoint, Protocol, View};
use common::time::{MonoTime, Now};

use crate::config::{Config, Destination};
use crate::error::Error;
use crate::event::Log;

/// A clock that has not answered by then is reported.
const SILENCE: Duration = Duration::from_secs(5);
/// An SEI holds no larger offset, µs: 4.7 hours.
const MAX_OFFSET_US: i64 = 1 << 34;

/// Starts comparing clocks where receivers cannot compare theirs with this host's directly: where the server is on another host,
/// or the user names a clock.
///
/// # Errors
/// [`Error::Clock`] when the system starts no thread.
pub(crate) fn compare(config: &Config, clock: &Arc<dyn Clock>, log: Log) -> Result<Option<Comparison>, Error> {
    let (endpoint, asked_for) = match (&config.clock, &config.destination) {
        (ClockChoice::Off | ClockChoice::SameHost, _) => return Ok(None),
        (ClockChoice::Ask(endpoint), _) => (endpoint.clone(), true),
        (ClockChoice::Auto, Destination::Server(url)) if !url.is_loopback() => {
            (Endpoint::framelag(&url.host_in_zone(), url.port()), false)
        }
        (ClockChoice::Auto, _) => return Ok(None),
    };
    Comparison::start(endpoint, clock, log, asked_for).map(Some).map_err(Error::Clock)
}

/// A comparison that runs until it is dropped.
pub struct Comparison {
    client: ClockClient,
    stop: Stop,
    started: MonoTime,
    log: Log,
    /// That the clock does not answer is then a warning.
    asked_for: bool,
    warned: bool,
}

impl Comparison {
    fn start(endpoint: Endpoint, clock: &Arc<dyn Clock>, log: Log, asked_for: bool) -> io::Result<Self> {
        let (started, stop) = (clock.now().mono, Stop::new());
        let client = ClockClient::start(endpoint, Arc::clone(clock), stop.clone())?;
        Ok(Self { client, stop, started, log, asked_for, warned: false })
    }

    /// The other clock against the publisher's, whose both times are `now`; `None` as long as it is not known, or is further
    /// away than an SEI can say. Warns once when there is no usable answer.
    pub(crate) fn reference(&mut self, now: Now) -> Option<Reference> {
        let view = self.client.view();
        if !self.warned {
            self.check(&view, now);
        }
        reference(self.client.endpoint(), &view, now)
    }

    fn check(&mut self, view: &View, now: Now) {
        let (endpoint, silent) = (self.client.endpoint(), view.counts.answered == 0);
        let offset = view.fix.and_then(|fix| fix.estimate(now, now.mono)).map_or(0, |found| found.offset_us);
        let problem = if let Some(fault) = self.client.fault() {
            format!("{endpoint}: {fault}")
        } else if silent && now.mono - self.started >= SILENCE {
            match view.counts.refused() {
                0 => format!("{endpoint} does not answer"),
                _ => format!("{endpoint} gives no usable answer ({})", view.counts.reasons()),
            }
        } else if offset.abs() >= MAX_OFFSET_US {
            let hours = offset as f64 / 3.6e9;
            format!("this host's clock is {hours:+.1} hours from that of {endpoint}: set it")
        } else {
            return;
        };
        self.warned = true;
        let message = format!(
            "{problem}; receivers on other hosts cannot compare their clocks with this one's (let UDP through, or give \
             publisher and receiver the same --clock ntp://HOST)"
        );
        if self.asked_for {
            self.log.warn("clock", &message);
        } else {
            self.log.note("clock", &message);
        }
    }
}

impl Drop for Comparison {
    fn drop(&mut self) {
        self.stop.request();
    }
}

fn reference(endpoint: &Endpoint, view: &View, now: Now) -> Option<Reference> {
    let id = match endpoint.protocol {
        Protocol::Framelag => view.host.filter(|host| *host != 0)?,
        Protocol::Ntp => endpoint.id(),
    };
    let found = view.fix?.estimate(now, now.mono)?;
    let offset_us = -found.offset_us;
    let bound_us = u32::try_from(found.bound_us).ok()?;
    (offset_us.abs() < MAX_OFFSET_US).then_some(Reference { id, offset_us, bound_us })
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use common::clock::ManualClock;
    use common::sync::{Prober, Responder, wire};
    use common::time::WallTime;

    use super::*;

    /// What is known of a clock that is `ahead` µs ahead of ours, and when.
    fn known(ahead: i64, host: u32) -> (View, Now) {
        let clock = ManualClock::new(WallTime::from_micros(1_763_722_800_000_000));
        let target = SocketAddr::from(([192, 0, 2, 1], 8554));
        let mut prober = Prober::new(Protocol::Framelag, target, 1);
        let request = prober.poll_transmit(clock.now().mono).expect("one is due");
        let nonce = wire::parse_request(&request).expect("it is one");
        clock.advance(Duration::from_millis(1));
        let there = clock.now().wall.offset(ahead);
        let answer = Responder::new(host).answer(nonce, there, there);
        clock.advance(Duration::from_millis(1));
        prober.handle_datagram(clock.now().mono, target, &answer);
        (prober.view(), clock.now())
    }

    #[test]
    fn the_reference_names_the_other_clock_and_how_far_ahead_it_is() {
        let endpoint = Endpoint::framelag("192.0.2.1", 8554);
        let (view, now) = known(5_000_000, 9);
        let reference = reference(&endpoint, &view, now).expect("it is known");
        assert_eq!(reference.id, 9);
        assert!((reference.offset_us - 5_000_000).abs() <= i64::from(reference.bound_us), "{reference:?}");
        assert!((1_000..1_010).contains(&reference.bound_us), "{reference:?}");
    }

    #[test]
    fn what_cannot_be_said_is_not_said() {
        let endpoint = Endpoint::framelag("192.0.2.1", 8554);
        let (nameless, now) = known(0, 0);
        assert_eq!(reference(&endpoint, &nameless, now), None, "a host that does not know its name");
        let (far, now) = known(-56 * 365 * 86_400_000_000, 9);
        assert_eq!(reference(&endpoint, &far, now), None, "an SEI would cut it");
        assert_eq!(reference(&endpoint, &View::default(), now), None);
    }
}
