use common::code::SEQUENCE_MODULUS;
use common::marks::Stage;
use common::served::{ServedFrame, ServedFrames};
use report::Setup;
use serde_json::{Value, json};

use super::*;
use crate::via::page_clock::Prober;
use crate::via::protocol;
use crate::via::served;

const EPOCH_US: i64 = 1_763_722_800_000_000;

/// A time in ms after the start, by the receiver's clocks.
fn now(ms: u64) -> Now {
    let mono = MonoTime::from_origin(Duration::from_millis(ms));
    Now { wall: WallTime::from_micros(EPOCH_US + 1_000 * ms as i64), mono }
}

/// The same time by the page's clock, which is correct.
fn us(ms: i64) -> i64 {
    EPOCH_US + 1_000 * ms
}

struct Rig {
    join: Join,
    recorder: Recorder,
}

impl Rig {
    fn new() -> Self {
        Self::warming_up(Duration::ZERO)
    }

    fn warming_up(warmup: Duration) -> Self {
        let setup = Setup { started: now(0), warmup, ..Setup::default() };
        let recorder = Recorder::in_browser(setup, "mse", "own").expect("nothing to write");
        let mut rig = Self { join: Join::new(Via::LlHls, Clocks::Assumed), recorder };
        let mut prober = Prober::new(1, now(0).mono);
        let nonce = prober.ask(now(10).mono);
        let answer = protocol::Answer { nonce, in_us: us(10), out_us: us(10), step_us: 5 };
        rig.join.probed(prober.answered(&answer, now(10).mono).expect("it was asked"));
        rig.say(&[json!({ "type": "hello", "protocol": 1, "browser": "B", "version": "1", "started_us": us(20) })], 20);
        rig
    }

    fn say(&mut self, messages: &[Value], at_ms: u64) {
        let text: String = messages.iter().map(|message| format!("{message}\n")).collect();
        self.join.lines(&text, &mut self.recorder, now(at_ms));
    }

    fn run(mut self, at_ms: u64) -> report::Run {
        self.say(&[json!({ "type": "end", "at_us": us(at_ms as i64), "error": { "kind": "none" } })], at_ms);
        self.recorder.end_join(self.join.ended.expect("it ended"));
        self.recorder.finish(now(at_ms), &[]).summary.run
    }
}

fn frame(sequence: i64, ms: i64) -> Value {
    json!({ "type": "frame", "presented_us": us(ms), "media_us": 1_000 * ms, "pixels_us": 1_000 * ms,
            "code": { "stream": 1, "sequence": sequence, "pub_us": us(ms - 30) } })
}

#[test]
fn a_page_of_another_version_is_refused() {
    let mut rig = Rig::new();
    assert_eq!(rig.join.end, None);
    rig.say(&[json!({ "type": "hello", "protocol": 2, "browser": "B", "version": "1", "started_us": us(20) })], 20);
    let end = rig.join.end.expect("it is refused");
    assert!(end.kind == "page" && end.message.contains("version 2"), "{end:?}");
}

fn with(mut message: Value, name: &str, value: Value) -> Value {
    message[name] = value;
    message
}

#[test]
fn a_picture_that_was_not_read_is_not_lost() {
    let mut rig = Rig::new();
    rig.say(&[frame(0, 100), frame(1, 140)], 200);
    // No code, the pixels of another frame, and a frame presented without a callback.
    rig.say(&[with(frame(2, 180), "code", Value::Null), with(frame(9, 220), "pixels_us", 0.into())], 300);
    rig.say(&[with(frame(5, 300), "missed", 1.into()), frame(7, 380)], 400);
    // With no warm-up all count.
    rig.say(&[json!({ "type": "state", "at_us": us(2_000) })], 450);
    let presented = rig.join.viewed.figures().presented;
    assert_eq!((presented.callbacks, presented.missed), (6, 1));
    let frames = rig.run(500).frames;
    assert_eq!(
        (frames.expected, frames.measured, frames.unreadable, frames.lost),
        (Some(8), Some(4), Some(3), Some(1))
    );
}

#[test]
fn a_frame_without_a_callback_is_not_lost_where_pixels_run_ahead_of_callbacks() {
    // As recorded in Firefox, which does not say whose pixels they are: sequence number, frames without a callback.
    let recorded = [(0, 0), (2, 0), (3, 0), (4, 1), (5, 0), (7, 0), (8, 0), (9, 1), (10, 0), (12, 0), (13, 1), (14, 0)];
    let mut rig = Rig::new();
    for (number, (sequence, missed)) in (0..).zip(recorded) {
        let frame = with(frame(sequence, 100 + 40 * number), "missed", missed.into());
        rig.say(&[with(frame, "pixels_us", Value::Null)], 1_000);
    }
    // Much later, frames are lost.
    rig.say(&[with(frame(30, 800), "pixels_us", Value::Null), with(frame(32, 900), "pixels_us", Value::Null)], 1_000);
    rig.say(&[json!({ "type": "state", "at_us": us(2_000) })], 1_100);
    let frames = rig.run(1_200).frames;
    assert_eq!((frames.expected, frames.unreadable, frames.lost), (Some(33), Some(3), Some(16)));
}

#[test]
fn frames_without_a_callback_in_the_warm_up_do_not_excuse_unread_ones_after_it() {
    let mut rig = Rig::warming_up(Duration::from_millis(100));
    rig.say(&[frame(0, 100), with(frame(4, 140), "missed", 3.into()), frame(5, 180)], 200);
    rig.say(&[frame(6, 220), with(frame(7, 260), "code", Value::Null), frame(8, 300)], 300);
    rig.say(&[json!({ "type": "state", "at_us": us(2_000) })], 2_000);
    let presented = rig.join.viewed.figures().presented;
    let frames = rig.run(2_000).frames;
    assert_eq!((frames.unreadable, presented.missed, presented.callbacks), (Some(1), 0, 3));
}

#[test]
fn stages_are_known_where_a_piece_was_whole_before_its_picture() {
    let mut rig = Rig::new();
    let piece = json!({ "type": "media", "from_us": 95_000, "to_us": 145_000, "requested_us": us(60),
        "first_byte_us": us(80), "received_us": us(82), "appended_us": us(85) });
    rig.say(&[piece.clone(), frame(0, 100), frame(1, 140), frame(2, 180)], 200);
    // A piece that plays while it is still loading.
    let growing = with(with(piece, "from_us", 215_000.into()), "to_us", 300_000.into());
    rig.say(&[with(growing, "received_us", us(290).into()), frame(3, 220)], 300);
    let run = rig.run(400);
    let count = |stage| run.stages_ms[stage].count;
    // The first byte arrived before the second frame was stamped.
    assert_eq!((count(Stage::Deliver), count(Stage::Append), count(Stage::Buffer)), (1, 1, 1));
    assert_eq!(run.stages_ms[Stage::Buffer].p50, Some(15.0));
    assert_eq!((run.startup.first_packet_ms, run.startup.first_frame_ms), (Some(60.0), Some(80.0)));
}

#[test]
fn a_page_cannot_make_the_receiver_grow_or_panic() {
    let mut rig = Rig::new();
    let far = [i64::MIN, -1, 0, i64::MAX].map(|at| with(frame(1, 0), "presented_us", at.into()));
    rig.say(&far, 100);
    let flood: Vec<_> = (0..3 * MAX_WAITING as i64).map(|i| frame(i, i)).collect();
    rig.say(&flood, 200);
    assert!(rig.join.waiting.len() <= MAX_WAITING);
    let pieces = vec![
        json!({ "type": "media", "from_us": i64::MIN, "to_us": i64::MAX, "requested_us": i64::MAX });
        2 * MAX_PIECES
    ];
    rig.say(&pieces, 300);
    assert!(rig.join.pieces.len() <= MAX_PIECES);
    let wild = [
        json!({ "type": "stall", "length_us": i64::MIN }),
        json!({ "type": "claim", "at_us": i64::MIN, "name": "x".repeat(10_000), "value_ms": 1e300 }),
        json!({ "type": "seek", "why": "\u{202e}" }),
        json!({ "type": "state", "at_us": i64::MAX, "playback_rate": -1e300, "dropped": u64::MAX }),
        with(frame(3, 400), "missed", u32::MAX.into()),
    ];
    rig.say(&wild, 500);
    rig.run(600);
}

/// Returns the marks of a framelag server on this host, 7, for frames from number `first` on, stamped 40 ms apart.
fn told(first: u32, count: u32) -> ServedFrames {
    let frame = |sequence: u32| {
        let stamped_us = us(70 + 40 * i64::from(sequence));
        let (encoded_us, sent_us) = (stamped_us + 2_000, stamped_us + 3_000);
        let (fragment_us, part_us) = (stamped_us + 4_000, Some(stamped_us + 5_000));
        let captured_us = None;
        let (stream, painted_us, segment_us) = (1, stamped_us + 500, None);
        ServedFrame {
            sequence,
            stream,
            captured_us,
            stamped_us,
            painted_us,
            encoded_us,
            sent_us,
            arrived_us: sent_us,
            fragment_us,
            part_us,
            segment_us,
        }
    };
    ServedFrames { publisher_host: 7, server_host: 7, frames: (first..first + count).map(frame).collect() }
}

fn dated(sequence: i64) -> [Value; 2] {
    let at = 70 + 40 * sequence;
    let piece = json!({ "type": "media", "from_us": 1_000 * (at + 30), "to_us": 1_000 * (at + 70), "requested_us": us(at),
        "first_byte_us": us(at + 8), "received_us": us(at + 10), "appended_us": us(at + 12) });
    [piece, with(frame(sequence, at + 30), "date_us", us(at - 1).into())]
}

#[test]
fn a_server_of_ours_tells_the_stages_that_no_page_sees_and_frames_that_it_did_not_are_not_mixed_in() {
    let mut rig = Rig::new();
    let answer = told(0, 3);
    assert_eq!(served::clocks(&answer, 7), Clocks::Same);
    assert_eq!(
        (served::clocks(&answer, 8), served::clocks(&ServedFrames { publisher_host: 0, ..answer.clone() }, 8)),
        (Clocks::Different, Clocks::Unknown)
    );
    rig.join.served = Some(Served::new(Some(Via::LlHls), answer, 7));
    let messages: Vec<_> = (0..4).flat_map(dated).collect();
    rig.say(&messages, 300);
    assert_eq!(rig.join.ask_from(), Some(SEQUENCE_MODULUS - 32));
    rig.say(&[json!({ "type": "state", "at_us": us(2_000) })], 2_000);
    let dates = rig.join.viewed.figures().dates;
    assert_eq!((dates.count, dates.difference_p50), (4, Some(1.0)));
    let run = rig.run(2_100);
    let figure = |stage| (run.stages_ms[stage].count, run.stages_ms[stage].p50);
    assert_eq!((figure(Stage::Encode), figure(Stage::Package)), ((3, Some(1.5)), (3, Some(2.0))));
    assert_eq!(figure(Stage::Deliver), (3, Some(3.0)), "from the part on; the fourth frame is untold");
    let of: f64 =
        Stage::ALL.iter().filter(|stage| stage.is_in_latency()).filter_map(|stage| run.stages_ms[*stage].p50).sum();
    assert_eq!(Some(of), run.latency_ms.p50);
}

#[test]
fn a_page_that_showed_all_that_a_server_of_ours_has_waits_for_the_publisher() {
    let mut rig = Rig::new();
    let messages: Vec<_> = (0..4).flat_map(dated).collect();
    rig.say(&messages, 300);
    rig.say(&[json!({ "type": "state", "at_us": us(2_000) })], 2_000);
    assert!(!rig.join.has_all(), "the server does not tell");
    rig.join.served = Some(Served::new(Some(Via::LlHls), told(0, 4), 7));
    assert!(rig.join.has_all());
    rig.join.served = Some(Served::new(Some(Via::LlHls), told(0, 5), 7));
    assert!(!rig.join.has_all(), "it waits for the fifth");
}

#[test]
fn of_a_server_on_another_host_the_publishers_times_are_known_alone() {
    let mut rig = Rig::new();
    rig.join.served = Some(Served::new(Some(Via::LlHls), told(0, 1), 8));
    rig.say(&dated(0), 300);
    let run = rig.run(400);
    let figure = |stage| run.stages_ms[stage].p50;
    assert_eq!((figure(Stage::Send), figure(Stage::Package), figure(Stage::Deliver)), (Some(1.0), None, Some(5.0)));
}

#[test]
fn what_the_browsers_player_loads_is_unknown_and_so_is_when_it_was_there() {
    let served = Served::new(None, told(0, 1), 7);
    let code = PageCode { stream: 1, sequence: 0, pub_us: us(70) };
    let frame = served.find(&code).expect("the server told of it");
    let marks = served.add(Marks::new(WallTime::from_micros(us(70)), WallTime::from_micros(us(160))), frame);
    assert_eq!((marks.get(Mark::Available), marks.get(Mark::Sent).is_some()), (None, true));
}

#[test]
fn another_frame_of_that_number_is_not_taken_for_this() {
    let served = Served::new(Some(Via::Hls), told(5, 1), 7);
    let code = PageCode { stream: 1, sequence: 5, pub_us: us(270) };
    assert!(served.find(&code).is_some());
    for other in
        [PageCode { stream: 2, ..code }, PageCode { sequence: 6, ..code }, PageCode { pub_us: us(310), ..code }]
    {
        assert!(served.find(&other).is_none());
    }
}

#[test]
fn a_join_whose_page_does_not_finish_keeps_its_frames_and_is_one_of_the_joins() {
    let mut rig = Rig::new();
    rig.say(&[frame(0, 100), frame(1, 140)], 200);
    assert!(rig.join.cut_off(&mut rig.recorder, now(3_200)));
    rig.recorder.end_join(now(3_200));
    // The next page says nothing at all.
    let mut silent = Join::new(Via::LlHls, Clocks::Assumed);
    assert!(silent.cut_off(&mut rig.recorder, now(9_000)));
    rig.recorder.end_join(now(9_000));
    let run = rig.recorder.finish(now(9_000), &[]).summary.run;
    assert_eq!((run.frames.measured, run.browser.map(|browser| browser.joins.len())), (Some(2), Some(2)));
    let mut rig = Rig::new();
    rig.say(&[json!({ "type": "end", "at_us": us(100), "error": { "kind": "none" } })], 100);
    assert!(!rig.join.cut_off(&mut rig.recorder, now(200)));
}

#[test]
fn pixels_that_no_frame_is_named_for_are_warned_of() {
    let mut rig = Rig::new();
    let warns = |rig: &Rig| {
        rig.join.warnings().iter().any(|warning| warning.message.contains("the pixels of 1 picture belong to"))
    };
    rig.say(&[frame(0, 100), json!({ "type": "state", "at_us": us(600) })], 600);
    assert!(!warns(&rig));
    rig.say(&[with(frame(1, 640), "pixels_us", Value::Null), json!({ "type": "state", "at_us": us(1_200) })], 1_200);
    assert!(warns(&rig));
}

#[test]
fn a_first_byte_that_nobody_noted_is_not_made_up() {
    let mut rig = Rig::new();
    let piece = json!({ "type": "media", "from_us": 95_000, "to_us": 135_000, "requested_us": us(60),
        "first_byte_us": null, "received_us": us(82), "appended_us": us(85) });
    rig.say(&[piece, frame(0, 100)], 200);
    let run = rig.run(400);
    let count = |stage| run.stages_ms[stage].count;
    assert_eq!((count(Stage::Deliver), count(Stage::Fetch), count(Stage::Append), count(Stage::Buffer)), (0, 0, 1, 1));
}

#[test]
fn how_it_plays_during_the_warm_up_is_in_no_figure() {
    let mut rig = Rig::warming_up(Duration::from_secs(1));
    let told = |ms: i64| {
        let at = us(ms);
        [
            json!({ "type": "stall", "at_us": at, "length_us": 100_000 }),
            json!({ "type": "seek", "at_us": at, "why": "gap" }),
            json!({ "type": "claim", "at_us": at, "name": "hls_latency_ms", "value_ms": 31.0 }),
            json!({ "type": "state", "at_us": at, "playback_rate": 1.0, "ahead_us": 60_000 + at - us(0) }),
        ]
    };
    let frames = (1..30).map(|i| with(frame(i, i * 100), "date_us", json!(us(i * 100 - 29))));
    let messages: Vec<_> = frames.chain(told(500)).chain(told(2_500)).collect();
    rig.say(&messages, 3_000);
    rig.say(&[json!({ "type": "state", "at_us": us(3_500) })], 3_500);
    let viewing = rig.join.viewed.figures();
    assert_eq!((viewing.stalls.count, viewing.seeks["gap"], viewing.claims["hls_latency_ms"].count), (1, 1, 1));
    assert_eq!(viewing.ahead_ms.min, Some(2_560.0), "{:?}", viewing.ahead_ms);
    assert_eq!(viewing.dates.count, viewing.presented.callbacks, "as many as frames were measured");
    assert!(viewing.dates.count < 29, "{:?}", viewing.dates);
}
