//! A TCP connection, set up for live video.

use std::io::{self, Read};
use std::net::{Shutdown, TcpStream};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use common::stream_url::StreamUrl;
use crossbeam_channel::{Receiver, bounded};
use socket2::SockRef;

use super::Error;

/// How long an address may take to answer a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a write may take.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// Most bytes that wait unsent in the kernel. More would be hidden delay; with this few, a server that stalls blocks the next
/// write, and the queue grows instead, which is bounded. It is still two to four pictures at 1 Mbit/s, so that the wire never
/// idles. At that rate frames were dropped 2 s after a server had
/// been stopped, which is what its own kernel took; without the limit none were within 16 s. The send buffer itself stays as it is, because it
/// also has to hold what is under way and not acknowledged: at 10 Mbit/s over 100 ms of round trip that is 125 kB.
#[cfg(target_os = "linux")]
const UNSENT_MAX: u32 = 16 * 1024;
/// Where the kernel cannot limit what is unsent alone, the whole buffer is limited.
#[cfg(not(target_os = "linux"))]
const SEND_BUFFER: usize = 128 * 1024;
/// Most reads that wait to be handled: a server that records sends next to nothing.
const READS_MAX: usize = 16;

/// What comes from the server.
pub(in crate::egress) enum Input {
    /// Bytes.
    Bytes(Vec<u8>),
    /// Nothing more: it closed the connection, or this error broke it.
    Ended(Option<io::Error>),
}

/// Connects to the first address of the URL's host, in its zone, that answers.
pub(in crate::egress) fn connect(url: &StreamUrl) -> Result<TcpStream, Error> {
    let unresolvable = |why: String| Error::publish(url, format!("unknown host ({why})"));
    let addresses = url.addresses().map_err(|error| match url.zone() {
        Some(zone) => unresolvable(format!("{zone} is not a network interface of this host ({error})")),
        None => unresolvable(error.to_string()),
    })?;
    let mut last = None;
    for address in &addresses {
        match TcpStream::connect_timeout(address, CONNECT_TIMEOUT).and_then(prepared) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = Some(error),
        }
    }
    let error = last.ok_or_else(|| unresolvable("it has no address".to_owned()))?;
    let hint = match error.kind() {
        io::ErrorKind::ConnectionRefused => ": nothing listens there; is the server running?",
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => ": no answer; is a firewall in between?",
        _ => "",
    };
    Err(Error::Connect { url: url.to_string(), why: format!("{error}{hint}") })
}

fn prepared(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
    let socket = SockRef::from(&stream);
    #[cfg(target_os = "linux")]
    socket.set_tcp_notsent_lowat(UNSENT_MAX)?;
    #[cfg(not(target_os = "linux"))]
    socket.set_send_buffer_size(SEND_BUFFER)?;
    Ok(stream)
}

/// Reads the connection on a thread of its own, which ends with the connection.
pub(in crate::egress) fn read(stream: &TcpStream) -> io::Result<Receiver<Input>> {
    let mut stream = stream.try_clone()?;
    let (input, output) = bounded(READS_MAX);
    std::thread::Builder::new().name("send-read".to_owned()).spawn(move || {
        let mut buffer = [0; 4096];
        loop {
            let (item, ended) = match stream.read(&mut buffer) {
                Ok(0) => (Input::Ended(None), true),
                Ok(len) => (Input::Bytes(buffer[..len].to_vec()), false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => (Input::Ended(Some(error)), true),
            };
            if input.send(item).is_err() || ended {
                break;
            }
        }
    })?;
    Ok(output)
}

/// Ends the connection in both directions, which also ends its reader and a write that is stuck.
pub(in crate::egress) fn cut(stream: &TcpStream) {
    // It fails where the connection has ended already.
    let _ = stream.shutdown(Shutdown::Both);
}

/// Ends the connection of another thread, and any other that it makes.
#[derive(Default)]
pub(in crate::egress) struct Abort(Mutex<Watched>);

#[derive(Default)]
struct Watched {
    stream: Option<TcpStream>,
    is_aborted: bool,
}

impl Abort {
    /// The connection that is to be ended.
    pub(in crate::egress) fn watch(&self, stream: &TcpStream) {
        let mut watched = self.lock();
        if watched.is_aborted {
            cut(stream);
        }
        watched.stream = stream.try_clone().ok();
    }

    /// Ends it.
    pub(super) fn abort(&self) {
        let mut watched = self.lock();
        watched.is_aborted = true;
        watched.stream.iter().for_each(cut);
    }

    fn lock(&self) -> MutexGuard<'_, Watched> {
        self.0.lock().expect("no thread panics while it holds the connection")
    }
}
