//! Many connections of one address, none of which plays or publishes.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use common::host::descriptors;

use super::Target;
use crate::rtsp::Client;

/// How often each asks for something: often enough to stay.
const EVERY: Duration = Duration::from_secs(5);
const BY_RTSP: usize = 500;
const BY_HTTP: usize = 200;
const GUESSERS: usize = 8;

/// A connection that stays.
struct Keeper {
    address: SocketAddr,
    request: &'static str,
    client: Option<Client>,
}

impl Keeper {
    /// Asks, after reading what it asked for before. One that the server has closed comes again.
    fn ask(&mut self) {
        let alive = self.client.as_mut().is_some_and(|client| client.answer().is_ok());
        if !alive {
            self.client = Client::connect(self.address).ok();
        }
        if let Some(client) = &mut self.client {
            // Where it has just been closed, that is seen the next time.
            let _ = client.send(self.request.as_bytes());
        }
    }
}

/// All that one address may have without playing, kept.
pub fn keep_alives(target: Target, stop: &AtomicBool) {
    descriptors::raise(2 * (BY_RTSP + BY_HTTP));
    let keepers = |count, address, request| (0..count).map(move |_| Keeper { address, request, client: None });
    let mut all: Vec<_> = keepers(BY_RTSP, target.rtsp, "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n")
        .chain(keepers(BY_HTTP, target.http, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"))
        .collect();
    all.iter_mut().for_each(Keeper::ask);
    let pause = EVERY / u32::try_from(all.len()).expect("some hundred");
    while !stop.load(Relaxed) {
        for keeper in &mut all {
            thread::sleep(pause);
            if stop.load(Relaxed) {
                return;
            }
            keeper.ask();
        }
    }
}

/// Wrong passwords as fast as they are answered, each on a connection of its own, in turn by RTSP and by HTTP.
pub fn guessed_passwords(target: Target, stop: &AtomicBool) {
    let guess = |address, first_line: &str, number: u32| {
        // Basic authentication of ann:0000 and so on.
        let wrong = ["YW5uOjAwMDA=", "YW5uOjAwMDE=", "YW5uOjAwMDI="][number as usize % 3];
        let request = format!("{first_line}\r\nCSeq: 1\r\nHost: localhost\r\nAuthorization: Basic {wrong}\r\n\r\n");
        // Refused or closed, the next one comes.
        let _ = Client::connect(address).and_then(|mut client| client.ask(&request));
    };
    thread::scope(|scope| {
        for _ in 0..GUESSERS {
            scope.spawn(|| {
                for number in (0..).take_while(|_| !stop.load(Relaxed)) {
                    guess(target.rtsp, &format!("DESCRIBE rtsp://{}/cam RTSP/1.0", target.rtsp), number);
                    guess(target.http, "GET /metrics HTTP/1.1", number);
                }
            });
        }
    });
}
