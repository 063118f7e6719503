//! UDP ports of a session: one pair per track, so that whose datagram it is never is a question.

use std::cell::RefCell;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use bytes::Bytes;
use common::clock::Clock;
use common::host::SystemClock;
use common::rtp;
use common::rtsp::serve::{Description, Packet, PacketKind, is_rtp};
use common::time::MonoTime;
use socket2::SockRef;
use tokio::task::AbortHandle;

use super::reader::Target;
use crate::relay::Stream;

/// Pairs that are tried before a session is told that there are none.
const BIND_ATTEMPTS: usize = 32;
/// Bytes asked of the kernel for each socket: a 1080p IDR at several Mbit/s arrives in one burst.
const SOCKET_BUFFER: usize = 1 << 20;
/// Datagrams that are forwarded together at most.
const BATCH: usize = 64;
/// Longest datagram.
const DATAGRAM_MAX: usize = 65_535;

thread_local! {
    /// Where datagrams are received before they are copied: one for all sockets of a thread.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; DATAGRAM_MAX]);
}

/// Sockets of one track, and the peer's ports.
pub(super) struct Pair {
    rtp: Arc<UdpSocket>,
    rtcp: Arc<UdpSocket>,
    peer: IpAddr,
    client: (u16, u16),
}

impl Pair {
    /// Descriptors of a pair: each socket has one for sending, and one that waits for what comes.
    pub(super) const DESCRIPTORS: usize = 4;

    /// Binds an even port of `local` and the odd one above it (RFC 3550 section 11) for a peer at `client`'s ports.
    pub(super) fn bind(local: IpAddr, peer: IpAddr, client: (u16, u16)) -> io::Result<Self> {
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for _ in 0..BIND_ATTEMPTS {
            let first = bind(local, 0)?;
            let port = first.local_addr()?.port();
            match bind(local, port ^ 1) {
                Ok(second) if port % 2 == 0 => return Ok(Self { rtp: first, rtcp: second, peer, client }),
                Ok(second) => return Ok(Self { rtp: second, rtcp: first, peer, client }),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// The ports bound, RTP and RTCP.
    pub(super) fn ports(&self) -> io::Result<(u16, u16)> {
        Ok((self.rtp.local_addr()?.port(), self.rtcp.local_addr()?.port()))
    }

    /// Where packets to the peer go.
    pub(super) fn target(&self) -> Target {
        Target {
            rtp: (self.rtp.clone(), SocketAddr::new(self.peer, self.client.0)),
            rtcp: (self.rtcp.clone(), SocketAddr::new(self.peer, self.client.1)),
        }
    }

    /// Receives packets of `kinds` of track `track` until the returned handle is dropped.
    pub(super) fn receive(
        &self,
        track: usize,
        kinds: &[PacketKind],
        (sender, stream): (&Sender, &Arc<Stream>),
        pulse: &Arc<Pulse>,
    ) -> io::Result<Tasks> {
        let mut tasks = Tasks(Vec::new());
        for &kind in kinds {
            let (socket, port) = match kind {
                PacketKind::Rtp => (&self.rtp, self.client.0),
                PacketKind::Rtcp => (&self.rtcp, self.client.1),
            };
            let task = Receive {
                socket: tokio::net::UdpSocket::from_std(socket.try_clone()?)?,
                from: SocketAddr::new(self.peer, port),
                track,
                kind,
                ssrc: None,
                sender: sender.clone(),
                stream: stream.clone(),
                pulse: pulse.clone(),
            };
            tasks.0.push(tokio::spawn(task.run()).abort_handle());
        }
        Ok(tasks)
    }
}

/// Whose datagrams they are.
#[derive(Clone)]
pub(super) enum Sender {
    /// The publisher's.
    Publisher,
    /// A reader's at this address.
    Reader(IpAddr),
}

/// When the peer was last heard, so that a session over UDP knows that it lives.
pub(super) struct Pulse {
    clock: SystemClock,
    /// Arrival times in µs of the newest packet of any kind and of the newest video RTP packet.
    any: AtomicU64,
    media: AtomicU64,
}

impl Pulse {
    pub(super) fn new(clock: SystemClock) -> Self {
        Self { clock, any: AtomicU64::new(0), media: AtomicU64::new(0) }
    }

    /// When a packet came last, and when one of media did.
    pub(super) fn last(&self) -> (Option<MonoTime>, Option<MonoTime>) {
        let time = |micros: &AtomicU64| {
            let micros = micros.load(Relaxed);
            (micros > 0).then(|| MonoTime::from_origin(std::time::Duration::from_micros(micros)))
        };
        (time(&self.any), time(&self.media))
    }

    fn beat(&self, media: bool) -> MonoTime {
        let now = self.clock.now().mono;
        let micros = u64::try_from(now.since_origin().as_micros()).unwrap_or(u64::MAX);
        self.any.store(micros, Relaxed);
        if media {
            self.media.store(micros, Relaxed);
        }
        now
    }
}

/// Ends its tasks when dropped.
pub(super) struct Tasks(Vec<AbortHandle>);

impl Drop for Tasks {
    fn drop(&mut self) {
        self.0.iter().for_each(AbortHandle::abort);
    }
}

struct Receive {
    socket: tokio::net::UdpSocket,
    from: SocketAddr,
    track: usize,
    kind: PacketKind,
    /// Source of the first good RTP packet; others on this port are not the stream.
    ssrc: Option<u32>,
    sender: Sender,
    stream: Arc<Stream>,
    pulse: Arc<Pulse>,
}

impl Receive {
    async fn run(mut self) {
        let mut packets = Vec::with_capacity(BATCH);
        loop {
            if self.socket.readable().await.is_err() {
                return;
            }
            BUFFER.with_borrow_mut(|buffer| self.take_batch(buffer, &mut packets));
            if !packets.is_empty() {
                // Audio alone does not reserve a path.
                let is_video = self.track == Description::VIDEO && self.kind == PacketKind::Rtp;
                let media = is_video && packets.iter().any(|packet| is_rtp(&packet.bytes));
                let now = self.pulse.beat(media);
                match self.sender {
                    Sender::Publisher => self.stream.forward(now, &mut packets),
                    Sender::Reader(peer) => self.stream.take_feedback(now, peer, &packets),
                }
                packets.clear();
            }
            // Under a flood the other tasks get their turn.
            tokio::task::yield_now().await;
        }
    }

    fn take_batch(&mut self, buffer: &mut [u8], packets: &mut Vec<Packet>) {
        for _ in 0..BATCH {
            match self.socket.try_recv_from(buffer) {
                Ok((length, from)) => self.take(from, &buffer[..length], packets),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // The network's word on a datagram sent earlier; the next one may be good.
                Err(_) => {}
            }
        }
    }

    fn take(&mut self, from: SocketAddr, datagram: &[u8], packets: &mut Vec<Packet>) {
        let from = SocketAddr::new(from.ip().to_canonical(), from.port());
        if from != self.from || !self.is_of_source(datagram) {
            return self.stream.count_foreign();
        }
        packets.push(Packet { track: self.track, kind: self.kind, bytes: Bytes::copy_from_slice(datagram) });
    }

    fn is_of_source(&mut self, datagram: &[u8]) -> bool {
        if self.kind == PacketKind::Rtcp {
            return true;
        }
        let Ok(packet) = rtp::Packet::parse(datagram) else { return false };
        *self.ssrc.get_or_insert(packet.ssrc) == packet.ssrc
    }
}

/// Ports for the tracks that nobody gets. They take what comes and lose it: one pair does for all tracks of a session.
pub(super) struct Drain {
    pair: Pair,
}

impl Drain {
    /// Descriptors of the two sockets, from which nothing is read.
    pub(super) const DESCRIPTORS: usize = 2;

    /// Ports at `local`.
    pub(super) fn bind(local: IpAddr) -> io::Result<Self> {
        let pair = Pair::bind(local, local, (0, 0))?;
        for socket in [&pair.rtp, &pair.rtcp] {
            // The least that the kernel has: what is in it is never read.
            let _ = SockRef::from(&**socket).set_recv_buffer_size(0);
        }
        Ok(Self { pair })
    }

    /// The ports, RTP and RTCP.
    pub(super) fn ports(&self) -> io::Result<(u16, u16)> {
        self.pair.ports()
    }
}

fn bind(local: IpAddr, port: u16) -> io::Result<Arc<UdpSocket>> {
    let socket = UdpSocket::bind((local, port))?;
    socket.set_nonblocking(true)?;
    let options = SockRef::from(&socket);
    // The kernel may grant less.
    let _ = options.set_recv_buffer_size(SOCKET_BUFFER).and_then(|()| options.set_send_buffer_size(SOCKET_BUFFER));
    Ok(Arc::new(socket))
}
