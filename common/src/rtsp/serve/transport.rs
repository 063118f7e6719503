//! Chooses how a track travels, out of what the client offers in its Transport header (RFC 2326 section 12.39).

use rtsp_types::StatusCode;

use super::host::{Host, TrackTransport};
use super::reply::Reply;
use crate::rtsp::headers::{Lower, Mode, Transport};

/// The track being set up.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    pub(super) track: usize,
    /// Whether its packets are relayed.
    pub(super) is_relayed: bool,
}

/// The first offer that can be served, and the Transport header that says so.
///
/// # Errors
/// 400 for a header that is missing, malformed, or asks for channels that another track has; 461 where no offer is
/// RTP over interleaved TCP or unicast UDP, or where it differs from what the tracks before it use; 503 where there
/// are no UDP ports to be had.
pub(super) fn choose(
    header: Option<&str>,
    mode: Mode,
    wanted: Wanted,
    taken: &[Option<TrackTransport>],
    host: &mut dyn Host,
) -> Result<(TrackTransport, Transport), Reply> {
    let header = header.ok_or_else(|| Reply::refusal(StatusCode::BadRequest, "SETUP without Transport"))?;
    let offers = Transport::parse(header).map_err(|e| Reply::refusal(StatusCode::BadRequest, e.to_string()))?;
    let fits = |offer: &&Transport| !offer.multicast && taken.iter().flatten().all(|other| lower(other) == offer.lower);
    let Some(offer) = offers.iter().find(fits) else {
        let why = "offer RTP/AVP/TCP;interleaved or RTP/AVP;unicast, the same for all tracks";
        return Err(Reply::refusal(StatusCode::UnsupportedTransport, why));
    };
    match offer.lower {
        Lower::Tcp => interleaved(offer, mode, taken),
        Lower::Udp => datagrams(offer, mode, wanted, host),
    }
}

fn interleaved(
    offer: &Transport,
    mode: Mode,
    taken: &[Option<TrackTransport>],
) -> Result<(TrackTransport, Transport), Reply> {
    let in_use = |channel: u8| taken.iter().flatten().any(|other| uses(other, channel));
    let free = || (0..=254).step_by(2).map(|rtp| (rtp, rtp + 1)).find(|&(rtp, rtcp)| !in_use(rtp) && !in_use(rtcp));
    let (rtp, rtcp) = match offer.interleaved {
        Some((rtp, rtcp)) if rtp == rtcp || in_use(rtp) || in_use(rtcp) => {
            return Err(Reply::refusal(StatusCode::BadRequest, "these interleaved channels are in use"));
        }
        Some(pair) => pair,
        None => free().ok_or_else(|| Reply::refusal(StatusCode::BadRequest, "all interleaved channels are in use"))?,
    };
    let mut answer = Transport::new(Lower::Tcp, mode);
    answer.interleaved = Some((rtp, rtcp));
    Ok((TrackTransport::Tcp { rtp, rtcp }, answer))
}

fn datagrams(
    offer: &Transport,
    mode: Mode,
    wanted: Wanted,
    host: &mut dyn Host,
) -> Result<(TrackTransport, Transport), Reply> {
    let client = offer.client_port.filter(|(rtp, rtcp)| *rtp != 0 && *rtcp != 0 && rtp != rtcp);
    let client = client.ok_or_else(|| Reply::refusal(StatusCode::BadRequest, "UDP without client_port"))?;
    let server = host
        .open_udp(wanted.track, wanted.is_relayed, client)
        .ok_or_else(|| Reply::refusal(StatusCode::ServiceUnavailable, "no UDP ports are free"))?;
    let mut answer = Transport::new(Lower::Udp, mode);
    answer.client_port = Some(client);
    answer.server_port = Some(server);
    Ok((TrackTransport::Udp { client, server }, answer))
}

fn lower(transport: &TrackTransport) -> Lower {
    match transport {
        TrackTransport::Tcp { .. } => Lower::Tcp,
        TrackTransport::Udp { .. } => Lower::Udp,
    }
}

fn uses(transport: &TrackTransport, channel: u8) -> bool {
    matches!(transport, TrackTransport::Tcp { rtp, rtcp } if *rtp == channel || *rtcp == channel)
}
