//! The one file that knows retina: plays an RTSP stream and hands its access units on, each with the time its first packet
//! came in and the time it was whole.
//!
//! retina has no time-outs and reports errors as texts of many lines; both are mended here. It hands an access unit over on the
//! RTP marker (RFC 6184 section 5.1), or one frame late where the sender sets none.

mod config;
mod connect;
mod error;
mod guard;
mod heard;
mod player;
mod probe;
mod reason;
mod relay;

use std::cell::{Cell, RefCell};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Once};
use std::time::Duration;

use common::backoff::Backoff;
use common::frame::Size;
use common::h264::Glance;
use common::host::{Stop, SystemClock};
use common::media::{Codec, EncodedFrame};
use common::rtp::timeline::SenderClock;
use common::stream_url::StreamUrl;
use common::time::MediaTime;
use common::transport::Transport;
use common::units::seconds;
pub use config::{Config, Limits};
use connect::{ODD, Started};
pub use error::Error;
use futures::{FutureExt, StreamExt};
use guard::{Guard, Watched, in_turns};
use heard::{Heard, Silence};
use player::Player;
use reason::is_mendable;
use relay::Relay;
use retina::client::Demuxed;
use retina::codec::{CodecItem, ParametersRef, VideoFrame};
use retina::rtcp::ReceivedCompoundPacket;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::queue::{Arrival, Body, Sender, Unit};

/// Longest wait for the answer to TEARDOWN at the end.
const FAREWELL_LIMIT: Duration = Duration::from_millis(200);

/// Why a session plays and brings no video.
const HELD_BACK: &str =
    "its publisher sends none, or the server holds it back until the publisher's next key frame (shorten its GOP)";

/// A session that is shorter has not needed a sign of life yet: none is due before half of the server's time-out.
const SIGN_OF_LIFE_MIN: Duration = Duration::from_secs(1);

/// Plays until `stop`, or until the first connection fails for good. Blocks; runs the network on the calling thread.
///
/// Before the first picture a failure that may pass is retried for `config.wait`; after it, every failure but a flood is retried for
/// ever, and the gap is said by [`Arrival::Disconnected`]. Where even a flood cannot end this, the end is said without it.
///
/// # Errors
/// Why there was no first picture, or that it is a flood.
pub fn run(config: &Config, clock: &SystemClock, stop: &Stop, queue: &mut Sender) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Error::Runtime(error.to_string()))?;
    quieten_retina();
    let watched = Watched::default();
    let (notifier, address) = (queue.notifier(), config.url.host_and_port());
    let give_up = move |limit| notifier.notify(Arrival::Ended(Err(Error::Flood { address, limit }.to_string())));
    let guard = Guard::start(config.limits, watched.clone(), give_up);
    let _guard = guard.map_err(|error| Error::Runtime(error.to_string()))?;
    let player = Player {
        config,
        clock,
        sessions: Arc::default(),
        pictures: Cell::new(0),
        marker_told: Cell::new(false),
        watched: watched.clone(),
        relayed: Cell::new(false),
        mended: Cell::new(false),
        redirected: RefCell::default(),
    };
    let sessions = Arc::clone(&player.sessions);
    let outcome = runtime.block_on(async {
        tokio::select! {
            () = stop.requested() => Ok(()),
            error = player.play_for_ever(queue) => Err(error),
        }
    });
    // retina says TEARDOWN from a task of its own; whether anybody answers does not matter any more. To one that sends without end
    // nothing is said: the task would read on.
    runtime.block_on(async {
        tokio::select! {
            biased;
            _ = watched.flooded() => {}
            // It panics where its task did.
            _ = AssertUnwindSafe(timeout(FAREWELL_LIMIT, sessions.await_teardown())).catch_unwind() => {}
        }
    });
    runtime.shutdown_background();
    outcome
}

/// A panic of retina's is caught, and told as an error is: nothing else is printed of it.
fn quieten_retina() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| match panic.location() {
            Some(at) if at.file().contains("/retina-") => tracing::debug!("{panic}"),
            _ => usual(panic),
        }));
    });
}

impl Player<'_> {
    /// Session after session. Returns only where there was no first picture, or a flood.
    async fn play_for_ever(&self, queue: &mut Sender) -> Error {
        let give_up = Instant::now() + self.config.wait;
        let mut backoff = Backoff::reconnect();
        let mut told = None;
        loop {
            let before = self.pictures.get();
            let error = self.play(queue).await;
            if matches!(error, Error::Flood { .. }) {
                return error;
            } else if self.pictures.get() > before {
                backoff.reset();
                queue.notify(Arrival::Disconnected(error.to_string()));
            } else if self.pictures.get() > 0 {
                tracing::debug!(%error, "the stream is not back");
            } else if !error.may_pass() || Instant::now() >= give_up {
                return error;
            } else if told.as_ref() != Some(&error) {
                queue.notify(Arrival::Waiting(format!("{error}; trying for {}", seconds(self.config.wait))));
                told = Some(error);
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
                let (session, relay) = match self.start().await {
                    Ok(Started { session, relay }) => (session, relay),
                    Err(error) => return error,
                };
                let session = match session.demuxed() {
                    Ok(session) => session,
                    Err(error) => return self.explain(&error, &self.config.url, &relay::Heard::default()),
                };
                if !std::mem::replace(&mut connected, true) {
                    queue.notify(Arrival::Connected);
                }
                let began = Instant::now();
                let outcome = self.receive(session, relay.as_ref(), queue).await;
                self.relayed.set(self.needs_relay(relay.as_ref(), began.elapsed()));
                if let Some(error) = outcome {
                    return error;
                }
            }
        };
        self.watched.progress();
        tokio::select! {
            biased;
            limit = self.watched.flooded() => Error::Flood { address: self.config.url.host_and_port(), limit },
            error = in_turns(session) => error,
        }
    }

    /// Whether the session after one that broke off is to go through a relay: retina does not answer a challenge that comes to a
    /// sign of life, and the server ends the session. Where the relay had nothing to do, the next goes without.
    fn needs_relay(&self, relay: Option<&Relay>, played: Duration) -> bool {
        self.config.url.credentials().is_some()
            && relay.map_or(played >= SIGN_OF_LIFE_MIN, |relay| relay.heard().renewed > 0)
    }

    /// Hands access units on until the session ends or falls silent, and says why. `None` where nothing has come yet, and a
    /// relay would mend it.
    async fn receive(&self, mut session: Demuxed, relay: Option<&Relay>, queue: &mut Sender) -> Option<Error> {
        let mut heard = Heard::nothing(Instant::now());
        loop {
            let until = heard.until(&self.config.limits, self.pictures.get() == 0);
            let frame = match timeout_at(until, session.next()).await {
                Err(_) => {
                    drop(session);
                    return Some(self.silence(&heard).await);
                }
                Ok(None) => return Some(Error::Closed { url: self.url() }),
                Ok(Some(Err(error))) => {
                    let mendable = !self.mended.get() && is_mendable(&error.to_string());
                    if mendable {
                        self.relay_from_now_on(&self.config.url, ODD);
                    }
                    // What the server answered before it played explains nothing now.
                    let fault = relay.and_then(|relay| relay.heard().fault);
                    let told = self.explain(&error, &self.config.url, &relay::Heard { fault, ..Default::default() });
                    return (!mendable || heard.plays()).then_some(told);
                }
                Ok(Some(Ok(CodecItem::VideoFrame(frame)))) => frame,
                // A sender report: the stream is there, however slow its pictures are.
                Ok(Some(Ok(CodecItem::Rtcp(packet)))) => {
                    if heard.rtcp(packet.raw(), sender_clock(&packet), Instant::now()) {
                        return Some(Error::Left { url: self.url() });
                    }
                    continue;
                }
                Ok(Some(Ok(_))) => continue,
            };
            let first = !heard.plays();
            let sender = heard.unit(Instant::now());
            if heard.lacks_marker(*frame.start_ctx(), *frame.end_ctx()) && !self.marker_told.replace(true) {
                queue.notify(Arrival::Remark(heard::NO_MARKER.to_owned()));
            }
            let unit = self.unit(frame, sender, &session, first);
            if let Some(error) = self.too_large(&session) {
                return Some(error);
            }
            self.pictures.set(self.pictures.get() + 1);
            self.watched.progress();
            queue.push(unit);
        }
    }

    /// Why nothing came any more.
    async fn silence(&self, heard: &Heard) -> Error {
        let url = self.url();
        let (waited, came) = match heard.silence(Instant::now()) {
            Silence::Left => return Error::Left { url },
            Silence::Stopped(waited) => return Error::Stopped { url, waited },
            Silence::Nothing(waited) => (waited, None),
            Silence::Reports(reports, waited) => (waited, Some(reports)),
        };
        let limit = self.config.limits.silence.min(self.config.limits.first_unit);
        let why = match (self.probe(limit).await, came, self.config.transport) {
            (Some(packets), ..) => packets.to_string(),
            (None, Some(reports), _) => format!("{reports} RTCP packets came and no video: {HELD_BACK}"),
            (None, None, Transport::Udp) => {
                format!("not one packet came: {HELD_BACK}, or a firewall drops them (try --transport tcp)")
            }
            (None, None, Transport::Tcp) => format!("not one packet came: {HELD_BACK}"),
        };
        Error::Silence { url, waited, why: why.into() }
    }

    fn unit(&self, frame: VideoFrame, sender: Option<SenderClock>, session: &Demuxed, first: bool) -> Unit {
        let assembled = self.clock.mono_of(std::time::Instant::now());
        let received = Some(self.clock.mono_of(frame.start_ctx().received()));
        let after_loss = frame.loss() > 0;
        if after_loss {
            tracing::debug!(packets = frame.loss(), "lost before this access unit");
        }
        let idr = frame.is_random_access_point();
        let new_sets = first || frame.has_new_parameters();
        // retina counts media time on over its wraps.
        let time = MediaTime::from_ticks(frame.timestamp().timestamp() as u32);
        let sampled = sender.map(|sender| sender.sampled(time));
        let mut data = frame.into_data();
        let begins = idr || Glance::at(&data).recovery.is_some();
        // retina takes parameter sets out, and puts them before IDR pictures alone: a stream may have none of these.
        if let Some(sets) = parameter_sets(session).filter(|_| new_sets && !idr) {
            data.splice(0..0, sets.iter().copied());
        }
        let body = Body::Encoded(EncodedFrame { codec: Codec::H264, data, is_key: idr, time });
        Unit { received, sampled, begins, after_loss, ..Unit::new(body, assembled) }
    }

    /// The stream's pictures are too large, by the parameter sets it has sent so far.
    fn too_large(&self, session: &Demuxed) -> Option<Error> {
        let sizes = session.streams().iter().filter_map(|stream| match stream.parameters() {
            Some(ParametersRef::Video(video)) => Some(video.pixel_dimensions()),
            _ => None,
        });
        let (width, height) = sizes.into_iter().find(|&(w, h)| w.max(h) > Size::MAX_SIDE)?;
        Some(Error::TooLarge { url: self.url(), width, height })
    }

    fn url(&self) -> StreamUrl {
        self.config.url.clone()
    }
}

/// The parameter sets of a session's video in Annex B form, by its description and what has come since.
fn parameter_sets(session: &Demuxed) -> Option<&[u8]> {
    session.streams().iter().find_map(|stream| match stream.parameters() {
        Some(ParametersRef::Video(video)) => Some(video.extra_data()),
        _ => None,
    })
}

/// The clocks of the sender report in a packet, where there is one.
fn sender_clock(packet: &ReceivedCompoundPacket) -> Option<SenderClock> {
    let report = packet.pkts().find_map(|part| part.as_sender_report().ok().flatten())?;
    SenderClock::new(report.ntp_timestamp().0, MediaTime::from_ticks(report.rtp_timestamp()))
}
