//! Which paths are live, and who may publish where.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::lock::lock;
use common::rtsp::serve::{Busy, Description, StreamPath};

use super::sink::{Client, PublisherControl};
use super::stream::Stream;

/// A publisher that comes back within this finds room where others do not.
const RECENT: Duration = Duration::from_secs(300);
/// Paths that are remembered as recent.
const RECENT_MAX: usize = 1_024;

/// All paths of a server.
#[derive(Default)]
pub(crate) struct Paths {
    entries: Mutex<BTreeMap<StreamPath, Entry>>,
    /// Streams that had media and have ended, and when.
    ended: Mutex<Ended>,
}

/// See [`Paths`]. At most [`RECENT_MAX`], the latest.
#[derive(Default)]
struct Ended(BTreeMap<StreamPath, Instant>);

enum Entry {
    /// Announced, not recording yet: nobody else may publish, and nobody can read.
    Reserved,
    Live(Arc<Stream>),
}

/// A path that is announced. Dropping it frees the path.
pub(crate) struct Reservation {
    path: StreamPath,
    paths: Arc<Paths>,
    used: bool,
}

impl Paths {
    /// Keeps `path` for one publisher.
    pub(crate) fn reserve(self: &Arc<Self>, path: &StreamPath) -> Result<Reservation, Busy> {
        let mut entries = lock(&self.entries);
        if entries.contains_key(path) {
            return Err(Busy(format!("another publisher is already streaming to /{path}")));
        }
        entries.insert(path.clone(), Entry::Reserved);
        Ok(Reservation { path: path.clone(), paths: self.clone(), used: false })
    }

    /// The live stream at `path`.
    pub(crate) fn find(&self, path: &StreamPath) -> Option<Arc<Stream>> {
        match lock(&self.entries).get(path) {
            Some(Entry::Live(stream)) => Some(stream.clone()),
            _ => None,
        }
    }

    /// All live streams, by name.
    pub(crate) fn list(&self) -> Vec<Arc<Stream>> {
        let entries = lock(&self.entries);
        entries.values().filter_map(|e| if let Entry::Live(s) = e { Some(s.clone()) } else { None }).collect()
    }

    /// Whether a stream with media has ended at `path` a short time ago.
    pub(crate) fn is_recent(&self, path: &StreamPath) -> bool {
        lock(&self.ended).is_recent(Instant::now(), path)
    }

    pub(super) fn remove(&self, stream: &Arc<Stream>) {
        // Noted before the path is free: whoever publishes there again is known by it.
        if stream.counts().frames > 0 {
            lock(&self.ended).note(Instant::now(), stream.path());
        }
        lock(&self.entries).remove(stream.path());
    }
}

impl Ended {
    fn is_recent(&self, now: Instant, path: &StreamPath) -> bool {
        self.0.get(path).is_some_and(|ended| now.saturating_duration_since(*ended) < RECENT)
    }

    fn note(&mut self, now: Instant, path: &StreamPath) {
        if self.0.len() >= RECENT_MAX && !self.0.contains_key(path) {
            let oldest = self.0.iter().min_by_key(|(_, ended)| **ended).map(|(path, _)| path.clone());
            oldest.map(|path| self.0.remove(&path));
        }
        self.0.insert(path.clone(), now);
    }
}

impl Reservation {
    /// Makes the stream live.
    pub(crate) fn publish(
        mut self,
        description: Description,
        publisher: Client,
        control: Arc<dyn PublisherControl>,
    ) -> Publication {
        let stream = Arc::new(Stream::new(self.path.clone(), description, publisher, control));
        lock(&self.paths.entries).insert(self.path.clone(), Entry::Live(stream.clone()));
        self.used = true;
        Publication::new(stream, self.paths.clone())
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if !self.used {
            lock(&self.paths.entries).remove(&self.path);
        }
    }
}

/// The right to publish at a path. Dropping it ends the stream and frees the path.
pub(crate) struct Publication {
    stream: Arc<Stream>,
    paths: Arc<Paths>,
}

impl Publication {
    fn new(stream: Arc<Stream>, paths: Arc<Paths>) -> Self {
        Self { stream, paths }
    }

    /// The stream published.
    pub(crate) fn stream(&self) -> &Arc<Stream> {
        &self.stream
    }
}

impl Drop for Publication {
    fn drop(&mut self) {
        self.paths.remove(&self.stream);
        self.stream.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_that_have_ended_the_latest_are_remembered() {
        let path = |number: usize| StreamPath::parse(&format!("cam{number}")).expect("a name");
        let start = Instant::now();
        let at = |ms: usize| start + Duration::from_millis(ms as u64);
        let mut ended = Ended::default();
        (0..RECENT_MAX).for_each(|number| ended.note(at(number), &path(number)));
        ended.note(at(RECENT_MAX), &path(0));
        ended.note(at(RECENT_MAX + 1), &path(RECENT_MAX));
        let now = at(RECENT_MAX + 1);
        assert!(ended.is_recent(now, &path(RECENT_MAX)), "the table is full, and the new one counts");
        assert!(ended.is_recent(now, &path(0)), "it has ended again");
        assert!(!ended.is_recent(now, &path(1)), "the oldest");
        assert_eq!(ended.0.len(), RECENT_MAX);
        assert!(!ended.is_recent(at(RECENT_MAX) + RECENT, &path(0)), "a long time ago");
    }
}
