//! Connections through the proxy: two threads each, one for a direction.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, PipeReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use common::clock::Clock;
use common::impair::Stream;
use common::time::{MonoTime, Now};

use super::rtsp::Rewriter;
use super::shared::{ConditionsWatch, Shared};
use super::{Chunk, Direction, MAX_STREAM_BYTES, wait};

/// How long the server may take to accept a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);

/// Bytes read at once: an access unit of 20 Mbit/s at 30 pictures/s.
const READ_BYTES: usize = 128 << 10;

/// How often room for what is read is checked for.
const ROOM_POLL: Duration = Duration::from_millis(1);

/// How long no connection is accepted after one that could not be.
const PAUSE: Duration = Duration::from_millis(1);

/// Where connections lead.
#[derive(Clone, Copy)]
pub(super) struct Target {
    pub server: SocketAddr,
    /// Whether the ports in RTSP messages are rewritten.
    pub rtsp: bool,
}

/// Forwards connections until `stopped` closes, each on threads of its own, which end by then too.
pub(super) fn listen(socket: &TcpListener, to: Target, shared: &Arc<Shared>, stopped: &Arc<PipeReader>) {
    let mut connections: Vec<JoinHandle<()>> = Vec::new();
    let mut accept = || -> io::Result<()> {
        socket.set_nonblocking(true)?;
        let mut sockets = [wait::closed(&**stopped), wait::readable(socket)];
        loop {
            wait::until(&mut sockets, None, shared.now())?;
            if wait::is_ready(&sockets[0]) {
                return Ok(());
            }
            let (client, address) = match socket.accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                // A client that gave up, or no file descriptor left for now.
                Err(_) => {
                    thread::sleep(PAUSE);
                    continue;
                }
            };
            connections.retain(|connection| !connection.is_finished());
            let Some(number) = shared.admit(connections.len(), address) else { continue };
            let (shared, stopped) = (Arc::clone(shared), Arc::clone(stopped));
            let connection = move || connect(&client, address, number, to, &shared, &stopped);
            connections.push(thread::Builder::new().name(format!("proxy {number}")).spawn(connection)?);
        }
    };
    if let Err(error) = accept() {
        tracing::error!("the proxy stopped accepting connections: {error}");
    }
    connections.into_iter().for_each(|connection| drop(connection.join()));
}

/// One connection, until both directions have ended.
fn connect(
    client: &TcpStream,
    address: SocketAddr,
    number: u64,
    to: Target,
    shared: &Arc<Shared>,
    stopped: &PipeReader,
) {
    let server = match TcpStream::connect_timeout(&to.server, CONNECT_LIMIT) {
        Ok(server) => server,
        Err(error) => return shared.refuse(address, &format_args!("cannot connect to {}: {error}", to.server)),
    };
    let prepare = |socket: &TcpStream| socket.set_nodelay(true).and_then(|()| socket.set_nonblocking(true));
    let rewriter = to.rtsp.then(|| Rewriter::new(address.ip(), to.server.ip(), shared)).transpose();
    let rewriter = match prepare(client).and_then(|()| prepare(&server)).and(rewriter) {
        Ok(rewriter) => rewriter,
        Err(error) => return shared.refuse(address, &error),
    };
    let (server, rewriter) = (&server, rewriter.as_ref());
    let run = |direction, from, to| {
        let mut pipe = Pipe::new(from, to, shared, direction, number, rewriter);
        if let Err(error) = pipe.run(stopped) {
            tracing::debug!("connection {number} from {address} broke off: {error}");
            // Ends the other direction too. If a side is gone already there is nothing to shut down.
            let _ = client.shutdown(Shutdown::Both);
            let _ = server.shutdown(Shutdown::Both);
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| run(Direction::Forward, client, server));
        run(Direction::Back, server, client);
    });
}

/// One direction of a connection.
struct Pipe<'a> {
    from: &'a TcpStream,
    to: &'a TcpStream,
    shared: &'a Shared,
    direction: Direction,
    /// Of its connection.
    number: u64,
    rewriter: Option<&'a Rewriter>,
    watch: ConditionsWatch,
    stream: Stream,
    ended: bool,
    /// Arrived, but not taken by the socket yet.
    out: VecDeque<u8>,
    /// What was read but is not written yet.
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
    fn new(
        from: &'a TcpStream,
        to: &'a TcpStream,
        shared: &'a Shared,
        direction: Direction,
        number: u64,
        rewriter: Option<&'a Rewriter>,
    ) -> Self {
        let (conditions, watch) = shared.conditions(direction);
        let stream = Stream::of_writes(conditions, shared.seed_of(number, direction));
        let (out, under_way) = (VecDeque::new(), VecDeque::new());
        Self { from, to, shared, direction, number, rewriter, watch, stream, ended: false, out, under_way }
    }

    /// Runs until the direction has ended, or the proxy.
    fn run(&mut self, stopped: &PipeReader) -> io::Result<()> {
        wait::reduce_timer_slack();
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let now = self.shared.now();
            self.write(now)?;
            if self.out.is_empty() && self.stream.is_closed(now) {
                // The reader may have gone away.
                let _ = self.to.shutdown(Shutdown::Write);
                return Ok(());
            }
            let full = self.stream.is_full(now);
            let reads = !self.ended && !full && self.stream.under_way_bytes() + self.out.len() < MAX_STREAM_BYTES;
            let blocked = !self.out.is_empty();
            let arrival = self.stream.poll_timeout().filter(|_| !blocked);
            let room = (full && !self.ended).then(|| now + ROOM_POLL);
            let due = arrival.into_iter().chain(room).min();
            let mut sockets = [wait::closed(stopped), wait::readable(self.from), wait::writable(self.to)];
            if !reads {
                sockets.swap(1, 2);
            }
            // A socket that is not waited for is left out: its end would wake this thread over and over.
            let count = 1 + usize::from(reads) + usize::from(blocked);
            wait::until(&mut sockets[..count], due, now)?;
            if wait::is_ready(&sockets[0]) {
                return Ok(());
            }
            if reads && wait::is_ready(&sockets[1]) {
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
        // Acknowledge at once: a sender without TCP_NODELAY would wait up to 40 ms for the kernel's delayed acknowledgement, which
        // is no delay of the simulated link. Best effort.
        #[cfg(target_os = "linux")]
        let _ = socket2::SockRef::from(self.from).set_tcp_quickack(true);
        let now = self.shared.clock.now();
        if let Some(conditions) = self.watch.changed(self.shared) {
            self.stream.set_conditions(conditions);
        }
        if count == 0 {
            self.ended = true;
            self.stream.handle_close(now.mono);
            return Ok(());
        }
        let bytes = match self.rewriter {
            Some(rewriter) => rewriter.rewrite(self.direction, &buffer[..count])?,
            None => buffer[..count].to_vec(),
        };
        if !bytes.is_empty() {
            self.stream.handle_bytes(now.mono, &bytes);
            let rest = bytes.len();
            let bytes = if self.shared.is_watched(self.direction) { bytes } else { Vec::new() };
            self.under_way.push_back(UnderWay { bytes, rest, read: now, begun: None });
        }
        Ok(())
    }

    /// Writes what has arrived by `due`, as much as the socket takes.
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
                let chunk = Chunk { connection: self.number, bytes, read, begun, written: at };
                self.shared.report(self.direction, chunk);
            }
        }
    }
}
