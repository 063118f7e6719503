//! Why an H.264 access unit gave no picture, and what helps.

use common::frame::Size;
use common::h264::{Format, Sps};

use crate::decode::Missing;

/// The largest access unit that is decoded, in bytes: an intra picture at the top bit rate of H.264 level 6.2 (800 Mbit/s)
/// at 50 pictures per second is 2 MB.
pub(super) const MAX_ACCESS_UNIT_BYTES: usize = 8 << 20;

/// profile_idc of High 4:4:4 Predictive, the one that can be lossless.
const PREDICTIVE: u8 = 244;

/// Why an access unit gave no picture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Error {
    #[error("an access unit of {0} bytes is larger than the {MAX_ACCESS_UNIT_BYTES} that are decoded")]
    TooLarge(usize),
    /// Damaged, or it refers to a picture that never arrived.
    #[error("the access unit does not decode: {0}")]
    Broken(String),
    #[error("the access unit holds no whole picture")]
    NoPicture,
    /// Neither the stream nor the session description has brought both parameter sets yet.
    #[error("no parameter sets came yet")]
    NoParameterSets,
    /// Decoding begins at an IDR picture or a recovery point, and this is neither.
    #[error("no key frame came yet, or none since a picture was lost")]
    NoStart,
    /// It follows a recovery point, and its picture is not right yet (ITU-T H.264 annex D.2.8).
    #[error("the picture is not complete yet after the recovery point")]
    Recovering,
    /// It is shown before the recovery point that decoding began at, and may refer to what came before that.
    #[error("the picture is shown before the one that decoding began with")]
    Leading,
    #[error("a picture of {0} is larger than {max}x{max}", max = Size::MAX_SIDE)]
    TooLargePicture(Size),
}

impl Error {
    pub(super) const fn missing(&self) -> Missing {
        match self {
            Self::NoParameterSets => Missing::Parameters,
            Self::NoStart | Self::Recovering | Self::Leading => Missing::EntryPoint,
            Self::TooLarge(_) | Self::Broken(_) | Self::NoPicture | Self::TooLargePicture(_) => Missing::Support,
        }
    }

    /// What is wrong and what helps, as [`crate::decode::Undecodable::why`]; `sps` is the newest set.
    pub(super) fn advice(&self, sps: Option<&Sps>) -> String {
        match self.missing() {
            Missing::Parameters => {
                "parameter sets (SPS, PPS), which are not in the session description (sprop-parameter-sets) either: make \
                 the encoder repeat them before key frames (x264: repeat-headers=1, GStreamer: h264parse config-interval=-1)"
                    .to_owned()
            }
            Missing::EntryPoint => "no key frame (IDR picture) or recovery point to start decoding at".to_owned(),
            Missing::Support => {
                let format = sps.map(unsupported).unwrap_or_default();
                format!("the decoder refuses them{format}: it decodes 8-bit 4:2:0 H.264 without interlacing")
            }
        }
    }
}

/// How a stream differs from what can be decoded, and its profile.
fn unsupported(sps: &Sps) -> String {
    let Format { chroma, bits, interlaced, .. } = sps.format;
    let lossless = sps.profile_level_id[0] == PREDICTIVE && chroma == 1 && bits == 8 && !interlaced;
    let differs = [
        (bits != 8, format!("{bits} bits")),
        (chroma == 0, "luma alone (4:0:0)".to_owned()),
        (chroma == 2, "4:2:2".to_owned()),
        (chroma == 3, "4:4:4".to_owned()),
        (interlaced, "interlaced".to_owned()),
        (lossless, "maybe lossless (x264 with -qp 0)".to_owned()),
    ];
    let differs: Vec<_> = differs.into_iter().filter_map(|(holds, text)| holds.then_some(text)).collect();
    let differs = if differs.is_empty() { String::new() } else { format!(": {}", differs.join(", ")) };
    format!("{differs} (profile {}, {})", sps.profile_level_id[0], sps.size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_decoder_refuses_is_named_by_its_format() {
        // x264, High 4:2:2 of 10 bits, 128x96.
        let sps = Sps::parse(&[0x67, 0x7a, 0x00, 0x0a, 0xb6, 0xcb, 0x20, 0x41, 0xb6, 0x02, 0x20]);
        let sps = sps.expect("it is read up to the size");
        let why = Error::NoPicture.advice(Some(&sps));
        assert!(why.contains("refuses them: 10 bits, 4:2:2 (profile 122"), "{why}");
        let unknown = Error::NoPicture.advice(None);
        assert!(unknown.contains("the decoder refuses them: it decodes 8-bit 4:2:0 H.264"), "{unknown}");
    }

    #[test]
    fn what_is_missing_is_said_in_words() {
        assert!(Error::NoParameterSets.advice(None).starts_with("parameter sets (SPS, PPS)"));
        assert!(Error::NoStart.advice(None).contains("no key frame (IDR picture) or recovery point"));
    }
}
