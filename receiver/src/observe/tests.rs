use common::clock::{Clock, ManualClock};
use common::code::Payload;
use common::frame::CaptureClock;
use common::rtp::timeline::SenderClock;
use common::sei::Origin;
use common::time::MediaTime;
use measure::stamps::Sei;
use report::Setup;

use super::*;
use crate::decoding::UnitInfo;

const START: WallTime = WallTime::from_micros(1_763_722_800_000_000);

/// The receiver's host.
const HERE: u32 = 7;

fn observer(clock: &ManualClock) -> Observer {
    let setup = Setup {
        started: clock.now(),
        warmup: Duration::ZERO,
        url: "rtsp://127.0.0.1/cam".to_owned(),
        clocks: Clocks::Unknown,
        config: report::run::Settings::default(),
        host: report::run::Host::default(),
        folder: None,
    };
    Observer::new(Recorder::new(setup).expect("no folder to write"), HERE)
}

/// A picture that took 5 ms from PUB to now, or one without a code.
fn seen(clock: &ManualClock, sequence: Option<u32>) -> DecodedPicture {
    let now = clock.now();
    let reading = sequence.map(|sequence| {
        let payload = Payload { stream_id: 0, sequence, time: now.wall.offset(-5_000) };
        let (sei, capture_clock) = (Sei::NoPlace, CaptureClock::None);
        Reading { payload, publisher: None, origin: None, reference: None, code: None, sei, capture_clock }
    });
    let at = now.mono;
    DecodedPicture {
        serial: 1,
        unit: UnitInfo { received: None, assembled: at, begun: at, sampled: None, bytes: 100, idr: false },
        reading,
        decoded: at,
        read: at,
        converted: at,
    }
}

fn show(observer: &mut Observer, clock: &ManualClock, sequence: Option<u32>) {
    observer.observe(&seen(clock, sequence), Some(clock.now().mono), clock.now());
}

/// The texts, with a picture that was shown just now.
fn lines(observer: &mut Observer, clock: &ManualClock) -> Vec<String> {
    observer.lines(Some(clock.now().wall.offset(-5_000)), clock.now().mono, clock.now())
}

#[test]
fn the_texts_follow_the_pictures() {
    let clock = ManualClock::new(START);
    let mut observer = observer(&clock);
    for sequence in 0..40 {
        clock.advance(Duration::from_millis(40));
        show(&mut observer, &clock, Some(sequence));
    }
    let (shown, stamp) = (clock.now().mono, clock.now().wall.offset(-5_000));
    let lines = observer.lines(Some(stamp), shown, clock.now());
    assert_eq!(lines[1..], ["REC FPS: 25.0", "LAT: 05.0ms"]);
    assert!(lines[0].starts_with("REC: ") && lines[0].ends_with(":01.600"), "{}", lines[0]);
    clock.advance(Duration::from_millis(900));
    assert_eq!(observer.lines(Some(stamp), shown, clock.now()), lines, "a picture keeps its texts");
    clock.advance(Duration::from_millis(200));
    assert_eq!(observer.lines(Some(stamp), shown, clock.now())[2], "LAT: --");
    clock.advance(Duration::from_secs(1));
    observer.recorder().tick(clock.now());
    assert_eq!(observer.lines(Some(stamp), shown, clock.now())[1], "REC FPS: 00.0");
}

/// Two clocks that disagree: LAT says so, in its colour and all its digits.
#[test]
fn a_negative_latency_is_shown_as_one() {
    let clock = ManualClock::new(START);
    let mut observer = observer(&clock);
    for (ahead, text) in [(12_300, "LAT: -12.3ms"), (2_300, "LAT: -2.3ms"), (3_600_000_000, "LAT: -3600000.0ms")] {
        let now = clock.now();
        assert_eq!(observer.lines(Some(now.wall.offset(ahead)), now.mono, now)[2], text);
    }
}

#[test]
fn an_unreadable_picture_shows_the_latency_before_it_for_a_second() {
    let clock = ManualClock::new(START);
    let mut observer = observer(&clock);
    assert_eq!(observer.lines(None, clock.now().mono, clock.now())[2], "LAT: --");
    lines(&mut observer, &clock);
    clock.advance(Duration::from_millis(900));
    assert_eq!(observer.lines(None, clock.now().mono, clock.now())[2], "LAT: 05.0ms");
    clock.advance(Duration::from_millis(200));
    assert_eq!(observer.lines(None, clock.now().mono, clock.now())[2], "LAT: --");
}

#[test]
fn an_unreadable_picture_is_counted() {
    let clock = ManualClock::new(START);
    let mut observer = observer(&clock);
    show(&mut observer, &clock, Some(1));
    clock.advance(Duration::from_millis(40));
    show(&mut observer, &clock, None);
    clock.advance(Duration::from_millis(40));
    show(&mut observer, &clock, Some(3));
    let run = observer.into_recorder().finish(clock.now(), &[]).summary.run;
    assert_eq!((run.frames.expected, run.frames.measured, run.frames.unreadable), (Some(3), Some(2), Some(1)));
    assert_eq!(run.latency_ms.max, Some(5.0));
}

#[test]
fn the_publishers_host_decides_whether_there_is_one_clock() {
    for (host, same) in [(HERE, true), (HERE + 1, false), (0, false)] {
        let clock = ManualClock::new(START);
        let mut observer = observer(&clock);
        let mut seen = seen(&clock, Some(1));
        seen.reading = seen.reading.map(|reading| Reading { origin: Some(Origin { host, run: 1 }), ..reading });
        observer.observe(&seen, None, clock.now());
        assert_eq!(observer.into_recorder().finish(clock.now(), &[]).summary.run.clock.same_host, same, "{host}");
    }
}

#[test]
fn a_sender_report_is_compared_with_the_code_of_the_frame_after_it() {
    let clock = ManualClock::new(START);
    let mut observer = observer(&clock);
    for (sequence, off) in [(1, 0), (2, 4_000), (3, 5_000)] {
        clock.advance(Duration::from_millis(40));
        let (time, stamp) = (MediaTime::from_ticks(7), clock.now().wall.offset(-5_000));
        let report = SenderClock::new(stamp.offset(off).to_ntp(), time).expect("a wall clock");
        let mut seen = seen(&clock, Some(sequence));
        seen.unit.sampled = Some(report.sampled(time));
        observer.observe(&seen, None, clock.now());
        show(&mut observer, &clock, Some(sequence));
    }
    let run = observer.into_recorder().finish(clock.now(), &[]).summary.run;
    assert_eq!((run.stamps.sender_reports, run.stamps.sender_reports_off), (3, 2));
    let said = run.warnings.iter().find(|warning| warning.code.name() == "sender-time").expect("it is said");
    assert!(said.message.contains("2 of 3") && said.message.contains("up to 5.000 ms"), "{}", said.message);
}

#[test]
fn one_picture_per_second_does_not_flicker() {
    let clock = ManualClock::new(START);
    let mut observer = observer(&clock);
    for sequence in 0..5 {
        show(&mut observer, &clock, Some(sequence));
        lines(&mut observer, &clock);
        clock.advance(Duration::from_millis(1_010));
    }
    assert_eq!(observer.lines(None, clock.now().mono, clock.now())[1..], ["REC FPS: 01.0", "LAT: 05.0ms"]);
}

#[test]
fn a_step_of_the_wall_clock_does_not_tear_one_frame_apart() {
    let clock = ManualClock::new(START);
    let early = seen(&clock, Some(1));
    clock.step_wall(3_600_000_000);
    let reading = early.reading.expect("it has a code");
    let marks = sample(&early, &reading, Some(clock.now().mono), clock.now(), Correction::None).marks;
    assert_eq!(Some(marks.presented()), marks.get(Mark::Assembled));
}
