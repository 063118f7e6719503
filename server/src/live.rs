//! Streams that are cut for viewers over HTTP, from when somebody asks until some time after nobody does any more.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use common::clock::Clock;
use common::host::SystemClock;
use common::lock::lock;
use common::rtp::Frame;
use common::rtsp::serve::StreamPath;
use common::time::{MonoTime, WallTime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::relay::{Account, Frames, Memory, Stream, Unit};
use crate::segment::{SegmentSettings, Segmenter, Window};

/// A stream that nobody asked for in so long is cut no longer; longer where segments are.
const IDLE: Duration = Duration::from_secs(10);
/// How often that is looked at in the meantime.
const IDLE_CHECKS: u32 = 10;
/// Streams that are cut at the same time.
const LIVES_MAX: usize = 64;
/// Requests that wait, or are answered bit by bit.
const VIEWERS_MAX: usize = 512;
/// A publisher that was asked for a key frame is asked again after this: ours sends one a second at most on request.
const KEY_RETRY: Duration = Duration::from_millis(250);
/// One that has sent none for so long will not.
const KEY_LIMIT: Duration = Duration::from_millis(1_500);
/// A stamp further away from the frame's arrival is not believed.
const STAMP_OFF_MAX: Duration = Duration::from_secs(3_600);

/// The streams that are cut.
pub(crate) struct Lives(Arc<Inner>);

struct Inner {
    settings: SegmentSettings,
    idle: Duration,
    clock: SystemClock,
    /// Of the whole server: segments count for their publisher's address.
    memory: Memory,
    entries: Mutex<HashMap<StreamPath, Arc<Live>>>,
    viewers: Arc<Semaphore>,
}

/// One stream that is cut.
pub(crate) struct Live {
    segmenter: Mutex<Segmenter>,
    /// Counts changes of the window.
    changed: watch::Sender<u64>,
    asked: Mutex<MonoTime>,
    clock: SystemClock,
    stream: Weak<Stream>,
}

/// Why a stream is not cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Nobody publishes there.
    NoStream,
    /// [`LIVES_MAX`] are.
    Full,
}

impl Lives {
    pub(crate) fn new(settings: SegmentSettings, clock: SystemClock, memory: Memory) -> Self {
        Self::with_idle(settings, clock, memory, IDLE.max(3 * settings.segment))
    }

    fn with_idle(settings: SegmentSettings, clock: SystemClock, memory: Memory, idle: Duration) -> Self {
        let viewers = Arc::new(Semaphore::new(VIEWERS_MAX));
        Self(Arc::new(Inner { settings, idle, clock, memory, entries: Mutex::default(), viewers }))
    }

    /// The stream at `path`, where `published` is published now. Cuts it from now on, where it is not yet. Where the stream has
    /// just ended, its last segments are still there.
    pub(crate) fn watch(&self, path: &StreamPath, published: Option<&Arc<Stream>>) -> Result<Arc<Live>, Refused> {
        let inner = &self.0;
        let now = inner.clock.now().mono;
        let mut entries = lock(&inner.entries);
        if let Some(live) = entries.get(path)
            && published.is_none_or(|stream| live.stream.as_ptr() == Arc::as_ptr(stream))
        {
            live.touch();
            return Ok(live.clone());
        }
        let stream = published.ok_or(Refused::NoStream)?;
        if entries.len() >= LIVES_MAX && !entries.contains_key(path) {
            return Err(Refused::Full);
        }
        let frames = Frames::with_audio(stream.clone(), &inner.memory, now).ok_or(Refused::NoStream)?;
        let description = stream.description();
        let audio = description.audio().map(|audio| &audio.format);
        let live = Arc::new(Live {
            segmenter: Mutex::new(Segmenter::new(inner.settings).with_audio(audio)),
            changed: watch::Sender::new(0),
            asked: Mutex::new(now),
            clock: inner.clock.clone(),
            stream: Arc::downgrade(stream),
        });
        entries.insert(path.clone(), live.clone());
        let account = inner.memory.open(stream.publisher().peer.ip());
        tokio::spawn(cut(inner.clone(), path.clone(), live.clone(), frames, account));
        Ok(live)
    }

    /// The right to wait, or to be answered bit by bit; `None` where too many have it.
    pub(crate) fn admit(&self) -> Option<OwnedSemaphorePermit> {
        self.0.viewers.clone().try_acquire_owned().ok()
    }
}

impl Inner {
    fn remove(&self, path: &StreamPath, live: &Arc<Live>) {
        let mut entries = lock(&self.entries);
        if entries.get(path).is_some_and(|entry| Arc::ptr_eq(entry, live)) {
            entries.remove(path);
        }
    }

    /// Removes `live` where nobody has asked for it in some time; whether that is so.
    fn remove_idle(&self, path: &StreamPath, live: &Arc<Live>) -> bool {
        let mut entries = lock(&self.entries);
        let current = entries.get(path).is_some_and(|entry| Arc::ptr_eq(entry, live));
        let idle = live.is_idle(self.clock.now().mono, self.idle);
        if current && idle {
            entries.remove(path);
        }
        idle
    }
}

impl Live {
    /// Reads from the window as it is now.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Window) -> T) -> T {
        read(lock(&self.segmenter).window())
    }

    /// Reads until there is something, for `limit` at most.
    pub(crate) async fn wait<T>(&self, limit: Duration, mut read: impl FnMut(&Window) -> Option<T>) -> Option<T> {
        let mut changes = self.changed.subscribe();
        let found = async {
            loop {
                self.touch();
                if let Some(found) = self.read(&mut read) {
                    return Some(found);
                }
                changes.changed().await.ok()?;
            }
        };
        tokio::time::timeout(limit, found).await.unwrap_or_default()
    }

    fn touch(&self) {
        *lock(&self.asked) = self.clock.now().mono;
    }

    fn is_idle(&self, now: MonoTime, limit: Duration) -> bool {
        now - *lock(&self.asked) >= limit
    }

    fn end(&self) {
        self.change(|segmenter| {
            segmenter.end();
            false
        });
    }

    fn change(&self, change: impl FnOnce(&mut Segmenter) -> bool) -> bool {
        let result = change(&mut lock(&self.segmenter));
        self.changed.send_modify(|count| *count += 1);
        result
    }
}

/// Cuts the stream until it has ended and nobody asks for it any more, or memory is short.
async fn cut(lives: Arc<Inner>, path: StreamPath, live: Arc<Live>, frames: Frames, account: Arc<Account>) {
    let idle = async {
        loop {
            tokio::time::sleep(lives.idle / IDLE_CHECKS).await;
            if lives.remove_idle(&path, &live) {
                return;
            }
        }
    };
    let run = feed(&live, frames, &path, &account);
    tokio::select! {
        () = idle => {}
        () = run => {}
        () = account.told() => {
            tracing::warn!("memory is short: letting go of the segments of /{path}");
            lives.remove(&path, &live);
        }
    }
    live.end();
}

/// Passes the frames on until the stream ends, and holds on to what is there then.
async fn feed(live: &Live, mut frames: Frames, path: &StreamPath, account: &Arc<Account>) {
    let mut share = account.share();
    // Since when, and the last time.
    let mut asked: Option<(MonoTime, Option<MonoTime>)> = None;
    let (mut unusable, mut warned) = (false, false);
    while let Some(unit) = frames.next_unit().await {
        let frame = match unit {
            Unit::Video(frame) => frame,
            Unit::Audio(unit) => {
                // It goes out with the next picture: until then nothing has changed.
                lock(&live.segmenter).push_audio(&unit.frame, unit.time);
                continue;
            }
        };
        let now = live.clock.now();
        let arrived = now.wall_at(frame.arrived);
        let wall = stamp(&frame, arrived).unwrap_or(arrived);
        let wants_key = live.change(|segmenter| {
            segmenter.push(&frame, wall, arrived).unwrap_or_else(|error| {
                if !unusable {
                    tracing::warn!("cannot serve /{path} over HTTP: {error}");
                }
                unusable = true;
                false
            })
        });
        share.update(live.read(Window::held));
        if !wants_key {
            asked = None;
            continue;
        }
        let (since, last) = *asked.get_or_insert((now.mono, None));
        if last.is_none_or(|last| now.mono - last >= KEY_RETRY) {
            asked = Some((since, Some(now.mono)));
            frames.request_idr(now.mono);
        }
        if now.mono - since >= KEY_LIMIT && !std::mem::replace(&mut warned, true) {
            let gop = live.read(Window::frames_per_segment);
            tracing::warn!(
                "the publisher of /{path} sends no key frame when asked, so that segments are longer than wanted: publish with a \
                 key frame every {gop} frames (--gop {gop})"
            );
        }
    }
    live.end();
    // Until nobody asks any more.
    std::future::pending::<()>().await;
    drop(share);
}

/// When the picture was taken, by its stamp.
fn stamp(frame: &Frame, arrived: WallTime) -> Option<WallTime> {
    let stamp = frame.encoded.codec.find_stamp(&frame.encoded.data)?.times.stamp;
    (stamp.micros_since(arrived).unsigned_abs() <= STAMP_OFF_MAX.as_micros() as u64).then_some(stamp)
}

#[cfg(test)]
mod tests;
