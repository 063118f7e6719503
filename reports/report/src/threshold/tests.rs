use crate::Run;
use std::time::Duration;

use measure::figures::StageMs;
use measure::stages::PerStage;

use super::*;
use crate::tally::Tally;
use crate::testing::{about, now, sample};

/// 200 frames of a 25 frames/s stream, 10 ms old, every 20th missing.
fn run() -> Run {
    let mut tally = Tally::new(about(Duration::ZERO));
    for sequence in (0..200).filter(|sequence| sequence % 20 != 10) {
        tally.frame(&sample(sequence, sequence * 40, sequence * 40 + 10), &mut |_| {});
    }
    tally.finish(now(8_010), &mut |_| {});
    tally.run(false)
}

fn check(text: &str) -> Verdict {
    text.parse::<Assertion>().expect(text).check(&run())
}

#[test]
fn the_examples_of_the_interface() {
    for (text, ok) in [
        ("p99<150ms", true),
        ("latency.p50<=20ms", true),
        ("frames.lost<0.1%", false),
        ("fps>=29", false),
        ("stages.decode.p99<5ms", true),
        ("picture_age.max<500ms", true),
        ("freezes.count==0", true),
    ] {
        assert_eq!(check(text).ok, Some(ok), "{text}");
    }
}

#[test]
fn units_and_names_may_be_short_or_whole() {
    for text in [
        "latency_ms.p50==10",
        "p50==10ms",
        "p50 == 0.01s",
        "p50==10000us",
        "latency.p90==10",
        "frames.lost==10",
        "frames.lost==5%",
        "frames.measured!=10",
        "bitrate>700k",
        "bitrate_kbps<1M",
        "duration>7s",
        "startup.first_frame<1s",
        "startup.first_frame_ms>=10",
        "clock.steps==0",
        "clock.offset<1ms",
        "freezes.longest<1ms",
        "stages_ms.decode.max>0.5",
    ] {
        assert_eq!(check(text).ok, Some(true), "{text}: {:?}", check(text));
    }
}

#[test]
fn each_operator_at_its_edge() {
    for (text, ok) in [
        ("p50<10", false),
        ("p50<=10", true),
        ("p50>10", false),
        ("p50>=10", true),
        ("p50==10", true),
        ("p50!=10", false),
    ] {
        assert_eq!(check(text).ok, Some(ok), "{text}");
    }
}

#[test]
fn a_verdict_carries_value_limit_and_unit() {
    let verdict = check("frames.lost<0.1%");
    assert_eq!((verdict.value, verdict.limit, &*verdict.unit, verdict.ok), (Some(5.0), 0.1, "%", Some(false)));
    let verdict = check("latency.p50<0.02s");
    assert_eq!((verdict.value, verdict.limit, &*verdict.unit), (Some(10.0), 20.0, "ms"));
}

#[test]
fn what_is_not_there_is_not_judged() {
    for text in ["stages.capture.p50<1ms", "startup.connected<1s"] {
        let verdict = check(text);
        assert_eq!((verdict.value, verdict.ok), (None, None), "{text}");
        assert!(verdict.why.is_some());
    }
    let empty = Tally::new(about(Duration::ZERO)).run(false);
    for text in ["p99<1s", "frames.lost==0", "frames.lost<1%", "fps>1", "freezes.count==0", "picture_age.max<1s"] {
        let verdict = text.parse::<Assertion>().expect(text).check(&empty);
        assert_eq!(verdict.ok, None, "{text}");
    }
}

#[test]
fn a_quantile_takes_enough_frames() {
    let verdict = check("p99_9<1s");
    assert_eq!((verdict.value, verdict.ok), (Some(10.0), None));
    assert!(verdict.why.expect("a reason").contains("190 frames are too few"));
    assert_eq!(check("p99<1s").ok, Some(true));
    assert_eq!(check("p99.9<1s").ok, None, "the other spelling");
}

#[test]
fn an_unknown_metric_names_those_close_to_it() {
    for (text, near) in [
        ("p98<1ms", "latency_ms.p9"),
        ("latency.p51<1ms", "latency_ms.p50"),
        ("frame.lost==0", "frames.lost"),
        ("lost==0", "frames.lost"),
        ("stages.decoder.p99<5ms", "stages_ms.decode.p99"),
        ("freeze.count==0", "freezes.count"),
    ] {
        let error = text.parse::<Assertion>().expect_err(text).to_string();
        assert!(error.contains(near), "{text}: {error}");
    }
}

#[test]
fn what_is_no_assertion_is_refused() {
    for text in ["", "p99", "p99<", "<5ms", "p99=5ms", "p99=<5ms", "p99<<5", "p99<5ms ms", "p99<five"] {
        assert!(text.parse::<Assertion>().is_err(), "{text:?}");
    }
    for text in
        ["p99<1%", "fps>30ms", "frames.lost<5ms", "bitrate>1s", "p99<1k", "frames.expected>50%", "p99<1e3", "p99<-"]
    {
        let error = text.parse::<Assertion>().expect_err(text);
        assert!(matches!(error, ParseError::Value { .. }), "{text}: {error}");
    }
}

/// A figure of each name, each another number, is written to `run.json` and read back.
#[test]
fn every_metric_is_a_path_of_run_json_and_has_the_value_there() {
    let browser = serde_json::from_value(serde_json::json!({ "via": "hls" })).expect("it fits");
    // Stages of a browser are written where any frame passed them.
    let stages_ms = PerStage::new(|_| StageMs { count: 1, ..StageMs::default() });
    let mut json = serde_json::to_value(Run { browser: Some(browser), stages_ms, ..run() }).expect("a run is JSON");
    for (number, name) in metrics().iter().enumerate() {
        let value = json.pointer_mut(&format!("/{}", name.replace('.', "/")));
        let value = value.filter(|value| value.is_number() || value.is_null()).expect(name);
        *value = (number + 1).into();
    }
    let full: Run = serde_json::from_value(json).expect("it is still a run");
    for (number, name) in metrics().iter().enumerate() {
        let metric: Metric = name.parse().expect(name);
        assert_eq!(metric.value(&full), Some((number + 1) as f64), "{name}");
        assert!(format!("{name}<1").parse::<Assertion>().is_ok(), "{name}");
    }
}

#[test]
fn a_limit_within_the_bound_of_two_clocks_is_undecided() {
    let mut run = run();
    (run.clock.same_host, run.clock.max_uncertainty_us) = (false, Some(3_000));
    for (text, ok) in [
        ("p50<14ms", Some(true)),
        ("p50<12ms", None),
        ("p50<9ms", None),
        ("p50<6ms", Some(false)),
        ("p50>=6ms", Some(true)),
        ("p50==10ms", None),
        ("p50!=20ms", Some(true)),
        ("picture_age.max<1ms", Some(false)),
        ("stages.network.p50<9ms", None),
        ("stages.decode.p99<5ms", Some(true)),
        ("latency.stdev<1ms", Some(true)),
        ("frames.lost<50%", Some(true)),
    ] {
        let verdict = text.parse::<Assertion>().expect(text).check(&run);
        assert_eq!(verdict.ok, ok, "{text}: {verdict:?}");
    }
}
