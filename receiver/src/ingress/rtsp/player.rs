//! What stays while sessions come and go.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use common::host::SystemClock;
use common::stream_url::StreamUrl;
use retina::client::SessionGroup;

use super::config::Config;
use super::guard::Watched;

pub(super) struct Player<'a> {
    pub(super) config: &'a Config,
    pub(super) clock: &'a SystemClock,
    pub(super) sessions: Arc<SessionGroup>,
    /// Access units received, over all sessions.
    pub(super) pictures: Cell<u64>,
    /// It was said that the sender sets no marker, in this session or one before.
    pub(super) marker_told: Cell<bool>,
    /// The next session goes through a relay.
    pub(super) relayed: Cell<bool>,
    /// Every session goes through a relay, without which it does not play.
    pub(super) mended: Cell<bool>,
    /// Where redirects led, as far as it was said.
    pub(super) redirected: RefCell<Vec<StreamUrl>>,
    /// What the guard of this thread looks at.
    pub(super) watched: Watched,
}
