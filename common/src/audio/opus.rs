//! Duration of Opus packets (RFC 6716 section 3).

/// Opus media clock rate in Hz, independent of the coded bandwidth (RFC 7587 section 4.1).
pub const CLOCK_HZ: u32 = 48_000;
/// Longest packet duration (section 3.2.5, requirement R5): 120 ms.
const TICKS_MAX: u32 = CLOCK_HZ * 120 / 1_000;

/// Returns the duration of `packet` in ticks of 48 kHz; `None` if it is not a valid Opus packet.
pub fn duration(packet: &[u8]) -> Option<u32> {
    let &toc = packet.first()?;
    // Eighths of a millisecond represent 2.5 ms exactly.
    let eighths = match toc >> 3 {
        config @ 0..=11 => [80, 160, 320, 480][usize::from(config % 4)],
        config @ 12..=15 => [80, 160][usize::from(config % 2)],
        config => [20, 40, 80, 160][usize::from(config % 4)],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(packet.get(1)? & 0x3f),
    };
    let ticks = frames * eighths * (CLOCK_HZ / 8_000);
    (1..=TICKS_MAX).contains(&ticks).then_some(ticks)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn packets_last_as_long_as_their_first_byte_says() {
        for (packet, ticks) in [
            // CELT, 20 ms, stereo, one frame: libopus' default.
            (&[0xfc, 1, 2][..], Some(960)),
            // SILK 10 and 60 ms, hybrid 20 ms, CELT 2.5 ms.
            (&[0x00], Some(480)),
            (&[0x18], Some(2_880)),
            (&[0x68], Some(960)),
            (&[0x80], Some(120)),
            // Two frames of equal size, two of different sizes, three.
            (&[0xf9, 0], Some(1_920)),
            (&[0xfa, 0], Some(1_920)),
            (&[0xfb, 0x03], Some(2_880)),
            (&[0xfb, 0x06], Some(5_760)),
            (&[0xfb, 0x07], None),
            (&[0xfb, 0x40], None),
            (&[0xfb], None),
            (&[], None),
        ] {
            assert_eq!(duration(packet), ticks, "{packet:x?}");
        }
    }

    proptest! {
        #[test]
        fn no_packet_is_longer_than_120_ms(packet: Vec<u8>) {
            prop_assert!(duration(&packet).is_none_or(|ticks| (120..=TICKS_MAX).contains(&ticks)));
        }
    }
}
