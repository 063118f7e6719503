//! A stream as one request sees it: it switches to the successor.

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::rtsp::serve::StreamPath;

use crate::Shared;
use crate::budget::Lease;
use crate::live::{Live, Permit, Refused};
use crate::relay::View;
use crate::segment::Window;

/// How long to wait for a change before looking for a successor: a publisher that is back wakes nobody.
const FOLLOW_AFTER: Duration = Duration::from_millis(250);

/// The stream of a request, with the request's permit.
pub(super) struct Followed {
    shared: Arc<Shared>,
    path: StreamPath,
    live: Arc<Live>,
    view: View,
    lease: Arc<Lease>,
    _permit: Permit,
}

impl Followed {
    /// Starts segmenting the stream at `path` if needed.
    pub(super) fn open(
        shared: Arc<Shared>,
        path: StreamPath,
        lease: Arc<Lease>,
        permit: Permit,
    ) -> Result<Self, Refused> {
        let live = shared.lives.watch(&path, shared.paths.find(&path).as_ref())?;
        let view = live.view();
        Ok(Self { shared, path, live, view, lease, _permit: permit })
    }

    pub(super) fn live(&self) -> &Live {
        &self.live
    }

    pub(super) fn view(&self) -> &View {
        &self.view
    }

    /// Tells that the connection is in use.
    pub(super) fn touch(&self) {
        self.lease.touch();
    }

    /// Waits until `find` finds something in the stream or its successors, for [`limit`] in each at most.
    pub(super) async fn wait<T>(&mut self, mut find: impl FnMut(&Window) -> Option<T>) -> Option<T> {
        let mut until = Instant::now() + self.live.read(limit);
        loop {
            let found = self.look(&mut find).await;
            if found.is_some() {
                return found;
            }
            if self.follow() {
                until = Instant::now() + self.live.read(limit);
            } else if self.live.is_replaced() || Instant::now() >= until {
                return None;
            }
        }
    }

    /// Waits for a moment until `find` finds something in the stream.
    pub(super) async fn look<T>(&self, find: impl FnMut(&Window) -> Option<T>) -> Option<T> {
        self.live.wait(FOLLOW_AFTER, find).await
    }

    /// Switches to the stream's successor. Returns whether there is one.
    pub(super) fn follow(&mut self) -> bool {
        let published = self.shared.paths.find(&self.path);
        let Some(live) = self.shared.lives.successor(&self.live, &self.path, published.as_ref()) else { return false };
        self.view = live.view();
        self.live = live;
        true
    }
}

/// Longest wait of a request: three target durations (draft-pantos-hls-rfc8216bis section 6.2.5.2). The first request also
/// waits for a key frame, and for more than one segment.
fn limit(window: &Window) -> Duration {
    let start = if window.segments().next().is_none() { 6 } else { 0 };
    Duration::from_secs((3 * window.target()).max(3) + start)
}
