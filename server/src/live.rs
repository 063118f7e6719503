//! Live streams segmented for HTTP viewers: segmenting starts with the first request and stops some time after the last.

mod entry;
mod feed;
mod marks;
mod settings;
mod viewers;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::clock::Clock;
use common::host::SystemClock;
use common::lock::lock;
use common::rtsp::serve::StreamPath;

use crate::relay::{Account, Frames, Memory, Stream};
use crate::segment::{SegmentSettings, SettingsChange, Window};

pub(crate) use entry::Live;
pub use settings::PATHS_MAX;
pub(crate) use settings::{NotSet, Settings};
pub(crate) use viewers::{Permit, Viewers};

/// Shortest time without requests after which a stream is no longer segmented; long segments extend it.
const IDLE: Duration = Duration::from_secs(10);
/// Idle checks per idle limit.
const IDLE_CHECKS: u32 = 10;
/// Most streams segmented at the same time.
const LIVES_MAX: usize = 64;

/// The streams being segmented.
pub(crate) struct Lives(Arc<Inner>);

struct Inner {
    settings: Settings,
    /// Overrides [`IDLE`] in tests.
    idle: Option<Duration>,
    clock: SystemClock,
    /// The memory budget of the whole server: segments count against their publisher's address.
    memory: Memory,
    entries: Mutex<HashMap<StreamPath, Arc<Live>>>,
    viewers: Viewers,
}

/// Segments held in memory for a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) segments: usize,
    pub(crate) bytes: usize,
}

/// Why a stream is not available.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Nobody publishes at this path.
    NoStream,
    /// [`LIVES_MAX`] streams are already being segmented.
    Full,
}

impl Lives {
    /// `paths` holds per-path changes to `settings`.
    pub(crate) fn new(
        settings: SegmentSettings,
        paths: BTreeMap<StreamPath, SettingsChange>,
        clock: SystemClock,
        memory: Memory,
    ) -> Self {
        let (settings, viewers) = (Settings::new(settings, paths), Viewers::default());
        Self(Arc::new(Inner { settings, idle: None, clock, memory, entries: Mutex::default(), viewers }))
    }

    /// Returns the segmented stream at `path`, starting to segment `published` if needed. A stream that has just ended is
    /// still available with its last segments.
    pub(crate) fn watch(&self, path: &StreamPath, published: Option<&Arc<Stream>>) -> Result<Arc<Live>, Refused> {
        let inner = &self.0;
        let settings = inner.settings.of(path);
        let now = inner.clock.now().mono;
        let mut entries = lock(&inner.entries);
        let previous = entries.get(path);
        if let Some(live) = previous
            && published.is_none_or(|stream| live.is_of(stream) && live.settings() == settings)
        {
            live.touch();
            return Ok(live.clone());
        }
        let stream = published.ok_or(Refused::NoStream)?;
        if entries.len() >= LIVES_MAX && previous.is_none() {
            return Err(Refused::Full);
        }
        let frames = Frames::with_audio(stream.clone(), &inner.memory, now).ok_or(Refused::NoStream)?;
        let live = Arc::new(Live::new(settings, inner.clock.clone(), stream, previous.map(Arc::as_ref)));
        if let Some(previous) = entries.insert(path.clone(), live.clone()) {
            previous.replace();
        }
        let account = inner.memory.open(stream.publisher().peer.ip());
        tokio::spawn(inner.clone().cut(path.clone(), live.clone(), frames, account));
        Ok(live)
    }

    /// Returns the segmented stream that continues `live` at `path`, because its publisher has come back or its settings
    /// have changed. `None` if there is none; one that is segmented anew begins its media time anew.
    pub(crate) fn successor(
        &self,
        live: &Arc<Live>,
        path: &StreamPath,
        published: Option<&Arc<Stream>>,
    ) -> Option<Arc<Live>> {
        if !lock(&self.0.entries).contains_key(path) {
            return None;
        }
        let newest = self.watch(path, published).ok()?;
        (live.is_replaced() && !Arc::ptr_eq(&newest, live)).then_some(newest)
    }

    /// Returns the settings in force at `path`; `None` if it has none of its own and nothing is `published` there.
    pub(crate) fn settings(&self, path: &StreamPath, published: bool) -> Option<SegmentSettings> {
        let settings = &self.0.settings;
        (published || settings.has(path)).then(|| settings.of(path))
    }

    /// Changes the settings of `path`. A stream being segmented there restarts with them.
    ///
    /// # Errors
    /// Fails if a setting is out of range or too many paths have settings.
    pub(crate) fn set(
        &self,
        path: &StreamPath,
        published: Option<&Arc<Stream>>,
        change: SettingsChange,
    ) -> Result<SegmentSettings, NotSet> {
        let settings = self.0.settings.set(path, change)?;
        if published.is_some() && lock(&self.0.entries).contains_key(path) {
            // A stream that has just ended needs no restart.
            let _ = self.watch(path, published);
        }
        Ok(settings)
    }

    /// Admits a long-lived request from `peer`; `None` if there are too many.
    pub(crate) fn admit(&self, peer: IpAddr) -> Option<Permit> {
        self.0.viewers.admit(peer)
    }

    pub(crate) fn viewers(&self) -> &Viewers {
        &self.0.viewers
    }

    /// Returns what is held in memory for the stream at `path`.
    pub(crate) fn held(&self, path: &StreamPath) -> Held {
        let live = lock(&self.0.entries).get(path).cloned();
        live.map_or_else(Held::default, |live| {
            live.read(|window| Held { segments: window.segments().count(), bytes: window.held() })
        })
    }
}

impl Inner {
    /// Segments the stream until it is replaced or idle. Where memory is short, its segments are dropped.
    async fn cut(self: Arc<Self>, path: StreamPath, live: Arc<Live>, frames: Frames, account: Arc<Account>) {
        let limit = self.idle.unwrap_or(IDLE.max(3 * live.settings().segment));
        let idle = async {
            loop {
                tokio::time::sleep(limit / IDLE_CHECKS).await;
                if self.remove_idle(&path, &live, limit) {
                    return;
                }
            }
        };
        let share = Mutex::new(account.share());
        let over = async {
            tokio::select! {
                () = idle => {}
                () = live.replaced() => {}
                () = feed::feed(&live, frames, &path, &share) => {}
            }
        };
        let mut over = std::pin::pin!(over);
        loop {
            tokio::select! {
                () = &mut over => break,
                () = account.told() => {
                    tracing::warn!("memory is short: dropping the segments of /{path}");
                    if live.read(Window::has_ended) {
                        self.remove(&path, &live);
                        break;
                    }
                    live.drop_segments();
                    lock(&share).update(0);
                    account.gave_way();
                }
            }
        }
        live.end();
    }

    fn remove(&self, path: &StreamPath, live: &Arc<Live>) {
        let mut entries = lock(&self.entries);
        if entries.get(path).is_some_and(|entry| Arc::ptr_eq(entry, live)) {
            entries.remove(path);
        }
    }

    /// Removes `live` if it has been idle for longer than the limit. Returns whether it did.
    fn remove_idle(&self, path: &StreamPath, live: &Arc<Live>, limit: Duration) -> bool {
        let mut entries = lock(&self.entries);
        let current = entries.get(path).is_some_and(|entry| Arc::ptr_eq(entry, live));
        let idle = live.is_idle(self.clock.now().mono, limit);
        if current && idle {
            entries.remove(path);
        }
        idle
    }
}

#[cfg(test)]
mod tests;
