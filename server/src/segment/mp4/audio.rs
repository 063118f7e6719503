//! Audio in ISO files: the `mp4a` (ISO/IEC 14496-14) and `Opus` sample entries, and fragments of audio alone.

use bytes::Bytes;
use common::audio::{AudioCodec, AudioFormat};
use mp4_atom::esds::{DecoderConfig, DecoderSpecific, EsDescriptor, SLConfig};
use mp4_atom::{
    Atom as _, Audio, Codec, Dops, Encode, Esds, Header, Mdat, Mfhd, Minf, Moof, Mp4a, Opus, Result, Smhd, Tfdt, Tfhd,
    Tkhd, Traf, Trak, Trun, TrunEntry,
};

use super::boxes::{BOX_HEADER, SYNC, trak};

/// Of the audio, where there is any.
pub(super) const TRACK: u32 = 2;
/// MPEG-4 audio, and a stream of audio (ISO/IEC 14496-1 tables 5 and 6).
const OBJECT_TYPE: u8 = 0x40;
const STREAM_TYPE: u8 = 5;

/// Frames of audio without a gap between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::segment) struct AudioRun {
    /// When the first is decoded, in ticks of the track's clock.
    pub(in crate::segment) decode: u64,
    /// Length in bytes and duration in ticks of each.
    pub(in crate::segment) samples: Vec<(u32, u32)>,
    pub(in crate::segment) data: Vec<u8>,
}

/// The track of audio like this.
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
        // Rates beyond the field are in the decoder's configuration alone.
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
                // RTP does not tell what the encoder put in front.
                pre_skip: 0,
                input_sample_rate: format.clock_hz,
                output_gain: 0,
                channel_mapping: None,
            };
            Opus { audio, dops, btrt: None }.into()
        }
    }
}

/// `moof` and `mdat` of `run`, as fragment `number`.
pub(in crate::segment) fn fragment(number: u32, run: &AudioRun) -> Result<Bytes> {
    let mut bytes = Vec::with_capacity(run.data.len() + 128 + 8 * run.samples.len());
    moof(number, run, 0).encode(&mut bytes)?;
    let length = bytes.len();
    bytes.clear();
    moof(number, run, length + BOX_HEADER).encode(&mut bytes)?;
    Header { kind: Mdat::KIND, size: Some(run.data.len()) }.encode(&mut bytes)?;
    bytes.extend_from_slice(&run.data);
    Ok(bytes.into())
}

fn moof(number: u32, run: &AudioRun, data_offset: usize) -> Moof {
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
        trun: vec![Trun { data_offset: Some(data_offset as i32), samples: samples.into() }],
        ..Traf::default()
    };
    Moof { mfhd: Mfhd { sequence_number: number }, traf: vec![traf] }
}
