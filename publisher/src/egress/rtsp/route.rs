//! Where a stream goes: the URL that was given, and where servers redirect it to.

use common::rtsp::push;
use common::rtsp::redirect::Redirects;
use common::stream_url::StreamUrl;

use super::{Error, socket};

/// The way of one attempt to publish.
pub(super) struct Route {
    url: StreamUrl,
    redirects: Redirects,
}

impl Route {
    pub(super) fn new(url: StreamUrl) -> Self {
        Self { redirects: Redirects::from(url.url().clone()), url }
    }

    /// Where to publish now.
    pub(super) fn url(&self) -> &StreamUrl {
        &self.url
    }

    /// Goes on to where `error` redirects to; `None` where it does not.
    ///
    /// # Errors
    /// [`Error::Redirect`] where that is not followed, [`Error::Url`] where nothing can be published there.
    pub(super) fn follow(&mut self, error: &Error) -> Option<Result<(), Error>> {
        let Error::Session { error: push::Error::Redirected { status, location, .. }, .. } = error else { return None };
        let next = match self.redirects.follow(*status, location.as_ref().map(|location| location.reveal().as_str())) {
            Ok(next) => next,
            Err(error) => return Some(Err(Error::Redirect { url: self.url.to_string(), error })),
        };
        let to = self.url.redirected(next.url, next.same_host);
        tracing::warn!("{}", self.url.redirect_message(&to));
        self.url = to;
        Some(socket::check(&self.url))
    }
}
