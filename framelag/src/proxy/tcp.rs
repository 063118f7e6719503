//! Connections through the proxy: two threads each, one for a direction.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, PipeReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use common::clock::Clock;
use common::impair::Stream;
use common::time::{MonoTime, Now};

use super::accept::{self, Client};
use super::shared::Shared;
use super::{Chunk, Direction, MAX_STREAM_BYTES, wait};

/// How long the server may take to accept a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);

/// Bytes read at once: an access unit of 20 Mbit/s at 30 pictures/s.
const READ_BYTES: usize = 128 << 10;

/// What has no room now is tried again so often.
const ROOM_POLL: Duration = Duration::from_millis(1);

/// Passes connections on until `stopped` closes.
pub(super) fn listen(socket: &TcpListener, to: SocketAddr, shared: &Arc<Shared>, stopped: &Arc<PipeReader>) {
    let connected =
        move |client: Client, shared: &Arc<Shared>, stopped: &PipeReader| connect(client, to, shared, stopped);
    accept::connections(socket, shared, stopped, connected);
}

/// One connection, until both directions have ended.
fn connect(client: Client, to: SocketAddr, shared: &Shared, stopped: &PipeReader) {
    let Client { socket: client, address, number } = client;
    let server = match TcpStream::connect_timeout(&to, CONNECT_LIMIT) {
        Ok(server) => server,
        Err(error) => return shared.refuse(address, &format_args!("cannot connect to {to}: {error}")),
    };
    let prepare = |socket: &TcpStream| socket.set_nodelay(true).and_then(|()| socket.set_nonblocking(true));
    if let Err(error) = prepare(&client).and_then(|()| prepare(&server)) {
        return shared.refuse(address, &error);
    }
    let (client, server) = (&client, &server);
    let direction = |direction, from, to| {
        Pipe::new(from, to, shared, direction, number).run(stopped).unwrap_or_else(|error| {
            tracing::debug!("connection {number} from {address} broke off: {error}");
            // Ends the other direction too. Where a side is gone already there is nothing to shut down.
            let _ = client.shutdown(Shutdown::Both);
            let _ = server.shutdown(Shutdown::Both);
        });
    };
    thread::scope(|scope| {
        scope.spawn(|| direction(Direction::Forward, client, server));
        direction(Direction::Back, server, client);
    });
}

/// One direction of a connection.
struct Pipe<'a> {
    from: &'a TcpStream,
    to: &'a TcpStream,
    shared: &'a Shared,
    direction: Direction,
    stream: Stream,
    ended: bool,
    /// Arrived, and not taken by the socket yet.
    out: VecDeque<u8>,
    /// Its number.
    connection: u64,
    /// What was read and is not written yet.
    under_way: VecDeque<UnderWay>,
}

/// A chunk, and how much of it is not written yet.
struct UnderWay {
    /// Empty if nobody watches.
    bytes: Vec<u8>,
    rest: usize,
    read: Now,
    begun: Option<Now>,
}

impl<'a> Pipe<'a> {
    fn new(from: &'a TcpStream, to: &'a TcpStream, shared: &'a Shared, direction: Direction, number: u64) -> Self {
        let stream = Stream::of_writes(shared.conditions(direction), shared.seed_of(number, direction));
        let (out, under_way) = (VecDeque::new(), VecDeque::new());
        Self { from, to, shared, direction, stream, ended: false, out, connection: number, under_way }
    }

    /// Runs until the direction has ended, or the proxy.
    fn run(&mut self, stopped: &PipeReader) -> io::Result<()> {
        wait::reduce_timer_slack();
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let now = self.shared.now();
            self.write(now)?;
            if self.out.is_empty() && self.stream.is_closed(now) {
                // The reader may have gone away by itself.
                let _ = self.to.shutdown(Shutdown::Write);
                return Ok(());
            }
            let full = self.stream.is_full(now);
            let reads = !self.ended && !full && self.stream.under_way_bytes() + self.out.len() < MAX_STREAM_BYTES;
            let blocked = !self.out.is_empty();
            let arrival = self.stream.poll_timeout().filter(|_| !blocked);
            let room = (full && !self.ended).then(|| now + ROOM_POLL);
            let due = arrival.into_iter().chain(room).min();
            // A socket that is not waited for is left out: its end would wake this thread over and over.
            let mut sockets = vec![wait::closed(stopped)];
            sockets.extend(reads.then(|| wait::readable(self.from)));
            sockets.extend(blocked.then(|| wait::writable(self.to)));
            let ready = wait::until(sockets, due, now)?;
            if ready[0] {
                return Ok(());
            }
            if reads && ready[1] {
                self.read(&mut buffer)?;
            }
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        let count = match self.from.read(buffer) {
            Ok(count) => count,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return Ok(()),
            Err(error) => return Err(error),
        };
        let now = self.shared.clock.now();
        self.stream.set_conditions(self.shared.conditions(self.direction));
        if count == 0 {
            self.ended = true;
            self.stream.handle_close(now.mono);
        } else {
            self.stream.handle_bytes(now.mono, &buffer[..count]);
            let bytes = if self.shared.is_watched(self.direction) { buffer[..count].to_vec() } else { Vec::new() };
            self.under_way.push_back(UnderWay { bytes, rest: count, read: now, begun: None });
        }
        Ok(())
    }

    /// Writes what has arrived by `due`, as far as the socket takes it.
    fn write(&mut self, due: MonoTime) -> io::Result<()> {
        if self.out.is_empty() {
            while let Some(bytes) = self.stream.poll_output(due) {
                self.out.extend(bytes);
            }
        }
        while !self.out.is_empty() {
            // Before, and not after: the write may wake the reader in this thread's place.
            let begun = self.shared.clock.now();
            match self.to.write(self.out.make_contiguous()) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => self.written(count, begun),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn written(&mut self, mut count: usize, at: Now) {
        self.out.drain(..count);
        while let Some(first) = self.under_way.front_mut().filter(|_| count > 0) {
            let part = count.min(first.rest);
            first.rest -= part;
            count -= part;
            let begun = *first.begun.get_or_insert(at);
            if first.rest > 0 {
                return;
            }
            let done = self.under_way.pop_front().filter(|done| !done.bytes.is_empty());
            if let Some(UnderWay { bytes, read, .. }) = done {
                let chunk = Chunk { connection: self.connection, bytes, read, begun, written: at };
                self.shared.report(self.direction, chunk);
            }
        }
    }
}
