//! How NAL units lie in the payload of RTP packets (RFC 6184 section 5).

/// NAL unit type of an aggregation packet (RFC 6184 section 5.7.1).
pub(super) const STAP_A: u8 = 24;
/// NAL unit type of a fragment (RFC 6184 section 5.8).
pub(super) const FU_A: u8 = 28;
/// In a fragment's header: the NAL unit begins here.
pub(super) const START_BIT: u8 = 0x80;
/// Bytes before each NAL unit in an aggregation packet.
pub(super) const SIZE_LEN: usize = 2;

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
