//! A live stream: one publisher, its packets, its readers.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use common::lock::lock;
use common::media::Codec;
use common::rtp::{self, rtcp};
use common::rtsp::phase::Phase;
use common::rtsp::push::is_ours;
use common::rtsp::serve::{Description, StreamPath};
use common::time::{MediaTime, MonoTime};
use tokio::sync::oneshot;

use super::audio::{AudioCounter, AudioCounts};
use super::frames::{FrameQueue, FrameSinks, IN_PROCESS, Wants};
use super::memory::Memory;
use super::packet::{FrameCounter, FramePosition, Packet, PacketKind, Placed};
use super::pictures::Requests;
use super::sink::{Client, Drops, PublisherControl, ReaderInfo, Sink};
use super::viewed::{Viewed, ViewedCounts};

/// A live stream.
pub(crate) struct Stream {
    path: StreamPath,
    publisher: Client,
    control: Arc<dyn PublisherControl>,
    description: Mutex<Arc<Description>>,
    relay: Mutex<Relay>,
    packets: AtomicU64,
    bytes: AtomicU64,
    foreign: AtomicU64,
    viewed: Arc<Viewed>,
    finished: AtomicBool,
}

struct Relay {
    codec: Codec,
    /// Sinks of packets.
    readers: Vec<Arc<dyn Sink>>,
    /// Sinks of whole frames.
    frames: FrameSinks,
    counter: FrameCounter,
    audio: Option<AudioCounter>,
    /// Reused from batch to batch.
    batch: Vec<Placed>,
    media_ssrc: Option<u32>,
    requests: Requests,
    ended: bool,
    /// Drops of readers that have left, so that the stream's counts never go back.
    departed_drops: Drops,
}

/// What the API and the metrics show of a stream.
#[derive(Clone, Debug)]
pub(crate) struct Counts {
    pub(crate) readers: usize,
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    pub(crate) frames: u64,
    pub(crate) idrs: u64,
    pub(crate) lost_packets: u64,
    pub(crate) foreign_packets: u64,
    pub(crate) dropped: Drops,
    /// HTTP viewers.
    pub(crate) viewed: ViewedCounts,
    /// Audio counters, if present.
    pub(crate) audio: Option<AudioCounts>,
}

impl Stream {
    pub(super) fn new(
        path: StreamPath,
        description: Description,
        publisher: Client,
        control: Arc<dyn PublisherControl>,
    ) -> Self {
        let relay = Relay {
            codec: description.codec(),
            readers: Vec::new(),
            frames: FrameSinks::new(description.audio()),
            counter: FrameCounter::default(),
            audio: description.audio().map(AudioCounter::new),
            batch: Vec::new(),
            media_ssrc: None,
            requests: Requests::default(),
            ended: false,
            departed_drops: Drops::default(),
        };
        Self {
            path,
            publisher,
            control,
            description: Mutex::new(Arc::new(description)),
            relay: Mutex::new(relay),
            packets: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            foreign: AtomicU64::new(0),
            viewed: Arc::default(),
            finished: AtomicBool::new(false),
        }
    }

    /// Its name.
    pub(crate) fn path(&self) -> &StreamPath {
        &self.path
    }

    /// Who publishes.
    pub(crate) fn publisher(&self) -> &Client {
        &self.publisher
    }

    /// Returns the counters of HTTP viewers.
    pub(crate) fn viewed(&self) -> &Arc<Viewed> {
        &self.viewed
    }

    /// Notes that the publisher has ended the stream.
    pub(crate) fn finish(&self) {
        self.finished.store(true, Relaxed);
    }

    /// Whether the publisher has ended the stream; a lost one may come back.
    pub(super) fn is_finished(&self) -> bool {
        self.finished.load(Relaxed)
    }

    /// Its video, with the newest parameter sets.
    pub(crate) fn description(&self) -> Arc<Description> {
        lock(&self.description).clone()
    }

    /// Returns the media time of the newest packet of `track`, in ticks of that track's clock.
    pub(crate) fn newest_time(&self, track: usize) -> Option<MediaTime> {
        let relay = lock(&self.relay);
        if track == Description::VIDEO { relay.counter.newest() } else { relay.audio.as_ref()?.newest() }
    }

    /// Adds a reader and asks the publisher for an IDR. `false` where the stream has just ended.
    pub(crate) fn join(&self, now: MonoTime, reader: Arc<dyn Sink>) -> bool {
        let mut relay = lock(&self.relay);
        if relay.ended {
            return false;
        }
        relay.requests.ask(reader.peer());
        relay.readers.push(reader);
        self.request_idr_if_due(&mut relay, now);
        true
    }

    /// Adds a sink of whole frames in this process, as [`Stream::join`] adds a reader.
    pub(super) fn subscribe(&self, now: MonoTime, memory: &Memory, wants: Wants) -> Option<Arc<FrameQueue>> {
        let mut relay = lock(&self.relay);
        if relay.ended {
            return None;
        }
        let codec = relay.codec;
        let queue = FrameQueue::new(memory.open(IN_PROCESS), wants);
        let queue = relay.frames.join(codec, &lock(&self.description).video().parameter_sets, queue);
        relay.requests.ask(IN_PROCESS);
        self.request_idr_if_due(&mut relay, now);
        Some(queue)
    }

    #[cfg(test)]
    pub(crate) fn has_frame_sinks(&self) -> bool {
        lock(&self.relay).frames.are_fed()
    }

    /// Takes a sink of whole frames out.
    pub(crate) fn unsubscribe(&self, queue: &Arc<FrameQueue>) {
        lock(&self.relay).frames.leave(queue);
    }

    /// Asks the publisher for an IDR outside the readers' budgets; the caller limits the rate.
    pub(super) fn request_idr(&self, now: MonoTime) {
        let mut relay = lock(&self.relay);
        if let Some(media_ssrc) = relay.media_ssrc {
            relay.requests.ask_freely(now);
            self.control.request_idr(media_ssrc);
        }
    }

    /// Asks a framelag publisher to shift its pictures. Other publishers are not asked.
    pub(crate) fn shift(&self, phase: Phase) -> Option<oneshot::Receiver<Option<u64>>> {
        if is_ours(&self.publisher.user_agent) { self.control.shift(phase) } else { None }
    }

    /// Takes a reader out; its drops stay counted.
    pub(crate) fn leave(&self, id: u64) -> Option<ReaderInfo> {
        let mut relay = lock(&self.relay);
        let at = relay.readers.iter().position(|r| r.id() == id)?;
        let info = relay.readers.swap_remove(at).info();
        relay.departed_drops += info.counts.dropped;
        Some(info)
    }

    /// A reader at `peer` lost a picture (RFC 4585 section 6.3.1): passed on, as often as its budget allows.
    fn want_idr(&self, now: MonoTime, peer: IpAddr) {
        let mut relay = lock(&self.relay);
        relay.requests.ask(peer);
        self.request_idr_if_due(&mut relay, now);
    }

    /// Takes a reader's RTCP: its reports are its own business, a lost picture is passed on to the publisher.
    pub(crate) fn take_feedback(&self, now: MonoTime, peer: IpAddr, packets: &[Packet]) {
        let lost = |packet: &Packet| {
            packet.kind == PacketKind::Rtcp
                && rtcp::parse(&packet.bytes)
                    .is_ok_and(|events| events.iter().any(|e| matches!(e, rtcp::Event::PictureLoss { .. })))
        };
        if packets.iter().any(lost) {
            self.want_idr(now, peer);
        }
    }

    /// Counts a packet that came from somewhere else than the publisher.
    pub(crate) fn count_foreign(&self) {
        self.foreign.fetch_add(1, Relaxed);
    }

    /// What has passed so far.
    pub(crate) fn counts(&self) -> Counts {
        let (mut counts, readers) = {
            let relay = lock(&self.relay);
            let counts = Counts {
                readers: relay.readers.len(),
                packets: self.packets.load(Relaxed),
                bytes: self.bytes.load(Relaxed),
                frames: relay.counter.frames(),
                idrs: relay.counter.idrs(),
                lost_packets: relay.counter.lost(),
                foreign_packets: self.foreign.load(Relaxed),
                dropped: relay.departed_drops,
                viewed: self.viewed.counts(),
                audio: relay.audio.as_ref().map(AudioCounter::counts),
            };
            (counts, relay.readers.clone())
        };
        readers.iter().for_each(|reader| counts.dropped += reader.info().counts.dropped);
        counts
    }

    /// The readers, for the API. The stream does not wait for their answers.
    pub(crate) fn readers(&self) -> Vec<ReaderInfo> {
        let readers = lock(&self.relay).readers.clone();
        readers.iter().map(|r| r.info()).collect()
    }

    /// Passes packets on to every reader, and empties `packets`.
    pub(crate) fn forward(&self, now: MonoTime, packets: &mut Vec<Packet>) {
        let mut relay = lock(&self.relay);
        let mut batch = std::mem::take(&mut relay.batch);
        let mut bytes = 0;
        self.packets.fetch_add(packets.len() as u64, Relaxed);
        for packet in packets.drain(..) {
            bytes += packet.bytes.len() as u64;
            if let Some(position) = self.place(&mut relay, &packet) {
                batch.push(Placed { packet, position });
            }
        }
        self.bytes.fetch_add(bytes, Relaxed);
        for reader in &relay.readers {
            reader.deliver(now, &batch);
        }
        relay.frames.deliver(now, &batch);
        batch.clear();
        relay.batch = batch;
        self.request_idr_if_due(&mut relay, now);
    }

    /// Returns `None` for packets that are not relayed: other tracks, and anything but RTP.
    fn place(&self, relay: &mut Relay, packet: &Packet) -> Option<FramePosition> {
        if packet.track != Description::VIDEO {
            let audio = relay.audio.as_mut().filter(|_| packet.track == Description::AUDIO)?;
            let position = if packet.kind == PacketKind::Rtp { FramePosition::Beside } else { FramePosition::Free };
            return audio.take(packet).then_some(position);
        }
        if packet.kind == PacketKind::Rtcp {
            return Some(FramePosition::Free);
        }
        let rtp = rtp::Packet::parse(&packet.bytes).ok()?;
        let codec = relay.codec;
        // A payload that is malformed only the reader can judge.
        let Ok(starts_decoding) = rtp.starts_decoding(codec) else { return Some(FramePosition::Other) };
        relay.media_ssrc = Some(rtp.ssrc);
        let position = relay.counter.place(&rtp, starts_decoding);
        if let FramePosition::Video { opens: true, .. } = position {
            relay.requests.served();
        }
        // The description is copied only where somebody holds it, which is at most once for each that was asked for.
        rtp.for_each_parameter_set(codec, |set| {
            let mut description = lock(&self.description);
            if !description.has_parameter_set(set) {
                Arc::make_mut(&mut description).take_parameter_set(set);
            }
        });
        Some(position)
    }

    fn request_idr_if_due(&self, relay: &mut Relay, now: MonoTime) {
        let Some(media_ssrc) = relay.media_ssrc else { return };
        if relay.requests.is_retry_due(now) {
            relay.readers.iter().filter(|r| r.waits_for_idr()).for_each(|r| relay.requests.ask(r.peer()));
            if relay.frames.wait_for_key() {
                relay.requests.ask(IN_PROCESS);
            }
        }
        if relay.requests.poll(now) {
            self.control.request_idr(media_ssrc);
        }
    }

    pub(super) fn end(&self) {
        let readers = {
            let mut relay = lock(&self.relay);
            relay.ended = true;
            relay.frames.end();
            std::mem::take(&mut relay.readers)
        };
        for reader in readers {
            reader.end();
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
