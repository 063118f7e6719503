//! The publisher beside cameras: the kernel's virtual one and a USB webcam, in a VM (`tests/camera-vm`).
//!
//! Everything that needs a camera happens in the VM, by a script that waits for events; the times it compares are the
//! VM's own. What the publisher told and wrote lies in a folder that the test reads afterwards.

use std::path::Path;
use std::time::Duration;

use common::code::{Payload, Reader};
use common::frame::{Picture, Size};
use framelag_tests::camera::{self, Camera};
use framelag_tests::process::Finished;
use framelag_tests::report::Report;
use framelag_tests::turn;
use serde_json::Value;

/// Longer than the VM's own limit.
const LIMIT: Duration = Duration::from_secs(300);
/// How soon a loss is to be said. A second it takes, and how long a second is in a VM on a busy machine nobody knows.
const SAID_WITHIN_S: f64 = 30.0;

/// Shell functions for the VM. `replug MODE UNPLUG PLUG`: publishes, measures for a while, unplugs, plugs in again once
/// the loss is said, and ends once pictures come again.
const SCRIPT: &str = r#"
pictures() { grep -o '"frames":[0-9]*' events.jsonl | tail -n 1 | cut -d: -f2; }
more() { until [ "$(pictures)" -gt "$1" ] 2>/dev/null; do sleep 0.1; done; }
told() { until grep -qs "\"$1\"" events.jsonl; do sleep 0.1; done; }
replug() {
    rm -f events.jsonl; ./publisher --source camera $1 --json >events.jsonl & publisher=$!
    told started; more 5
    ./receiver rtsp://127.0.0.1:8554/cam --headless --warmup 0s --duration 2s --report report; echo "measured: $?"
    date +unplugged=%s.%N; eval "$2"
    told camera-lost; sleep 1; lost=$(pictures)
    eval "$3"; told camera-back; more $((lost + 5))
    kill -INT $publisher; wait $publisher; echo "replugged: $?"
}
"#;

/// Boots a VM with `camera`, runs `script` after [`SCRIPT`], and returns what was printed.
fn run(camera: Camera, folder: &Path, script: &str) -> Finished {
    // Two CPUs that have to be emulated are a load that others would measure.
    let _turn = turn::take();
    let finished = camera::boot(camera, folder, &format!("{SCRIPT}{script}")).finish(LIMIT).expect_code(0);
    // For whoever looks at the output of a test that fails later.
    println!("{finished}");
    finished
}

/// Checks that a line with all of `parts` was printed.
#[track_caller]
fn expect_line(finished: &Finished, parts: &[&str]) {
    let lines = finished.stdout.iter().chain(&finished.stderr);
    let found = lines.into_iter().any(|line| parts.iter().all(|part| line.contains(part)));
    assert!(found, "no line has {parts:?}\n{finished}");
}

/// The events in `events.jsonl` of one name.
fn events(folder: &Path, name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join("events.jsonl")).expect("the publisher's events");
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a JSON line"));
    lines.filter(|event| event["event"] == name).collect()
}

/// When an event was told, in s since the Unix epoch.
fn at(event: &Value) -> f64 {
    let time = event["time"].as_str().expect("every event has a time");
    time.parse::<chrono::DateTime<chrono::Utc>>().expect("RFC 3339").timestamp_micros() as f64 / 1e6
}

/// Checks that the loss was said once and in time, and that the camera came back.
fn expect_replug(folder: &Path, finished: &Finished) {
    expect_line(finished, &["replugged: 0"]);
    let unplugged = finished.stdout.iter().find_map(|line| line.strip_prefix("unplugged=")?.parse::<f64>().ok());
    let unplugged = unplugged.expect("the script says when it unplugs");
    // An emulated camera on a busy machine may have been silent for a while before, which is told as well.
    let since = |name| {
        let told = events(folder, name).iter().map(at).collect::<Vec<_>>();
        told.into_iter().map(|told| told - unplugged).filter(|waited| *waited > -0.1).collect::<Vec<_>>()
    };
    let [waited] = since("camera-lost")[..] else { panic!("the loss is told once\n{finished}") };
    assert!(waited < SAID_WITHIN_S, "told {waited:.3} s after\n{finished}");
    assert_eq!(since("camera-back").len(), 1, "{finished}");
}

/// What the receiver in the VM reported. In so short a run, in an emulator, only what it says of capture times counts.
/// `drops` says that the camera's times cannot be; a picture that is read late enough may still have one that can.
fn expect_capture(folder: &Path, drops: bool, finished: &Finished) {
    let report = Report::read(&folder.join("report"));
    let (timed, dropped) = (report.number("stages_ms.capture.count"), report.number("capture.implausible"));
    assert!(timed + dropped > 0.0, "frames were measured\n{finished}");
    assert_eq!(timed + dropped, report.number("stamps.agreeing"), "each has a time, or one was dropped\n{finished}");
    let clock = if timed > 0.0 { Value::from("monotonic") } else { Value::Null };
    assert_eq!(report.value("capture.clock"), &clock, "{finished}");
    let ended = events(folder, "ended");
    let told = ended[0]["implausible_capture_times"].as_u64().expect("the publisher counts them") as f64;
    if drops {
        assert!(dropped > 0.0 && told >= dropped, "{dropped} of the {told} that the publisher dropped\n{finished}");
        expect_line(finished, &["capture-time"]);
    } else {
        assert_eq!((dropped, told), (0.0, 0.0), "{finished}");
    }
}

/// The pictures of a y4m file, and the codes in them.
fn pictures(file: &Path) -> (Vec<Picture>, Vec<Payload>) {
    let input = std::io::BufReader::new(std::fs::File::open(file).expect("the publisher wrote it"));
    let mut decoder = y4m::decode(input).expect("a y4m header");
    let size = Size::new(decoder.get_width() as u32, decoder.get_height() as u32);
    let (mut pictures, mut codes, mut reader) = (Vec::new(), Vec::new(), Reader::new());
    while let Ok(frame) = decoder.read_frame() {
        let data = [frame.get_y_plane(), frame.get_u_plane(), frame.get_v_plane()].concat();
        let picture = Picture::from_i420(size, data).expect("4:2:0");
        codes.extend(reader.read(picture.luma()));
        pictures.push(picture);
    }
    (pictures, codes)
}

/// Checks that pictures of `size` came, each with its code, and that their lower half shows something.
fn expect_pictures(file: &Path, size: Size) {
    let (pictures, codes) = pictures(file);
    assert!(pictures.len() >= 5, "{} pictures", pictures.len());
    assert_eq!(codes.len(), pictures.len(), "every picture has a code");
    assert!(codes.windows(2).all(|pair| pair[0].sequence + 1 == pair[1].sequence), "{codes:?}");
    for picture in &pictures {
        assert_eq!(picture.size(), size);
        let [luma, ..] = picture.planes();
        let half = &luma[luma.len() / 2..];
        let (low, high) = (half.iter().min(), half.iter().max());
        assert!(low.zip(high).is_some_and(|(low, high)| high - low > 60), "a flat picture: {low:?} to {high:?}");
    }
}

#[test]
fn the_virtual_camera_gives_yuyv_in_the_nearest_mode_and_comes_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let finished = run(
        Camera::Vivid,
        folder.path(),
        r#"
        ./publisher --list-cameras; echo "listed: $?"
        ./publisher --source camera:9 --to -; echo "missing: $?"
        ./publisher --source camera --duration 2s --to - >pictures.y4m; echo "published: $?"
        ./publisher --source camera --json >events.jsonl & other=$!
        told started
        ./publisher --source camera --to -; echo "busy: $?"
        kill -INT $other; wait $other
        driver=/sys/bus/platform/drivers/vivid
        replug '--size 320x180 --fps 10' "echo vivid.0 >$driver/unbind" "echo vivid.0 >$driver/bind"
        echo vivid.0 >$driver/unbind
        ./publisher --list-cameras; echo "none: $?""#,
    );
    expect_line(&finished, &["camera:0", "vivid", "/dev/video0"]);
    expect_line(&finished, &["YUYV", "640x480", "12.5, 15, 25 fps"]);
    expect_line(&finished, &["listed: 0"]);
    expect_line(&finished, &["no camera 9 (/dev/video9)", "--list-cameras"]);
    expect_line(&finished, &["missing: 1"]);
    expect_line(&finished, &["640x480 YUYV at 25 fps, nearest to the 640x480 at 30 asked for"]);
    expect_line(&finished, &["published: 0"]);
    expect_pictures(&folder.path().join("pictures.y4m"), Size::new(640, 480));
    expect_line(&finished, &["camera 0 is in use", "fuser -v /dev/video0"]);
    expect_line(&finished, &["busy: 1"]);
    expect_replug(folder.path(), &finished);
    // It names the end of a frame's period, which is still to come.
    expect_capture(folder.path(), true, &finished);
    expect_line(&finished, &["no camera found"]);
    expect_line(&finished, &["none: 0"]);
}

#[test]
fn a_usb_camera_gives_mjpg_and_comes_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let finished = run(
        Camera::Usb,
        folder.path(),
        r#"
        ./publisher --list-cameras; echo "listed: $?"
        ./publisher --source camera --camera-format mjpg --fps 15 --duration 3s --to - >pictures.y4m; echo "published: $?"
        replug '--size 320x240 --fps 15' 'kill -USR1 $(cat /dev/shm/uvc_camera)' 'kill -USR2 $(cat /dev/shm/uvc_camera)'"#,
    );
    expect_line(&finished, &["camera:0", "Software UVC webcam"]);
    expect_line(&finished, &["MJPG", "640x480", "30, 15 fps"]);
    expect_line(&finished, &["camera 0 (Software UVC webcam): 640x480 MJPG at 15 fps"]);
    expect_line(&finished, &["published: 0"]);
    // The plain grey of its YUYV would be flat.
    expect_pictures(&folder.path().join("pictures.y4m"), Size::new(640, 480));
    expect_replug(folder.path(), &finished);
    expect_capture(folder.path(), false, &finished);
}
