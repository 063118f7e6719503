//! A produced `run.json` fits `docs/run.schema.json`, a `calibration.json` its own, and the schemas refuse what does not fit.
//!
//! The checker below knows the keywords that the schema uses, and fails on any other, so that none is passed over.

use std::time::Duration;

use analyze::calibration::{
    Calibration, Costs, Frame, InjectedDelay, Load, Optical, OpticalMs, Session, Settings, Spread, TimerUs,
};
use common::clock::{Clock, ManualClock};
use common::marks::{Mark, Marks};
use common::time::WallTime;
use measure::figures::CostUs;
use measure::figures::browser::Viewed;
use measure::{Clocks, Correction, Sample};
use report::calibration::Quote;
use report::warning::Code;
use report::{Assertion, Observation, Recorder, Setup, Warning};
use serde_json::{Value, json};

fn schema() -> Value {
    let text = include_str!("../../../docs/run.schema.json");
    serde_json::from_str(text).expect("the schema is JSON")
}

fn setup(clock: &ManualClock) -> Setup {
    Setup {
        started: clock.now(),
        warmup: Duration::from_secs(1),
        url: "rtsp://127.0.0.1/cam".to_owned(),
        clocks: Clocks::Assumed,
        config: json!({}).into(),
        host: report::host::describe(),
        folder: None,
    }
}

/// A run of two joins in a browser.
fn run_in_browser() -> Value {
    let clock = ManualClock::new(WallTime::from_micros(1_700_000_000_000_000));
    let mut recorder = Recorder::in_browser(setup(&clock), "ll-hls", "hls.js").expect("nothing to write");
    for join in 0..2 {
        clock.advance(Duration::from_secs(1));
        recorder.begin_join(clock.now());
        for sequence in 0..100 {
            clock.advance(Duration::from_millis(40));
            let now = clock.now();
            let (marks, presented) = (Marks::new(now.wall.offset(-5_000), now.wall), now.mono);
            let (stream_id, sequence, correction) = (0, 100 * join + sequence, Correction::By(0));
            let (run, shown, bytes, idr) = (None, true, 0, false);
            recorder.observe(&Observation::frame(Sample {
                stream_id,
                sequence,
                run,
                marks,
                presented,
                correction,
                shown,
                bytes,
                idr,
            }));
        }
        let mut viewed = Viewed::default();
        viewed.stall(330_000);
        viewed.seek("start");
        viewed.state(Some(1.0), Some(60_000), 0);
        viewed.claim("hls_latency_ms", 4_000, Some(5_000));
        recorder.viewed(Some(("Chromium".to_owned(), "156".to_owned())), viewed);
        recorder.end_join(clock.now());
    }
    serde_json::to_value(&recorder.finish(clock.now(), &[]).summary.run).expect("a run is JSON")
}

/// A run of `frames` frames at 25 frames/s, some of them missing, with assertions of every kind of verdict.
fn run(frames: u32) -> Value {
    let clock = ManualClock::new(WallTime::from_micros(1_700_000_000_000_000));
    let mut recorder = Recorder::new(setup(&clock)).expect("nothing to write");
    for sequence in 0..frames {
        clock.advance(Duration::from_millis(40));
        // Frames 150 on were published and shown after a suspend, frames 200 on after a step.
        match sequence {
            150 => clock.suspend(Duration::from_secs(5)),
            200 => clock.step_wall(70_000),
            _ => {}
        }
        let now = clock.now();
        recorder.slept(clock.slept(), now);
        let marks = Marks::new(now.wall.offset(-5_000), now.wall)
            .with(Mark::Assembled, now.wall.offset(-3))
            .with(Mark::Decoded, now.wall.offset(-2))
            .with(Mark::Read, now.wall.offset(-1));
        if sequence % 10 != 0 {
            let presented = now.mono;
            recorder.observe(&Observation::frame(Sample {
                stream_id: 0,
                sequence,
                run: None,
                marks,
                presented,
                correction: Correction::None,
                shown: false,
                bytes: 900,
                idr: false,
            }));
            recorder.costs().read.add(Duration::from_micros(30));
        }
        recorder.tick(now);
    }
    if frames > 100 {
        let (made, file) = ("2026-01-02T03:04:05Z".to_owned(), "calibration.json".to_owned());
        recorder.calibration(Quote { accuracy_ms: 0.4, p99_accuracy_ms: Some(1.9), made, age_s: 7.0, file });
    }
    recorder.warn(Warning::new(Code::Input, "the nearest mode was taken"));
    let assertions: Vec<Assertion> =
        ["p50<1s", "frames.lost<1%", "p99_9<1s"].into_iter().map(|text| text.parse().expect(text)).collect();
    let summary = recorder.finish(clock.now(), &assertions).summary;
    serde_json::to_value(&summary.run).expect("a run is JSON")
}

/// Where `value` does not fit.
fn misfits(root: &Value, schema: &Value, value: &Value, path: &str, out: &mut Vec<String>) {
    for (keyword, rule) in schema.as_object().expect("a schema is an object") {
        let fits = match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" => true,
            "$ref" => {
                let target = rule.as_str().and_then(|path| root.pointer(path.trim_start_matches('#')));
                misfits(root, target.expect("a $ref points into the schema"), value, path, out);
                true
            }
            "const" => value == rule,
            "enum" => rule.as_array().is_some_and(|values| values.contains(value)),
            "minimum" => value.as_f64().is_none_or(|number| Some(number) >= rule.as_f64()),
            "type" => match rule {
                Value::Array(types) => types.iter().any(|name| is(name, value)),
                name => is(name, value),
            },
            // Asks nothing of what is no object.
            "required" if !value.is_object() => true,
            "required" => {
                let names = rule.as_array().into_iter().flatten().filter_map(Value::as_str);
                names
                    .filter(|name| value.get(name).is_none())
                    .for_each(|name| out.push(format!("{path}/{name} is missing")));
                true
            }
            "properties" => {
                for (name, schema) in rule.as_object().into_iter().flatten() {
                    if let Some(value) = value.get(name) {
                        misfits(root, schema, value, &format!("{path}/{name}"), out);
                    }
                }
                true
            }
            "additionalProperties" => {
                for (name, value) in value.as_object().into_iter().flatten() {
                    misfits(root, rule, value, &format!("{path}/{name}"), out);
                }
                true
            }
            "items" => {
                let items = value.as_array().into_iter().flatten().enumerate();
                items.for_each(|(i, item)| misfits(root, rule, item, &format!("{path}/{i}"), out));
                true
            }
            other => panic!("the checker does not know {other}"),
        };
        if !fits {
            out.push(format!("{path} breaks {keyword} {rule}: {value}"));
        }
    }
}

fn is(name: &Value, value: &Value) -> bool {
    match name.as_str().expect("a type is a name") {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("there is no type {other}"),
    }
}

fn check(value: &Value) -> Vec<String> {
    check_against(&schema(), value)
}

fn check_against(schema: &Value, value: &Value) -> Vec<String> {
    let mut out = Vec::new();
    misfits(schema, schema, value, "", &mut out);
    out
}

/// Properties of `value` that the schema does not name. It allows them to others, but ours are all described.
fn undescribed(schema: &Value, value: &Value, path: &str, out: &mut Vec<String>) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    for (name, value) in value.as_object().into_iter().flatten() {
        match properties.get(name) {
            None => out.push(format!("{path}/{name}")),
            Some(schema) => undescribed(schema, value, &format!("{path}/{name}"), out),
        }
    }
}

#[test]
fn a_run_fits_and_is_described_whole() {
    for frames in [0, 10, 300] {
        let run = run(frames);
        assert_eq!(check(&run), Vec::<String>::new(), "{frames} frames");
        let mut out = Vec::new();
        undescribed(&schema(), &run, "", &mut out);
        assert_eq!(out, Vec::<String>::new());
    }
}

#[test]
fn a_run_in_a_browser_fits_and_is_described_whole() {
    let run = run_in_browser();
    assert_eq!(check(&run), Vec::<String>::new());
    let mut out = Vec::new();
    undescribed(&schema(), &run, "", &mut out);
    let schema = schema();
    let join = schema.pointer("/properties/joins/items").expect("joins are described");
    undescribed(join, &run["joins"][1], "/joins/1", &mut out);
    assert_eq!(out, Vec::<String>::new());
    assert_eq!(
        (&run["joins"][1]["number"], &run["stalls"]["count"], &run["player"]),
        (&json!(2), &json!(2), &json!("hls.js"))
    );
}

/// A calibration with blocks of so many frames whose stamps are early, with a camera where there are many.
fn calibration(frames: usize) -> Value {
    let blocks = [0.0, 20.0, 0.0, 20.0].map(|delay_ms| InjectedDelay { delay_ms, jitter_ms: 0.0 }).to_vec();
    let frame = |n: usize| {
        let handed_us = 1_700_000_000_000_000 + 18_000 * n as i64;
        let [stamp_us, sent_us, in_us, first_out_us, received_us, presented_us] =
            [-500, 2_000, 2_100, 2_200, 2_300, 4_000].map(|us| handed_us + us);
        let last_out_us = first_out_us;
        let block = n / frames;
        Frame { block, handed_us, stamp_us, sent_us, in_us, first_out_us, last_out_us, received_us, presented_us }
    };
    let wake_us = Spread::of(vec![40.0; frames]);
    let load = Load { wake_us, others: Some(0.01), stolen: Some(0.0), pressure: None };
    let session = Session { blocks, frames: (0..4 * frames).map(frame).collect(), load, ..Session::default() };
    let settings = Settings { size: "640x480".to_owned(), fps: 55, measured_s: 6.0, warmup_s: 1.0, seed: 1 };
    let mut found = Calibration::new("2026-01-02T03:04:05Z".to_owned(), settings, &session);
    if frames >= 100 {
        let us = Spread::of(vec![1.0; frames]);
        let receiver_read = Some(CostUs { mean: 20.0, max: 30.0 });
        found.costs_us = Costs { paint: us, stamp: us, read: us, overlay: us, receiver_read };
        found.timers.wall = TimerUs { resolution: 0.001, smallest_step: Some(0.04) };
        let screen_and_camera_ms = OpticalMs::of(vec![20.0; frames]);
        let camera = "a camera".to_owned();
        found.add_optical(Optical { camera, pictures: 200, unreadable: 1, screen_and_camera_ms, driver_time: true });
    }
    serde_json::from_str(&found.to_json()).expect("a calibration is JSON")
}

#[test]
fn a_calibration_fits_and_is_described_whole() {
    let schema: Value =
        serde_json::from_str(include_str!("../../../docs/calibration.schema.json")).expect("the schema is JSON");
    for frames in [0, 10, 300] {
        let found = calibration(frames);
        assert_eq!(check_against(&schema, &found), Vec::<String>::new(), "{frames} frames");
        let mut out = Vec::new();
        undescribed(&schema, &found, "", &mut out);
        for (list, name) in [("rows", "row"), ("links", "link"), ("findings", "finding")] {
            let described = schema.pointer(&format!("/$defs/{name}")).expect("it is described");
            let first = found[list].get(0).unwrap_or_else(|| panic!("{frames} frames have {list}"));
            undescribed(described, first, &format!("/{list}/0"), &mut out);
        }
        assert_eq!(out, Vec::<String>::new());
    }
    for (path, wrong) in [
        ("/schema", json!("framelag/run/1")),
        ("/outcome", json!("failed")),
        ("/rows/1/error_ms/p50", json!("0")),
        ("/links/0/slack_ms", json!(false)),
        ("/findings/0/code", json!(null)),
        ("/p99_accuracy_ms", json!(-1)),
        ("/load/others", json!(-1)),
        ("/costs_us/read", json!({ "count": 1 })),
        ("/timers/wall/resolution", json!(-1)),
    ] {
        let mut found = calibration(300);
        *found.pointer_mut(path).expect(path) = wrong;
        assert!(!check_against(&schema, &found).is_empty(), "{path}");
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    for (path, wrong) in [
        ("/schema", json!("framelag/run/2")),
        ("/outcome", json!("pass")),
        ("/frames/lost", json!(-1)),
        ("/latency_ms/p50", json!("5 ms")),
        ("/stages_ms/decode/p99", json!(true)),
        ("/warnings/0/code", json!("oh")),
        ("/assertions/0/unit", json!("h")),
        ("/clock/events/0/kind", json!("leap")),
        ("/clock/events/1/by_us", json!(0.5)),
        ("/sections/1/because", json!("")),
        ("/sections/2/latency_ms/p50", json!("1")),
    ] {
        let mut run = run(300);
        *run.pointer_mut(path).expect(path) = wrong;
        assert!(!check(&run).is_empty(), "{path}");
    }
    let mut run = run(300);
    run.as_object_mut().expect("an object").remove("clock");
    assert_eq!(check(&run), ["/clock is missing"]);
}

#[test]
fn every_warning_code_is_in_the_schema() {
    let schema = schema();
    let codes = schema.pointer("/properties/warnings/items/properties/code/enum").expect("the codes are listed");
    let ours: Vec<&str> = Code::ALL.iter().map(|code| code.name()).collect();
    assert_eq!(codes, &json!(ours));
    let described = include_str!("../../../docs/reports.md");
    for code in ours {
        assert!(described.contains(&format!("| `{code}` |")), "{code} is not in docs/reports.md");
    }
}

/// A sweep of 2 × 2 settings, one of which failed once.
fn tune(repeats: u32) -> Value {
    use analyze::sweep::{Axis, Figures, Outcome, Row, Sweep};
    let axis =
        |name: &str, values: [&str; 2]| Axis { name: name.to_owned(), values: values.map(str::to_owned).to_vec() };
    let row = |(order, cell): (usize, usize)| {
        let ms = 20.0 + 10.0 * (cell / 2) as f64 + 0.3 * (order % 3) as f64;
        let (p50_ms, p99_ms, bitrate_kbps, psnr_db) =
            (Some(ms), Some(ms * 2.0), Some(500.0 + order as f64), Some(36.5));
        let measured = Figures { p50_ms, p99_ms, bitrate_kbps, psnr_db, ..Figures::default() };
        let failed = order == 3;
        Row {
            cell,
            repeat: (order / 4) as u32,
            order,
            started: "2026-01-02T03:04:05.000000Z".to_owned(),
            values: vec![cell / 2, cell % 2],
            outcome: if failed { Outcome::Failed } else { Outcome::Ok },
            why: failed.then(|| "it crashed".to_owned()),
            figures: if failed { Figures::default() } else { measured },
            joins: Vec::new(),
            player: None,
            report: None,
        }
    };
    let sweep = Sweep {
        name: "a plan".to_owned(),
        started: "2026-01-02T03:04:05.000000Z".to_owned(),
        seed: 1,
        axes: vec![axis("publisher.bitrate", ["500k", "1M"]), axis("publisher.gop", ["15", "60"])],
        fixed: vec![("publisher.size".to_owned(), "640x480".to_owned())],
        rows: (0..4 * repeats as usize).map(|order| row((order, order % 4))).collect(),
        host: report::host::describe().into(),
        complete: true,
    };
    let folder = tempfile::tempdir().expect("a folder");
    analyze::sweep::write(&report::dir::Dir::open(folder.path()).expect("it is there"), &sweep)
        .expect("it can be written");
    let text = std::fs::read_to_string(folder.path().join("tune.json")).expect("it was written");
    serde_json::from_str(&text).expect("a sweep is JSON")
}

#[test]
fn a_sweep_fits_and_is_described_whole() {
    let schema: Value =
        serde_json::from_str(include_str!("../../../docs/tune.schema.json")).expect("the schema is JSON");
    for repeats in [0, 1, 4] {
        let found = tune(repeats);
        assert_eq!(check_against(&schema, &found), Vec::<String>::new(), "{repeats} repeats");
        let mut out = Vec::new();
        undescribed(&schema, &found, "", &mut out);
        let parts = ["axes", "recommendations", "fronts", "cells", "rows"];
        for part in parts {
            let described = schema.pointer(&format!("/properties/{part}/items")).expect(part);
            let items = found[part].as_array().into_iter().flatten();
            items.for_each(|item| undescribed(described, item, &format!("/{part}"), &mut out));
        }
        assert_eq!(out, Vec::<String>::new());
    }
    for (path, wrong) in [
        ("/schema", json!("framelag/run/1")),
        ("/seed", json!(-1)),
        ("/recommendations/0/confidence", json!("sure")),
        ("/drift/change", json!("20 ms")),
        ("/fronts/0/on", json!(1)),
        ("/cells/0/figures/p50_ms/low", json!(true)),
        ("/rows/0/outcome", json!("fine")),
        ("/rows/0/values/0", json!(-1)),
        ("/scales/p50_ms", json!("log")),
    ] {
        let mut found = tune(4);
        *found.pointer_mut(path).expect(path) = wrong;
        assert!(!check_against(&schema, &found).is_empty(), "{path}");
    }
}
