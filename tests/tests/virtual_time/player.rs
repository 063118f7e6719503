//! The receiver's own steps in a world: what arrived is decoded, read, observed and judged at the virtual times of its arrival.

use std::cell::RefCell;
use std::path::Path;
use std::time::Duration;

use clap::Parser;
use common::clock::{Clock, ManualClock};
use common::media::Codec;
use common::rtp::{Dropped, Event};
use common::time::MonoTime;
use receiver::args::Args;
use receiver::config::Config;
use receiver::decoding::Decoding;
use receiver::queue::{Body, Status, Unit};
use receiver::render::pixels::Slot;
use receiver::stream::Stream;
use report::Summary;

use crate::world::{START, World};

/// How often the receiver is told that time passes.
const TICK: Duration = Duration::from_millis(20);

/// What happens to the receiver.
enum Happening {
    /// The host's wall clock steps.
    Step(i64),
    Arrival(Unit),
    Tick,
}

/// Plays everything that reached the server of `world`, headless and without a warm-up, and writes the report into `folder`.
pub fn play(world: &World, folder: &Path) -> Summary {
    let folder = folder.to_str().expect("a name in UTF-8");
    let args = ["receiver", "rtsp://127.0.0.1/live/cam", "--headless", "--warmup", "0s", "--report", folder];
    let config = Config::try_from(Args::try_parse_from(args).expect("flags")).expect("a good configuration");
    let (clock, slot) = (ManualClock::new(START), Slot::new(false));
    let events = RefCell::new(Vec::new());
    let mut send = |event| {
        events.borrow_mut().push(event);
        true
    };
    let mut decoding = Decoding::new(&clock, &slot, None, &mut send);
    let mut stream = Stream::new(&config.inputs[0], &config, clock.now()).expect("the folder can be written");
    decoding.status(Status::Connected(Some(Codec::H264)));
    for (at, happening) in happenings(world) {
        clock.advance(at - clock.now().mono);
        match happening {
            Happening::Step(micros) => clock.step_wall(micros),
            Happening::Arrival(unit) => decoding.decode(&unit).expect("there is a decoder"),
            Happening::Tick => stream.tick(clock.now()),
        }
        for event in events.take() {
            stream.event(event, clock.now());
        }
        stream.observe(false, clock.now());
    }
    clock.advance(world.now.mono - clock.now().mono);
    stream.finish(false, &[], clock.now())
}

/// Everything up to now, in order.
fn happenings(world: &World) -> Vec<(MonoTime, Happening)> {
    let steps = world.trace.steps.iter().map(|&(at, micros)| (at, Happening::Step(micros)));
    let arrivals =
        world.reader.events.iter().filter_map(|(at, event)| Some((*at, Happening::Arrival(unit(world, *at, event)?))));
    let count = u32::try_from(world.now.mono.since_origin().as_millis() / TICK.as_millis()).expect("a short run");
    let ticks = (1..=count).map(|n| (MonoTime::default() + n * TICK, Happening::Tick));
    let mut all: Vec<_> = steps.chain(arrivals).chain(ticks).collect();
    all.sort_by_key(|(at, _)| *at);
    all
}

/// The access unit that came whole at `at`, as the receiver's own sessions hand it on: with those whose references are missing.
fn unit(world: &World, at: MonoTime, event: &Event) -> Option<Unit> {
    Some(match event {
        Event::Frame(frame) => Unit {
            received: Some(frame.arrived),
            is_entry_point: frame.starts_decoding,
            ..Unit::new(Body::Encoded(frame.encoded.clone()), at)
        },
        Event::Dropped(time, Dropped::Undecodable) => {
            let sent = world.trace.frames.iter().find(|sent| sent.frame.time == *time).expect("it was sent");
            Unit { received: Some(at), ..Unit::new(Body::Encoded(sent.frame.clone()), at) }
        }
        Event::Dropped(..) => return None,
    })
}
