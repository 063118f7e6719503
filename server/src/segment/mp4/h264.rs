//! H.264 in ISO files (ISO/IEC 14496-15): the `avc1` sample entry and length-prefixed frames.

use common::frame::Size;
use common::h264::{NalKind, Sps, nals};
use mp4_atom::{Avc1, Avcc, AvccExt, Codec, Result, Visual};

/// Profiles whose `avcC` ends with the chroma format and bit depths (section 5.3.3.1.2).
const HIGH_PROFILES: [u8; 4] = [100, 110, 122, 144];
/// Most parameter sets of each kind: the limit of `avcC`.
const SETS_MAX: usize = 31;
/// Most bytes of all parameter sets; real ones have tens. The others stay in their frames.
const SETS_BYTES_MAX: usize = 64 << 10;

/// The parameter sets of a track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ParameterSets {
    sps: Vec<Vec<u8>>,
    pps: Vec<Vec<u8>>,
    /// The first SPS.
    parsed: Sps,
}

impl ParameterSets {
    /// Extracts the parameter sets of the access unit `annex_b`.
    pub(super) fn of(annex_b: &[u8]) -> Option<Self> {
        let (mut sps, mut pps, mut bytes) = (Vec::new(), Vec::new(), 0);
        for nal in nals(annex_b) {
            let sets = match NalKind::of(nal) {
                Some(NalKind::Sps) => &mut sps,
                Some(NalKind::Pps) => &mut pps,
                Some(NalKind::Slice | NalKind::Idr) => break,
                _ => continue,
            };
            let nal = nal.to_vec();
            let fits = nal.len() <= usize::from(u16::MAX) && bytes + nal.len() <= SETS_BYTES_MAX;
            if !sets.contains(&nal) && sets.len() < SETS_MAX && fits {
                bytes += nal.len();
                sets.push(nal);
            }
        }
        let parsed = Sps::parse(sps.first()?).ok()?;
        (!pps.is_empty()).then_some(Self { sps, pps, parsed })
    }

    pub(super) fn size(&self) -> Size {
        self.parsed.size
    }

    pub(super) fn codecs(&self) -> String {
        let [profile, constraints, level] = self.parsed.profile_level_id;
        format!("avc1.{profile:02X}{constraints:02X}{level:02X}")
    }

    pub(super) fn sample_entry(&self) -> Result<Codec> {
        let Sps { profile_level_id: [profile, constraints, level], size, format, .. } = self.parsed;
        let ext = HIGH_PROFILES.contains(&profile).then(|| AvccExt {
            chroma_format: format.chroma,
            bit_depth_luma: format.bits,
            bit_depth_chroma: format.bits,
            sequence_parameter_sets_ext: Vec::new(),
        });
        let avcc = Avcc {
            configuration_version: 1,
            avc_profile_indication: profile,
            profile_compatibility: constraints,
            avc_level_indication: level,
            length_size: 4,
            sequence_parameter_sets: self.sps.clone(),
            picture_parameter_sets: self.pps.clone(),
            ext,
        };
        let visual = Visual {
            data_reference_index: 1,
            width: size.width as u16,
            height: size.height as u16,
            ..Visual::default()
        };
        Ok(Avc1 { visual, avcc, ..Avc1::default() }.into())
    }

    /// Converts the access unit `annex_b` to length-prefixed form, without the parameter sets that the sample entry
    /// contains.
    pub(super) fn length_prefixed(&self, annex_b: &[u8]) -> Vec<u8> {
        let mut sample = Vec::with_capacity(annex_b.len() + 16);
        for nal in nals(annex_b) {
            let in_entry = match NalKind::of(nal) {
                Some(NalKind::Sps) => self.sps.iter().any(|set| set == nal),
                Some(NalKind::Pps) => self.pps.iter().any(|set| set == nal),
                kind => kind == Some(NalKind::Aud),
            };
            if !in_entry {
                sample.extend_from_slice(&(nal.len() as u32).to_be_bytes());
                sample.extend_from_slice(nal);
            }
        }
        sample
    }
}
