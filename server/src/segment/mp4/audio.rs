//! Audio in ISO files: `mp4a` (ISO/IEC 14496-14) and `Opus` sample entries, and audio-only fragments.

use bytes::Bytes;
use common::audio::{AudioCodec, AudioFormat};
use mp4_atom::esds::{DecoderConfig, DecoderSpecific, EsDescriptor, SLConfig};
use mp4_atom::{
    Audio, Codec, Dops, Esds, Mfhd, Minf, Moof, Mp4a, Opus, Result, Smhd, Tfdt, Tfhd, Tkhd, Traf, Trak, Trun, TrunEntry,
};

use super::boxes::{self, SYNC, trak};

/// Id of the audio track.
pub(super) const TRACK: u32 = 2;
/// MPEG-4 audio, audio stream (ISO/IEC 14496-1 tables 5 and 6).
const OBJECT_TYPE: u8 = 0x40;
const STREAM_TYPE: u8 = 5;

/// Consecutive audio frames without gaps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::segment) struct AudioRun {
    /// Decode time of the first frame, in ticks of the track's clock.
    pub(in crate::segment) decode: u64,
    /// Length in bytes and duration in ticks of each frame.
    pub(in crate::segment) samples: Vec<(u32, u32)>,
    pub(in crate::segment) data: Vec<u8>,
}

/// Builds the audio track.
pub(super) fn track(format: &AudioFormat) -> Trak {
    let minf = Minf { smhd: Some(Smhd::default()), ..Minf::default() };
    let tkhd = Tkhd { track_id: TRACK, volume: 1.into(), ..Tkhd::default() };
    trak(tkhd, minf, b"soun", format.clock_hz, sample_entry(format))
}

fn sample_entry(format: &AudioFormat) -> Codec {
    let audio = Audio {
        data_reference_index: 1,
        channel_count: format.channels.into(),
        sample_size: 16,
        // Rates that do not fit the field appear only in the decoder configuration.
        sample_rate: u16::try_from(format.clock_hz).unwrap_or_default().into(),
    };
    match &format.codec {
        AudioCodec::Aac(config) => {
            let specific = DecoderSpecific { raw: config.bytes().to_vec(), ..DecoderSpecific::default() };
            let dec_config = DecoderConfig {
                object_type_indication: OBJECT_TYPE,
                stream_type: STREAM_TYPE,
                dec_specific: Some(specific),
                ..DecoderConfig::default()
            };
            let es_desc = EsDescriptor { dec_config, sl_config: SLConfig::default(), ..EsDescriptor::default() };
            Mp4a { audio, esds: Esds { es_desc }, btrt: None, taic: None }.into()
        }
        AudioCodec::Opus => {
            let dops = Dops {
                output_channel_count: format.channels,
                // RTP does not carry the encoder's pre-skip.
                pre_skip: 0,
                input_sample_rate: format.clock_hz,
                output_gain: 0,
                channel_mapping: None,
            };
            Opus { audio, dops, btrt: None }.into()
        }
    }
}

/// Builds `moof` and `mdat` for `run` as fragment `number`.
pub(in crate::segment) fn fragment(number: u32, run: &AudioRun) -> Result<Bytes> {
    let mut bytes = Vec::with_capacity(run.data.len() + 128 + 8 * run.samples.len());
    boxes::moof_and_mdat(&mut bytes, moof(number, run), &run.data)?;
    Ok(bytes.into())
}

fn moof(number: u32, run: &AudioRun) -> Moof {
    let entry = |&(size, duration): &(u32, u32)| TrunEntry {
        duration: Some(duration),
        size: Some(size),
        flags: None,
        cts: None,
    };
    let samples: Vec<TrunEntry> = run.samples.iter().map(entry).collect();
    let traf = Traf {
        tfhd: Tfhd { track_id: TRACK, default_sample_flags: Some(SYNC), default_base_is_moof: true, ..Tfhd::default() },
        tfdt: Some(Tfdt { base_media_decode_time: run.decode }),
        trun: vec![Trun { data_offset: Some(0), samples: samples.into() }],
        ..Traf::default()
    };
    Moof { mfhd: Mfhd { sequence_number: number }, traf: vec![traf] }
}
