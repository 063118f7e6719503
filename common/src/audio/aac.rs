//! AudioSpecificConfig (ISO/IEC 14496-3 section 1.6.2.1): the configuration of an AAC decoder.

use super::bits::Bits;

/// Longest accepted configuration, in bytes: AAC-LC takes two to five, extensions a few more.
const CONFIG_MAX: usize = 64;
/// Sampling frequencies (table 1.18).
const RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];
const LC: u8 = 2;
const SBR: u8 = 5;
const PS: u8 = 29;

/// The configuration of an AAC track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AacConfig {
    bytes: Vec<u8>,
    object_type: u8,
    core_rate: u32,
    channels: u8,
    samples: u32,
}

/// Why a configuration is not usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AacConfigError {
    /// It is truncated, too long, or uses reserved values.
    #[error("not a valid AudioSpecificConfig")]
    Malformed,
    /// The audio object type is neither AAC-LC nor HE-AAC.
    #[error("audio object type {0}: only AAC-LC and HE-AAC are supported")]
    ObjectType(u8),
    /// The channel layout is described within the stream.
    #[error("channel configuration {0}: only 1 to 7 are supported")]
    Channels(u8),
}

impl AacConfig {
    /// Parses the bytes of a configuration.
    ///
    /// # Errors
    /// Fails if the configuration is malformed or not supported.
    pub fn parse(bytes: &[u8]) -> Result<Self, AacConfigError> {
        if bytes.len() > CONFIG_MAX {
            return Err(AacConfigError::Malformed);
        }
        let malformed = AacConfigError::Malformed;
        let mut bits = Bits::new(bytes);
        let object_type = object_type(&mut bits).ok_or(malformed)?;
        let core_rate = rate(&mut bits).ok_or(malformed)?;
        let channels = bits.take(4).ok_or(malformed)? as u8;
        let core = match object_type {
            SBR | PS => {
                rate(&mut bits).ok_or(malformed)?;
                self::object_type(&mut bits).ok_or(malformed)?
            }
            other => other,
        };
        if core != LC {
            return Err(AacConfigError::ObjectType(core));
        }
        let channels = match channels {
            1..=6 => channels,
            7 => 8,
            other => return Err(AacConfigError::Channels(other)),
        };
        let short = bits.take(1).ok_or(malformed)? == 1;
        let samples = if short { 960 } else { 1_024 };
        Ok(Self { bytes: bytes.to_vec(), object_type, core_rate, channels, samples })
    }

    /// Returns the configuration as parsed.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the audio object type: 2 for AAC-LC, 5 for HE-AAC, 29 for HE-AAC v2.
    pub const fn object_type(&self) -> u8 {
        self.object_type
    }

    /// Returns the number of channels, 1 to 8.
    pub const fn channels(&self) -> u8 {
        self.channels
    }

    /// Returns the duration of an access unit, in ticks of a clock of `hz`; at least 1.
    pub const fn duration(&self, hz: u32) -> u32 {
        let ticks = (self.samples as u64 * hz as u64 + self.core_rate as u64 / 2) / self.core_rate as u64;
        if ticks == 0 { 1 } else { ticks as u32 }
    }
}

fn object_type(bits: &mut Bits<'_>) -> Option<u8> {
    match bits.take(5)? {
        31 => Some(32 + bits.take(6)? as u8),
        short => Some(short as u8),
    }
}

/// Returns the sampling frequency in Hz, limited to rates in use.
fn rate(bits: &mut Bits<'_>) -> Option<u32> {
    match bits.take(4)? {
        15 => bits.take(24).filter(|rate| (7_350..=192_000).contains(rate)),
        index => RATES.get(index as usize).copied(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn configurations_of_lc_and_he() {
        for (bytes, object_type, channels, at, duration) in [
            (&[0x12, 0x10][..], 2, 2, 44_100, 1_024),
            (&[0x11, 0x88], 2, 1, 48_000, 1_024),
            // 960 samples, and an explicit rate.
            (&[0x11, 0x94], 2, 2, 48_000, 960),
            (&[0x17, 0x80, 0x5d, 0xc0, 0x08], 2, 1, 48_000, 1_024),
            // HE-AAC: 24 kHz core, 48 kHz output.
            (&[0x2b, 0x11, 0x88, 0x00], 5, 2, 48_000, 2_048),
            (&[0x11, 0xb8], 2, 8, 48_000, 1_024),
        ] {
            let config = AacConfig::parse(bytes).unwrap_or_else(|error| panic!("{bytes:x?}: {error}"));
            assert_eq!((config.object_type(), config.channels()), (object_type, channels), "{bytes:x?}");
            assert_eq!((config.duration(at), config.bytes()), (duration, bytes), "{bytes:x?}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for (bytes, error) in [
            (&[][..], AacConfigError::Malformed),
            (&[0x12], AacConfigError::Malformed),
            (&[0x16, 0x90], AacConfigError::Malformed),
            (&[0x12; 65], AacConfigError::Malformed),
            (&[0x0a, 0x10], AacConfigError::ObjectType(1)),
            (&[0xf9, 0x46, 0x40], AacConfigError::ObjectType(42)),
            (&[0x12, 0x00], AacConfigError::Channels(0)),
        ] {
            assert_eq!(AacConfig::parse(bytes), Err(error), "{bytes:x?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_configuration_or_none(bytes: Vec<u8>, hz: u32) {
            if let Ok(config) = AacConfig::parse(&bytes) {
                prop_assert!(config.duration(hz) > 0 && (1..=8).contains(&config.channels()));
            }
        }
    }
}
