use clap::Parser;

use super::*;
use crate::capture::camera::{self, Layout};

fn resolve(flags: &[&str]) -> Result<Config, Error> {
    let args = Args::try_parse_from(["publisher"].iter().chain(flags)).expect("each flag alone is right");
    Config::resolve(args)
}

#[test]
fn defaults_are_those_of_the_interface() {
    let config = resolve(&[]).expect("no flag is required");
    assert_eq!((config.bitrate, config.gop, config.transport), (1_000_000, 30, Transport::Tcp));
    let Destination::Embedded { rtsp, http } = config.destination else { panic!("{:?}", config.destination) };
    assert_eq!((rtsp.to_string().as_str(), http.to_string().as_str()), ("127.0.0.1:8554", "127.0.0.1:8080"));
    assert!(config.duration.is_none() && !config.looped && config.text);
}

#[test]
fn flags_that_would_change_nothing_are_refused() {
    let address = "127.0.0.1:9000";
    for (to, flag, value) in [
        ("rtsp://h/cam", "--rtsp", address),
        ("rtsp://h/cam", "--http", address),
        ("-", "--rtsp", address),
        ("-", "--http", address),
        ("-", "--bitrate", "1M"),
        ("-", "--gop", "30"),
        ("-", "--rate-control", "vbr"),
        ("-", "--buffer", "500k"),
        ("-", "--encoder-option", "complexity=low"),
        ("-", "--encoder", "ffmpeg:libx264"),
        ("-", "--transport", "tcp"),
        ("-", "--clock", "off"),
        ("-", "--credentials", "file"),
        ("embedded", "--credentials", "file"),
    ] {
        let refused = resolve(&["--to", to, flag, value]);
        assert!(matches!(refused, Err(Error::Conflict(said, _, _)) if said == flag), "{to} {flag}: {refused:?}");
    }
    assert!(resolve(&["--to", "rtsp://h/cam", "--bitrate", "1M", "--gop", "30", "--transport", "udp"]).is_ok());
    assert!(resolve(&["--rtsp", address, "--http", address]).is_ok());
}

#[test]
fn sources_are_told_apart() {
    for (text, expected) in [
        ("camera", Source::Camera(0)),
        ("camera:3", Source::Camera(3)),
        ("test", Source::Pattern),
        ("-", Source::Stdin),
        ("clip.y4m", Source::File("clip.y4m".into())),
        ("./test", Source::File("./test".into())),
    ] {
        assert_eq!(resolve(&["--source", text]).expect(text).source, expected);
    }
    assert_eq!(resolve(&[]).expect("no flags").source, Source::Auto);
    assert_eq!(resolve(&["--source", "camera:x"]).err(), Some(Error::NotACamera("camera:x".into())));
    assert_eq!(resolve(&["--source", ""]).err(), Some(Error::NoSource));
}

#[test]
fn only_a_camera_has_a_format_and_a_driver() {
    let requested = resolve(&["--source", "camera", "--camera-format", "mjpg"]).expect("a camera").requested;
    assert_eq!(requested.layout, Some(Layout::Mjpeg));
    assert!(resolve(&["--camera-format", "NV12"]).is_ok());
    let needs = resolve(&["--source", "test", "--camera-format", "yuyv"]).expect_err("no camera").to_string();
    assert_eq!(needs, "--camera-format needs --source camera");

    let nokhwa = resolve(&["--camera-driver", "nokhwa"]).expect("a camera, where there is one").camera_driver;
    assert_ne!(nokhwa, camera::Choice::default());
    assert_eq!(resolve(&["--camera-driver", "v4l"]).expect("the default").camera_driver, camera::Choice::default());
    let needs = resolve(&["--source", "test", "--camera-driver", "v4l"]).expect_err("no camera").to_string();
    assert_eq!(needs, "--camera-driver needs --source camera");
}

#[test]
fn raw_input_needs_its_size_and_rate() {
    let raw = ["--source", "-", "--raw-format", "yuv420p"];
    assert!(matches!(resolve(&raw), Err(Error::Needs("--raw-format", size)) if size.contains("--size")));
    let sized = [raw.as_slice(), &["--size", "640x480"]].concat();
    assert!(matches!(resolve(&sized), Err(Error::Needs("--raw-format", fps)) if fps.contains("--fps")));
    let whole = [sized.as_slice(), &["--fps", "25"]].concat();
    assert!(matches!(resolve(&whole).expect("complete").source, Source::RawStdin { .. }));
    assert!(resolve(&["--source", "test", "--raw-format", "yuv420p"]).is_err());
}

#[test]
fn sizes_that_cannot_be_stamped_or_encoded_are_refused() {
    let odd = resolve(&["--size", "641x481"]).expect_err("odd").to_string();
    assert!(odd.contains("641x481") && odd.contains("4:2:0") && odd.contains("642x482"), "{odd}");
    for (size, word) in [("3842x2160", "--size is too large"), ("8x8", "--size is too small")] {
        let error = resolve(&["--size", size]).expect_err(size).to_string();
        assert!(error.starts_with(word), "{error}");
    }
    assert!(resolve(&["--size", "2160x3840"]).is_ok());
}

#[test]
fn destinations_are_told_apart_and_passwords_kept_back() {
    assert_eq!(resolve(&["--to", "-"]).expect("stdout").destination, Destination::Stdout);
    assert!(matches!(resolve(&["--to", "rtsp://h/cam"]).expect("url").destination, Destination::Server(_)));
    let args = ["publisher", "--to", "rtsp://u:secret@h/cam?token=secret"];
    let args = Args::try_parse_from(args).expect("good flags");
    assert!(!format!("{args:?} {:?}", Config::resolve(args.clone()).expect("a URL")).contains("secret"));
    for (bad, hint) in [
        ("http://u:secret@h/cam", "rtsp://"),
        ("u:secret@h/cam", "rtsp://"),
        ("somewhere", "somewhere"),
        ("rtsp://h", "path"),
        ("rtsp://u:secret@h/", "path"),
        ("rtsp://u:se/cret@h/cam", "/ as %2F"),
        ("rtsp://u:se#cret@h/cam", "# as %23"),
        ("rtsp://h?secret", "path"),
        ("http://h/cam?token=secret", "rtsp://"),
    ] {
        let error = resolve(&["--to", bad]).expect_err(bad).to_string();
        assert!(error.contains(hint) && !error.contains("secret"), "{error}");
    }
}

#[test]
fn buffer_and_rate_control_are_of_ffmpegs_encoders() {
    for flag in [["--buffer", "500k"], ["--rate-control", "cbr"]] {
        let refused = resolve(&flag).expect_err("openh264 has none").to_string();
        assert!(refused.starts_with(flag[0]) && refused.contains("ffmpeg:libx264"), "{refused}");
    }
    let flags = ["--encoder", "ffmpeg:libx264", "--buffer", "500k", "--encoder-option", "preset=veryfast"];
    let tuning = resolve(&flags).expect("libx264 has one").tuning;
    assert_eq!((tuning.buffer, tuning.control), (Some(500_000), encode::RateControl::Cbr));
    assert_eq!(tuning.options[0].to_string(), "preset=veryfast");
    assert_eq!(resolve(&["--encoder", "ffmpeg:libx264", "--buffer", "10"]).err(), Some(Error::Buffer(10)));
    let vbr = resolve(&["--encoder", "ffmpeg:libx264", "--rate-control", "vbr"]).expect("it has one").tuning;
    assert_eq!(vbr.control, encode::RateControl::Vbr);
}

#[test]
fn flags_that_exclude_each_other() {
    assert!(matches!(resolve(&["--json", "--to", "-"]), Err(Error::Conflict("--json", "--to -", _))));
    assert!(matches!(resolve(&["--loop", "--source", "-"]), Err(Error::Conflict("--loop", "--source -", _))));
    assert!(matches!(resolve(&["--bitrate", "1k"]), Err(Error::Bitrate { bitrate: 1_000, .. })));
}
