//! How far the receiver's clock is from the publisher's, by what the clock that was asked and the publisher's SEI say. Pure.
//!
//! Three ways, in this order:
//!
//! 1. The publisher is on this host: one clock, whatever was asked.
//! 2. The clock that was asked is that of the publisher's host: the offset is that of the answers.
//! 3. The publisher has compared its own clock with the one that was asked: receiver − publisher is (receiver − reference)
//!    \+ (reference − publisher), and the two bounds add up.

use common::sei::{Origin, Reference};
use common::sync::{Endpoint, GROWTH_PPM, MAX_AGE, Protocol, View};
use common::time::{MonoTime, Now};
use report::comparison::{Comparison, Source};

/// What a publisher says about its clock, and when the picture with it was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PublisherClock {
    /// Who it is.
    pub(crate) origin: Origin,
    /// How far another clock is from its own.
    pub(crate) reference: Option<Reference>,
    /// When the picture with it was shown.
    pub(crate) at: MonoTime,
}

/// How far the clock of `now` is from the publisher's at `mono`, a time close to it; `None` if nobody can tell.
pub(crate) fn compare(
    endpoint: &Endpoint,
    view: &View,
    publisher: &PublisherClock,
    now: Now,
    mono: MonoTime,
) -> Option<Comparison> {
    let ours = view.fix?.estimate(now, mono)?;
    // The other clock's gain on ours is our loss on it.
    let drift_ppm = view.drift.map(|drift| -drift.ppm);
    if endpoint.protocol == Protocol::Framelag
        && view.host.is_some_and(|host| host != 0 && host == publisher.origin.host)
    {
        let (offset_us, bound_us) = (ours.offset_us, ours.bound_us);
        return Some(Comparison { offset_us, bound_us, drift_ppm, source: Source::Publisher });
    }
    let (id, source) = match endpoint.protocol {
        Protocol::Framelag => (view.host?, Source::Server),
        Protocol::Ntp => (endpoint.id(), Source::Ntp),
    };
    let reference = publisher.reference.filter(|reference| reference.id == id)?;
    let age = mono.saturating_since(publisher.at).max(publisher.at.saturating_since(mono));
    if reference.bound_us == Reference::MAX_BOUND_US || age > MAX_AGE {
        return None;
    }
    let grown = (age.as_secs_f64() * GROWTH_PPM).ceil() as i64;
    Some(Comparison {
        offset_us: ours.offset_us + reference.offset_us,
        bound_us: ours.bound_us + i64::from(reference.bound_us) + grown,
        drift_ppm,
        source,
    })
}

/// Why two clocks cannot be compared, and what would help.
pub(crate) fn advice(endpoint: Option<&Endpoint>, view: &View, publisher: Option<&PublisherClock>) -> String {
    const NTP: &str = "give publisher and receiver the same --clock ntp://HOST";
    let Some(endpoint) = endpoint else {
        if publisher.is_some() {
            return format!("its SEI names another host, so --clock same-host is not believed: leave it out, or {NTP}");
        }
        return format!("no clock was asked, by --clock same-host or because the input is a pipe: {NTP}");
    };
    if view.counts.answered == 0 {
        return match view.counts.refused() {
            0 => format!("{endpoint} does not answer: let UDP through to it, or {NTP}"),
            _ => format!("{endpoint} gives no usable answer ({}): ask another clock", view.counts.reasons()),
        };
    }
    match (endpoint.protocol, publisher) {
        (_, None) => format!("{endpoint} answers, but no SEI of the publisher says which host it is on"),
        (Protocol::Ntp, Some(_)) => {
            format!("the publisher does not say how far its clock is from {endpoint}: start it with --clock {endpoint}")
        }
        (Protocol::Framelag, Some(publisher)) if view.host == Some(publisher.origin.host) => {
            format!("{endpoint} no longer answered, or not as it did before: let UDP through to it, or {NTP}")
        }
        (Protocol::Framelag, Some(_)) => format!(
            "{endpoint} is on a third host, and the publisher does not say how far its clock is from that one's: \
             let it ask that server over UDP too, or {NTP}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::time::Duration;

    use common::clock::{Clock, ManualClock};
    use common::sync::{Prober, Responder, wire};
    use common::time::WallTime;

    use super::*;

    const SERVER: u32 = 9;
    const PUBLISHER: u32 = 11;

    /// What is known of a clock of [`SERVER`] that is 5 s ahead of ours, and when.
    fn asked() -> (Endpoint, View, Now) {
        let clock = ManualClock::new(WallTime::from_micros(1_763_722_800_000_000));
        let target = SocketAddr::from(([192, 0, 2, 1], 8554));
        let mut prober = Prober::new(Protocol::Framelag, target, 1);
        let request = prober.poll_transmit(clock.now().mono).expect("one is due");
        clock.advance(Duration::from_millis(1));
        let there = clock.now().wall.offset(5_000_000);
        let nonce = wire::parse_request(&request).expect("it is one");
        let answer = Responder::new(SERVER).answer(nonce, there, there);
        clock.advance(Duration::from_millis(1));
        prober.handle_datagram(clock.now().mono, target, &answer);
        (Endpoint::framelag("192.0.2.1", 8554), prober.view(), clock.now())
    }

    fn said(host: u32, reference: Option<Reference>, now: Now) -> PublisherClock {
        PublisherClock { origin: Origin { host, run: 1 }, reference, at: now.mono }
    }

    #[test]
    fn the_publishers_own_clock_gives_the_offset_as_it_is() {
        let (endpoint, view, now) = asked();
        let found = compare(&endpoint, &view, &said(SERVER, None, now), now, now.mono).expect("it is known");
        assert_eq!(found.source, Source::Publisher);
        assert!((found.offset_us + 5_000_000).abs() <= found.bound_us && found.bound_us < 1_010, "{found:?}");
    }

    #[test]
    fn a_third_clock_makes_a_chain_whose_bounds_add_up() {
        let (endpoint, view, now) = asked();
        // The server is 7 s ahead of the publisher, and we are 5 s behind the server: 2 s ahead of the publisher.
        let reference = Reference { id: SERVER, offset_us: 7_000_000, bound_us: 400 };
        let found = compare(&endpoint, &view, &said(PUBLISHER, Some(reference), now), now, now.mono).expect("known");
        assert_eq!(found.source, Source::Server);
        assert!((found.offset_us - 2_000_000).abs() <= found.bound_us, "{found:?}");
        assert!((1_400..1_410).contains(&found.bound_us), "{found:?}");
        let later = now.mono + Duration::from_secs(10);
        let old = compare(&endpoint, &view, &said(PUBLISHER, Some(reference), now), now, later).expect("known");
        assert!((14_000..14_010).contains(&(old.bound_us - found.bound_us)), "both have aged: {old:?}");
    }

    #[test]
    fn clocks_that_nothing_connects_stay_unknown() {
        let (endpoint, view, now) = asked();
        let of = |host, reference| compare(&endpoint, &view, &said(host, reference, now), now, now.mono);
        let reference = Reference { id: SERVER + 1, offset_us: 7, bound_us: 4 };
        assert_eq!(of(PUBLISHER, None), None);
        assert_eq!(of(PUBLISHER, Some(reference)), None, "another reference");
        assert_eq!(of(0, None), None);
        let vague = Reference { id: SERVER, bound_us: Reference::MAX_BOUND_US, ..reference };
        assert_eq!(of(PUBLISHER, Some(vague)), None, "its bound is more than can be said");
        assert_eq!(compare(&endpoint, &View::default(), &said(SERVER, None, now), now, now.mono), None);
    }

    #[test]
    fn what_would_help_is_said() {
        let (endpoint, view, now) = asked();
        let ntp: Endpoint = "ntp://time.example".parse().expect("a clock");
        let publisher = said(PUBLISHER, None, now);
        for (text, words) in [
            (advice(None, &view, None), "no clock was asked"),
            (advice(Some(&endpoint), &View::default(), None), "udp://192.0.2.1:8554 does not answer: let UDP through"),
            (advice(Some(&endpoint), &view, Some(&publisher)), "a third host"),
            (advice(Some(&ntp), &view, Some(&publisher)), "start it with --clock ntp://time.example:123"),
        ] {
            assert!(text.contains(words), "{text}");
        }
    }
}
