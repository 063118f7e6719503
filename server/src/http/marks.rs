//! Extensions attached to requests and responses by the middleware layers.

use std::net::IpAddr;

/// The peer address of a request.
#[derive(Clone, Copy)]
pub(super) struct Peer(pub(super) IpAddr);

/// Query to add to URLs in a response for clients that cannot set headers: empty, or with a token.
#[derive(Clone, Debug, Default)]
pub(super) struct Carried(pub(super) String);

/// Pages of other sites may read the response.
#[derive(Clone, Copy, Debug)]
pub(super) struct ForEveryPage;
