//! How NAL units lie in the payload of RTP packets (RFC 6184 section 5), and what a relay reads there.

use crate::h264::{NalKind, recovery_point};

/// NAL unit type of an aggregation packet (RFC 6184 section 5.7.1).
pub(super) const STAP_A: u8 = 24;
/// NAL unit type of a fragment (RFC 6184 section 5.8).
pub(super) const FU_A: u8 = 28;
/// In a fragment's header: the NAL unit begins here.
pub(super) const START_BIT: u8 = 0x80;
/// In a fragment's header: the NAL unit ends here.
pub(super) const END_BIT: u8 = 0x40;
/// The forbidden bit and nal_ref_idc in a NAL unit's first byte.
pub(super) const IMPORTANCE: u8 = 0xe0;
/// Bytes before each NAL unit in an aggregation packet.
pub(super) const SIZE_LEN: usize = 2;

/// Parameter sets of one packet or access unit that are looked at: more than any encoder has, and few enough for one that is
/// full of them.
pub(super) const PARAMETER_SETS_MAX: usize = 32;

/// The NAL units in the payload of an aggregation packet, behind its header byte. An item of `None` stands for a size
/// that reaches beyond the end, and is the last one.
pub(super) fn aggregated(mut rest: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let nal = rest.split_first_chunk::<SIZE_LEN>().and_then(|(&size, after)| {
            let (nal, after) = after.split_at_checked(u16::from_be_bytes(size).into())?;
            rest = after;
            Some(nal)
        });
        if nal.is_none() {
            rest = &[];
        }
        Some(nal)
    })
}

/// Where in its access unit a packet stands, by its payload alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// First: with a delimiter or an SPS.
    Front,
    /// With the first slice of an IDR picture: first, unless its parameter sets come in packets of their own.
    FirstIdrSlice,
    /// After a part of the picture: it goes on with a NAL unit, or with a slice that is not the first.
    Middle,
    /// Either.
    Unknown,
}

impl Place {
    pub(super) fn of(payload: &[u8]) -> Self {
        let (header, rest) = match first_nal(payload) {
            [indicator, header, ..] if indicator & !IMPORTANCE == FU_A && header & START_BIT == 0 => {
                return Self::Middle;
            }
            [indicator, header, rest @ ..] if indicator & !IMPORTANCE == FU_A => (header, rest),
            [header, rest @ ..] => (header, rest),
            [] => return Self::Unknown,
        };
        // first_mb_in_slice (ITU-T H.264 7.3.3) is 0 in the first slice, which ue(v) writes as a single 1 bit.
        let is_first_slice = rest.first().map(|first| first & 0x80 != 0);
        match (NalKind::of_header(*header), is_first_slice) {
            (NalKind::Aud | NalKind::Sps, _) => Self::Front,
            (NalKind::Idr, Some(true)) => Self::FirstIdrSlice,
            (NalKind::Slice | NalKind::Idr, Some(false)) => Self::Middle,
            _ => Self::Unknown,
        }
    }
}

/// The payload, or the first NAL unit of an aggregation packet.
fn first_nal(payload: &[u8]) -> &[u8] {
    match payload.split_first() {
        Some((header, rest)) if header & !IMPORTANCE == STAP_A => aggregated(rest).next().flatten().unwrap_or_default(),
        _ => payload,
    }
}

/// Whether the payload holds an SPS, the beginning of an IDR picture, or a recovery point (ITU-T H.264 annex D.2.8), which
/// is all that a stream of intra refresh or of open GOPs may have after its first picture. The error says what is broken.
pub(in crate::rtp) fn starts_decoding(payload: &[u8]) -> Result<bool, &'static str> {
    let &[header, ref rest @ ..] = payload else { return Err("has no payload") };
    match header & 0x1f {
        STAP_A => aggregated(rest).try_fold(false, |starts, nal| {
            Ok(starts | nal_starts_decoding(nal.ok_or("has a STAP-A with a NAL unit that reaches beyond the packet")?))
        }),
        FU_A => {
            let &[fu_header, ref fragment @ ..] = rest else { return Err("has a fragment without header") };
            Ok(fu_header & START_BIT != 0 && slice_or_sps_starts_decoding(fu_header, fragment))
        }
        _ => Ok(nal_starts_decoding(payload)),
    }
}

/// The SPS and PPS that lie whole in the payload, up to [`PARAMETER_SETS_MAX`].
pub(in crate::rtp) fn parameter_sets(payload: &[u8]) -> impl Iterator<Item = &[u8]> {
    let aggregate = payload.split_first().filter(|(header, _)| **header & 0x1f == STAP_A).map(|(_, rest)| rest);
    let single = aggregate.is_none().then_some(payload);
    let nals = aggregate.into_iter().flat_map(|rest| aggregated(rest).flatten()).chain(single);
    nals.filter(|nal| matches!(NalKind::of(nal), Some(NalKind::Sps | NalKind::Pps))).take(PARAMETER_SETS_MAX)
}

fn nal_starts_decoding(nal: &[u8]) -> bool {
    match NalKind::of(nal) {
        Some(NalKind::Sei) => recovery_point(nal).is_some(),
        _ => nal.split_first().is_some_and(|(&header, rest)| slice_or_sps_starts_decoding(header, rest)),
    }
}

/// The first slice of a picture has first_mb_in_slice 0, which ue(v) writes as a single 1 bit (ITU-T H.264 7.3.3).
fn slice_or_sps_starts_decoding(header: u8, rest: &[u8]) -> bool {
    match NalKind::of_header(header) {
        NalKind::Sps => true,
        NalKind::Idr => rest.first().is_some_and(|b| b & 0x80 != 0),
        _ => false,
    }
}
