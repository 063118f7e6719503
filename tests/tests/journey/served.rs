//! A browser plays from our own server: the publisher's times reach the report, its phase is shifted from join to join, and the
//! stream's dates agree with the codes.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use framelag_tests::measuring;
use framelag_tests::process::{Builder, Process, wait_until};
use framelag_tests::report::Report;
use framelag_tests::{LIMIT, binary, need, serving, turn};
use serde_json::{Value, json};

/// Between two pictures at 30 per second.
const FRAME_US: f64 = 1e6 / 30.0;

/// Our server, a publisher of the test pattern at 30 per second, and where the server listens for HTTP.
fn published() -> (serving::Server, Process, SocketAddr) {
    let server = serving::framelag(&["--preset", "frame"]);
    let publisher = measuring::publisher(&server.publish_url(), serving::Transport::Tcp).spawn();
    server.wait_for_stream();
    let http = server.http.expect("it listens for HTTP");
    (server, publisher, http)
}

/// The status of an answer, and its JSON.
fn ask(address: SocketAddr, method: &str, path: &str, kind: &str, body: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let head =
        format!("Host: {address}\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: {}", body.len());
    write!(stream, "{method} {path} HTTP/1.1\r\n{head}\r\n\r\n{body}").expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, serde_json::from_str(body).unwrap_or_default())
}

fn shift(address: SocketAddr, fraction: f64) -> (u16, Value) {
    ask(address, "POST", "/api/streams/phase/cam", "application/json", &json!({ "fraction": fraction }).to_string())
}

/// Where the newest frames are stamped within the time between two of them, µs: the earliest, because nothing is early.
fn phase(address: SocketAddr) -> f64 {
    let frames = |from: u64| ask(address, "GET", &format!("/cam/marks?from={from}"), "", "").1["frames"].clone();
    let newest = wait_until("frames", LIMIT, || frames(0).as_array()?.last()?["sequence"].as_u64());
    let frames = wait_until("30 more frames", LIMIT, || {
        let frames = frames(newest + 3);
        frames.as_array().filter(|frames| frames.len() >= 30).cloned()
    });
    let first = frames[0]["stamped_us"].as_f64().expect("a number").rem_euclid(FRAME_US);
    let of = |frame: &Value| {
        let phase = frame["stamped_us"].as_f64().expect("a number").rem_euclid(FRAME_US) - first;
        (phase + 1.5 * FRAME_US).rem_euclid(FRAME_US) - FRAME_US / 2.0
    };
    first + frames.iter().map(of).fold(f64::INFINITY, f64::min)
}

#[test]
fn a_publisher_is_shifted_by_a_fraction_of_a_frame_and_a_guest_is_told_why_not() {
    let _turn = turn::take();
    let (_server, _publisher, http) = published();
    let before = phase(http);
    for fraction in [0.4, 0.8, 0.0] {
        let (status, answer) = shift(http, fraction);
        let by = answer["phase_us"].as_f64().expect("it can be shifted");
        assert!(status == 200 && (by - fraction * FRAME_US).abs() <= 1.0, "{status} {answer}");
        let off = (phase(http) - before - by + 1.5 * FRAME_US).rem_euclid(FRAME_US) - FRAME_US / 2.0;
        // A fifth of a frame is 6.7 ms.
        assert!(off.abs() < FRAME_US / 10.0, "{fraction}: off by {off} µs");
    }
    for (method, path, kind, body, status) in [
        ("POST", "/api/streams/phase/cam", "application/json", r#"{"fraction": 1}"#, 422),
        ("POST", "/api/streams/phase/cam", "application/json", r#"{"fraction": "x"}"#, 422),
        ("POST", "/api/streams/phase/cam", "text/plain", r#"{"fraction": 0.5}"#, 415),
        ("POST", "/api/streams/phase/nobody", "application/json", r#"{"fraction": 0.5}"#, 404),
        ("GET", "/api/streams/phase/cam", "", "", 405),
    ] {
        let (found, answer) = ask(http, method, path, kind, body);
        assert!(found == status && answer["error"].is_string(), "{method} {path} {body}: {found} {answer}");
    }
}

#[test]
fn the_publishers_times_and_dates_stand_in_the_report_of_a_browser() {
    let _turn = turn::take();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let (_server, _publisher, http) = published();
    for (via, file, player) in [("mse", "mse", "mse"), ("ll-hls", "index.m3u8", "own")] {
        let run = folder.path().join(via);
        let ran = Builder::new(binary::path("receiver"))
            .args(["--via", via, "--preset", "frame", &format!("http://{http}/cam/{file}"), "--report"])
            .arg(&run)
            .arg("--browser")
            .arg(need::tool("chromium"))
            .words("--joins 2 --duration 4s --warmup 1s --wait 30s")
            .run(LIMIT);
        ran.expect_code(0);
        let report = Report::read(&run);
        for stage in ["stamp", "encode", "send", "package", "deliver", "fetch", "append", "buffer"] {
            assert!(report.number(&format!("stages_ms.{stage}.count")) >= 30.0, "{via}: {stage}");
        }
        assert_eq!(report.value("stages_ms").get("request").is_some(), via != "mse", "{player}");
        assert!(report.value("warnings").as_array().expect("a list").iter().all(|w| w["code"] != "clock-assumed"));
        sums(&report);
        let shifts: Vec<_> =
            report.value("joins").as_array().expect("a list").iter().map(|j| j["phase_us"].clone()).collect();
        assert_eq!(shifts, [json!(0), json!(16_666)], "half a frame");
        assert!(report.number("dates.count") >= 30.0, "{via}");
        let off = report.number("dates.difference_p50").abs() * 1e3;
        assert!(off <= FRAME_US, "{via}: date and code are {off} µs apart");
    }
}

#[test]
fn another_device_opens_the_page_by_its_url_and_plays_through_the_receiver() {
    let _turn = turn::take();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let (_server, _publisher, http) = published();
    let run = folder.path().join("run");
    let mut receiver = Builder::new(binary::path("receiver"))
        .args(["--via", "ll-hls", "--preset", "frame", &format!("http://{http}/cam/index.m3u8"), "--report"])
        .arg(&run)
        .words("--browser none --listen 127.0.0.1:0 --joins 2 --duration 4s --warmup 1s --wait 30s")
        .spawn();
    let page = receiver.wait_for_line("its URL", LIMIT, |line| Some(line[line.find("https://")?..].to_owned()));
    receiver.wait_for_line("its certificate", LIMIT, |line| line.contains("SHA-256").then_some(()));
    receiver.wait_for_line("a QR code", LIMIT, |line| line.contains('\u{2588}').then_some(()));
    let flags = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-sync \
                 --ignore-certificate-errors --autoplay-policy=no-user-gesture-required";
    let profile = format!("--user-data-dir={}", folder.path().join("profile").display());
    let _device = Builder::new(need::tool("chromium")).words(flags).args([&profile, &page]).spawn();
    receiver.finish(LIMIT).expect_code(0);
    let report = Report::read(&run);
    assert!(report.accounted().measured >= 60);
    assert_eq!(report.value("joins").as_array().expect("a list").len(), 2);
    assert!(report.number("stages_ms.deliver.count") >= 30.0, "the server's times are known through the proxy too");
}

/// The stages of each frame that has all of them add up to its latency.
fn sums(report: &Report) {
    let names = ["stamp", "encode", "send", "package", "deliver", "fetch", "append", "buffer"];
    let columns: Vec<_> = names.iter().map(|name| report.column("frames.csv", &format!("{name}_us"))).collect();
    let latency = report.column("frames.csv", "latency_us");
    // Sums hold for any times: none of them may lie before the one it follows by more than the clocks are known to.
    let bound = report.number("clock.max_uncertainty_us") as i64;
    let rows = (0..latency.len()).filter_map(|row| {
        let stages: Option<Vec<i64>> = columns.iter().map(|column| column[row].parse().ok()).collect();
        let stages = stages?;
        assert!(stages.iter().all(|stage| *stage >= -bound), "row {row}: {stages:?}, ± {bound} µs");
        Some((stages.iter().sum::<i64>(), latency[row].parse::<i64>().ok()?))
    });
    let rows: Vec<_> = rows.collect();
    assert!(rows.len() >= 30, "{} frames have all stages", rows.len());
    // The SEI's PUB and the code's may differ by a µs.
    assert!(rows.iter().all(|(sum, latency)| (sum - latency).abs() <= 1), "{rows:?}");
}
