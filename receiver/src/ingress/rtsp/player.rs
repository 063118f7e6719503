//! Plays one stream, session after session, and hands its access units on.

use std::cell::Cell;

use common::backoff::Backoff;
use common::frame::Size;
use common::host::SystemClock;
use common::media::{Codec, EncodedFrame, EntryPoint};
use common::rtp::timeline::SenderClock;
use common::stream_url::StreamUrl;
use common::time::MediaTime;
use common::units::seconds;
use futures::StreamExt;
use retina::client::Demuxed;
use retina::codec::{CodecItem, ParametersRef, VideoFrame};
use retina::rtcp::ReceivedCompoundPacket;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::Error;
use super::activity::{Activity, NO_MARKER, Silence};
use super::config::{Config, no_video_hint};
use super::connect::{Connector, NONCONFORMING, Started};
use super::guard::{Watched, in_turns};
use super::probe::probe;
use super::relay::{Relay, Transcript};
use crate::queue::{Body, Sender, Status, Unit};

/// What stays while sessions come and go.
pub(super) struct Player<'a> {
    pub(super) connector: Connector<'a>,
    clock: &'a SystemClock,
    /// Access units received, over all sessions.
    pictures: Cell<u64>,
    /// The user was told that the sender sets no marker, in this session or one before.
    marker_notified: Cell<bool>,
    /// What the guard of this thread looks at.
    watched: Watched,
}

impl<'a> Player<'a> {
    pub(super) fn new(config: &'a Config, clock: &'a SystemClock, watched: Watched) -> Self {
        let (pictures, marker_notified) = (Cell::new(0), Cell::new(false));
        Self { connector: Connector::new(config), clock, pictures, marker_notified, watched }
    }

    /// Session after session. Returns only where there was no first picture, or a flood.
    pub(super) async fn play_for_ever(&self, queue: &mut Sender) -> Error {
        let give_up = Instant::now() + self.connector.config.wait;
        let mut backoff = Backoff::reconnect();
        let mut notified = None;
        loop {
            let before = self.pictures.get();
            let error = self.play(queue).await;
            if error.is_flood() {
                return error;
            } else if self.pictures.get() > before {
                backoff.reset();
                queue.notify(Status::Disconnected(error.to_string()));
            } else if self.pictures.get() > 0 {
                tracing::debug!(%error, "the stream is not back");
            } else if !error.is_transient() || Instant::now() >= give_up {
                return error;
            } else if notified.as_ref() != Some(&error) {
                queue.notify(Status::Waiting(format!("{error}; trying for {}", seconds(self.connector.config.wait))));
                notified = Some(error);
            }
            // Before the first picture there is one last try when the time is up, however long the pauses have become.
            let until = Instant::now() + backoff.advance();
            sleep_until(if self.pictures.get() == 0 { until.min(give_up) } else { until }).await;
        }
    }

    /// One session, from connecting to its end.
    async fn play(&self, queue: &mut Sender) -> Error {
        let session = async {
            let mut connected = false;
            loop {
                let Started { session, codec, relay } = match self.connector.start().await {
                    Ok(started) => started,
                    Err(error) => return error,
                };
                let session = match session.demuxed() {
                    Ok(session) => session,
                    Err(error) => return self.connector.explain(&error, self.url(), &Transcript::default()),
                };
                if !std::mem::replace(&mut connected, true) {
                    queue.notify(Status::Connected(Some(codec)));
                }
                let began = Instant::now();
                let outcome = self.receive(session, codec, relay.as_ref(), queue).await;
                self.connector.ended(relay.as_ref(), began.elapsed());
                if let Some(error) = outcome {
                    return error;
                }
            }
        };
        self.watched.progress();
        tokio::select! {
            biased;
            limit = self.watched.flooded() => Error::flood(&self.url().host_and_port(), limit),
            error = in_turns(session) => error,
        }
    }

    /// Hands access units on until the session ends or falls silent, and says why. `None` if nothing has come yet, and a
    /// relay would mend it.
    async fn receive(
        &self,
        mut session: Demuxed,
        codec: Codec,
        relay: Option<&Relay>,
        queue: &mut Sender,
    ) -> Option<Error> {
        let mut activity = Activity::starting_at(Instant::now());
        loop {
            let until = activity.until(&self.connector.config.limits, self.pictures.get() == 0);
            let frame = match timeout_at(until, session.next()).await {
                Err(_) => {
                    drop(session);
                    return Some(self.silence(&activity).await);
                }
                Ok(None) => {
                    let url = self.url();
                    return Some(Error::transient(format!("the server closed the connection to {url}")));
                }
                Ok(Some(Err(error))) => {
                    let needs_relay = self.connector.may_need_relay(&error);
                    if needs_relay {
                        self.connector.relay_from_now_on(self.url(), NONCONFORMING);
                    }
                    // What the server answered before it played explains nothing now.
                    let fault = relay.and_then(|relay| relay.transcript().fault);
                    let transcript = Transcript { fault, ..Default::default() };
                    let explained = self.connector.explain(&error, self.url(), &transcript);
                    return (!needs_relay || activity.plays()).then_some(explained);
                }
                Ok(Some(Ok(CodecItem::VideoFrame(frame)))) => frame,
                // A sender report: the stream is there, however slow its pictures are.
                Ok(Some(Ok(CodecItem::Rtcp(packet)))) => {
                    if activity.rtcp(packet.raw(), sender_clock(&packet), Instant::now()) {
                        return Some(Error::left(self.url()));
                    }
                    continue;
                }
                Ok(Some(Ok(_))) => continue,
            };
            let first = !activity.plays();
            let sender = activity.unit(Instant::now());
            if activity.lacks_marker(*frame.start_ctx(), *frame.end_ctx()) && !self.marker_notified.replace(true) {
                queue.notify(Status::Remark(NO_MARKER.to_owned()));
            }
            let unit = self.unit(frame, codec, sender, &session, first);
            if let Some(error) = self.too_large(&session) {
                return Some(error);
            }
            self.pictures.set(self.pictures.get() + 1);
            self.connector.had_picture.set(true);
            self.watched.progress();
            queue.push(unit);
        }
    }

    /// Why nothing came any more.
    async fn silence(&self, activity: &Activity) -> Error {
        let (url, transport) = (self.url(), self.connector.config.transport);
        let waited = match activity.silence(Instant::now()) {
            Silence::Left => return Error::left(url),
            Silence::Stopped(waited) => {
                let waited = seconds(waited);
                return Error::transient(format!("the stream from {url} fell silent: nothing came for {waited}"));
            }
            Silence::NoVideo(waited) => seconds(waited),
        };
        let limit = self.connector.config.limits.silence.min(self.connector.config.limits.first_unit);
        let hint = format!("{} (shorten its GOP)", no_video_hint(transport));
        let why = match (probe(&self.connector, limit).await, activity.reports) {
            (Some(packets), _) => packets.to_string(),
            (None, 0) => format!("not one packet came: {hint}"),
            (None, reports) => format!("{reports} RTCP packets came and no video: {hint}"),
        };
        Error::transient(format!("{url} plays, but no picture came for {waited}: {why}"))
    }

    fn unit(
        &self,
        frame: VideoFrame,
        codec: Codec,
        sender: Option<SenderClock>,
        session: &Demuxed,
        first: bool,
    ) -> Unit {
        let assembled = self.clock.mono_of(std::time::Instant::now());
        let received = Some(self.clock.mono_of(frame.start_ctx().received()));
        let after_loss = frame.loss() > 0;
        if after_loss {
            tracing::debug!(packets = frame.loss(), "lost before this access unit");
        }
        let new_sets = first || frame.has_new_parameters();
        // retina counts media time on over its wraps.
        let time = MediaTime::from_ticks(frame.timestamp().timestamp() as u32);
        let sampled = sender.map(|sender| sender.sampled(time));
        let mut data = frame.into_data();
        let entry_point = codec.entry_point(&data);
        let is_key = entry_point == Some(EntryPoint::Key);
        // retina takes parameter sets out, and puts them before key frames alone: a stream may have none of these.
        if let Some(sets) = parameter_sets(session).filter(|_| new_sets && !is_key) {
            data.splice(0..0, sets.iter().copied());
        }
        let body = Body::Encoded(EncodedFrame { codec, data, is_key, time });
        Unit { received, sampled, is_entry_point: entry_point.is_some(), after_loss, ..Unit::new(body, assembled) }
    }

    /// The stream's pictures are too large, by the parameter sets it has sent so far.
    fn too_large(&self, session: &Demuxed) -> Option<Error> {
        let sizes = session.streams().iter().filter_map(|stream| match stream.parameters() {
            Some(ParametersRef::Video(video)) => Some(video.pixel_dimensions()),
            _ => None,
        });
        let (width, height) = sizes.into_iter().find(|&(w, h)| w.max(h) > Size::MAX_SIDE)?;
        let (url, max) = (self.url(), Size::MAX_SIDE);
        Some(Error::permanent(format!("the video at {url} is {width}x{height}, larger than {max}x{max}")))
    }

    fn url(&self) -> &'a StreamUrl {
        &self.connector.config.url
    }
}

/// The parameter sets of a session's video in Annex B form, by its description and what has come since.
fn parameter_sets(session: &Demuxed) -> Option<&[u8]> {
    session.streams().iter().find_map(|stream| match stream.parameters() {
        Some(ParametersRef::Video(video)) => Some(video.extra_data()),
        _ => None,
    })
}

/// The clocks of the sender report in a packet, if there is one.
fn sender_clock(packet: &ReceivedCompoundPacket) -> Option<SenderClock> {
    let report = packet.pkts().find_map(|part| part.as_sender_report().ok().flatten())?;
    SenderClock::new(report.ntp_timestamp().0, MediaTime::from_ticks(report.rtp_timestamp()))
}
