use std::io::{IoSliceMut, Read as _, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{RecvTimeoutError, channel};

use super::*;

const LIMITS: Limits = Limits {
    answer: Duration::MAX,
    silence: Duration::MAX,
    first_unit: Duration::MAX,
    unit_bytes: 8 << 20,
    growth_bytes: u64::MAX,
};

#[test]
fn the_kernels_lines_are_read() {
    assert_eq!(rchar("rchar: 1234\nwchar: 5\n"), Some(1234));
    for other in ["", "rchar:", "rchar: -1", "wchar: 5"] {
        assert_eq!(rchar(other), None, "{other}");
    }
}

/// A connection on which bytes come without end.
fn endless() -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let stream = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it listens");
    let (mut other, _) = listener.accept().expect("somebody connects");
    thread::spawn(move || while other.write_all(&[b'x'; 1 << 16]).is_ok() {});
    stream
}

#[test]
#[cfg(target_os = "linux")]
fn a_thread_that_only_reads_is_given_up() {
    let watched = Watched::default();
    let (sender, given_up) = channel();
    let reading = thread::spawn(move || {
        let guard = Guard::start(LIMITS, watched, move |limit| sender.send(limit).expect("the test waits"));
        let guard = guard.expect("a thread");
        let mut stream = endless();
        // It never looks whether it should end.
        let mut buffer = vec![0; 1 << 16];
        while matches!(given_up.try_recv(), Err(std::sync::mpsc::TryRecvError::Empty)) {
            // As retina reads, and as the kernel counts.
            let read = stream.read_vectored(&mut [IoSliceMut::new(&mut buffer)]).expect("there is more");
            assert!(read > 0, "it has not ended");
        }
        drop(guard);
    });
    reading.join().expect("it was given up");
}

#[test]
#[cfg(target_os = "linux")]
fn a_thread_that_listens_ends_by_itself() {
    let watched = Watched::default();
    let (sender, given_up) = channel();
    let say = move |limit| sender.send(limit).expect("the test listens");
    let guard = Guard::start(LIMITS, watched.clone(), say).expect("a thread");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let limit = runtime.block_on(async {
        let stream = endless();
        stream.set_nonblocking(true).expect("a socket");
        let stream = tokio::net::TcpStream::from_std(stream).expect("a socket");
        // As retina's connection does: without an end, and without leaving its turn of its own accord.
        let reading = poll_fn(|context| -> Poll<()> {
            let mut buffer = vec![0; 1 << 16];
            loop {
                match stream.poll_read_ready(context) {
                    Poll::Ready(ready) => ready.expect("it is there"),
                    Poll::Pending => return Poll::Pending,
                }
                let _ = stream.try_read_vectored(&mut [IoSliceMut::new(&mut buffer)]);
            }
        });
        tokio::select! {
            biased;
            limit = watched.flooded() => limit,
            () = in_turns(reading) => 0,
        }
    });
    assert_eq!(limit, LIMITS.unit_bytes);
    drop(guard);
    assert_eq!(
        given_up.recv_timeout(Duration::ZERO),
        Err(RecvTimeoutError::Disconnected),
        "it ended when it was asked"
    );
}

#[test]
#[cfg(target_os = "linux")]
fn memory_that_grows_without_a_picture_is_too_much() {
    let watched = Watched::default();
    let limits = Limits { unit_bytes: u64::MAX, growth_bytes: 32 << 20, ..LIMITS };
    let guard = Guard::start(limits, watched.clone(), |_| ()).expect("a thread");
    let mut held = Vec::new();
    while !watched.flooded.is_requested() {
        held.push(vec![1_u8; 1 << 20]);
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(watched.limit.load(Ordering::Relaxed), limits.growth_bytes);
    drop((guard, held));
}

#[test]
fn progress_starts_the_count_over() {
    let watched = Watched::default();
    let guard = Guard::start(LIMITS, watched.clone(), |_| ()).expect("a thread");
    let mut stream = endless();
    let mut buffer = vec![0; 1 << 16];
    for _ in 0..(4 * LIMITS.unit_bytes) >> 16 {
        stream.read_exact(&mut buffer).expect("there is more");
        watched.progress();
    }
    assert!(!watched.flooded.is_requested());
    drop(guard);
}
