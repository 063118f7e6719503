//! The workspace keeps to the rules of ARCHITECTURE.md: who may import whom, which file knows which library, and no circles.

mod graph;
mod source;
mod workspace;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use source::{Disk, Files};
use workspace::Workspace;

/// Every crate of ours that a user runs, and those that it may build on.
const LAYERS: [(&str, &[&str]); 10] = [
    ("common", &[]),
    ("reports/metrics", &["common"]),
    ("reports/measure", &["common", "metrics"]),
    ("reports/report", &["common", "metrics", "measure"]),
    ("reports/render", &["common", "metrics", "measure", "report"]),
    ("reports/analyze", &["common", "metrics", "measure", "report", "render"]),
    ("server", &["common", "metrics"]),
    ("publisher", &["common", "server"]),
    ("receiver", &["common", "metrics", "measure", "report", "render"]),
    ("framelag", &["common", "metrics", "measure", "report", "render", "analyze", "server", "publisher", "receiver"]),
];

/// Where each library is known that could be replaced by another.
const HOMES: [(&str, &[&str]); 31] = [
    ("ab_glyph", &["common/src/glyphs"]),
    ("axum", &["receiver/src/via/server", "server/src/http"]),
    ("csv", &["reports/analyze/src/sweep/csv", "reports/report/src/codec"]),
    ("ctrlc", &["common/src/host/signals"]),
    ("digest_auth", &["common/src/rtsp/auth"]),
    ("event_listener", &["common/src/host/stop"]),
    ("flate2", &["reports/measure/src/latency/codec"]),
    ("hdrhistogram", &["reports/measure/src/latency"]),
    ("image", &["receiver/src/render/snapshot"]),
    ("minifb", &["publisher/src/preview", "receiver/src/render/window"]),
    ("mp4_atom", &["server/src/segment/mp4"]),
    ("nokhwa", &["publisher/src/capture/camera/nokhwa"]),
    ("openh264", &["publisher/src/encode", "receiver/src/decode"]),
    ("openh264_sys2", &["publisher/src/encode/openh264"]),
    ("prost", &["receiver/src/metrics/otlp"]),
    ("qrcode", &["receiver/src/via/invite"]),
    ("quick_xml", &["server/src/segment/dash"]),
    ("rcgen", &["receiver/src/via/server/tls"]),
    ("reed_solomon", &["common/src/code/word"]),
    ("retina", &["receiver/src/ingress/rtsp"]),
    ("rtcp_types", &["common/src/rtp/rtcp"]),
    ("rust_embed", &["receiver/src/via/assets"]),
    ("sdp_types", &["common/src/rtsp/sdp"]),
    ("sqlx", &["reports/analyze/src/store"]),
    ("statrs", &["reports/analyze/src/statistics/student"]),
    ("strsim", &["common/src/nearest", "reports/report/src/threshold/metric"]),
    ("tokio_rustls", &["receiver/src/via/server"]),
    ("toml", &["framelag/src/plan/reader", "framelag/src/stream_settings"]),
    ("tracing_subscriber", &["common/src/host/logging", "server/src/tally"]),
    ("v4l", &["publisher/src/capture/camera/v4l2"]),
    ("zune_jpeg", &["publisher/src/capture/camera/jpeg"]),
];

fn workspace() -> Workspace {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the workspace").to_owned();
    Workspace::read(&Disk(root), &LAYERS.map(|(name, _)| name))
}

#[track_caller]
fn holds(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}:\n{}", broken.join("\n"));
}

#[test]
fn crates_build_on_those_below_them_only() {
    holds("a crate imports only those below it", &workspace().upward(&LAYERS));
}

#[test]
fn each_library_is_known_in_one_place() {
    let workspace = workspace();
    for (library, homes) in HOMES {
        holds(&format!("{library} is known to {} alone", homes.join(", ")), &workspace.strangers(library, homes));
    }
}

/// What the operating system is reached by.
const SYSTEM: [&[&str]; 11] = [
    &["rustix"],
    &["std", "env"],
    &["std", "fs"],
    &["std", "net", "TcpListener"],
    &["std", "net", "TcpStream"],
    &["std", "net", "ToSocketAddrs"],
    &["std", "net", "UdpSocket"],
    &["std", "process"],
    &["std", "thread"],
    &["std", "time", "Instant"],
    &["std", "time", "SystemTime"],
];

#[test]
fn common_reaches_the_operating_system_in_its_host_module_alone() {
    let workspace = workspace();
    let impure = SYSTEM.iter().flat_map(|path| workspace.impure("common", path, "common/src/host"));
    holds("common is pure but for common::host", &impure.collect::<Vec<_>>());
}

/// Where streams of any codec pass.
const CODEC_NEUTRAL: [&str; 4] = ["common/src/rtsp", "publisher/src", "receiver/src", "server/src"];

/// Files there that know H.264 though they do not have its name: a list that may only become shorter.
const KNOW_H264: [&str; 6] = [
    "common/src/rtsp/sdp.rs",
    "common/src/rtsp/serve/description.rs",
    "publisher/src/egress/rtsp/link.rs",
    "publisher/src/egress/rtsp.rs",
    "publisher/src/encode/flv.rs",
    "server/src/relay/frames.rs",
];

#[test]
fn a_codec_is_known_to_files_of_its_name_and_to_no_others_than_these() {
    let workspace = workspace();
    let others = CODEC_NEUTRAL.iter().flat_map(|folder| workspace.naming_codec("h264", folder));
    assert_eq!(others.collect::<Vec<_>>(), KNOW_H264.map(PathBuf::from), "H.264 is known to files h264 and these");
}

#[test]
fn no_files_need_each_other() {
    holds("files form no circle", &workspace().circles());
}

/// A workspace of two crates, which keeps to the rules until a file is changed.
fn small() -> BTreeMap<PathBuf, String> {
    let files = [
        ("low/Cargo.toml", "[dependencies]\nserde = \"1\"\n"),
        ("low/src/lib.rs", "pub mod a;\nmod b;\npub use b::B;\n"),
        ("low/src/a.rs", "use crate::B;\npub fn a() -> B { serde::b() }\n"),
        ("low/src/b.rs", "pub struct B;\n#[cfg(test)]\nmod tests { use crate::a; }\n"),
        ("high/Cargo.toml", "[dependencies]\nlow = { path = \"../low\" }\n"),
        ("high/src/main.rs", "fn main() { low::a::a(); }\n"),
    ];
    files.map(|(path, text)| (PathBuf::from(path), text.to_owned())).into()
}

impl Files for BTreeMap<PathBuf, String> {
    fn read(&self, path: &Path) -> Option<String> {
        self.get(path).cloned()
    }
}

fn read(files: &BTreeMap<PathBuf, String>) -> Workspace {
    Workspace::read(files, &["low", "high"])
}

#[test]
fn a_crate_that_imports_upward_is_found() {
    let layers: [(&str, &[&str]); 2] = [("low", &[]), ("high", &["low"])];
    let mut files = small();
    assert!(read(&files).upward(&layers).is_empty());
    files.insert("low/Cargo.toml".into(), "[dependencies]\nhigh = \"1\"\n".to_owned());
    assert_eq!(read(&files).upward(&layers), ["low depends on high"]);
}

#[test]
fn a_second_file_that_names_a_library_is_found() {
    let mut files = small();
    assert!(read(&files).strangers("serde", &["low/src/a"]).is_empty());
    files.insert("low/src/b.rs".into(), "pub struct B;\nfn b() { vec![serde::c()]; }\n".to_owned());
    assert_eq!(read(&files).strangers("serde", &["low/src/a"]), ["low/src/b.rs names serde"]);
}

#[test]
fn a_file_that_reaches_the_system_is_found() {
    let mut files = small();
    files.insert("low/src/a.rs".into(), "use std::fs;\npub fn a() { fs::read(\"\"); }\n".to_owned());
    assert_eq!(read(&files).impure("low", &["std", "fs"], "low/src/b"), ["low/src/a.rs names std::fs"]);
    assert!(read(&files).impure("low", &["std", "fs"], "low/src/a").is_empty());
    assert!(read(&files).impure("low", &["std", "fs", "File"], "low/src/b").is_empty());
}

#[test]
fn a_file_that_knows_a_codec_and_has_not_its_name_is_found() {
    let mut files = small();
    files.insert("low/src/lib.rs".into(), "pub mod a;\nmod b;\nmod h264;\n".to_owned());
    files.insert("low/src/h264.rs".into(), "use crate::b::h264;\n".to_owned());
    assert!(read(&files).naming_codec("h264", "low/src").is_empty());
    for text in ["use crate::h264::X;\n", "fn b() { common::rtp::h264::x() }\n", "use crate::{a, h264};\n"] {
        files.insert("low/src/b.rs".into(), text.to_owned());
        assert_eq!(read(&files).naming_codec("h264", "low/src"), [PathBuf::from("low/src/b.rs")], "{text}");
    }
    files.insert("low/src/b.rs".into(), "use super::h264;\nfn b() { h264::x() }\n".to_owned());
    assert!(read(&files).naming_codec("h264", "low/src").is_empty(), "the seam itself");
}

#[test]
fn a_circle_is_found_through_re_exports_globs_macros_and_parents() {
    for text in [
        "use crate::a;\npub struct B;\nfn b() { a::a() }\n",
        "pub struct B;\nfn b() { println!(\"{}\", crate::a::a()); }\n",
        "use super::*;\npub struct B;\nfn b() { a::a() }\n",
        "use super::a::{self as other};\npub struct B;\nfn b() { other::a() }\n",
    ] {
        let mut files = small();
        assert!(read(&files).circles().is_empty());
        files.insert("low/src/b.rs".into(), text.to_owned());
        assert_eq!(read(&files).circles().len(), 1, "{text}");
    }
    let mut files = small();
    files.insert("low/src/lib.rs".into(), "pub mod a;\nmod b;\npub use b::B;\npub struct Root(a::A);\n".to_owned());
    files.insert("low/src/a.rs".into(), "use super::Root;\npub struct A;\n".to_owned());
    assert_eq!(read(&files).circles(), ["  low/src/a.rs → low/src/lib.rs\n  low/src/lib.rs → low/src/a.rs"]);
}
