use clap::Parser;
use common::clock::{Clock, ManualClock};
use common::code::Payload;
use common::frame::CaptureClock;
use common::sei::Origin;
use common::time::WallTime;
use measure::stamps::Sei;
use report::Summary;

use super::diagnosis::FIRST_PICTURE_LIMIT;
use super::*;
use crate::args::Args;
use crate::decode::{Missing, Undecodable};
use crate::decoding::{DecodedPicture, UnitInfo};
use crate::read::Reading;

const START: WallTime = WallTime::from_micros(1_763_722_800_000_000);

fn stream(clock: &ManualClock) -> Stream {
    let args = Args::try_parse_from(["receiver", "--warmup", "0s"]).expect("the flags parse");
    let config = Config::try_from(args).expect("the flags are good");
    Stream::new(&config.inputs[0], &config, clock.now()).expect("no report is written")
}

/// A picture that was read now, 5 ms after its stamp.
fn picture(clock: &ManualClock, serial: u64) -> Event {
    let now = clock.now();
    let sequence = u32::try_from(serial).expect("small");
    let payload = Payload { stream_id: 0, sequence, time: now.wall.offset(-5_000) };
    let (sei, capture_clock) = (Sei::NoPlace, CaptureClock::None);
    let (publisher, origin, reference, code) = (None, None, None, None);
    let reading = Some(Reading { payload, publisher, origin, reference, code, sei, capture_clock });
    let at = now.mono;
    let unit = UnitInfo { received: None, assembled: at, begun: at, sampled: None, bytes: 100, idr: false };
    Event::Picture(Box::new(DecodedPicture { serial, unit, reading, decoded: at, read: at, converted: at }))
}

/// Pictures 1 to `count`, 10 ms apart.
fn pictures(stream: &mut Stream, clock: &ManualClock, count: u64) {
    for serial in 1..=count {
        clock.advance(Duration::from_millis(10));
        stream.event(picture(clock, serial), clock.now());
    }
}

fn latencies(summary: &Summary) -> (u64, Option<f64>, Option<f64>) {
    let latency = summary.run.latency_ms;
    (latency.count, latency.min, latency.max)
}

fn said(summary: &Summary) -> String {
    summary.run.warnings.iter().map(|warning| format!("{}\n", warning.message)).collect()
}

#[test]
fn headless_a_picture_is_presented_when_it_was_read() {
    let clock = ManualClock::new(START);
    let mut stream = stream(&clock);
    pictures(&mut stream, &clock, 40);
    clock.advance(Duration::from_millis(100));
    stream.observe(false, clock.now());
    let summary = stream.finish(false, &[], clock.now());
    assert_eq!((latencies(&summary), summary.exit_code), ((40, Some(5.0), Some(5.0)), 0));
}

#[test]
fn with_a_window_a_picture_waits_for_it_or_a_newer_one() {
    let clock = ManualClock::new(START);
    let mut stream = stream(&clock);
    pictures(&mut stream, &clock, 3);
    clock.advance(Duration::from_millis(2));
    stream.observe(true, clock.now());
    assert_eq!(stream.pending.len(), 3, "nothing was shown yet");
    stream.shown(2, clock.now().mono);
    stream.observe(true, clock.now());
    assert_eq!((stream.pending.len(), stream.replaced), (1, 1));
    clock.advance(Duration::from_millis(1));
    stream.shown(3, clock.now().mono);
    stream.shown(3, clock.now().mono + Duration::from_secs(1));
    stream.observe(true, clock.now());
    let summary = stream.finish(false, &[], clock.now());
    assert_eq!(latencies(&summary), (3, Some(8.0), Some(27.0)), "5 + 3, 5 + 12 and 5 + 22 ms");
    assert!(said(&summary).contains("1 pictures were replaced"), "{}", said(&summary));
}

/// The whole way of a picture through the receiver, around a sleep of the machine.
#[test]
fn a_suspend_is_dated_and_ages_the_picture() {
    let clock = ManualClock::new(START);
    let mut stream = stream(&clock);
    pictures(&mut stream, &clock, 50);
    stream.observe(false, clock.now());
    clock.suspend(Duration::from_secs(30));
    for serial in 51..=400 {
        clock.advance(Duration::from_millis(10));
        stream.slept(clock.slept(), clock.now());
        stream.event(picture(&clock, serial), clock.now());
        stream.observe(false, clock.now());
    }
    let run = stream.finish(false, &[], clock.now()).run;
    assert_eq!((run.clock.suspends, run.clock.steps, run.clock.events[0].by_us), (1, 0, 30_000_000));
    assert_eq!((run.picture_age_ms.max, run.freezes.longest_ms), (Some(30_015.0), Some(30_010.0)));
    assert_eq!((run.latency_ms.max, run.frames.measured), (Some(5.0), Some(400)));
    assert_eq!(run.sections.len(), 2);
}

/// Two publishers that were given no stream id, or the same one, in two places of a grid.
#[test]
fn two_streams_with_one_id_are_told() {
    let clock = ManualClock::new(START);
    let runs = [Some(1), Some(2), Some(1), None];
    let mut streams: Vec<_> = runs.iter().map(|_| stream(&clock)).collect();
    for (n, (stream, run)) in streams.iter_mut().zip(runs).enumerate() {
        stream.name = format!("cam{n}");
        let Event::Picture(mut seen) = picture(&clock, 1) else { panic!("it is a picture") };
        let reading = seen.reading.expect("it has a code");
        seen.reading = Some(Reading { origin: run.map(|run| Origin { host: 7, run }), ..reading });
        stream.event(Event::Picture(seen), clock.now());
        stream.observe(false, clock.now());
    }
    warn_of_shared_stream_ids(&mut streams);
    let said: Vec<_> = streams.into_iter().map(|stream| said(&stream.finish(false, &[], clock.now()))).collect();
    assert!(said[0].contains("from another publisher, in cam1: publisher --stream-id"), "{}", said[0]);
    assert!(said[1].contains("in cam0, cam2:"), "{}", said[1]);
    assert!(!said[3].contains("--stream-id"), "{}", said[3]);
}

#[test]
fn what_was_dropped_here_is_undecodable_and_not_lost() {
    let clock = ManualClock::new(START);
    let mut stream = stream(&clock);
    pictures(&mut stream, &clock, 3);
    stream.observe(false, clock.now());
    stream.event(Event::Dropped(Dropped { units: 2, bytes: 900 }), clock.now());
    clock.advance(Duration::from_millis(30));
    stream.event(picture(&clock, 6), clock.now());
    let summary = stream.finish(false, &[], clock.now());
    let frames = summary.run.frames;
    assert_eq!((frames.expected, frames.undecodable, frames.lost), (Some(6), Some(2), Some(0)));
    assert!(said(&summary).contains("2 pictures were dropped"), "{}", said(&summary));
}

/// Pictures are accounted for when a window took them, or after as many events as were there at once.
#[test]
fn what_gave_no_picture_keeps_its_place_among_pictures_that_wait() {
    let clock = ManualClock::new(START);
    let mut stream = stream(&clock);
    pictures(&mut stream, &clock, 3);
    stream.event(undecodable(Missing::Support, true), clock.now());
    stream.event(Event::Dropped(Dropped { units: 2, bytes: 900 }), clock.now());
    stream.event(undecodable(Missing::EntryPoint, false), clock.now());
    clock.advance(Duration::from_millis(50));
    stream.event(picture(&clock, 8), clock.now());
    let summary = stream.finish(false, &[], clock.now());
    let (frames, pictures) = (summary.run.frames, summary.run.pictures);
    assert_eq!((frames.expected, frames.undecodable, frames.lost), (Some(8), Some(4), Some(0)));
    assert_eq!((pictures.undecodable, pictures.refused, pictures.unplaced), (4, 3, 0));
}

const WHY: &str = "the decoder refuses them: 10 bits";

/// An access unit of 1 kB that gave no picture.
fn undecodable(missing: Missing, refused: bool) -> Event {
    let cause = Undecodable { missing, why: WHY.into(), is_frame: true };
    Event::Undecodable { bytes: 1_000, refused, cause }
}

fn notices(stream: &mut Stream) -> Vec<Notice> {
    std::iter::from_fn(|| stream.take_notice()).collect()
}

#[test]
fn a_stream_that_never_decodes_says_why_and_fails_after_a_while() {
    for (missing, words) in [
        (Missing::Parameters, WHY),
        (Missing::EntryPoint, "10 bits: shorten the encoder's GOP"),
        (Missing::Support, WHY),
    ] {
        let clock = ManualClock::new(START);
        let mut stream = stream(&clock);
        stream.event(undecodable(missing, false), clock.now());
        clock.advance(Duration::from_millis(3_100));
        stream.tick(clock.now());
        let told = notices(&mut stream);
        assert!(told.len() == 1 && told[0].1.contains(words), "{told:?}");
        assert!(told[0].1.starts_with("no picture for 3.1 s: 1 access unit came (1 kB), "), "{told:?}");
        stream.event(undecodable(missing, false), clock.now());
        clock.advance(FIRST_PICTURE_LIMIT - Duration::from_millis(3_100));
        stream.tick(clock.now());
        assert!(!stream.has_ended() && notices(&mut stream).is_empty(), "it is told once");
        clock.advance(Duration::from_millis(20));
        stream.tick(clock.now());
        assert!(stream.has_ended());
        assert_eq!(notices(&mut stream)[0].0, "failed", "without a report there is no summary to say it");
        let summary = stream.finish(false, &[], clock.now());
        assert_eq!(summary.exit_code, 1);
        let said = said(&summary);
        assert!(said.contains("no picture for 30.0 s: 2 access units came") && said.contains(words), "{said}");
    }
}

#[test]
fn time_without_a_stream_is_no_wait_for_its_first_picture() {
    let clock = ManualClock::new(START);
    let mut stream = stream(&clock);
    stream.event(undecodable(Missing::EntryPoint, false), clock.now());
    stream.event(Event::Status(Status::Disconnected("gone".to_owned())), clock.now());
    clock.advance(2 * FIRST_PICTURE_LIMIT);
    stream.tick(clock.now());
    assert!(!stream.has_ended() && notices(&mut stream).is_empty());
    stream.event(Event::Status(Status::Connected(None)), clock.now());
    stream.event(undecodable(Missing::EntryPoint, false), clock.now());
    clock.advance(FIRST_PICTURE_LIMIT + Duration::from_millis(1));
    stream.tick(clock.now());
    assert!(stream.has_ended(), "from then on it runs again");
}

/// A server that holds video back until an IDR picture, say.
#[test]
fn a_session_that_brings_nothing_says_what_it_waits_for_and_the_summary_repeats_it() {
    let clock = ManualClock::new(START);
    let mut stream = stream(&clock);
    stream.event(Event::Status(Status::Connected(None)), clock.now());
    clock.advance(Duration::from_secs(3));
    stream.tick(clock.now());
    assert_eq!(notices(&mut stream), []);
    clock.advance(Duration::from_millis(100));
    stream.tick(clock.now());
    let told = notices(&mut stream);
    assert!(told.len() == 1 && told[0].0 == "waiting", "{told:?}");
    for words in ["no video since the server answered PLAY 3.1 s ago", "next key frame", "publisher --gop"] {
        assert!(told[0].1.contains(words), "{told:?}");
    }
    // The session that follows it, as it came to nothing, tells nothing new.
    stream.event(Event::Status(Status::Waiting("nothing came".to_owned())), clock.now());
    clock.advance(Duration::from_secs(20));
    stream.event(Event::Status(Status::Connected(None)), clock.now());
    clock.advance(Duration::from_secs(4));
    stream.tick(clock.now());
    assert_eq!(notices(&mut stream), []);
    let summary = stream.finish(false, &[], clock.now());
    assert_eq!(summary.exit_code, 3);
    assert!(said(&summary).contains("; no video since the server answered PLAY 4.0 s ago"), "{}", said(&summary));
}

#[test]
fn a_session_that_plays_waits_for_nothing() {
    let clock = ManualClock::new(START);
    let mut stream = stream(&clock);
    stream.event(Event::Status(Status::Connected(None)), clock.now());
    pictures(&mut stream, &clock, 1);
    clock.advance(Duration::from_secs(60));
    stream.tick(clock.now());
    stream.event(Event::Status(Status::Disconnected("gone".to_owned())), clock.now());
    clock.advance(Duration::from_secs(60));
    stream.tick(clock.now());
    assert_eq!(notices(&mut stream), []);
}

/// The user ends the run after 5 s, without a picture.
#[test]
fn the_summary_repeats_why_the_decoder_refused_the_stream() {
    let refused = || undecodable(Missing::Support, true);
    let clock = ManualClock::new(START);
    let mut never = stream(&clock);
    never.event(refused(), clock.now());
    clock.advance(Duration::from_secs(5));
    let summary = never.finish(false, &[], clock.now());
    assert!(said(&summary).contains("no picture for 5.0 s: 1 access unit came (1 kB), but the decoder refuses them"));
    assert!(said(&summary).contains(WHY));
    // Of a stream that changes its format for a while.
    let mut between = stream(&clock);
    pictures(&mut between, &clock, 40);
    (0..5).for_each(|_| {
        between.event(refused(), clock.now());
    });
    for serial in 46..=100 {
        clock.advance(Duration::from_millis(10));
        between.event(picture(&clock, serial), clock.now());
    }
    between.observe(false, clock.now());
    let summary = between.finish(false, &[], clock.now());
    let undecoded = summary.run.warnings.iter().find(|warning| warning.code == Code::Undecoded);
    assert!(undecoded.is_some_and(|warning| warning.message.contains(WHY)), "{}", said(&summary));
}

#[test]
fn pictures_without_a_code_are_told_of_while_they_come() {
    let clock = ManualClock::new(START);
    let mut stream = stream(&clock);
    for serial in 1..=40 {
        clock.advance(Duration::from_millis(100));
        let Event::Picture(picture) = picture(&clock, serial) else { panic!("it is a picture") };
        stream.event(Event::Picture(Box::new(DecodedPicture { reading: None, ..*picture })), clock.now());
        stream.tick(clock.now());
    }
    let told = notices(&mut stream);
    assert!(told.len() == 1 && told[0].1.starts_with("no corner code in any of 32 pictures for 3.1 s"), "{told:?}");
}

/// Pictures come, and every tenth access unit is refused, or follows a loss.
fn with_a_tenth_undecodable(refused: bool) -> Summary {
    let clock = ManualClock::new(START);
    let mut stream = stream(&clock);
    for serial in 1..=400 {
        clock.advance(Duration::from_millis(10));
        let event = if serial % 10 == 5 { undecodable(Missing::Support, refused) } else { picture(&clock, serial) };
        stream.event(event, clock.now());
        stream.observe(false, clock.now());
        stream.tick(clock.now());
    }
    stream.finish(false, &["p50<1s".parse().expect("an assertion")], clock.now())
}

#[test]
fn frames_that_fell_to_our_decoder_take_the_runs_word_away() {
    let codes = |summary: &Summary| summary.run.warnings.iter().map(|warning| warning.code).collect::<Vec<_>>();
    let refused = with_a_tenth_undecodable(true);
    assert_eq!((refused.exit_code, refused.run.frames.undecodable, refused.run.pictures.refused), (3, Some(40), 40));
    assert!(codes(&refused).contains(&Code::Undecoded), "{}", said(&refused));
    let after_losses = with_a_tenth_undecodable(false);
    assert_eq!((after_losses.exit_code, after_losses.run.pictures.refused), (0, 0), "{}", said(&after_losses));
}

#[test]
fn the_delay_of_b_frames_is_told_once_and_proves_as_much_as_any() {
    let clock = ManualClock::new(START);
    let mut stream = stream(&clock);
    stream.event(Event::Reordered(1), clock.now());
    stream.event(Event::Reordered(2), clock.now());
    stream.event(Event::Reordered(0), clock.now());
    pictures(&mut stream, &clock, 40);
    stream.observe(false, clock.now());
    stream.tick(clock.now());
    let told = notices(&mut stream);
    assert!(matches!(&told[..], [("reordered", text)] if text.contains("once one more has been decoded")), "{told:?}");
    let summary = stream.finish(false, &[], clock.now());
    assert!(said(&summary).contains("once 2 more have been decoded") && said(&summary).contains("-bf 0"));
    assert_eq!(summary.exit_code, 0, "{}", said(&summary));
}

#[test]
fn a_stream_that_stops_decoding_says_why_at_its_end() {
    let clock = ManualClock::new(START);
    let mut stream = stream(&clock);
    pictures(&mut stream, &clock, 40);
    stream.observe(false, clock.now());
    for _ in 0..50 {
        clock.advance(Duration::from_millis(100));
        stream.event(undecodable(Missing::EntryPoint, false), clock.now());
        stream.tick(clock.now());
    }
    let summary = stream.finish(false, &[], clock.now());
    assert_eq!(summary.exit_code, 3);
    assert!(
        said(&summary).contains("the last 5.0 s; no picture for 4.9 s: 50 access units came"),
        "{}",
        said(&summary)
    );
}

#[test]
fn an_input_that_ends_with_an_error_fails_before_the_first_picture_and_after_it() {
    let clock = ManualClock::new(START);
    let broken = || Event::Status(Status::Ended(Err("it broke".to_owned())));
    let mut early = stream(&clock);
    early.event(broken(), clock.now());
    assert_eq!(early.finish(false, &[], clock.now()).exit_code, 1);
    let mut late = stream(&clock);
    pictures(&mut late, &clock, 40);
    late.event(broken(), clock.now());
    let summary = late.finish(false, &[], clock.now());
    assert_eq!((summary.exit_code, summary.run.latency_ms.count), (1, 40));
    assert!(said(&summary).contains("it broke"), "{}", said(&summary));
}

#[test]
fn a_stream_that_is_gone_at_the_end_proves_nothing() {
    let clock = ManualClock::new(START);
    let ends = |lost: bool, pause: u64| {
        let mut stream = stream(&clock);
        pictures(&mut stream, &clock, 40);
        stream.observe(false, clock.now());
        if lost {
            stream.event(Event::Status(Status::Disconnected("gone".to_owned())), clock.now());
            stream.event(Event::Status(Status::Connected(None)), clock.now());
        }
        clock.advance(Duration::from_millis(pause));
        let summary = stream.finish(false, &["p50<1s".parse().expect("an assertion")], clock.now());
        (summary.exit_code, summary.run.warnings.iter().any(|warning| warning.code == Code::StreamStopped))
    };
    assert_eq!(ends(false, 1_900), (0, false));
    assert_eq!(ends(false, 2_100), (3, true));
    assert_eq!(ends(true, 100), (3, true));
}

#[test]
fn an_input_that_ends_before_its_duration_proves_nothing() {
    let clock = ManualClock::new(START);
    let ends = |duration: Option<u64>| {
        let mut stream = stream(&clock);
        stream.duration = duration.map(Duration::from_millis);
        pictures(&mut stream, &clock, 40);
        stream.observe(false, clock.now());
        stream.event(Event::Status(Status::Ended(Ok(()))), clock.now());
        clock.advance(Duration::from_secs(60));
        stream.tick(clock.now());
        let summary = stream.finish(false, &[], clock.now());
        assert_eq!(summary.run.freezes.count, Some(0), "the account ends with its input");
        let early = summary.run.warnings.iter().find(|warning| warning.code == Code::EndedEarly);
        let told = early.is_none_or(|warning| warning.message.ends_with(" after its first picture, not 4.0 s"));
        assert!(told, "{early:?}");
        (summary.exit_code, early.is_some())
    };
    assert_eq!(ends(None), (0, false));
    assert_eq!(ends(Some(400)), (0, false));
    assert_eq!(ends(Some(4_000)), (3, true));
}

#[test]
fn an_outage_lasts_from_the_last_picture_before_it_to_the_first_after_it() {
    let clock = ManualClock::new(START);
    let mut stream = stream(&clock);
    assert!(!stream.event(Event::Status(Status::Connected(None)), clock.now()), "nothing plays before a picture comes");
    assert!(stream.event(picture(&clock, 1), clock.now()));
    assert!(!stream.event(picture(&clock, 2), clock.now()), "that it plays is said once");
    for _ in 0..3 {
        clock.advance(Duration::from_secs(5));
        assert!(!stream.event(Event::Status(Status::Disconnected("silence".to_owned())), clock.now()));
        assert!(!stream.event(Event::Status(Status::Connected(None)), clock.now()));
    }
    clock.advance(Duration::from_secs(5));
    assert!(stream.event(picture(&clock, 3), clock.now()));
    let summary = stream.finish(false, &[], clock.now());
    let connection = summary.run.connection;
    assert_eq!((connection.disconnects, connection.disconnected_ms), (1, 20_000.0));
}

#[test]
fn what_no_window_has_shown_at_the_end_is_not_in_the_range() {
    let clock = ManualClock::new(START);
    let mut stream = stream(&clock);
    pictures(&mut stream, &clock, 40);
    stream.shown(38, clock.now().mono);
    let summary = stream.finish(true, &[], clock.now());
    assert_eq!((summary.run.frames.expected, summary.run.frames.lost), (Some(38), Some(0)));
}
