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
        let default = ["server", "uplink.hold", "downlink.hold"].contains(&setting.name);
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
    ] {
        let setting = find(name).unwrap_or_else(|| panic!("{name}"));
        let why = setting.check(text).expect_err(name);
        assert!(why.contains(word) && !why.contains('\n'), "{name}: {why}");
    }
}

#[test]
fn the_nearest_name_is_found_and_no_far_one() {
    let names = || ALL.iter().map(|setting| setting.name);
    for (typed, meant) in [
        ("publisher.bitrat", Some("publisher.bitrate")),
        ("bitrate", Some("publisher.bitrate")),
        ("receiver.transprot", Some("receiver.transport")),
        ("sever", Some("server")),
        ("zzz", None),
    ] {
        assert_eq!(nearest(typed, names()), meant, "{typed}");
    }
}
