//! What a reader makes of the packets that the network leaves: whole frames, at virtual times.

use std::cell::Cell;
use std::collections::HashMap;
use std::time::Duration;

use common::impair::Conditions;
use common::rtp::Dropped;
use common::rtsp::push::Delivery;

use crate::setup::Setup;
use crate::world::World;
use crate::{SECOND, for_seeds, recording};

/// Each frame is one that was sent, arrived after it by the network's delay at least, and refers to none that is missing.
fn check(world: &World, delay: Duration) {
    let sent: HashMap<_, _> =
        world.trace.frames.iter().enumerate().map(|(number, sent)| (sent.frame.time, (number, sent))).collect();
    let mut last = None;
    for frame in world.reader.frames() {
        let (number, sent) = sent[&frame.encoded.time];
        assert!(frame.encoded == sent.frame, "frame {number} is not as it was sent");
        assert!(frame.arrived >= sent.at + delay, "frame {number} cannot be there yet");
        let follows = number.checked_sub(1).is_some_and(|before| last == Some(before));
        assert!(frame.starts_decoding || follows, "frame {number} after {last:?}");
        last = Some(number);
    }
}

#[test]
fn over_tcp_every_frame_arrives_whole() {
    for_seeds(0..60, |seed| {
        let setup = Setup { delivery: Delivery::Tcp, ..Setup::drawn(seed) };
        let delay = setup.network.delay;
        let mut world = recording(seed, setup);
        world.run_for(10 * SECOND);
        world.teardown();
        assert!(world.run_until(60 * SECOND, World::is_over));
        check(&world, delay);
        assert_eq!((world.reader.frames().len(), world.reader.dropped()), (world.trace.frames.len(), Vec::new()));
    });
}

#[test]
fn over_udp_frames_with_holes_are_dropped_up_to_the_next_key_frame() {
    let broken = Cell::new(0);
    for_seeds(0..60, |seed| {
        let setup = Setup { delivery: Delivery::Udp(40_000, 40_001), ..Setup::drawn(seed) };
        let delay = setup.network.delay;
        let mut world = recording(seed, setup);
        world.run_for(10 * SECOND);
        check(&world, delay);
        let (whole, dropped) = (world.reader.frames().len(), world.reader.dropped());
        assert!(
            whole + dropped.len() <= world.trace.frames.len(),
            "{whole} and {dropped:?}: each has one outcome at most"
        );
        let incomplete = dropped.iter().filter(|why| **why == Dropped::Incomplete).count();
        broken.set(broken.get() + incomplete);
    });
    assert!(broken.get() > 0, "the networks lose packets");
}

#[test]
fn over_udp_through_a_good_network_every_frame_arrives_at_its_time() {
    let delay = Duration::from_millis(40);
    let network = Conditions { delay, ..Conditions::default() };
    let mut world = recording(0, Setup { delivery: Delivery::Udp(40_000, 40_001), network, ..Setup::drawn(0) });
    world.run_for(10 * SECOND);
    check(&world, delay);
    let frames = world.reader.frames();
    assert!(frames.len() >= 295 && world.reader.dropped().is_empty());
    for (frame, sent) in frames.iter().zip(&world.trace.frames) {
        assert_eq!(frame.arrived, sent.at + delay);
    }
}

#[test]
fn a_reader_goes_on_after_a_reconnect() {
    for_seeds(0..60, |seed| {
        let mut world = recording(seed, Setup { delivery: Delivery::Tcp, ..Setup::drawn(seed) });
        world.run_for(SECOND);
        world.reset();
        let before = world.reader.frames().len();
        world.reconnect();
        assert!(world.run_until(30 * SECOND, World::is_recording));
        world.run_for(3 * SECOND);
        check(&world, Duration::ZERO);
        assert!(world.reader.frames().get(before).is_some_and(|frame| frame.encoded.is_key));
    });
}
