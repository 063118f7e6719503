//! Tests with a simulated page over a real WebSocket, whose messages become a report.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, SystemTime};

use clap::Parser;
use common::host::{Stop, SystemClock};
use common::stream_url::StreamUrl;
use report::warning::Code;
use report::{Place, Summary};
use serde_json::{Value, json};
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket};

use super::server::Server;
use super::*;
use crate::args::Args;
use crate::output::Output;

/// Offset of the page's clock.
const SHIFT_US: i64 = 3_000_000;
/// Latency of the frames.
const LATENCY_US: i64 = 50_000;
const FRAMES: i64 = 40;
const FRAME_US: i64 = 5_000;

type Socket = WebSocket<MaybeTlsStream<TcpStream>>;

/// What the page does when told to play.
type Play = fn(&mut Socket, i64);

fn now_us() -> i64 {
    SystemTime::UNIX_EPOCH.elapsed().expect("after 1970").as_micros() as i64
}

fn say(socket: &mut Socket, messages: &[Value]) {
    let lines: String = messages.iter().map(|message| format!("{message}\n")).collect();
    socket.send(Message::text(lines)).expect("the receiver is there");
}

fn hello(started_us: i64) -> Value {
    json!({ "type": "hello", "protocol": 1, "browser": "Chromium", "version": "156.0.0.0", "user_agent": "x",
            "started_us": started_us })
}

fn frame(sequence: i64, presented_us: i64, pub_us: i64, media_us: i64) -> Value {
    json!({ "type": "frame", "presented_us": presented_us, "expected_display_us": presented_us + 9, "callback_us": presented_us + 700,
            "capture_us": null, "receive_us": null, "rtp_timestamp": null, "processing_us": 900, "media_us": media_us,
            "date_us": null, "presented_frames": sequence, "missed": 0, "width": 640, "height": 480,
            "code": { "stream": 1, "sequence": sequence, "pub_us": pub_us }, "pixels_us": media_us, "read_by": "copy",
            "grab_us": 150, "read_us": 60 })
}

fn end(kind: &str) -> Value {
    json!({ "type": "end", "at_us": now_us() + SHIFT_US, "error": { "kind": kind, "message": "because", "status": 404 } })
}

/// Reports frames from `first` on, with times of the page's offset clock.
fn plays(socket: &mut Socket, first: i64) {
    let base = now_us();
    let page = base + SHIFT_US;
    say(socket, &[hello(page)]);
    thread::sleep(Duration::from_micros((FRAMES * FRAME_US) as u64) + LATE_BY);
    let media = json!({ "type": "media", "from_us": 0, "to_us": 10_000_000, "requested_us": page - 40_000,
        "first_byte_us": page - 35_000, "received_us": page - 33_000, "appended_us": page - 30_000 });
    let mut messages = vec![media, json!({ "type": "mood" }), json!("no message")];
    // Out of presentation order, since pixels may be read late.
    messages.extend((0..FRAMES).rev().map(|i| {
        let shown = i * FRAME_US;
        frame(first + i, page + shown, base + shown - LATENCY_US, shown)
    }));
    let at = page + FRAMES * FRAME_US;
    messages.push(json!({ "type": "stall", "at_us": at, "length_us": 330_000, "media_us": 5 }));
    messages.push(json!({ "type": "seek", "at_us": at, "length_us": 9, "from_us": 0, "to_us": 9, "why": "live-edge" }));
    messages.push(
        json!({ "type": "state", "at_us": at + 400_000, "media_us": 1, "playback_rate": 1.04, "ahead_us": 62_000,
        "ready_state": 4, "callbacks": FRAMES, "missed": 0, "decoded": FRAMES, "dropped": 0, "hidden": false,
        "messages_dropped": 0 }),
    );
    messages.push(json!({ "type": "claim", "at_us": at, "name": "hls_latency_ms", "value_ms": 35.0 }));
    say(socket, &messages);
}

/// Delay from the newest frame to its message.
const LATE_BY: Duration = Duration::from_millis(50);

/// Opens the socket of the page at `address`.
fn open(address: &str) -> Option<Socket> {
    let address = address.replace("http://", "ws://").replace("index.html", "socket");
    tungstenite::connect(&address).ok().map(|(socket, _)| socket)
}

/// Loads the page once for each of `plays`, and reads messages until each ends.
fn page(address: &str, plays: &[Play]) {
    for (play, number) in plays.iter().zip(0..) {
        let Some(socket) = open(address) else { return };
        load(socket, |socket| play(socket, number * 100));
    }
}

/// Reads messages until the page is loaded anew, or the receiver ends.
fn load(mut socket: Socket, play: impl Fn(&mut Socket)) {
    while let Ok(message) = socket.read() {
        let came = now_us() + SHIFT_US;
        let Ok(told) = serde_json::from_str::<Value>(message.to_text().unwrap_or_default()) else { continue };
        match told["type"].as_str() {
            Some("probe") => {
                let (nonce, out_us) = (&told["nonce"], now_us() + SHIFT_US);
                let answer = json!({ "type": "answer", "nonce": nonce, "in_us": came, "out_us": out_us, "step_us": 5 });
                if socket.send(Message::text(format!("{answer}\n"))).is_err() {
                    return;
                }
            }
            Some("start") => play(&mut socket),
            Some("stop") => say(&mut socket, &[end("none")]),
            _ => break,
        }
    }
}

fn stream() -> StreamUrl {
    StreamUrl::typed("http://127.0.0.1:9/cam/mse", &["http"], |_| None).expect("a URL")
}

fn config(flags: &str, server: &str) -> Config {
    let words = format!("receiver --via mse --browser none {flags} http://{server}/cam/mse");
    let args = Args::try_parse_from(words.split_whitespace()).expect("the flags parse");
    Config::new(args.via.via.expect("it is there"), &args, false).expect("they fit")
}

/// Runs the receiver with these flags and this page.
fn summary(flags: &str, plays: &'static [Play], folder: Option<Place>) -> Summary {
    summary_of("127.0.0.1:9", flags, plays, folder)
}

/// The same of joins of `seconds`, without a report folder.
fn long(seconds: u64, flags: &str, plays: &'static [Play]) -> Summary {
    run("127.0.0.1:9", Duration::from_secs(seconds), flags, plays, None)
}

/// The same of a stream at `server`.
fn summary_of(server: &str, flags: &str, plays: &'static [Play], folder: Option<Place>) -> Summary {
    run(server, Duration::from_millis(600), flags, plays, folder)
}

fn run(server: &str, duration: Duration, flags: &str, plays: &'static [Play], folder: Option<Place>) -> Summary {
    measured(server, duration, flags, folder, |address| page(&address, plays))
}

/// Runs the receiver with a page that does this.
fn measured(
    server: &str,
    duration: Duration,
    flags: &str,
    folder: Option<Place>,
    page: impl FnOnce(String) + Send + 'static,
) -> Summary {
    let (config, output, stop) = (config(flags, server), Output::new(true, None, false), Stop::new());
    let settings = config.describe(duration, Duration::ZERO);
    let common = Common { duration, warmup: Duration::ZERO, settings, folder, assertions: &[] };
    let session = Session::open(&config, common, &output, &stop).expect("it can begin");
    let address = session.server.page.clone();
    let page = thread::spawn(move || page(address));
    let summary = session.measure();
    page.join().expect("no panic");
    summary
}

#[test]
fn what_a_page_says_becomes_a_report_and_its_clock_is_corrected_within_the_bound() {
    let folder = tempfile::tempdir().expect("a folder");
    let report = folder.path().join("run");
    let summary = summary("--joins 2", &[plays, plays], Some(Place::Folder(report.clone())));
    let run = &summary.run;
    assert_eq!((summary.exit_code, run.frames.expected, run.frames.measured), (0, Some(80), Some(80)), "{run:?}");
    let bound = run.clock.max_uncertainty_us.expect("the clocks were compared");
    let off = |ms: Option<f64>| ((ms.expect("known") * 1e3) as i64 - LATENCY_US).abs();
    assert!(off(run.latency_ms.min) <= bound && off(run.latency_ms.max) <= bound, "{:?} ± {bound}", run.latency_ms);
    assert!((run.clock.offset_us.expect("known") - SHIFT_US).abs() <= bound);
    let browser = run.browser.as_ref().expect("a browser played");
    assert_eq!((&*browser.via, &*browser.player, browser.browser.name.as_deref()), ("mse", "own", Some("Chromium")));
    assert_eq!((browser.viewing.stalls.count, browser.viewing.seeks["live-edge"], browser.joins.len()), (2, 2, 2));
    assert_eq!(browser.viewing.presented.callbacks, 2 * FRAMES as u64);
    let claim = browser.viewing.claims["hls_latency_ms"];
    assert!((claim.difference_p50.expect("known") + 15.0).abs() * 1e3 <= bound as f64 + 100.0, "{claim:?}");
    assert_eq!(run.own_cost_us.read.map(|cost| cost.mean), Some(210.0));
    assert!(run.warnings.iter().any(|warning| warning.message.contains("1 messages of the page could not be read")));

    let rows = std::fs::read_to_string(report.join("frames.csv")).expect("it is there");
    let joins: Vec<_> = rows.lines().skip(1).filter_map(|row| row.rsplit(',').next()).collect();
    assert_eq!((joins.len(), joins[0], joins[79]), (80, "1", "2"));
    assert!(rows.starts_with("seq,outcome,capture_us,") && rows.lines().next().expect("a header").ends_with(",join"));
    let saved = report::saved::Saved::open(&report).expect("a report");
    assert_eq!(saved.run.browser.as_ref(), Some(browser), "it is read back");
    let (histograms, cut) = saved.histograms().expect("a log");
    assert_eq!((histograms.total.count(), cut), (80, None));
    let html = std::fs::read_to_string(report.join("report.html")).expect("it is there");
    assert!(html.contains("In the browser") && html.contains("hls_latency_ms"));
}

#[test]
fn what_keeps_a_page_from_playing_is_named_and_fails_the_run() {
    for kind in ["cors", "mixed-content", "codec", "http-status", "format", "network", "decode", "page"] {
        // Function items, because a page must be a function pointer.
        let play: &'static [Play] = match kind {
            "cors" => &[|socket, _| say(socket, &[end("cors")])],
            "mixed-content" => &[|socket, _| say(socket, &[end("mixed-content")])],
            "codec" => &[|socket, _| say(socket, &[end("codec")])],
            "http-status" => &[|socket, _| say(socket, &[end("http-status")])],
            "format" => &[|socket, _| say(socket, &[end("format")])],
            "network" => &[|socket, _| say(socket, &[end("network")])],
            "decode" => &[|socket, _| say(socket, &[end("decode")])],
            _ => &[|socket, _| say(socket, &[end("page")])],
        };
        let summary = summary("--joins 1 --wait 0s", play, None);
        let failed = summary.run.warnings.iter().find(|warning| warning.code == Code::Failed).expect("it is said");
        assert!(failed.message.starts_with(&format!("{kind} 404: because")), "{failed:?}");
        assert_eq!(summary.exit_code, 1, "{kind}");
    }
}

#[test]
fn a_stream_that_is_not_there_yet_is_waited_for() {
    let summary = summary("--joins 1 --wait 60s", &[|socket, _| say(socket, &[end("http-status")]), plays], None);
    assert_eq!((summary.exit_code, summary.run.frames.measured), (0, Some(40)), "{:?}", summary.run.warnings);
}

/// Says that the stream has ended.
fn is_over(socket: &mut Socket, _: i64) {
    say(socket, &[end("ended")]);
}

/// Plays, and says that the stream has ended.
fn plays_to_the_end(socket: &mut Socket, first: i64) {
    plays(socket, first);
    is_over(socket, first);
}

#[test]
fn a_stream_that_ends_is_inconclusive_and_what_was_measured_counts() {
    let of = |summary: &Summary| {
        let stopped = summary.run.warnings.iter().filter(|warning| warning.code == Code::StreamStopped);
        stopped.map(|warning| warning.message.clone()).collect::<Vec<_>>()
    };
    let gone = long(3, "--joins 3 --wait 0s", &[plays, plays_to_the_end, is_over]);
    let run = &gone.run;
    assert_eq!((gone.exit_code, run.frames.measured), (3, Some(80)), "{:?}", run.warnings);
    assert_eq!(run.browser.as_ref().map(|browser| browser.joins.len()), Some(2));
    let told = of(&gone);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("join 2: the stream was gone for the last 2."), "{told:?}");
    assert_eq!(told[1], "only 2 of 3 joins were played (ended 404: because)");
    // One that ends a moment before its time was measured in full.
    let full = summary("--joins 1", &[plays_to_the_end], None);
    assert_eq!((full.exit_code, of(&full)), (0, Vec::new()), "{:?}", full.run.warnings);
    // A stream that was over before is none.
    let over = summary("--joins 2 --wait 0s", &[is_over], None);
    assert_eq!(over.exit_code, 1, "{:?}", over.run.warnings);
}

#[test]
fn one_page_plays_and_another_is_let_go() {
    let summary = measured("127.0.0.1:9", Duration::from_millis(600), "--joins 1", None, |address| {
        load(open(&address).expect("it listens"), |socket| {
            let mut other = open(&address).expect("it listens");
            plays(socket, 0);
            // It may have been asked the time before.
            while other.read().is_ok() {}
        });
    });
    assert_eq!((summary.exit_code, summary.run.frames.measured), (0, Some(40)), "{:?}", summary.run.warnings);
}

#[test]
fn a_page_that_goes_is_told_and_what_it_showed_ends_with_its_last_message() {
    let goes: &'static [Play] = &[|socket, first| {
        plays(socket, first);
        // It shows and says nothing more until it is told to stop, a second later.
        while socket.read().is_ok_and(|message| !message.to_text().unwrap_or_default().contains(r#""stop""#)) {}
        drop(socket.close(None));
    }];
    let summary = long(1, "--joins 2", goes);
    assert_eq!((summary.exit_code, summary.run.frames.measured), (1, Some(40)));
    assert!(summary.run.warnings.iter().any(|warning| warning.message == "the page was closed"));
    assert!(summary.run.duration_s < Some(1.0), "{:?}", summary.run.duration_s);
}

#[test]
fn a_publisher_that_was_shifted_late_is_shifted_back() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let server = listener.local_addr().expect("it is bound").to_string();
    let (sender, shifts) = crossbeam_channel::unbounded();
    // Ends with the process: the run may ask for marks at any time.
    thread::spawn(move || {
        for mut stream in listener.incoming().filter_map(Result::ok) {
            let mut request = Vec::new();
            let mut byte = [0];
            let is_whole = |request: &[u8]| {
                request.ends_with(b"}") || request.starts_with(b"GET") && request.ends_with(b"\r\n\r\n")
            };
            while !is_whole(&request) && stream.read(&mut byte).is_ok_and(|length| length > 0) {
                request.extend(byte);
            }
            let request = String::from_utf8_lossy(&request).into_owned();
            let (status, body) = match request.rsplit_once("\r\n\r\n").filter(|_| request.starts_with("POST")) {
                None => ("200 OK", r#"{"publisher_host":1,"server_host":1,"frames":[]}"#),
                Some((_, asked)) => {
                    sender.send(asked.to_owned()).expect("the test waits");
                    if asked.contains("0.5") { ("504 Gateway Timeout", "{}") } else { ("200 OK", r#"{"phase_us":0}"#) }
                }
            };
            let length = body.len();
            // The client may have given up.
            let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}");
        }
    });
    let ends: &'static [Play] = &[|socket, _| say(socket, &[end("none")]), |socket, _| say(socket, &[end("none")])];
    summary_of(&server, "--joins 2", ends, None);
    let asked: Vec<String> = shifts.try_iter().collect();
    assert_eq!(asked, [r#"{"fraction":0.0}"#, r#"{"fraction":0.5}"#, r#"{"fraction":0.0}"#]);
}

/// Returns the head of the response to a request for `path`.
fn head(page: &str, path: &str, host: Option<&str>) -> String {
    let own = page.trim_start_matches("http://").split('/').next().expect("a host");
    let mut stream = TcpStream::connect(own).expect("it listens");
    let host = host.unwrap_or(own);
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").expect("it reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it answers");
    String::from_utf8_lossy(&answer).split("\r\n\r\n").next().unwrap_or_default().to_lowercase()
}

#[test]
fn the_page_is_isolated_and_only_for_this_host_and_who_has_the_token() {
    let server = Server::start(SystemClock::new(), &stream(), None).expect("a free port");
    let path = server.page.splitn(4, '/').nth(3).map(|path| format!("/{path}")).expect("a path");
    let page = head(&server.page, &path, None);
    for line in [
        "http/1.1 200",
        "cross-origin-opener-policy: same-origin",
        "cross-origin-embedder-policy: credentialless",
        "content-type: text/html",
        "script-src 'self' 'sha256-",
    ] {
        assert!(page.contains(line), "{page}");
    }
    assert!(head(&server.page, &path, Some("evil.example")).starts_with("http/1.1 421"));
    assert!(head(&server.page, "/players/../Cargo.toml", None).starts_with("http/1.1 404"));
    assert!(head(&server.page, "/players/own.js", None).contains("text/javascript"));
    let socket = server.page.replace("http://", "ws://").replace("index.html", "socket");
    for wrong in [socket.split('?').next().expect("a path").to_owned(), format!("{socket}0")] {
        let error = tungstenite::connect(&wrong).expect_err("refused").to_string();
        assert!(error.contains("403"), "{error}");
    }
    tungstenite::connect(&socket).expect("with the token");
}
