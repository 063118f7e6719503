use super::*;

#[test]
fn every_row_takes_its_own_example_and_changes_something() {
    for setting in &ALL {
        let text = setting.example.trim_matches('"');
        if setting.name != "publisher.source" {
            setting.check(text).unwrap_or_else(|why| panic!("{}: {why}", setting.name));
        }
        let mut parts = Parts::default();
        setting.set(&mut parts, text).unwrap_or_else(|why| panic!("{}: {why}", setting.name));
        let default = ["uplink.hold", "downlink.hold"].contains(&setting.name);
        assert_eq!(parts == Parts::default(), default, "{}", setting.name);
    }
}

#[test]
fn names_are_there_once() {
    for (number, setting) in ALL.iter().enumerate() {
        assert!(ALL[..number].iter().all(|other| other.name != setting.name), "{}", setting.name);
    }
}

#[test]
fn impossible_values_are_refused_by_the_part_that_they_are_for() {
    for (name, text, word) in [
        ("publisher.gop", "0", "--gop"),
        ("publisher.fps", "0", "1/60 to 1000"),
        ("publisher.size", "641", "--size"),
        ("publisher.bitrate", "fast", "1000k"),
        ("publisher.transport", "quic", "udp"),
        ("publisher.encoder", "x265", "openh264"),
        ("receiver.transport", "rtp", "udp"),
        ("uplink.delay", "20", "200ms"),
        ("downlink.loss", "100%", "nothing to measure"),
        ("downlink.rate", "fast", "none"),
        ("uplink.queue", "0", "1500"),
        ("via", "rtmp", "ll-hls"),
        ("player", "vlc", "hls.js"),
        ("preset", "fast", "real-time"),
        ("cushion", "60", "--cushion"),
        ("segment", "1", "200ms"),
        ("part", "1", "or \"frame\""),
        ("playlist", "many", "number of segments"),
        ("variant", "ts", "mpegts"),
        ("hls.js.maxBufferLength", "long", "number"),
        ("dash.js.streaming.liveCatchup.enabled", "1", "true or false"),
    ] {
        let setting = find(name).unwrap_or_else(|| panic!("{name}"));
        let why = setting.check(text).expect_err(name);
        assert!(why.contains(word) && !why.contains('\n'), "{name}: {why}");
    }
}

#[test]
fn every_option_that_the_receiver_takes_is_a_setting() {
    use receiver::via::options::{self, Library};
    let all = options::names(Library::HlsJs).map(|name| format!("hls.js.{name}"));
    let all = all.chain(options::names(Library::DashJs).map(|name| format!("dash.js.{name}")));
    let missing: Vec<String> = all.filter(|name| find(name).is_none()).collect();
    assert_eq!(missing, [] as [String; 0]);
}

#[test]
fn a_browser_plays_from_the_server_of_its_own() {
    let mut parts = Parts::default();
    assert_eq!(parts.server(), Server::Embedded);
    find("via").expect("it is there").set(&mut parts, "hls").expect("it is one");
    assert_eq!((parts.server(), parts.check_segments()), (Server::Own, Ok(())));
    find("server").expect("it is there").set(&mut parts, "embedded").expect("it is one");
    assert!(parts.check_segments().is_err_and(|why| why.contains("framelag")));
}

#[test]
fn a_preset_is_the_servers_where_the_player_has_none_of_that_name() {
    for (via, preset, is_passed) in [("mse", "safe", false), ("mse", "frame", true), ("hls", "safe", true)] {
        let mut parts = Parts::default();
        for (name, text) in [("via", via), ("preset", preset)] {
            find(name).expect("it is there").set(&mut parts, text).expect("it is one");
        }
        let passed = parts.receiver_flags().contains(&format!("--preset={preset}"));
        assert_eq!((passed, parts.receiver_config().map(drop)), (is_passed, Ok(())), "{via} {preset}");
        assert!(parts.segments.flags.contains(&format!("--preset={preset}")), "{via} {preset}");
    }
}
