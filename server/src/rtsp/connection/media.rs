//! How a connection begins to play or to publish.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use common::clock::Clock;
use common::rtp::rtcp;
use common::rtsp::interleaved;
use common::rtsp::phase::Phase;
use common::rtsp::serve::{Description, PacketKind, Setup, TrackTransport};
use common::time::MonoTime;
use tokio::sync::oneshot;

use super::Connection;
use super::asks::Asker;
use super::end::End;
use super::role::{Role, Udp};
use crate::budget::Priority;
use crate::relay::{Client, PublisherControl, Sink, Stream};
use crate::rtsp::outbox::Outbox;
use crate::rtsp::reader::{Identity, TcpReader, UdpReader};
use crate::rtsp::udp::{Pair, Pulse, Sender};

impl Connection {
    /// Joins the stream that was set up.
    pub(super) fn play(&mut self, now: MonoTime, setup: Setup) -> Result<(), End> {
        let stream = self.shared.paths.find(&setup.path).ok_or(End::StreamEnded)?;
        let over_udp = self.host.udp();
        let id = self.shared.next_id();
        let identity = Identity { id, client: self.client() };
        let transport = identity.client.transport;
        self.outbox.restart();
        let (sink, udp): (Arc<dyn Sink>, _) = if over_udp.is_empty() {
            (Arc::new(TcpReader { identity, outbox: self.outbox.clone(), tracks: setup.tracks.clone() }), None)
        } else {
            // What players send from their RTP ports only opens paths through firewalls.
            let sender = Sender::Reader(self.peer.ip());
            let udp = receive(over_udp, &[PacketKind::Rtcp], (&sender, &stream), self.pulse())?;
            let tracks = (0..setup.tracks.len()).map(|track| over_udp.get(&track).map(Pair::target)).collect();
            (Arc::new(UdpReader::new(identity, self.outbox.clone(), tracks)), Some(udp))
        };
        if !stream.join(now, sink) {
            return Err(End::StreamEnded);
        }
        let agent = self.session.user_agent().unwrap_or("unknown");
        tracing::info!(path = %setup.path, peer = %self.peer, agent, transport, reader = id, "playing");
        self.role = Role::Reader { stream, id, peer: self.peer.ip(), udp };
        self.host.lease().set_priority(Priority::Plays);
        Ok(())
    }

    /// Makes the announced stream live.
    pub(super) fn record(&mut self, setup: Setup) -> Result<(), End> {
        let reservation = self.host.take_reservation().ok_or(End::StreamEnded)?;
        let over_udp = self.host.udp();
        let control: Arc<dyn PublisherControl> = match setup.tracks.get(Description::VIDEO) {
            Some(Some(TrackTransport::Tcp { rtcp, .. })) => {
                let clock = self.shared.clock.clone();
                Arc::new(TcpControl { outbox: self.outbox.clone(), channel: *rtcp, clock, asker: self.asks.asker() })
            }
            _ => {
                let target = over_udp.get(&Description::VIDEO).map(Pair::target).ok_or(End::StreamEnded)?;
                Arc::new(UdpControl { rtcp: target.rtcp, asker: self.asks.asker() })
            }
        };
        let client = self.client();
        tracing::info!(path = %setup.path, peer = %self.peer, agent = client.user_agent, transport = client.transport, "publishing");
        if !setup.description.ignored().is_empty() {
            let ignored = setup.description.ignored().join(", ");
            tracing::warn!(path = %setup.path, ignored, "relaying only the first H.264 track and the first of AAC or Opus");
        }
        let publication = reservation.publish(setup.description.for_readers(), client, control);
        let udp = if over_udp.is_empty() {
            None
        } else {
            let kinds = [PacketKind::Rtp, PacketKind::Rtcp];
            Some(receive(over_udp, &kinds, (&Sender::Publisher, publication.stream()), self.pulse())?)
        };
        self.role = Role::Publisher { publication, udp };
        self.host.lease().set_priority(Priority::Publishes);
        Ok(())
    }

    fn client(&self) -> Client {
        Client {
            transport: if self.host.udp().is_empty() { "tcp" } else { "udp" },
            peer: self.peer,
            user_agent: self.session.user_agent().unwrap_or_default().to_owned(),
            since: self.shared.clock.now().wall,
        }
    }

    fn pulse(&self) -> Arc<Pulse> {
        Arc::new(Pulse::new(self.shared.clock.clone()))
    }
}

fn receive(
    pairs: &BTreeMap<usize, Pair>,
    kinds: &[PacketKind],
    to: (&Sender, &Arc<Stream>),
    pulse: Arc<Pulse>,
) -> Result<Udp, End> {
    let tasks = pairs.iter().map(|(track, pair)| pair.receive(*track, kinds, to, &pulse));
    Ok(Udp { _tasks: tasks.collect::<Result<_, _>>()?, pulse })
}

/// Asks a publisher over TCP.
struct TcpControl {
    outbox: Arc<Outbox>,
    channel: u8,
    clock: common::host::SystemClock,
    asker: Asker,
}

impl PublisherControl for TcpControl {
    fn request_idr(&self, media_ssrc: u32) {
        let request = picture_loss(media_ssrc);
        let Ok(length) = u16::try_from(request.len()) else { return };
        let mut frame = BytesMut::with_capacity(interleaved::HEADER_LEN + request.len());
        frame.put_slice(&interleaved::header(self.channel, length));
        frame.put_slice(&request);
        // A publisher that does not read is not asked again.
        let now = self.clock.now().mono;
        if self.outbox.queue(now, Bytes::from(frame)).is_ok() {
            self.outbox.flush(now);
        }
    }

    fn shift(&self, phase: Phase) -> Option<oneshot::Receiver<Option<u64>>> {
        self.asker.ask(phase)
    }
}

/// Asks a publisher over UDP.
struct UdpControl {
    rtcp: (Arc<UdpSocket>, SocketAddr),
    asker: Asker,
}

impl PublisherControl for UdpControl {
    fn request_idr(&self, media_ssrc: u32) {
        // Lost like any datagram may be: the relay asks again.
        let _ = self.rtcp.0.send_to(&picture_loss(media_ssrc), self.rtcp.1);
    }

    fn shift(&self, phase: Phase) -> Option<oneshot::Receiver<Option<u64>>> {
        self.asker.ask(phase)
    }
}

/// A picture loss indication behind an empty receiver report, as RFC 3550 section 6.1 has compound packets begin.
fn picture_loss(media_ssrc: u32) -> Vec<u8> {
    /// The relay's own source: it sends no media, so any number that is nobody else's will do.
    const SERVER_SSRC: u32 = 0x6672_6c67;
    /// Version 2 and no report blocks; type 201; one more word (RFC 3550 section 6.4.2).
    const EMPTY_REPORT: [u8; 4] = [0x80, 201, 0, 1];
    let mut compound = [EMPTY_REPORT, SERVER_SSRC.to_be_bytes()].concat();
    compound.extend(rtcp::picture_loss(SERVER_SSRC, media_ssrc));
    compound
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_for_a_picture_is_a_compound_packet() {
        assert_eq!(rtcp::parse(&picture_loss(7)), Ok(vec![rtcp::Event::PictureLoss { ssrc: 7 }]));
    }
}
