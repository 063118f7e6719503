//! The boxes of a CMAF track (ISO/IEC 14496-12, 23000-19). The one place that knows mp4-atom.

mod h264;

use bytes::Bytes;
use common::frame::Size;
use common::media::Codec;
use common::time::{MEDIA_CLOCK_HZ, WallTime};
use mp4_atom::{
    Atom as _, Dinf, Dref, Encode, FourCC, Ftyp, Hdlr, Header, Mdat, Mdhd, Mdia, Mfhd, Minf, Moof, Moov, Mvex, Mvhd,
    Prft, ReferenceTime, Result, Stbl, Stsd, Tfdt, Tfhd, Tkhd, Traf, Trak, Trex, Trun, TrunEntry, Url, Vmhd,
};

/// Of the one track.
const TRACK: u32 = 1;
/// Bytes of a box's size and kind.
const BOX_HEADER: usize = 8;
/// sample_depends_on 2: it refers to no other (ISO/IEC 14496-12 section 8.8.3.1).
const SYNC: u32 = 0x0200_0000;
/// sample_depends_on 1, sample_is_non_sync_sample.
const NON_SYNC: u32 = 0x0101_0000;

/// What decoders need before the first frame, and how the frames are written that belong to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Track {
    parameter_sets: h264::ParameterSets,
}

/// What is written of a frame besides its data.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// Of fragments, from 1.
    pub(super) number: u32,
    pub(super) decode: u64,
    pub(super) duration: u32,
    pub(super) offset: i32,
    pub(super) sync: bool,
    /// When the picture was taken.
    pub(super) wall: WallTime,
}

impl Track {
    /// The track that begins with the frame `data`; `None` where it has no parameter sets that can be used.
    pub(super) fn of(codec: Codec, data: &[u8]) -> Option<Self> {
        match codec {
            Codec::H264 => Some(Self { parameter_sets: h264::ParameterSets::of(data)? }),
        }
    }

    /// Size of its pictures.
    pub(super) fn size(&self) -> Size {
        self.parameter_sets.size()
    }

    /// The codec as browsers name it (RFC 6381 section 3.4).
    pub(super) fn codecs(&self) -> String {
        self.parameter_sets.codecs()
    }

    /// The initialization segment. It has no duration: no `mehd`, and zero elsewhere.
    pub(super) fn init(&self) -> Result<Bytes> {
        let size = self.size();
        let (width, height) = (size.width as u16, size.height as u16);
        let mut tkhd = Tkhd { track_id: TRACK, enabled: true, in_movie: true, ..Tkhd::default() };
        (tkhd.width, tkhd.height) = (width.into(), height.into());
        let mdia = Mdia {
            mdhd: Mdhd { timescale: MEDIA_CLOCK_HZ, language: "und".to_owned(), ..Mdhd::default() },
            hdlr: Hdlr { handler: FourCC::new(b"vide"), name: "framelag".to_owned() },
            minf: Minf {
                vmhd: Some(Vmhd::default()),
                dinf: Dinf { dref: Dref { entries: vec![Url::default().into()] } },
                stbl: Stbl {
                    stsd: Stsd { codecs: vec![self.parameter_sets.sample_entry()?] },
                    // Empty, and required all the same (section 8.7.5).
                    stco: Some(mp4_atom::Stco::default()),
                    ..Stbl::default()
                },
                ..Minf::default()
            },
        };
        let moov = Moov {
            mvhd: Mvhd { timescale: MEDIA_CLOCK_HZ, rate: 1.into(), next_track_id: TRACK + 1, ..Mvhd::default() },
            mvex: Some(Mvex {
                mehd: None,
                trex: vec![Trex { track_id: TRACK, default_sample_description_index: 1, ..Trex::default() }],
            }),
            trak: vec![Trak { tkhd, mdia, ..Trak::default() }],
            ..Moov::default()
        };
        let brands = [b"iso6", b"cmfc", b"mp41"].map(FourCC::new).into();
        let ftyp = Ftyp { major_brand: FourCC::new(b"iso6"), minor_version: 0, compatible_brands: brands };
        let mut bytes = Vec::with_capacity(1_024);
        ftyp.encode(&mut bytes)?;
        moov.encode(&mut bytes)?;
        Ok(bytes.into())
    }

    /// `prft`, `moof` and `mdat` of the frame `data`.
    pub(super) fn fragment(&self, sample: &Sample, data: &[u8]) -> Result<Bytes> {
        let data = self.parameter_sets.length_prefixed(data);
        let mut bytes = Vec::with_capacity(data.len() + 256);
        Prft {
            reference_track_id: TRACK,
            ntp_timestamp: sample.wall.to_ntp(),
            media_time: sample.decode.saturating_add_signed(sample.offset.into()),
            utc_time_semantics: ReferenceTime::Input,
        }
        .encode(&mut bytes)?;
        let begin = bytes.len();
        sample.moof(data.len(), 0).encode(&mut bytes)?;
        let length = bytes.len() - begin;
        bytes.truncate(begin);
        sample.moof(data.len(), length + BOX_HEADER).encode(&mut bytes)?;
        Header { kind: Mdat::KIND, size: Some(data.len()) }.encode(&mut bytes)?;
        bytes.extend_from_slice(&data);
        Ok(bytes.into())
    }
}

impl Sample {
    /// Of a frame of `size` bytes that begin `data_offset` behind the `moof`.
    fn moof(&self, size: usize, data_offset: usize) -> Moof {
        let entry = TrunEntry {
            duration: Some(self.duration),
            size: Some(size as u32),
            flags: Some(if self.sync { SYNC } else { NON_SYNC }),
            cts: (self.offset != 0).then_some(self.offset.into()),
        };
        let traf = Traf {
            tfhd: Tfhd { track_id: TRACK, default_base_is_moof: true, ..Tfhd::default() },
            tfdt: Some(Tfdt { base_media_decode_time: self.decode }),
            trun: vec![Trun { data_offset: Some(data_offset as i32), samples: vec![entry].into() }],
            ..Traf::default()
        };
        Moof { mfhd: Mfhd { sequence_number: self.number }, traf: vec![traf] }
    }
}

#[cfg(test)]
pub(super) mod tests;
