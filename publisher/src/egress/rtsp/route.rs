//! Where a stream goes: the URL that was given, and where servers redirect it to.

use common::rtsp::push;
use common::rtsp::redirect::Redirects;
use common::stream_url::StreamUrl;

use crate::egress::network::Error;

/// The way of one attempt to publish.
#[derive(Clone)]
pub(super) struct Route {
    url: StreamUrl,
    redirects: Redirects,
}

impl Route {
    /// # Errors
    /// [`Error::Publish`] where nothing can be published to `url`.
    pub(super) fn new(url: StreamUrl) -> Result<Self, Error> {
        check(&url)?;
        Ok(Self { redirects: Redirects::from(url.url().clone()), url })
    }

    /// Where to publish now.
    pub(super) fn url(&self) -> &StreamUrl {
        &self.url
    }

    /// Where `error` redirects to; `None` where it does not.
    ///
    /// # Errors
    /// [`Error::Publish`] where that is not followed, or nothing can be published there.
    pub(super) fn after(&self, error: &push::Error) -> Option<Result<Self, Error>> {
        let push::Error::Redirected { status, location, .. } = error else { return None };
        let mut redirects = self.redirects.clone();
        let next = redirects.follow(*status, location.as_ref().map(|location| location.reveal().as_str()));
        Some(next.map_err(|error| Error::publish(&self.url, error)).and_then(|next| {
            let url = self.url.redirected(next.url, next.same_host);
            tracing::warn!("{}", self.url.redirect_message(&url));
            check(&url).map(|()| Self { url, redirects })
        }))
    }
}

fn check(url: &StreamUrl) -> Result<(), Error> {
    let no_path = || Error::publish(url, "it names no path, as in rtsp://HOST:8554/cam");
    url.has_path().then_some(()).ok_or_else(no_path)
}
