//! One stream being segmented.

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use common::audio::AudioFrame;
use common::clock::Clock;
use common::host::SystemClock;
use common::lock::lock;
use common::sei::{Origin, Stamp};
use common::served::ServedFrame;
use common::time::{MediaTime, MonoTime, WallTime};
use tokio::sync::watch;

use super::marks::{Marks, Placed};
use crate::relay::{Stream, View, Viewed};
use crate::segment::{SegmentSettings, Segmenter, Window};

/// A stream being segmented, with its window of segments and the requests that wait for it.
pub(crate) struct Live {
    segmenter: Mutex<Segmenter>,
    settings: SegmentSettings,
    state: watch::Sender<State>,
    asked: Mutex<MonoTime>,
    marks: Mutex<Marks>,
    clock: SystemClock,
    stream: Weak<Stream>,
    viewed: Arc<Viewed>,
}

/// State sent to waiting requests.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// Number of changes to the window.
    changes: u64,
    /// Whether a newer entry has replaced this one.
    replaced: bool,
}

impl Live {
    /// Starts segmenting `stream` with `settings`. Continues the numbering of `previous`, the last entry at the same path.
    pub(super) fn new(
        settings: SegmentSettings,
        clock: SystemClock,
        stream: &Arc<Stream>,
        previous: Option<&Self>,
    ) -> Self {
        let segmenter = match previous {
            Some(previous) => Segmenter::after(settings, &lock(&previous.segmenter)),
            None => Segmenter::new(settings),
        };
        let description = stream.description();
        let segmenter = segmenter.with_audio(description.audio().map(|audio| &audio.format));
        Self {
            segmenter: Mutex::new(segmenter),
            settings,
            state: watch::Sender::default(),
            asked: Mutex::new(clock.now().mono),
            marks: Mutex::default(),
            clock,
            stream: Arc::downgrade(stream),
            viewed: stream.viewed().clone(),
        }
    }

    pub(super) fn clock(&self) -> &SystemClock {
        &self.clock
    }

    pub(super) fn settings(&self) -> SegmentSettings {
        self.settings
    }

    pub(super) fn is_of(&self, stream: &Arc<Stream>) -> bool {
        self.stream.as_ptr() == Arc::as_ptr(stream)
    }

    /// Counts an open request until the result is dropped.
    pub(crate) fn view(&self) -> View {
        self.viewed.open()
    }

    /// Whether a newer entry has replaced this one.
    pub(crate) fn is_replaced(&self) -> bool {
        self.state.borrow().replaced
    }

    /// Marks this entry as replaced and wakes all waiting requests.
    pub(super) fn replace(&self) {
        self.state.send_modify(|state| state.replaced = true);
    }

    pub(super) async fn replaced(&self) {
        // Cannot fail: `self` owns the sender.
        let _ = self.state.subscribe().wait_for(|state| state.replaced).await;
    }

    /// Reads from the current window.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Window) -> T) -> T {
        read(lock(&self.segmenter).window())
    }

    /// Waits until `read` returns `Some`, for `limit` at most or until the entry is replaced.
    pub(crate) async fn wait<T>(&self, limit: Duration, mut read: impl FnMut(&Window) -> Option<T>) -> Option<T> {
        let mut changes = self.state.subscribe();
        let found = async {
            loop {
                // Mark the state as seen before reading the window, so that no change in between is missed.
                changes.mark_unchanged();
                self.touch();
                let found = self.read(&mut read);
                // Checked after reading: a window that has been replaced looks like a stream that has ended.
                if self.is_replaced() {
                    return None;
                }
                if found.is_some() {
                    return found;
                }
                changes.changed().await.ok()?;
            }
        };
        tokio::time::timeout(limit, found).await.unwrap_or_default()
    }

    /// Returns the origin of the stream's stamps and the marks of its newest frames, from sequence number `from` on.
    pub(crate) fn marks(&self, from: Option<u32>) -> (Origin, Vec<ServedFrame>) {
        let marks = lock(&self.marks);
        (marks.origin(), marks.from(from))
    }

    /// Records the newest frame, which has this stamp and arrived at `arrived`.
    pub(super) fn mark(&self, stamp: &Stamp, arrived: WallTime) {
        let placed = |window: &Window| {
            let open = window.open()?;
            Some(Placed { segment: open.number, all_in_parts: open.is_all_in_parts() })
        };
        if let Some(placed) = self.read(placed) {
            lock(&self.marks).push(stamp, arrived, placed, self.clock.now().wall);
        }
    }

    pub(super) fn touch(&self) {
        *lock(&self.asked) = self.clock.now().mono;
    }

    pub(super) fn is_idle(&self, now: MonoTime, limit: Duration) -> bool {
        now - *lock(&self.asked) >= limit
    }

    /// Lets go of all segments; the next one begins at the next key frame.
    pub(super) fn drop_segments(&self) {
        self.change(|segmenter| {
            segmenter.drop_segments();
            false
        });
    }

    pub(super) fn end(&self) {
        self.change(|segmenter| {
            segmenter.end();
            false
        });
    }

    /// Adds an audio frame to be played at `time` on the video's clock. It is sent with the next video frame, so waiting
    /// requests are not woken.
    pub(super) fn push_audio(&self, frame: &AudioFrame, time: MediaTime) {
        lock(&self.segmenter).push_audio(frame, time);
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Segmenter) -> bool) -> bool {
        let result = change(&mut lock(&self.segmenter));
        self.state.send_modify(|state| state.changes += 1);
        result
    }
}
