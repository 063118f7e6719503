//! One RTSP connection: its socket, its session, and its part in the relay.

mod asks;
mod end;
mod media;
mod role;

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use common::clock::Clock;
use common::rtsp::serve::{Output, Packet, Session, TURN};
use common::time::MonoTime;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::task::coop;

use super::host::ConnectionHost;
use super::outbox::{Event, Outbox};
use crate::budget::{Lease, Priority};
use crate::relay::{Account, Share};
use crate::{Pace, Shared};
use asks::{Ask, Asks};
use end::{End, WRITE_STALL_LIMIT};
use role::Role;

/// How long, and for how many bytes, a refused peer is given the chance to read why.
const LINGER_LIMIT: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 1 << 20;
/// Bytes read at once of a publisher: most frames of a live stream come whole. Who had to give way reads less at once from
/// then on.
const MEDIA_BUFFER: usize = 256 << 10;
/// Bytes read at once of everybody else: requests and reports.
const REQUEST_BUFFER: usize = 8 << 10;
/// Tokio lets a task that finds its sockets ready go on for a budget of 128 operations; a full turn uses it up.
const WORK_PER_OPERATION: usize = TURN / 128;

/// See the module.
pub(super) struct Connection {
    shared: Arc<Shared>,
    peer: SocketAddr,
    reader: OwnedReadHalf,
    outbox: Arc<Outbox>,
    session: Session,
    host: ConnectionHost,
    pace: Pace,
    role: Role,
    account: Arc<Account>,
    /// What was read and waits for its rest, and room for more.
    input: Share,
    has_given_way: bool,
    asks: Asks,
    /// Packets of the bytes read last, to be forwarded together.
    packets: Vec<Packet>,
}

impl Connection {
    /// The connection on `stream`, which must have a name at both ends.
    ///
    /// # Errors
    /// Where it is gone already.
    pub(super) fn new(shared: Arc<Shared>, stream: TcpStream, lease: Lease) -> io::Result<Self> {
        let (local, peer) = (stream.local_addr()?, stream.peer_addr()?);
        let (reader, writer) = stream.into_split();
        let id = format!("{:032x}", rand::random::<u128>());
        let account = shared.memory.open(peer.ip());
        Ok(Self {
            peer,
            reader,
            outbox: Arc::new(Outbox::new(writer, account.share())),
            session: Session::new(id, shared.clock.now().mono),
            host: ConnectionHost::new(shared.clone(), local, peer, lease),
            pace: Pace::new(peer.ip()),
            role: Role::None,
            input: account.share(),
            account,
            has_given_way: false,
            asks: Asks::new(),
            packets: Vec::new(),
            shared,
        })
    }

    /// Serves the connection to its end.
    pub(super) async fn run(mut self) {
        let end = self.serve().await;
        // What is refused is answered first, as far as the socket takes it at once.
        let _ = self.drain_outputs(self.shared.clock.now().mono);
        let agent = self.session.user_agent().unwrap_or("unknown");
        let (peer, state) = (self.peer, self.session.state());
        match end {
            End::Closed | End::StreamEnded | End::Lost(_) | End::WriteFailed => {
                tracing::info!(%peer, agent, %state, "RTSP connection ended: {end}");
            }
            _ => tracing::warn!(%peer, agent, %state, "RTSP connection closed: {end}"),
        }
        self.role.leave();
        if matches!(end, End::Refused(_)) {
            self.linger().await;
        }
    }

    /// Closes our half, and reads what the peer still sends: a socket closed with unread bytes resets the connection,
    /// and the peer might never see the response that says what was wrong.
    async fn linger(&mut self) {
        let mut rest = [0; 4096];
        let mut left = LINGER_BYTES;
        let closed = socket2::SockRef::from(self.reader.as_ref()).shutdown(Shutdown::Write);
        let drained = async {
            while let Ok(count @ 1..) = self.reader.read(&mut rest).await {
                left = left.saturating_sub(count);
                if left == 0 {
                    return;
                }
            }
        };
        if closed.is_ok() {
            // Whether the peer closed or the time is over: it had its chance.
            let _ = tokio::time::timeout(LINGER_LIMIT, drained).await;
        }
    }

    async fn serve(&mut self) -> End {
        let mut resume = tokio::time::Instant::now();
        loop {
            let now = tokio::time::Instant::now();
            let deadline = now + self.until_deadline();
            let paced = resume > now;
            self.make_room();
            let step = tokio::select! {
                read = self.reader.read_buf(self.session.input()), if !paced => self.handle_read(read).await,
                event = self.outbox.event() => self.handle_event(event),
                () = tokio::time::sleep_until(resume), if paced => Ok(()),
                () = tokio::time::sleep_until(deadline) => self.handle_deadline(),
                () = self.host.lease().evicted() => Err(End::Evicted),
                () = self.account.told() => self.give_way(),
                ask = self.asks.next() => self.handle_ask(ask),
            };
            if let Err(end) = step {
                return end;
            }
            let requests = self.session.take_requests();
            if requests > 0 {
                self.host.lease().touch();
                resume = tokio::time::Instant::now() + self.pace.charge(&self.shared, requests as f64);
            }
        }
    }

    fn make_room(&mut self) {
        let is_publisher = matches!(self.role, Role::Publisher { .. });
        let room = if is_publisher && !self.has_given_way { MEDIA_BUFFER } else { REQUEST_BUFFER };
        let input = self.session.input();
        if input.is_empty() && input.capacity() > room {
            // A long request does not leave its memory to who idles after it.
            *input = BytesMut::new();
        }
        input.reserve(room.saturating_sub(input.len()).max(REQUEST_BUFFER));
        self.input.update(input.capacity());
    }

    /// Lets go of what it can, so that others have memory.
    fn give_way(&mut self) -> Result<(), End> {
        self.has_given_way = true;
        self.outbox.cut();
        let input = self.session.input();
        *input = BytesMut::from(&input[..]);
        self.input.update(input.capacity());
        if self.account.gave_way() { Ok(()) } else { Err(End::OutOfMemory) }
    }

    async fn handle_read(&mut self, read: io::Result<usize>) -> Result<(), End> {
        if read? == 0 {
            return Err(End::Closed);
        }
        #[cfg(target_os = "linux")]
        self.acknowledge();
        loop {
            let now = self.shared.clock.now().mono;
            let result = self.session.handle_turn(now, &mut self.host);
            self.drain_outputs(now)?;
            let work = result?;
            // A peer that sends without end gives way to others as soon as its turn is over; one that had to be waited
            // for has its whole budget again, so that a frame is not held up.
            for _ in 0..work / WORK_PER_OPERATION {
                coop::consume_budget().await;
            }
            if work < TURN {
                return Ok(());
            }
        }
    }

    /// Acknowledges what a publisher sent at once. Without TCP_NODELAY, as in ffmpeg, a publisher holds back small writes until
    /// the previous one is acknowledged (Nagle's algorithm, RFC 9293 section 3.7.4), which Linux may delay by 40 ms. The option
    /// does not last (tcp(7), TCP_QUICKACK), so it is set after each read.
    #[cfg(target_os = "linux")]
    fn acknowledge(&self) {
        if matches!(self.role, Role::Publisher { .. })
            && let Err(error) = socket2::SockRef::from(self.reader.as_ref()).set_tcp_quickack(true)
        {
            tracing::debug!(peer = %self.peer, "cannot acknowledge a publisher's packets at once: {error}");
        }
    }

    fn handle_event(&mut self, event: Event) -> Result<(), End> {
        match event {
            Event::Writable => {
                self.outbox.flush(self.shared.clock.now().mono);
                Ok(())
            }
            Event::Failed => Err(End::WriteFailed),
            Event::Ended => Err(End::StreamEnded),
        }
    }

    fn handle_ask(&mut self, ask: Ask) -> Result<(), End> {
        let cseq = self.session.ask_phase(self.host.local(), ask.phase);
        self.asks.sent(ask, cseq);
        self.drain_outputs(self.shared.clock.now().mono)
    }

    fn handle_deadline(&mut self) -> Result<(), End> {
        let now = self.shared.clock.now().mono;
        if let (Some(heard), media) = self.role.last_heard() {
            self.session.handle_activity(heard, media);
        }
        let stalled = self.outbox.blocked_since().is_some_and(|since| now - since >= WRITE_STALL_LIMIT);
        if stalled {
            return Err(End::WriteStalled);
        }
        Ok(self.session.handle_timeout(now)?)
    }

    /// Time to the next deadline of the session, or to the next look at a socket that does not take what waits.
    fn until_deadline(&self) -> Duration {
        let session = self.session.poll_timeout();
        let stall = self.outbox.blocked_since().map(|since| since + WRITE_STALL_LIMIT);
        let next = session.into_iter().chain(stall).min();
        let until = next.map_or(WRITE_STALL_LIMIT, |next| next - self.shared.clock.now().mono);
        // The publisher's task may find the socket blocked at any time; looking once per limit is often enough.
        until.clamp(Duration::from_millis(1), WRITE_STALL_LIMIT)
    }

    fn drain_outputs(&mut self, now: MonoTime) -> Result<(), End> {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Packet(packet) => {
                    self.packets.push(packet);
                    continue;
                }
                // What came before a change of role belongs to the old one.
                _ => self.role.take_packets(now, &mut self.packets),
            }
            match output {
                // A player that has read the answer to PLAY has joined the stream: so it joins first. Its packets
                // cannot overtake the answer, which is in the queue before them.
                Output::Send(bytes) => self.outbox.queue(now, bytes).map_err(|_| End::ControlFull)?,
                Output::Play(setup) => self.play(now, setup)?,
                Output::Record(setup) => self.record(setup)?,
                Output::Pause => {
                    self.role.leave();
                    self.host.lease().set_priority(Priority::Idle);
                }
                Output::Teardown => {
                    self.role.finish();
                    self.host.lease().set_priority(Priority::Idle);
                    self.host.release();
                }
                Output::Answer { cseq, body } => self.asks.answered(cseq, body.as_deref()),
                Output::Packet(_) => {}
            }
        }
        self.outbox.flush(now);
        self.role.take_packets(now, &mut self.packets);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
