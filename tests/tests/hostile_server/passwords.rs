//! Passwords are guessed slowly, whichever door is tried, and the log stays short.

use framelag_tests::process::Builder;
use framelag_tests::rtsp::{Client, http_get};
use framelag_tests::{LIMIT, binary, serving};

/// base64 of ann:wrong, and of ann:secret.
const WRONG: &str = "Authorization: Basic YW5uOndyb25n\r\n";
const RIGHT: &str = "Authorization: Basic YW5uOnNlY3JldA==\r\n";

#[test]
fn guessing_on_many_connections_and_by_both_protocols_is_slow_and_told_by_count() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let users = folder.path().join("users");
    std::fs::write(&users, "ann:secret\n").expect("a file");
    let server = serving::framelag(&["--auth", users.to_str().expect("a name in UTF-8")]);
    let http = server.http.expect("it serves HTTP");
    let rtsp = |authorization: &str| {
        let url = format!("rtsp://{}/cam", server.address);
        let mut client = Client::connect(server.address).expect("the server takes connections");
        client.ask(&format!("DESCRIBE {url} RTSP/1.0\r\nCSeq: 1\r\n{authorization}\r\n")).expect("an answer")
    };
    let web = |authorization: &str| {
        let mut client = Client::connect(http).expect("the server takes connections");
        client.ask(&format!("GET /metrics HTTP/1.1\r\nHost: localhost\r\n{authorization}\r\n")).expect("an answer")
    };
    for _ in 0..10 {
        assert_eq!((rtsp("").status, web("").status), (401, 401), "asking without a password is no try");
    }
    assert_eq!((rtsp(RIGHT).status, web(RIGHT).status), (404, 200));
    // Some typing errors, wherever they are made; after a few more nothing is looked at for a while, and it is said how long.
    assert_eq!([rtsp(WRONG).status, web(WRONG).status, rtsp(WRONG).status], [401; 3]);
    let mut refused = 0;
    for _ in 0..200 {
        let (by_rtsp, by_web) = (rtsp(WRONG), web(WRONG));
        for answer in [&by_rtsp, &by_web] {
            let again = answer.header("retry-after").and_then(|seconds| seconds.parse::<u32>().ok());
            assert!(answer.status == 401 || again.is_some_and(|seconds| seconds <= 11), "{}", answer.head);
        }
        refused += usize::from(by_rtsp.status == 503) + usize::from(by_web.status == 429);
    }
    assert!(refused >= 380, "only {refused} of 400 were refused unseen");
    assert_eq!(http_get(http, "/health").expect("an answer").status, 200);

    server.process.interrupt();
    let ended = server.process.finish(framelag_tests::LIMIT);
    let said = ended.to_string();
    let counted: u32 = said
        .lines()
        .filter_map(|line| line.split_once(" failed attempt")?.0.rsplit(' ').next()?.parse::<u32>().ok())
        .sum();
    assert_eq!(counted, 403, "{said}");
    assert!(said.lines().filter(|line| line.contains("failed attempt")).count() <= 30, "{said}");
    assert!(said.contains("for user 'ann' from 127.0.0.1 in the last 10 s"), "{said}");
    assert!(!said.contains("wrong\"") && !said.contains("YW5u"), "{said}");
}

#[test]
fn tokens_are_never_logged() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let users = folder.path().join("users");
    std::fs::write(&users, "ann:secret\n").expect("a file");
    let mut server = Builder::new(binary::path("framelag"))
        .args(["serve", "--rtsp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--auth", users.to_str().expect("UTF-8")])
        .env("RUST_LOG", "trace")
        .spawn();
    let http = server.wait_for_line("its HTTP URL", LIMIT, |line| serving::address_in(line, "http"));
    let ask = |request: &str| {
        let mut client = Client::connect(http).expect("the server takes connections");
        client.ask(&format!("{request}\r\n\r\n")).expect("an answer")
    };
    let issued = ask(&format!("POST /api/token HTTP/1.1\r\nHost: localhost\r\n{}", RIGHT.trim_end()));
    let issued: serde_json::Value = serde_json::from_slice(&issued.body).expect("JSON");
    let token = issued["access_token"].as_str().expect("a token");
    let (number, secret) = token.split_at(16);
    let wrong = format!("{number}{}", secret.chars().rev().collect::<String>());
    for (shown, status) in [(token, 404), (wrong.as_str(), 401)] {
        let by_query = ask(&format!("GET /cam/index.m3u8?access_token={shown} HTTP/1.1\r\nHost: localhost"));
        let header = format!("Authorization: Bearer {shown}");
        let by_header = ask(&format!("GET /cam/index.m3u8 HTTP/1.1\r\nHost: localhost\r\n{header}"));
        assert_eq!((by_query.status, by_header.status), (status, status));
    }
    server.interrupt();
    let said = server.finish(LIMIT).to_string();
    assert!(said.contains(&format!("2 failed attempts with token '{number}'")), "{said}");
    assert!(!said.contains(secret) && !said.contains(&wrong[16..]), "{said}");
}
