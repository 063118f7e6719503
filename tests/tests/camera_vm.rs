//! The publisher beside cameras: the kernel's virtual one and a USB webcam, in a VM (`tests/camera-vm`).
//!
//! Everything that needs a camera happens in the VM, by a script that waits for events; the times it compares are the
//! VM's own. What the publisher told and wrote lies in a folder that the test reads afterwards.

use std::path::Path;
use std::time::Duration;

use common::code::{Payload, Reader};
use common::frame::{Picture, Size};
use common::y4m;
use framelag_tests::camera::{self, Camera};
use framelag_tests::process::Finished;
use framelag_tests::report::Report;
use framelag_tests::turn;
use serde_json::Value;

/// Longer than the VM's own limit.
const LIMIT: Duration = Duration::from_secs(660);
/// How soon a loss is to be said. A second it takes, and how long a second is in a VM on a busy machine nobody knows.
const SAID_WITHIN_S: f64 = 30.0;

/// The drivers, by their names.
const DRIVERS: [&str; 2] = ["v4l", "nokhwa"];

/// Shell functions for the VM. They leave what a driver's publisher told in a folder of its name.
///
/// `keep DRIVER MODE`: keeps a few pictures of 640x480. `replug DRIVER MODE UNPLUG PLUG`: publishes, measures for a while,
/// unplugs, plugs in again once the loss is said, and ends once pictures come again. `stop DRIVER MODE`: stops `vivid` without
/// unplugging it, lets it go on once the loss is said, stops it again, and ends the publisher while the driver waits for a
/// picture that never comes.
const SCRIPT: &str = r#"
pictures() { grep -o '"frames":[0-9]*' events.jsonl | tail -n 1 | cut -d: -f2; }
more() { until [ "$(pictures)" -gt "$1" ] 2>/dev/null; do sleep 0.1; done; }
count() { grep -cs "\"$1\"" events.jsonl; }
told() { until [ "$(count $1)" -ge "${2:-1}" ]; do sleep 0.1; done; }
keep() {
    ./publisher --source camera --camera-driver $1 $2 --to - >$1.y4m & publisher=$!
    until [ "$(stat -c %s $1.y4m)" -gt $((6 * 640 * 480 * 3 / 2)) ]; do sleep 0.1; done
    kill -INT $publisher; wait $publisher; echo "$1 kept: $?"
}
publish() {
    mkdir -p $1; cd $1; rm -f events.jsonl
    ../publisher --source camera --camera-driver $1 $2 --json >events.jsonl & publisher=$!
    told started; more 5
}
end() { kill -INT $publisher; wait $publisher; echo "$1 $2: $?"; cd ..; }
replug() {
    publish $1 "$2"
    ../receiver rtsp://127.0.0.1:8554/cam --headless --warmup 0s --duration 2s --report report; echo "measured: $?"
    date +"$1 unplugged=%s.%N"; eval "$3"
    told camera-lost; sleep 1; lost=$(pictures)
    eval "$4"; told camera-back; more $((lost + 5))
    end $1 replugged
}
drop() { v4l2-ctl -c percentage_of_dropped_buffers=$1; }
fall_silent() { before=$(count camera-lost); drop 100; told camera-lost $((before + 1)); }
stop() {
    publish $1 "$2"
    fall_silent; back=$(count camera-back)
    drop 0; told camera-back $((back + 1))
    fall_silent
    end $1 stopped; drop 0
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

/// Checks that the driver said the loss once and in time, and that the camera came back.
fn expect_replug(driver: &str, folder: &Path, finished: &Finished) {
    expect_line(finished, &[&format!("{driver} replugged: 0")]);
    let unplugged = format!("{driver} unplugged=");
    let unplugged = finished.stdout.iter().find_map(|line| line.strip_prefix(&unplugged)?.parse::<f64>().ok());
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

/// What is known of capture times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Times {
    /// The camera's own.
    Good,
    /// The camera's are none that can be; a picture that is read late enough may still have one that can.
    Dropped,
    /// The driver passes none on.
    Unknown,
}

/// What the receiver in the VM reported. In so short a run, in an emulator, only what it says of capture times counts.
fn expect_capture(folder: &Path, times: Times, finished: &Finished) {
    let report = Report::read(&folder.join("report"));
    let (timed, dropped) = (report.number("stages_ms.capture.count"), report.number("capture.implausible"));
    let agreeing = report.number("stamps.agreeing");
    assert!(agreeing > 0.0, "frames were measured\n{finished}");
    let with_times = if times == Times::Unknown { 0.0 } else { agreeing };
    assert_eq!(timed + dropped, with_times, "each has a time, or one was dropped\n{finished}");
    let clock = if timed > 0.0 { Value::from("monotonic") } else { Value::Null };
    assert_eq!(report.value("capture.clock"), &clock, "{finished}");
    let ended = events(folder, "ended");
    let told = ended[0]["implausible_capture_times"].as_u64().expect("the publisher counts them") as f64;
    if times == Times::Dropped {
        assert!(dropped > 0.0 && told >= dropped, "{dropped} of the {told} that the publisher dropped\n{finished}");
        expect_line(finished, &["capture-time"]);
    } else {
        assert_eq!((dropped, told), (0.0, 0.0), "{finished}");
    }
}

/// The pictures of a y4m file, and the codes in them.
fn pictures(file: &Path) -> (Vec<Picture>, Vec<Payload>) {
    let input = std::io::BufReader::new(std::fs::File::open(file).expect("the publisher wrote it"));
    let mut stream = y4m::Reader::open(input).expect("a y4m header");
    let size = stream.size().expect("4:2:0");
    let (mut pictures, mut codes, mut reader) = (Vec::new(), Vec::new(), Reader::new());
    let mut picture = Picture::black(size);
    while stream.next(picture.data_mut()).is_ok_and(|frame| frame.is_some()) {
        codes.extend(reader.read(picture.luma()));
        pictures.push(picture.clone());
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
        ./publisher --source camera --json >events.jsonl & other=$!
        told started
        ./publisher --source camera --to -; echo "busy: $?"
        kill -INT $other; wait $other
        path=/sys/bus/platform/drivers/vivid
        for driver in v4l nokhwa; do
            keep $driver
            stop $driver '--size 320x180 --fps 10'
            replug $driver '--size 320x180 --fps 10' "echo vivid.0 >$path/unbind" "echo vivid.0 >$path/bind"
        done
        echo vivid.0 >$path/unbind
        ./publisher --list-cameras; echo "none: $?""#,
    );
    expect_line(&finished, &["camera:0", "vivid", "/dev/video0"]);
    expect_line(&finished, &["YUYV", "640x480", "12.5, 15, 25 fps"]);
    expect_line(&finished, &["listed: 0"]);
    expect_line(&finished, &["no camera 9 (/dev/video9)", "--list-cameras"]);
    expect_line(&finished, &["missing: 1"]);
    expect_line(&finished, &["640x480 YUYV at 25 fps, nearest to the 640x480 at 30 asked for"]);
    expect_line(&finished, &["camera 0 is in use", "fuser -v /dev/video0"]);
    expect_line(&finished, &["busy: 1"]);
    for driver in DRIVERS {
        expect_line(&finished, &[&format!("{driver} kept: 0")]);
        expect_pictures(&folder.path().join(format!("{driver}.y4m")), Size::new(640, 480));
        // It was stopped, and ended while its driver waited for a picture.
        expect_line(&finished, &[&format!("{driver} stopped: 1")]);
        expect_replug(driver, &folder.path().join(driver), &finished);
    }
    // `vivid` names the end of a frame's period, which is still to come.
    expect_capture(&folder.path().join("v4l"), Times::Dropped, &finished);
    expect_capture(&folder.path().join("nokhwa"), Times::Unknown, &finished);
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
        for driver in v4l nokhwa; do
            ./publisher --list-cameras --camera-driver $driver | sed "s/^/$driver/"; echo "$driver listed: ${PIPESTATUS[0]}"
            keep $driver '--camera-format mjpg --fps 15'
            camera=/dev/shm/uvc_camera
            replug $driver '--size 320x240 --fps 15' "kill -USR1 \$(cat $camera)" "kill -USR2 \$(cat $camera)"
        done"#,
    );
    expect_line(&finished, &["v4l ", "MJPG", "640x480", "30, 15 fps"]);
    expect_line(&finished, &["nokhwa ", "MJPG", "640x480", "15, 30 fps"]);
    expect_line(&finished, &["camera 0 (Software UVC webcam): 640x480 MJPG at 15 fps"]);
    for driver in DRIVERS {
        expect_line(&finished, &[&format!("{driver}camera:0"), "Software UVC webcam"]);
        expect_line(&finished, &[&format!("{driver} listed: 0")]);
        expect_line(&finished, &[&format!("{driver} kept: 0")]);
        // The plain grey of its YUYV would be flat.
        expect_pictures(&folder.path().join(format!("{driver}.y4m")), Size::new(640, 480));
        expect_replug(driver, &folder.path().join(driver), &finished);
    }
    expect_capture(&folder.path().join("v4l"), Times::Good, &finished);
    expect_capture(&folder.path().join("nokhwa"), Times::Unknown, &finished);
}
