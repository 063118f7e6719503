//! One stream that is cut.

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use common::audio::AudioFrame;
use common::clock::Clock;
use common::host::SystemClock;
use common::lock::lock;
use common::sei::{Origin, Stamp};
use common::time::{MediaTime, MonoTime, WallTime};
use tokio::sync::watch;

use super::marks::{FrameMarks, Marks, Placed};
use crate::relay::{Stream, View, Viewed};
use crate::segment::{SegmentSettings, Segmenter, Window};

/// See the module.
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

/// What those who wait are told.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// Counts changes of the window.
    changes: u64,
    /// Another one has taken its place.
    replaced: bool,
}

impl Live {
    /// Cuts `stream` as `settings` say. Counts on from `previous`, which was at the same path.
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

    /// Counts a request for as long as the result lives.
    pub(crate) fn view(&self) -> View {
        self.viewed.open()
    }

    /// Whether another one has taken its place.
    pub(crate) fn is_replaced(&self) -> bool {
        self.state.borrow().replaced
    }

    /// Another one takes its place: nobody waits for it any more.
    pub(super) fn replace(&self) {
        self.state.send_modify(|state| state.replaced = true);
    }

    pub(super) async fn replaced(&self) {
        // The sender is here.
        let _ = self.state.subscribe().wait_for(|state| state.replaced).await;
    }

    /// Reads from the window as it is now.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Window) -> T) -> T {
        read(lock(&self.segmenter).window())
    }

    /// Reads until there is something, for `limit` at most, or until it is replaced.
    pub(crate) async fn wait<T>(&self, limit: Duration, mut read: impl FnMut(&Window) -> Option<T>) -> Option<T> {
        let mut changes = self.state.subscribe();
        let found = async {
            loop {
                // Before it is read: what changes in between is seen the next time.
                let replaced = changes.borrow_and_update().replaced;
                self.touch();
                if let Some(found) = self.read(&mut read) {
                    return Some(found);
                }
                if replaced {
                    return None;
                }
                changes.changed().await.ok()?;
            }
        };
        tokio::time::timeout(limit, found).await.unwrap_or_default()
    }

    /// Who stamps the stream, and when its newest frames were where: those from number `from` on.
    pub(crate) fn marks(&self, from: Option<u32>) -> (Origin, Vec<FrameMarks>) {
        let marks = lock(&self.marks);
        (marks.origin(), marks.from(from))
    }

    /// The newest frame has this stamp, and came in at `arrived`.
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

    pub(super) fn end(&self) {
        self.change(|segmenter| {
            segmenter.end();
            false
        });
    }

    /// Takes a frame of audio, to be heard at `time` of the video's clock. It goes out with the next picture: until then nothing
    /// has changed.
    pub(super) fn push_audio(&self, frame: &AudioFrame, time: MediaTime) {
        lock(&self.segmenter).push_audio(frame, time);
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Segmenter) -> bool) -> bool {
        let result = change(&mut lock(&self.segmenter));
        self.state.send_modify(|state| state.changes += 1);
        result
    }
}
