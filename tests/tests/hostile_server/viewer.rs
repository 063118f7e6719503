//! A viewer over HTTP that must not notice anything.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::thread::JoinHandle;

use framelag_tests::{LIMIT, process};

/// What the number of a fragment comes after.
const HEADER: &[u8] = b"mfhd\0\0\0\0";

/// Watches a stream as one answer, which has to go on. (Where the server has too little time for all of its viewers, each goes on at
/// the newest key frame.)
pub struct Viewer {
    socket: TcpStream,
    newest: Arc<AtomicU32>,
    thread: Option<JoinHandle<()>>,
}

impl Viewer {
    pub fn start(http: SocketAddr, path: &str) -> Self {
        let mut socket = TcpStream::connect(http).expect("the server takes connections");
        write!(socket, "GET /{path}/mse HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("it reads");
        let (newest, reading) = (Arc::<AtomicU32>::default(), socket.try_clone().expect("a descriptor"));
        let told = newest.clone();
        let thread = std::thread::spawn(move || watch(reading, &told));
        Self { socket, newest, thread: Some(thread) }
    }

    /// Waits until it has `count` more frames.
    pub fn expect_frames(&self, during: &str, count: u32) {
        let before = self.newest.load(Relaxed);
        process::wait_until(&format!("frames by HTTP during: {during}"), LIMIT, || {
            (self.newest.load(Relaxed) >= before + count).then_some(())
        });
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        let _ = self.socket.shutdown(Shutdown::Both);
        let watched = self.thread.take().map_or(Ok(()), JoinHandle::join);
        assert!(std::thread::panicking() || watched.is_ok(), "the viewer was sent frames twice");
    }
}

/// Reads until the connection ends. The numbers of fragments only rise.
fn watch(mut socket: TcpStream, newest: &AtomicU32) {
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; 65_536]);
    while let Ok(count @ 1..) = socket.read(&mut buffer) {
        bytes.extend_from_slice(&buffer[..count]);
        let mut done = 0;
        while let Some(at) = bytes[done..].windows(HEADER.len()).position(|window| window == HEADER) {
            let number = done + at + HEADER.len();
            let Some(four) = bytes.get(number..number + 4) else { break };
            let this = u32::from_be_bytes(four.try_into().expect("four bytes"));
            let last = newest.swap(this, Relaxed);
            assert!(this > last, "fragment {this} after {last}");
            done = number + 4;
        }
        // What may be the beginning of one stays.
        bytes.drain(..done.max(bytes.len().saturating_sub(HEADER.len() + 4)));
    }
}
