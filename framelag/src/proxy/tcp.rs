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
use super::piece::Watcher;
use super::shared::{Shared, Watch};
use super::{Direction, MAX_STREAM_BYTES, Piece, wait};

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

fn now(shared: &Shared) -> MonoTime {
    shared.clock.now().mono
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
    watch: Watch,
    stream: Stream,
    ended: bool,
    /// Arrived, and not taken by the socket yet.
    out: VecDeque<u8>,
    /// Its number.
    connection: u64,
    /// What was read and is not written yet.
    pieces: VecDeque<UnderWay>,
}

/// A piece, and how much of it is not written yet.
struct UnderWay {
    /// None where nobody watches.
    bytes: Vec<u8>,
    rest: usize,
    read: Now,
    begun: Option<Now>,
}

impl<'a> Pipe<'a> {
    fn new(from: &'a TcpStream, to: &'a TcpStream, shared: &'a Shared, direction: Direction, number: u64) -> Self {
        let (conditions, watch) = Watch::new(shared, direction);
        let stream = Stream::of_writes(conditions, shared.seed_of(number, direction));
        let (out, pieces) = (VecDeque::new(), VecDeque::new());
        Self { from, to, shared, direction, watch, stream, ended: false, out, connection: number, pieces }
    }

    /// Runs until the direction has ended, or the proxy.
    fn run(&mut self, stopped: &PipeReader) -> io::Result<()> {
        wait::on_time();
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let now = now(self.shared);
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
            let ready = self.wait(stopped, reads, blocked, due, now)?;
            if ready.stopped {
                return Ok(());
            }
            if ready.readable && reads {
                self.read(&mut buffer)?;
            }
        }
    }

    /// A socket that is not waited for is left out: its end would be told over and over.
    fn wait(
        &self,
        stopped: &PipeReader,
        reads: bool,
        writes: bool,
        due: Option<MonoTime>,
        now: MonoTime,
    ) -> io::Result<Woken> {
        let stop = wait::ended(stopped);
        let (from, to) = (wait::readable(self.from), wait::writable(self.to));
        Ok(match (reads, writes) {
            (true, true) => {
                let wait::Ready([stopped, readable, _]) = wait::until([stop, from, to], due, now)?;
                Woken { stopped, readable }
            }
            (true, false) => {
                let wait::Ready([stopped, readable]) = wait::until([stop, from], due, now)?;
                Woken { stopped, readable }
            }
            (false, true) => {
                let wait::Ready([stopped, _]) = wait::until([stop, to], due, now)?;
                Woken { stopped, readable: false }
            }
            (false, false) => {
                let wait::Ready([stopped]) = wait::until([stop], due, now)?;
                Woken { stopped, readable: false }
            }
        })
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        let count = match self.from.read(buffer) {
            Ok(count) => count,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return Ok(()),
            Err(error) => return Err(error),
        };
        let now = self.shared.clock.now();
        if let Some(conditions) = self.watch.changed(self.shared) {
            self.stream.set_conditions(conditions);
        }
        if count == 0 {
            self.ended = true;
            self.stream.handle_close(now.mono);
        } else {
            self.stream.handle_bytes(now.mono, &buffer[..count]);
            let bytes = if self.watcher().is_there() { buffer[..count].to_vec() } else { Vec::new() };
            self.pieces.push_back(UnderWay { bytes, rest: count, read: now, begun: None });
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

    fn watcher(&self) -> &'a Watcher {
        &self.shared.watchers[self.direction as usize]
    }

    fn written(&mut self, mut count: usize, at: Now) {
        self.out.drain(..count);
        while let Some(first) = self.pieces.front_mut().filter(|_| count > 0) {
            let part = count.min(first.rest);
            first.rest -= part;
            count -= part;
            let begun = *first.begun.get_or_insert(at);
            if first.rest > 0 {
                return;
            }
            let done = self.pieces.pop_front().filter(|done| !done.bytes.is_empty());
            if let Some(UnderWay { bytes, read, .. }) = done {
                let piece = Piece { connection: self.connection, bytes, read, begun, written: at };
                self.watcher().tell(piece);
            }
        }
    }
}

/// Why a wait is over.
struct Woken {
    stopped: bool,
    readable: bool,
}
