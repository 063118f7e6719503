//! Clients of all kinds, and addresses that cannot be served at.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use framelag_tests::measuring::{expect_measured, publisher_with_server, receiver};
use framelag_tests::process::{Builder, wait_until};
use framelag_tests::scraping::{self, Page, address_of};
use framelag_tests::serving::Transport;
use framelag_tests::{LIMIT, binary, turn};

/// Far more than are served at a time.
const HELD: usize = 300;
/// Requests of each of a few clients.
const ASKED: usize = 300;

#[test]
fn hostile_clients_do_not_hurt_measuring() {
    let _turn = turn::take();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let (_publisher, url) = publisher_with_server(&["--source", "test", "--size", "640x480", "--fps", "30"]);
    let mut receiver = receiver(&url, Transport::Tcp, folder.path()).words("--metrics 0").spawn();
    let metrics = address_of(&mut receiver);
    answers(metrics);
    receiver.wait_for_line("the stream", LIMIT, |line| line.contains("playing").then_some(()));
    let clients: Vec<_> = (0..3).map(|_| thread::spawn(move || flood(metrics))).collect();
    let answered: usize = clients.into_iter().map(|client| client.join().expect("it does not panic")).sum();
    assert!(answered > 0, "metrics are served meanwhile");
    let held: Vec<_> = (0..HELD).filter_map(|_| hold(metrics).ok()).collect();
    assert!(!held.is_empty());
    receiver.finish(LIMIT).expect_code(0);
    drop(held);
    expect_measured(folder.path(), Transport::Tcp);
}

/// What a client may ask, and what it is told.
fn answers(metrics: SocketAddr) {
    let ask = |method, path, headers| scraping::ask(metrics, method, path, headers).expect("an answer");
    let head = ask("HEAD", "/metrics", "");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert!(head.head.contains("openmetrics-text"), "{}", head.head);
    assert_eq!(ask("GET", "/", "").status, 404);
    let refused = ask("POST", "/metrics", "Content-Length: 0\r\n");
    assert!(refused.status == 405 && refused.head.contains("allow: get, head"), "{refused:?}");
    // Who is cut off while it still sends may not see the answer.
    let endless = scraping::ask(metrics, "GET", "/metrics", &format!("X: {}\r\n", "x".repeat(100_000)));
    assert!(endless.as_ref().map_or(true, |answer| answer.status == 431), "{endless:?}");
    let page = wait_until("the first metrics", LIMIT, || {
        let page = Page::fetch(metrics);
        page.sample("framelag_measuring").is_some().then_some(page)
    });
    assert!(page.families().iter().any(|(name, kind, _)| name == "framelag_run" && kind == "info"));
}

/// Asks again and again; how often it was answered.
fn flood(metrics: SocketAddr) -> usize {
    (0..ASKED)
        .filter(|_| scraping::ask(metrics, "GET", "/metrics", "").is_ok_and(|answer| answer.status == 200))
        .count()
}

/// Begins to ask, and never ends.
fn hold(metrics: SocketAddr) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect_timeout(&metrics, LIMIT)?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nX-Slow: ")?;
    Ok(stream)
}

#[test]
fn what_cannot_be_exported_is_a_usage_error_that_names_its_flag() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a loopback port is free");
    let taken = taken.local_addr().expect("a bound socket has an address").to_string();
    for (arguments, words) in [
        (["--metrics", taken.as_str()], ["--metrics", taken.as_str()]),
        (["--metrics", "0.0.0.0:0"], ["--metrics 0", "--insecure"]),
        (["--metrics", "host"], ["--metrics", "127.0.0.1:9464"]),
        (["--otlp", "https://ann:secret@host"], ["--otlp", "http://127.0.0.1:4318"]),
    ] {
        let finished = Builder::new(binary::path("receiver")).arg("--headless").args(arguments).run(LIMIT);
        let finished = finished.expect_code(2);
        let told = finished.stderr.join("\n");
        assert!(words.iter().all(|word| told.contains(word)) && !told.contains("secret"), "{finished}");
    }
}
