//! Input that cannot work: one line that names the thing, and the exit code that says whose fault it is.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use framelag_tests::process::{Builder, Finished, wait_until};
use framelag_tests::report::Report;
use framelag_tests::serving;
use framelag_tests::{LIMIT, binary, need};

/// A user named something unusable.
const USAGE: i32 = 2;
/// It failed at run time.
const FAILED: i32 = 1;
/// Nothing is proved.
const INCONCLUSIVE: i32 = 3;

/// Runs `program` with the words of `arguments`, and checks its exit code and the one line that it complains with.
fn refused(program: &str, arguments: &str, code: i32, names: &[&str]) {
    complains(Builder::new(binary::path(program)).words(arguments), &format!("{program} {arguments}"), code, names);
}

fn complains(command: Builder, what: &str, code: i32, names: &[&str]) {
    let ran = command.without_env("DISPLAY").run(LIMIT);
    assert_eq!(ran.code, Some(code), "exit code of {what}\n{ran}");
    let complaints = complaints(&ran);
    assert_eq!(complaints.len(), 1, "{what} complains in one line\n{ran}");
    for name in names {
        assert!(complaints[0].contains(name), "{what} names {name:?}\n{ran}");
    }
    assert!(!complaints[0].contains("secret"), "{what} shows no password\n{ran}");
}

/// What a program printed on standard error, but for the news of a run.
fn complaints(ran: &Finished) -> Vec<&String> {
    let is_news = |line: &str| line.contains(" INFO ") || line.starts_with("receiver: playing ");
    ran.stderr.iter().filter(|line| !is_news(line)).collect()
}

#[test]
fn flags() {
    for (program, arguments, names) in [
        ("publisher", "--siez 640x480", &["--siez", "--size"][..]),
        ("publisher", "--size 640", &["--size", "640x480"]),
        ("publisher", "--size 0x480", &["--size", "0x480"]),
        ("publisher", "--size 99999x480", &["--size", "99999x480"]),
        ("publisher", "--source test --size 641x481", &["--size", "641x481", "642x482"]),
        ("publisher", "--source test --size 64x48", &["--size", "64x48", "128x64"]),
        ("publisher", "--fps 0", &["--fps", "30"]),
        ("publisher", "--fps -30", &["-3"]),
        ("publisher", "--fps 30/0", &["--fps", "30/0"]),
        ("publisher", "--bitrate 1000kk", &["--bitrate", "1000kk"]),
        ("publisher", "--source test --bitrate 5", &["--bitrate", "5"]),
        ("publisher", "--gop 0", &["--gop", "0"]),
        ("publisher", "--duration 10", &["--duration", "10s"]),
        ("publisher", "--corner middle", &["--corner", "middle", "top-left"]),
        ("publisher", "--encoder h265", &["--encoder", "h265", "openh264"]),
        ("publisher", "--transport sctp", &["--transport", "sctp", "tcp", "udp"]),
        ("publisher", "--stream-id 256", &["--stream-id", "256"]),
        ("publisher", "--to http://user:secret@127.0.0.1/", &["--to", "rtsp://"]),
        ("publisher", "--source - --raw-format yuv420p --fps 30", &["--raw-format", "--size"]),
        ("receiver", "--frobnicate", &["--frobnicate"]),
        ("receiver", "ftp://user:secret@127.0.0.1/", &["rtsp://"]),
        ("receiver", "--duration 10", &["--duration", "10s"]),
        ("receiver", "--assert p98<5ms", &["--assert", "p98"]),
        ("receiver", "--assert p99", &["--assert", "p99<150ms"]),
        ("receiver", "--calibration no/such/file", &["--calibration", "no/such/file"]),
        ("framelag", "calibrate --duration 1s", &["--duration", "2s"]),
        ("framelag", "calibrate --out /", &["--out", "folder"]),
        ("framelag", "calibrate --optical webcam", &["--optical", "webcam", "camera:N"]),
        ("framelag", "server", &["server", "serve"]),
        ("framelag", "serve --rtsp everywhere", &["--rtsp", "everywhere"]),
        ("framelag", "serve --rtsp 0.0.0.0:0", &["--rtsp", "0.0.0.0:0", "--auth", "--insecure"]),
        ("framelag", "serve --rtsp 127.0.0.1:0 --auth no/such/file", &["--auth", "no/such/file"]),
        ("framelag", "serve --segment 61s", &["--segment", "100ms to 60s"]),
        ("framelag", "serve --preset fast", &["--preset", "fast", "ultra", "frame"]),
        ("framelag", "serve --part 2s", &["--part", "5ms", "frame"]),
        ("framelag", "serve --config no/such/file", &["--config", "no/such/file"]),
        ("framelag", "demo --duration 5", &["--duration", "10s"]),
        ("framelag", "report no/such/folder", &["no/such/folder", "run.json"]),
        ("framelag", "report merge no/such/folder", &["--out"]),
        ("framelag", "report merge no/such/folder --out x --assert p98<5ms", &["--assert", "p98"]),
        ("framelag", "impair --listen 127.0.0.1:0 --to tcp://127.0.0.1:1", &["--listen", "tcp://HOST:PORT"]),
        (
            "framelag",
            "impair --listen tcp://127.0.0.1:0 --to udp://127.0.0.1:1",
            &["tcp://127.0.0.1:0", "same protocol"],
        ),
        ("framelag", "impair --listen tcp://127.0.0.1:0 --to tcp://127.0.0.1:1 --loss 1", &["--loss", "1%"]),
    ] {
        refused(program, arguments, USAGE, names);
    }
}

#[test]
fn files() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let picture = |samples: usize| [b"FRAME\n".to_vec(), vec![128; samples]].concat();
    let y4m = |header: &str, rest: Vec<u8>| [format!("YUV4MPEG2 {header} C420jpeg\n").into_bytes(), rest].concat();
    let clip = fs::read(need::footage("bikes.mp4")).expect("footage can be read");
    need::tool("ffmpeg");
    for (name, bytes, code, says) in [
        ("cut.y4m", y4m("W320 H240 F30:1", [picture(115_200), picture(1_000)].concat()), FAILED, "picture 2"),
        ("none.y4m", y4m("W320 H240 F30:1", Vec::new()), USAGE, "no picture"),
        ("odd.y4m", y4m("W641 H481 F30:1", picture(463_203)), USAGE, "641x481"),
        ("tiny.y4m", y4m("W32 H24 F30:1", picture(1_152)), USAGE, "32x24"),
        ("fast.y4m", y4m("W320 H240 F100000:1", picture(115_200)), USAGE, "rate"),
        ("endless.y4m", b"YUV4MPEG2 W320 H240".repeat(1_000), USAGE, "header"),
        ("empty.y4m", Vec::new(), USAGE, "is empty"),
        ("header.y4m", b"YUV4MPEG2 W320".to_vec(), USAGE, "ends inside its y4m header"),
        ("words.mp4", b"not a film".to_vec(), USAGE, "cannot be read as video"),
        // Its index comes last.
        ("cut.mp4", clip[..clip.len() / 2].to_vec(), USAGE, "moov atom not found"),
        ("cut_late.mp4", cut_behind_its_index(folder.path()), FAILED, "cut off"),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, bytes).expect("a test's folder can be written to");
        let nobody_looks = fs::File::create("/dev/null").expect("/dev/null can be written to");
        let publisher =
            Builder::new(binary::path("publisher")).words("--to - --source").arg(&path).stdout(nobody_looks);
        complains(publisher, name, code, &[name, says]);
    }
    refused("publisher", "--to - --source no/such/film.mp4", USAGE, &["no/such/film.mp4", "No such file"]);
    refused("publisher", "--to - --source /", USAGE, &["\"/\"", "directory"]);
    refused("publisher", "--to - --source -", USAGE, &["standard input is empty"]);
    refused("receiver", "--headless -", FAILED, &["standard input", "y4m"]);
    let report = "--headless --report /proc/self/nowhere -";
    refused("receiver", report, FAILED, &["/proc/self/nowhere"]);
}

/// A film with its index at the front, which is then cut off in its pictures.
fn cut_behind_its_index(folder: &Path) -> Vec<u8> {
    let whole = folder.join("whole.mp4");
    let made = Builder::new(need::tool("ffmpeg"))
        .words("-loglevel error -i")
        .arg(need::footage("carphone_pristine.mp4"))
        .words("-c copy -movflags +faststart")
        .arg(&whole)
        .run(LIMIT);
    made.expect_code(0);
    let bytes = fs::read(whole).expect("ffmpeg has written it");
    bytes[..bytes.len() / 3].to_vec()
}

#[test]
fn servers_that_refuse() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let users = folder.path().join("users");
    fs::write(&users, "ann:a secret:play\ncam:another secret:publish\n").expect("a test's folder can be written to");
    let server = serving::framelag(&["--auth", users.to_str().expect("a test's folder is UTF-8")]);
    let (rtsp, http) = (server.address, server.http.expect("it serves HTTP"));
    let held = serving::nobody();
    let nobody = held.address.to_string();

    let receive =
        |url: String, names: &[&str]| refused("receiver", &format!("--headless --wait 0s {url}"), FAILED, names);
    receive(format!("rtsp://user:secret@{nobody}/cam"), &[&nobody, "refused"]);
    receive(format!("rtsp://user:secret@{http}/cam"), &[&http.to_string(), "not an RTSP server"]);
    receive(format!("rtsp://{rtsp}/cam"), &[&rtsp.to_string(), "401", "USER:PASSWORD"]);
    receive(format!("rtsp://ann:wrong-secret@{rtsp}/cam"), &[&rtsp.to_string(), "401", "password"]);
    receive(format!("rtsp://ann:a%20secret@{rtsp}/nothing"), &["/nothing", "404"]);

    let publish = |url: String, names: &[&str]| {
        refused("publisher", &format!("--source test --duration 5s --to {url}"), FAILED, names);
    };
    publish(format!("rtsp://user:secret@{nobody}/cam"), &[&nobody, "refused"]);
    publish(format!("rtsp://user:secret@{http}/cam"), &[&http.to_string(), "does not speak RTSP"]);
    publish(format!("rtsp://{rtsp}/cam"), &[&rtsp.to_string(), "one into the URL"]);
    publish(format!("rtsp://cam:wrong-secret@{rtsp}/cam"), &[&rtsp.to_string(), "401", "password"]);
    publish(format!("rtsp://ann:a%20secret@{rtsp}/cam"), &[&rtsp.to_string(), "403"]);
}

#[test]
fn ports_that_are_taken() {
    let holder = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let taken = holder.local_addr().expect("a bound socket has an address");
    let port = taken.port().to_string();
    for (flag, other) in [("--rtsp", "--http"), ("--http", "--rtsp")] {
        let ports = format!("{flag} {taken} {other} 127.0.0.1:0");
        refused("framelag", &format!("serve {ports}"), FAILED, &[&port, flag]);
        refused("publisher", &format!("--source test {ports}"), FAILED, &[&port, flag]);
    }
    refused("framelag", &format!("impair --listen tcp://{taken} --to tcp://127.0.0.1:1"), FAILED, &[&port, "listen"]);
}

#[test]
fn streams_of_something_else() {
    let server = serving::gstreamer();
    let url = |path: &str| format!("rtsp://{}/{path}", server.address);
    refused("receiver", &format!("--headless --wait 0s {}", url("jpeg")), FAILED, &["/jpeg", "JPEG", "H.264"]);

    let folder = tempfile::tempdir().expect("a folder for the test");
    let no_code = Builder::new(binary::path("receiver"))
        .words("--headless --warmup 1s --duration 3s --report")
        .arg(folder.path())
        .arg(url("test"))
        .run(LIMIT)
        .expect_code(INCONCLUSIVE);
    let warned = no_code.stdout.iter().any(|line| line.contains("no corner code could be read"));
    assert!(warned, "it says that no code was read\n{no_code}");
    let report = Report::read(folder.path());
    assert_eq!(report.value("outcome"), "inconclusive");
    assert_eq!(report.value("warnings")[0]["code"], "no-code");
    assert!(report.value("latency_ms.p50").is_null(), "no figure, rather than 0");
}

#[test]
fn one_signal_ends_a_program_that_waits_for_what_comes_through_a_pipe() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo is in every system").success());
    for (program, before, after) in [
        ("framelag", "serve --rtsp 127.0.0.1:0 --http 127.0.0.1:0 --auth", ""),
        ("framelag", "tune --dry-run", ""),
        ("receiver", "--headless --credentials", "rtsp://127.0.0.1:9/cam"),
        ("publisher", "--to rtsp://127.0.0.1:9/cam --source test --credentials", ""),
    ] {
        let waiting = Builder::new(binary::path(program)).words(before).arg(&pipe).words(after).spawn();
        // There is a reader: the program has come to the pipe. It gets nothing from it.
        let writer = wait_until("a reader", LIMIT, || common::host::files::create(&pipe).ok());
        waiting.interrupt();
        let finished = waiting.finish(LIMIT);
        assert_eq!(finished.signal, Some(2), "{program} {before}\n{finished}");
        drop(writer);
    }
}

#[test]
fn settings_of_streams() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let file = folder.path().join("streams.toml");
    for (text, flags, names) in [
        ("[paths.cam]\nsegment = \"61s\"\n", "", &["streams.toml", "line 2", "paths.cam.segment", "100ms to 60s"][..]),
        ("gop = 30\n", "", &["streams.toml", "line 1", "gop", "preset, segment, part, playlist"]),
        // Wrong only together with a flag.
        ("[paths.cam]\npart = \"800ms\"\n", "--segment 500ms", &["/cam", "part", "that of a segment"]),
    ] {
        fs::write(&file, text).expect("a file");
        let command = Builder::new(binary::path("framelag")).words("serve --rtsp 127.0.0.1:0 --http 127.0.0.1:0");
        complains(command.words(flags).arg("--config").arg(&file), text, USAGE, names);
    }
}
