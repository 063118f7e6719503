use super::*;

fn parsed(text: &str) -> StreamUrl {
    text.parse().expect(text)
}

#[test]
fn a_zone_is_kept_for_this_host_and_not_sent() {
    let url: StreamUrl = "rtsp://ann:secret@[fe80::1%25lo]:8554/cam".parse().expect("a URL");
    assert_eq!((url.zone(), url.host(), url.url().as_str()), (Some("lo"), "fe80::1", "rtsp://[fe80::1]:8554/cam"));
    assert_eq!(url.to_string(), "rtsp://[fe80::1%25lo]:8554/cam");
    assert_eq!(url.to_variable().reveal().parse(), Ok(url.clone()));
    assert!(url.addresses().is_ok_and(|addresses| addresses.iter().all(std::net::SocketAddr::is_ipv6)));
    let redirected = |to: &str, same_host| url.redirected(to.parse().expect("a URL"), same_host);
    assert_eq!(redirected("rtsp://[fe80::1]:8554/b", true).zone(), Some("lo"));
    let elsewhere = redirected("rtsp://[fe80::2]/b", false);
    assert_eq!((elsewhere.zone(), elsewhere.credentials()), (None, None));
}

#[test]
fn user_info_ends_at_the_last_at() {
    for (text, user, password, sent) in [
        ("rtsp://ann:secret@h/cam", "ann", "secret", "rtsp://h/cam"),
        ("rtsp://ann:se@cret!@h/cam", "ann", "se@cret!", "rtsp://h/cam"),
        ("rtsp://ann:se:cret@h:8554/cam", "ann", "se:cret", "rtsp://h:8554/cam"),
        ("rtsp://a%40b:p%3A%2F%23%3F@h/cam", "a@b", "p:/#?", "rtsp://h/cam"),
        ("rtsp://ann:100%@h/cam", "ann", "100%", "rtsp://h/cam"),
        ("rtsp://ann:[x]^|\"<>{} y$&+,;='()*~`@h/cam", "ann", "[x]^|\"<>{} y$&+,;='()*~`", "rtsp://h/cam"),
        ("RTSP://ann:\u{fc}@h/cam", "ann", "\u{fc}", "rtsp://h/cam"),
        ("rtsp://ann@h/cam", "ann", "", "rtsp://h/cam"),
        ("rtsp://:pw@h/cam", "", "pw", "rtsp://h/cam"),
        ("rtsp://ann:x@[::1]:8554/cam", "ann", "x", "rtsp://[::1]:8554/cam"),
    ] {
        let url = parsed(text);
        let credentials = url.credentials().expect(text);
        assert_eq!((credentials.user(), credentials.password()), (user, password), "{text}");
        assert_eq!((url.url().as_str(), url.to_string().as_str()), (sent, sent), "{text}");
    }
    for text in ["rtsp://h/cam", "rtsp://@h/cam", "rtsp://h/a@b", "rtsp://[::1]/a@b", "rtsp://h/cam?mail=a@b"] {
        assert_eq!(parsed(text).credentials(), None, "{text}");
    }
}

#[test]
fn what_ends_a_host_is_refused_in_a_password_and_nothing_of_it_is_shown() {
    for (text, hint) in [
        ("rtsp://ann:se/cret@h/cam", "has / before its last @: in a user name or password write / as %2F"),
        ("rtsp://ann:se#cret@h/cam", "# as %23"),
        ("rtsp://ann:se?cret@h/cam", "? as %3F"),
        (
            "rtsp://ann:s/e?c#ret@h/cam",
            "has /#? before its last @: in a user name or password write / as %2F, # as %23, ? as %3F",
        ),
        ("rtsp://ann:12/cret@h/cam", "%2F"),
        ("rtsp://ann:se@cr/et@h/cam", "%2F"),
        ("rtsp://ann:secret@h/cam?mail=x@y", "@ behind the host as %40"),
        ("rtsp://ann@cret/x@h/cam", "%2F"),
        ("rtsp://[x:se/cret@h/cam", "%2F"),
    ] {
        let error = text.parse::<StreamUrl>().expect_err(text).to_string();
        assert!(error.contains(hint), "{text}: {error}");
        assert!(!error.contains("se") || !error.contains("cret"), "{text}: {error}");
        assert!(!error.contains("ann") && !error.contains("12"), "{text}: {error}");
    }
}

#[test]
fn neither_display_nor_debug_shows_a_secret() {
    for text in [
        "rtsp://ann:secret@h/cam?user=ann&pass=secret",
        "rtsp://h/cam?secret",
        "rtsp://h/cam?dG9rZW4secret=",
        "rtsp://h/cam?a=1;pw=secret",
        "rtsp://h/user=ann&password=secret&channel=1",
        "rtsp://h/user=ann_password=secret_channel=1_stream=0.sdp",
        "rtsp://h/live/token=secret/ch0",
        "rtsp://h/user=ann&p%61ssword=secret",
        "rtsp://h/user=ann&password%3Dsecret",
        "rtsp://h/pwd/secret",
        "rtsp://h/live/p%77d/secret/ch0",
        "rtsp://h/live/p%77d%2Fsecret/ch0",
        "rtsp://h/cam#secret",
    ] {
        let url = parsed(text);
        for shown in [url.to_string(), format!("{url:?}"), format!("{url:#?}"), url.shown_path()] {
            assert!(!shown.contains("secret"), "{text}: {shown}");
        }
    }
    assert_eq!(parsed("rtsp://h/live/token=secret/ch0").to_string(), "rtsp://h/live/token=…/ch0");
}

proptest::proptest! {
    #[test]
    fn no_part_of_a_password_is_shown(a in "[ -~]{0,3}", b in "[ -~]{0,3}", path in "[a-z/?#=@]{0,5}") {
        let text = format!("rtsp://ann:s3cr{a}3tpa{b}ss0rd@h/{path}");
        let shown = match text.parse::<StreamUrl>() {
            Ok(url) => format!("{url} {url:?} {} {}", url.host_and_port(), url.shown_path()),
            Err(error) => format!("{error} {error:?}"),
        };
        for part in ["s3cr", "3tpa", "ss0rd"] {
            proptest::prop_assert!(!shown.contains(part), "{text}: {shown}");
        }
    }
}

#[test]
fn what_is_no_stream_is_named_without_its_secrets() {
    for (text, hint) in [
        ("http://host/cam", "http://host/cam is not the URL of a stream: write rtsp://HOST[:PORT]/PATH"),
        ("cam", "cam is not the URL of a stream"),
        ("rtsp:/ann:secret@host/cam", "not the URL of a stream"),
        ("rtsps://ann:secret@h/cam", "TLS"),
        ("rtsp:///cam", "no host"),
        ("rtsp://ann:secret@/cam", "no host"),
        ("rtsp://ann:secret@:554/cam", "no host"),
        ("rtsp://ann:secret@h:99999/cam", "rtsp://…@h:99999/cam is not"),
        ("", "not the URL of a stream"),
    ] {
        let error = StreamUrl::typed(text, &["rtsp"], |_| None).expect_err(text).to_string();
        assert!(error.contains(hint) && !error.contains("secret"), "{text}: {error}");
    }
}

#[test]
fn a_url_in_the_environment_is_the_same_url() {
    let url = parsed("rtsp://a%40b:p%2541%20%2F%3A@h/cam?token=x");
    let variable = url.to_variable();
    let look = |name: &str| (name == "CAMERA").then(|| variable.reveal().into());
    assert_eq!(StreamUrl::typed("env:CAMERA", &["rtsp"], look), Ok(url));
    let error = StreamUrl::typed("env:OTHER", &["rtsp"], look).expect_err("there is none").to_string();
    assert_eq!(error, "env:OTHER names no variable of the environment: set OTHER to the URL of a stream");
    assert_eq!(StreamUrl::typed("rtsp://h/cam", &["rtsp"], |_| None), Ok(parsed("rtsp://h/cam")));
}

#[test]
fn credentials_from_elsewhere_do_not_replace_its_own() {
    let others = || Some(Credentials::new("bob", "other"));
    let user = |text| parsed(text).or_credentials(others()).credentials().map(|c| c.user().to_owned());
    assert_eq!(user("rtsp://h/cam").as_deref(), Some("bob"));
    assert_eq!(user("rtsp://ann:secret@h/cam").as_deref(), Some("ann"));
}

#[test]
fn loopback_addresses_are_told_from_others() {
    for host in
        ["127.0.0.1", "127.9.9.9", "[::1]", "[::1]:1", "[::ffff:127.0.0.1]", "LocalHost", "ann:pw@localhost:554"]
    {
        assert!(parsed(&format!("rtsp://{host}/cam")).is_loopback(), "{host}");
    }
    for host in ["192.0.2.1", "[2001:db8::1]", "server.example", "localhost.example"] {
        assert!(!parsed(&format!("rtsp://{host}/cam")).is_loopback(), "{host}");
    }
}

#[test]
fn every_protocol_has_its_port_and_hides_the_same_secrets() {
    for (text, scheme, port) in [
        ("rtsp://ann:secret@h/cam", "rtsp", 554),
        ("RTMP://ann:secret@h/live?key=secret", "rtmp", 1935),
        ("https://ann:secret@h/cam/whip?token=secret", "https", 443),
        ("http://ann:secret@h:8080/cam/whip", "http", 8080),
    ] {
        let url = StreamUrl::typed(text, &["rtsp", "rtmp", "http", "https"], |_| None).expect(text);
        assert_eq!((url.scheme(), url.port(), url.host()), (scheme, port, "h"), "{text}");
        assert_eq!(url.credentials(), Some(&Credentials::new("ann", "secret")), "{text}");
        assert!(!format!("{url} {url:?} {}", url.url().username()).contains("secret"), "{text}");
    }
    let error = StreamUrl::typed("srt://h/cam", &["rtsp", "rtmp"], |_| None).expect_err("another").to_string();
    assert!(error.ends_with("write rtsp://HOST[:PORT]/PATH or rtmp://HOST[:PORT]/PATH"), "{error}");
}
