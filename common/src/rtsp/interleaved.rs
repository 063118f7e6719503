//! Binary data between RTSP messages on one TCP connection (RFC 2326 section 10.12).

/// The byte that begins an interleaved frame.
pub const MAGIC: u8 = b'$';

/// Bytes before the payload of an interleaved frame: `$`, channel, 16-bit big-endian length.
pub const HEADER_LEN: usize = 4;

/// The header of an interleaved frame of `len` bytes on `channel`.
pub const fn header(channel: u8, len: u16) -> [u8; HEADER_LEN] {
    let [high, low] = len.to_be_bytes();
    [MAGIC, channel, high, low]
}

/// Channel and payload length in the header at the start of `bytes`; `None` where they are fewer than
/// [`HEADER_LEN`] or do not begin with [`MAGIC`].
pub const fn parse_header(bytes: &[u8]) -> Option<(u8, u16)> {
    match bytes {
        [MAGIC, channel, high, low, ..] => Some((*channel, u16::from_be_bytes([*high, *low]))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_round_trip() {
        for (channel, len) in [(0, 0), (1, 1), (255, u16::MAX), (7, 0x1234)] {
            assert_eq!(parse_header(&header(channel, len)), Some((channel, len)));
        }
        assert_eq!(parse_header(b"$\0\0"), None);
        assert_eq!(parse_header(b"RTSP"), None);
    }
}
