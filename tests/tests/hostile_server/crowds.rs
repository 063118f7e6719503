//! Too much of everything: connections, requests, unread answers.

use framelag_tests::rtsp::Client;

use crate::healthy::Healthy;

/// More than the server takes at once.
const CONNECTIONS: usize = 700;

#[test]
fn a_crowd_that_says_nothing_keeps_nobody_from_playing() {
    let healthy = Healthy::start();
    let crowd: Vec<_> = (0..CONNECTIONS).filter_map(|_| Client::connect(healthy.address()).ok()).collect();
    assert!(!crowd.is_empty());
    healthy.expect_unharmed();
}

#[test]
fn players_of_a_path_that_nobody_publishes_are_answered_each_time() {
    let healthy = Healthy::start();
    let url = format!("rtsp://{}/nobody", healthy.address());
    for attempt in 0..500 {
        let answer = healthy.connect().ask(&format!("DESCRIBE {url} RTSP/1.0\r\nCSeq: 1\r\n\r\n"));
        assert_eq!(answer.map(|answer| answer.status).ok(), Some(404), "attempt {attempt}");
    }
    healthy.expect_unharmed();
}

#[test]
fn a_crowd_does_not_fill_the_log() {
    let server = framelag_tests::serving::framelag(&[]);
    for _ in 0..500 {
        let mut client = Client::connect(server.address).expect("the server takes connections");
        let answer = client.ask("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n").expect("an answer");
        assert_eq!(answer.status, 200);
    }
    server.process.interrupt();
    let said = server.process.finish(framelag_tests::LIMIT).to_string();
    let ended = said.lines().filter(|line| line.contains("RTSP connection ended")).count();
    assert!((40..400).contains(&ended), "{ended} lines of 500");
    assert!(said.contains("more lines like the last one from server::rtsp::connection"), "{said}");
}

#[test]
fn who_asks_and_does_not_read_is_cut_off() {
    let healthy = Healthy::start();
    let mut client = healthy.connect();
    let requests = "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n".repeat(10_000);
    let cut_off = (0..1_000).any(|_| client.send(requests.as_bytes()).is_err());
    assert!(cut_off, "the server does not keep answers that nobody reads");
    healthy.expect_unharmed();
}
