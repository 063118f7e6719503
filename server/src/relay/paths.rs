//! Which paths are live, and who may publish where.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use common::rtsp::serve::{Description, StreamPath};

use super::stream::{Publication, Publisher, PublisherControl, Stream, lock};

/// Most streams at a time.
pub(crate) const MAX_STREAMS: usize = 1_000;

/// Why somebody may not publish.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PathTaken {
    /// Another publisher has the path.
    #[error("somebody already publishes to /{0}")]
    Busy(StreamPath),
    /// [`MAX_STREAMS`] streams are live.
    #[error("{MAX_STREAMS} streams are live, which is the limit")]
    Full,
}

/// All paths of a server.
#[derive(Default)]
pub(crate) struct Paths {
    entries: Mutex<BTreeMap<StreamPath, Entry>>,
}

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
    pub(crate) fn reserve(self: &Arc<Self>, path: &StreamPath) -> Result<Reservation, PathTaken> {
        let mut entries = lock(&self.entries);
        if entries.contains_key(path) {
            return Err(PathTaken::Busy(path.clone()));
        }
        if entries.len() >= MAX_STREAMS {
            return Err(PathTaken::Full);
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

    pub(super) fn remove(&self, stream: &Arc<Stream>) {
        lock(&self.entries).remove(stream.path());
    }
}

impl Reservation {
    /// Makes the stream live.
    pub(crate) fn publish(
        mut self,
        description: Description,
        publisher: Publisher,
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
