//! The publisher's session against the server's, through a network that loses, delays and cuts, under virtual time; and what
//! the receiver measures of the pictures that get through.
//!
//! A failure prints its seed; `FRAMELAG_SEED=n` runs that one alone.

mod camera;
mod figures;
mod frames;
mod paths;
mod player;
mod reader;
mod requests;
mod setup;
mod world;

use std::ops::Range;
use std::thread;
use std::time::Duration;

use common::credentials::Credentials;
use common::impair::Conditions;
use common::rtsp::push::{self, Delivery};
use common::rtsp::serve;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use setup::{Pictures, Setup};
use world::World;

const SECOND: Duration = Duration::from_secs(1);

/// Longer than any session waits for the other end: 60 s of silence, and an answer that takes 10 s.
const PATIENCE: Duration = Duration::from_secs(80);

/// Names the seed of a test that panics.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("failed with FRAMELAG_SEED={}", self.0);
        }
    }
}

fn for_seeds(seeds: Range<u64>, test: impl Fn(u64)) {
    let one = std::env::var("FRAMELAG_SEED").ok().and_then(|seed| seed.parse().ok());
    for seed in one.map_or(seeds, |seed| seed..seed + 1) {
        let _named = Named(seed);
        test(seed);
    }
}

/// A world whose stream flows.
fn recording(seed: u64, setup: Setup) -> World {
    let mut world = World::new(seed, setup);
    let done = world.run_until(30 * SECOND, World::is_recording);
    assert!(done, "publisher {:?} {:?}, server {}", world.publisher.state(), world.publisher_end, world.server.state());
    world
}

fn perfect(delivery: Delivery) -> Setup {
    Setup { delivery, network: Conditions::default(), ..Setup::drawn(0) }
}

#[test]
fn every_network_gets_to_record() {
    for_seeds(0..400, |seed| {
        let world = recording(seed, Setup::drawn(seed));
        assert!(world.paths.held);
        assert_eq!(world.trace.records, 1);
        use serve::State::{Initial, PreRecord, Record};
        assert_eq!(world.trace.states, [Initial, PreRecord, Record]);
    });
}

#[test]
fn packets_pass_through_unchanged() {
    for_seeds(0..60, |seed| {
        let mut world = recording(seed, Setup { delivery: Delivery::Tcp, ..Setup::drawn(seed) });
        world.run_for(10 * SECOND);
        world.teardown();
        assert!(world.run_until(60 * SECOND, World::is_over));
        assert!(world.trace.sent.len() > 300);
        assert!(world.trace.sent == world.trace.received, "every packet arrives once and in order over TCP");
        assert!(world.trace.reports >= 8, "{} sender reports", world.trace.reports);
    });
}

#[test]
fn packets_over_udp_are_those_that_the_network_left() {
    for_seeds(0..60, |seed| {
        let mut world = recording(seed, Setup { delivery: Delivery::Udp(40_000, 40_001), ..Setup::drawn(seed) });
        world.run_for(10 * SECOND);
        let sent: std::collections::HashSet<_> = world.trace.sent.iter().collect();
        assert!(world.trace.received.iter().all(|packet| sent.contains(packet)));
        assert!(world.trace.received.len() * 10 > world.trace.sent.len() * 8, "a lossy network is no broken one");
    });
}

#[test]
fn keep_alives_do_not_hold_a_path_without_pictures() {
    for_seeds(0..20, |seed| {
        let mut world = recording(seed, Setup { pictures: Pictures::None, ..Setup::drawn(seed) });
        assert!(world.run_until(60 * SECOND, |world| !world.is_recording()), "the path is free for others");
    });
}

#[test]
fn a_server_ends_a_publisher_that_went_silent() {
    for delivery in [Delivery::Tcp, Delivery::Udp(40_000, 40_001)] {
        let mut world = recording(0, perfect(delivery));
        world.run_for(5 * SECOND);
        let cut = world.now.mono;
        world.sever();
        assert!(world.run_until(PATIENCE, |world| world.server_end.is_some()));
        assert!(
            matches!(world.server_end, Some(Some(serve::Error::Idle(_) | serve::Error::Stalled))),
            "{:?}",
            world.server_end
        );
        assert!(world.now.mono - cut <= serve::RECORD_LIMIT);
        assert!(!world.paths.held, "the path is free for the next");
    }
}

#[test]
fn a_cut_at_any_time_ends_both_and_the_next_connection_succeeds() {
    for_seeds(0..300, |seed| {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut world = World::new(seed, Setup::drawn(seed));
        // From the first byte to well into the recording, and over again.
        for _ in 0..3 {
            world.run_for(Duration::from_millis(rng.random_range(0..3_000)));
            if rng.random_bool(0.5) {
                world.reset();
            } else {
                world.sever();
            }
            let silent = Duration::from_millis(200);
            assert!(
                world.run_until(PATIENCE, World::is_over),
                "{:?} {}",
                world.publisher.state(),
                world.server.state()
            );
            assert!(!world.paths.held, "a connection that has ended holds nothing");
            world.run_for(silent);
            world.reconnect();
        }
        assert!(world.run_until(30 * SECOND, World::is_recording), "{:?}", world.publisher_end);
    });
}

#[test]
fn teardown_at_any_time_ends_both() {
    for_seeds(0..300, |seed| {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut world = World::new(seed, Setup::drawn(seed));
        world.run_for(Duration::from_millis(rng.random_range(0..5_000)));
        let recorded = world.publisher.state() == push::State::Recording;
        world.teardown();
        assert!(world.run_until(PATIENCE, World::is_over), "{:?} {}", world.publisher.state(), world.server.state());
        assert_eq!(world.publisher_end, Some(Ok(())));
        assert_eq!(world.server_end, Some(None), "the server sees no error");
        assert!(!world.paths.held);
        assert_eq!(world.trace.teardowns, u64::from(recorded), "a stream that flowed is ended by TEARDOWN");
        if recorded {
            assert_eq!(world.trace.states.last(), Some(&serve::State::Initial));
        }
    });
}

#[test]
fn a_picture_is_asked_for_once_at_a_time() {
    for_seeds(0..40, |seed| {
        let mut world = recording(seed, Setup::drawn(seed));
        world.run_for(SECOND);
        for _ in 0..5 {
            world.ask_for_picture();
        }
        world.run_for(3 * SECOND);
        let first = world.trace.idr_requests;
        assert!((1..=5).contains(&first), "{first}");
        world.ask_for_picture();
        world.run_for(3 * SECOND);
        assert_eq!(world.trace.idr_requests, first + 1);
        assert!(world.is_recording());
    });
}

#[test]
fn a_path_that_is_taken_is_refused_and_free_again_later() {
    for_seeds(0..20, |seed| {
        let mut world = World::new(seed, Setup::drawn(seed));
        world.paths.taken = true;
        assert!(world.run_until(PATIENCE, |world| world.publisher_end.is_some()));
        let end = world.publisher_end.clone();
        assert!(matches!(end, Some(Err(push::Error::Refused { request: "ANNOUNCE", .. }))), "{end:?}");
        world.paths.taken = false;
        assert!(world.run_until(PATIENCE, World::is_over));
        world.reconnect();
        assert!(world.run_until(30 * SECOND, World::is_recording));
    });
}

#[test]
fn only_the_right_user_gets_through() {
    let user = Some(("anna", "secret"));
    for_seeds(0..40, |seed| {
        let with = |credentials| Setup { user, credentials, ..Setup::drawn(seed) };
        let mut world = recording(seed, with(Some(Credentials::new("anna", "secret"))));
        world.run_for(100 * SECOND);
        assert!(world.is_recording(), "signs of life carry credentials too");
        let ends = |credentials| {
            let mut world = World::new(seed, with(credentials));
            assert!(world.run_until(PATIENCE, |world| world.publisher_end.is_some()));
            assert_eq!(world.trace.records, 0);
            world.publisher_end
        };
        let wrong = ends(Some(Credentials::new("anna", "guess")));
        assert!(matches!(wrong, Some(Err(push::Error::CredentialsRejected { .. }))), "{wrong:?}");
        let none = ends(None);
        assert!(matches!(none, Some(Err(push::Error::CredentialsNeeded { .. }))), "{none:?}");
    });
}

#[test]
fn a_corrupted_connection_ends_or_goes_on_but_never_hangs() {
    for_seeds(0..300, |seed| {
        let corruption = [0.000_1, 0.001, 0.01][seed as usize % 3];
        let mut world = World::new(seed, Setup { delivery: Delivery::Tcp, corruption, ..Setup::drawn(seed) });
        world.run_for(20 * SECOND);
        world.teardown();
        assert!(world.run_until(PATIENCE, World::is_over), "{:?} {}", world.publisher.state(), world.server.state());
        assert!(!world.paths.held);
    });
}

#[test]
fn a_server_that_speaks_out_of_turn_is_told_off() {
    for (says, fits) in [
        ("RTSP/1.0 200 OK\r\nCSeq: 77\r\n\r\n", "answer"),
        ("TEARDOWN rtsp://127.0.0.1/live/cam RTSP/1.0\r\nCSeq: 1\r\n\r\n", "ended the session"),
        ("REDIRECT rtsp://127.0.0.1/live/cam RTSP/1.0\r\nCSeq: 1\r\nLocation: rtsp://b/x\r\n\r\n", "redirects"),
        ("HTTP/1.1 200 OK\r\n\r\n", "RTSP"),
    ] {
        let mut world = recording(0, perfect(Delivery::Tcp));
        world.send_down(says.as_bytes());
        assert!(world.run_until(SECOND, |world| world.publisher_end.is_some()), "{says}");
        let error = world.publisher_end.clone().and_then(Result::err).expect("an error").to_string();
        assert!(error.contains(fits), "{says}: {error}");
        assert!(world.run_until(PATIENCE, World::is_over));
    }
}

#[test]
fn pictures_before_record_and_after_teardown_are_refused() {
    let mut world = World::new(0, perfect(Delivery::Tcp));
    let frame = push::SentFrame { packets: 1, octets: 1, time: Default::default(), sampled: world.now.wall };
    let refused = |world: &mut World| {
        let result = world.publisher.handle_sent(world.now, &frame);
        assert!(matches!(result, Err(push::Error::WrongState { .. })), "{result:?}");
    };
    refused(&mut world);
    assert!(world.run_until(SECOND, World::is_recording));
    world.teardown();
    refused(&mut world);
    assert!(world.run_until(SECOND, World::is_over));
    refused(&mut world);
}
