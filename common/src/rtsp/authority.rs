//! User info, host and port of an RTSP URL (RFC 3986 section 3.2).

use url::Url;

/// The port of `rtsp://` URLs that name none (RFC 2326 section 3.2).
pub const DEFAULT_PORT: u16 = 554;

/// Takes user info out of a URL, so that it can be sent, printed and logged.
pub(crate) fn strip_user_info(url: &mut Url) {
    // Both fail only where there is no host, and then there is no user info either.
    let _ = url.set_username("");
    let _ = url.set_password(None);
}
