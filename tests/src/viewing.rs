//! The whole path to a browser: publisher → `framelag serve` → `receiver --via`, and checks of its report.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::process::{Builder, Process, wait_until};
use crate::report::Report;
use crate::serving::{self, Server, Transport, address_in};
use crate::{LIMIT, binary, measuring, need, rtsp};

/// A segmenting server and its publishers, stopped on drop.
pub struct Streams {
    server: Server,
    publishers: Vec<Process>,
}

impl Streams {
    /// Starts a server with `arguments` and without publishers.
    pub fn served(arguments: &[&str]) -> Self {
        Self { server: serving::framelag(arguments), publishers: Vec::new() }
    }

    /// Publishes a 640x480 test pattern at 30 fps, with two key frames per second, to `/name`.
    #[must_use]
    pub fn with(self, name: &str) -> Self {
        let address = self.server.address;
        self.published(name, address)
    }

    /// The same over a link that delays everything by `delay`.
    #[must_use]
    pub fn with_delayed(mut self, name: &str, delay: &str) -> Self {
        let to = format!("tcp://{}", self.server.address);
        let line = Builder::new(binary::path("framelag"))
            .args(["impair", "--listen", "tcp://127.0.0.1:0", "--to", &to])
            .args(["--delay", delay, "--back-delay", "0ms"]);
        let mut line = line.spawn();
        let address = line.wait_for_line("where it forwards from", LIMIT, |line| address_in(line, "tcp"));
        self.publishers.push(line);
        self.published(name, address)
    }

    /// Stops all publishers, and publishes to `/name` anew.
    #[must_use]
    pub fn published_anew(mut self, name: &str) -> Self {
        self.publishers.clear();
        let path = format!("/{name}/index.m3u8");
        let is_live = |streams: &Self| {
            let body = rtsp::http_get(streams.http(), &path).ok()?.body;
            Some(String::from_utf8_lossy(&body).contains("#EXT-X-PRELOAD-HINT:"))
        };
        wait_until("the stream's end", LIMIT, || (is_live(&self) == Some(false)).then_some(()));
        let streams = self.with(name);
        wait_until("a stream anew", LIMIT, || (is_live(&streams) == Some(true)).then_some(()));
        streams
    }

    fn published(mut self, name: &str, address: SocketAddr) -> Self {
        let url = format!("rtsp://{address}/{name}");
        self.publishers.push(measuring::publisher(&url, Transport::Tcp).words("--gop 15").spawn());
        let playlist = format!("/{name}/index.m3u8");
        wait_until("a playlist", LIMIT, || {
            let answer = rtsp::http_get(self.http(), &playlist).ok()?;
            (answer.status == 200).then_some(())
        });
        self
    }

    /// Returns the server's HTTP address.
    ///
    /// # Panics
    ///
    /// Never panics: this server listens for HTTP.
    pub fn http(&self) -> SocketAddr {
        self.server.http.expect("framelag serve listens for HTTP")
    }

    /// Returns the URL of `file`, such as `index.m3u8`, of the stream `name`.
    pub fn url(&self, name: &str, file: &str) -> String {
        format!("http://{}/{name}/{file}", self.http())
    }
}

/// Waits until the server at `http` has a playlist of the stream `name`, and returns it.
///
/// # Panics
///
/// If there is none within [`LIMIT`], or the answer is an error other than 404.
#[track_caller]
pub fn playlist(http: SocketAddr, name: &str) -> String {
    let path = format!("/{name}/index.m3u8");
    wait_until("a playlist", LIMIT, || {
        let answer = rtsp::http_get(http, &path).expect("an answer");
        match answer.status {
            200 => Some(String::from_utf8(answer.body).expect("text")),
            404 => None,
            status => panic!("{status}: {}", answer.head),
        }
    })
}

/// A receiver that plays in Chromium and stores its files in `folder`. The first second of each join is warm-up.
///
/// # Panics
///
/// Panics if Chromium is missing or `folder` is not writable.
pub fn chromium(via: &str, url: &str, folder: &Path) -> Builder {
    viewer(&need::tool("chromium"), via, url, folder)
}

/// The same in Firefox.
///
/// # Panics
///
/// Panics if Firefox is missing or `folder` is not writable.
pub fn firefox(via: &str, url: &str, folder: &Path) -> Builder {
    viewer(&need::tool("firefox-esr"), via, url, folder)
}

/// A receiver that plays in the browser at `program`.
///
/// # Panics
///
/// Panics if `folder` is not writable.
pub fn viewer(program: &Path, via: &str, url: &str, folder: &Path) -> Builder {
    let temporary = folder.join("tmp");
    fs::create_dir_all(&temporary).expect("a folder");
    Builder::new(binary::path("receiver"))
        .args(["--via", via, url])
        .arg("--browser")
        .arg(program)
        .words("--warmup 1s --report")
        .arg(folder.join("run"))
        .env("TMPDIR", temporary)
}

/// Creates a Chromium in `folder` that is started by `how`, a line of bash in which `$chromium` is the real one and
/// `$@` its arguments.
///
/// # Panics
///
/// Panics if Chromium is missing or `folder` is not writable.
pub fn wrapped_chromium(folder: &Path, how: &str) -> PathBuf {
    let wrapper = folder.join("chromium");
    let script = format!("#!/bin/bash\nchromium={}\n{how}\n", need::tool("chromium").display());
    fs::write(&wrapper, script).expect("the folder can be written to");
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).expect("it is ours");
    wrapper
}

/// Fewest frames for a meaningful join: a busy machine only presents a share of them.
const MIN_FRAMES: f64 = 20.0;

/// Reads the report in `folder` of a run with this many joins. Checks that all of them played, that the code was read
/// on 99 % of the pictures that the browser reported, and that no browser process is left.
///
/// # Panics
///
/// Panics if a check fails.
pub fn expect_played(folder: &Path, browser: &str, via: &str, player: &str, joins: usize) -> Report {
    let report = Report::read(&folder.join("run"));
    assert_eq!((report.value("via"), report.value("player")), (&via.into(), &player.into()));
    assert_eq!(report.value("browser.name"), browser);
    assert_eq!(report.value("outcome"), "ok");
    expect_codes_read(&report);
    assert_eq!(report.value("clock.source"), "browser");
    assert!(report.number("clock.max_uncertainty_us") > 0.0);
    let list = report.value("joins").as_array().expect("a list");
    assert_eq!(list.len(), joins);
    for join in list {
        let number = |path: &str| join.pointer(path).and_then(serde_json::Value::as_f64).unwrap_or_default();
        assert!(number("/latency_ms/count") >= MIN_FRAMES && number("/latency_ms/p50") > 0.0, "{join}");
        assert!(number("/startup/first_frame_ms") > 0.0 && number("/presented/callbacks") >= MIN_FRAMES, "{join}");
    }
    let of_frames = report.column("frames.csv", "join");
    assert!((1..=joins).all(|join| of_frames.iter().any(|of| *of == join.to_string())), "each join has frames");
    let left: Vec<_> =
        fs::read_dir(folder.join("tmp")).expect("it was made").flatten().map(|entry| entry.path()).collect();
    assert_eq!(left, [] as [std::path::PathBuf; 0], "nothing of the browser is left");
    report
}

/// Frames without a callback in a busy browser are not readings; both counts begin at the end of the warm-up.
fn expect_codes_read(report: &Report) {
    let frames = report.accounted();
    let (called, missed) = (report.number("presented.callbacks"), report.number("presented.missed"));
    let unread = frames.unreadable as f64 - missed;
    assert!(unread <= called / 100.0, "the code is read on 99 % of what is shown: {frames:?}, {missed} missed");
}
