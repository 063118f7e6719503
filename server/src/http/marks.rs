//! What requests and answers are marked with on their way through the layers.

use std::net::IpAddr;

/// Where a request came from.
#[derive(Clone, Copy)]
pub(super) struct Peer(pub(super) IpAddr);

/// The query that URLs within an answer are to have, so that who cannot set headers can follow them: empty, or with a token.
#[derive(Clone, Debug, Default)]
pub(super) struct Carried(pub(super) String);

/// Pages of other sites may read the answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct ForEveryPage;
