//! What went through a relay.

use super::responses::Response;

/// What a server has said through a relay.
#[derive(Clone, Debug, Default)]
pub(in crate::ingress::rtsp) struct Transcript {
    /// What came before the first response.
    pub(in crate::ingress::rtsp) beginning: Vec<u8>,
    /// The newest answer to a request.
    pub(in crate::ingress::rtsp) answer: Option<Response>,
    /// The URL of that request, as the server saw it.
    pub(in crate::ingress::rtsp) requested: String,
    /// Why what came cannot be used.
    pub(in crate::ingress::rtsp) fault: Option<Fault>,
    /// Lines of answers end with a line feed alone.
    pub(in crate::ingress::rtsp) bare_line_feeds: bool,
    /// Challenges that came after credentials had been accepted, and were answered.
    pub(in crate::ingress::rtsp) rechallenged: u32,
    /// A challenge has been answered.
    pub(in crate::ingress::rtsp) challenged: bool,
}

/// Why what a server sends cannot be used.
#[derive(Clone, Debug)]
pub(in crate::ingress::rtsp) enum Fault {
    /// It makes no sense, for this reason.
    Unusable(String),
    /// The connection ended too early.
    CutOff(String),
}

impl Transcript {
    /// Whether the server has said anything.
    pub(in crate::ingress::rtsp) fn is_anything(&self) -> bool {
        !self.beginning.is_empty()
    }
}
