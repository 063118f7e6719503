//! Boxes common to all tracks.

use bytes::Bytes;
use common::time::MEDIA_CLOCK_HZ;
use mp4_atom::{
    Atom as _, Codec, Dinf, Dref, Encode, FourCC, Ftyp, Hdlr, Header, Mdat, Mdhd, Mdia, Minf, Moof, Moov, Mvex, Mvhd,
    Result, Stbl, Stco, Stsd, Tkhd, Trak, Trex, Url,
};

/// Size of a box header, in bytes.
const BOX_HEADER: usize = 8;
/// sample_depends_on 2: depends on no other sample (ISO/IEC 14496-12 section 8.8.3.1).
pub(super) const SYNC: u32 = 0x0200_0000;

/// Builds a track without samples; fills in the common boxes of `minf`.
pub(super) fn trak(tkhd: Tkhd, minf: Minf, handler: &[u8; 4], timescale: u32, entry: Codec) -> Trak {
    let stbl = Stbl {
        stsd: Stsd { codecs: vec![entry] },
        // Empty but mandatory (section 8.7.5).
        stco: Some(Stco::default()),
        ..Stbl::default()
    };
    let dinf = Dinf { dref: Dref { entries: vec![Url::default().into()] } };
    let mdia = Mdia {
        mdhd: Mdhd { timescale, language: "und".to_owned(), ..Mdhd::default() },
        hdlr: Hdlr { handler: FourCC::new(handler), name: "framelag".to_owned() },
        minf: Minf { dinf, stbl, ..minf },
    };
    Trak { tkhd: Tkhd { enabled: true, in_movie: true, ..tkhd }, mdia, ..Trak::default() }
}

/// Builds the initialization segment of `traks`. A live stream has no duration: no `mehd`, and zero elsewhere.
pub(super) fn init(traks: Vec<Trak>) -> Result<Bytes> {
    let ids: Vec<u32> = traks.iter().map(|trak| trak.tkhd.track_id).collect();
    let trex = |id: &u32| Trex { track_id: *id, default_sample_description_index: 1, ..Trex::default() };
    let next_track_id = ids.iter().max().map_or(1, |highest| highest + 1);
    let moov = Moov {
        mvhd: Mvhd { timescale: MEDIA_CLOCK_HZ, rate: 1.into(), next_track_id, ..Mvhd::default() },
        mvex: Some(Mvex { mehd: None, trex: ids.iter().map(trex).collect() }),
        trak: traks,
        ..Moov::default()
    };
    // A CMAF header has one track (ISO/IEC 23000-19 section 7.3.1).
    let cmaf = (ids.len() == 1).then_some(b"cmfc");
    let brands = [b"iso6", b"mp41"].into_iter().chain(cmaf).map(FourCC::new).collect();
    let ftyp = Ftyp { major_brand: FourCC::new(b"iso6"), minor_version: 0, compatible_brands: brands };
    let mut bytes = Vec::with_capacity(1_536);
    ftyp.encode(&mut bytes)?;
    moov.encode(&mut bytes)?;
    Ok(bytes.into())
}

/// Appends `moof`, which describes `data`, and an `mdat` with it. Fills in the offset of the data.
pub(super) fn moof_and_mdat(bytes: &mut Vec<u8>, mut moof: Moof, data: &[u8]) -> Result<()> {
    let begin = bytes.len();
    moof.encode(bytes)?;
    // Its length does not depend on the offset.
    let offset = bytes.len() - begin + BOX_HEADER;
    moof.traf.iter_mut().flat_map(|traf| &mut traf.trun).for_each(|trun| trun.data_offset = Some(offset as i32));
    bytes.truncate(begin);
    moof.encode(bytes)?;
    Header { kind: Mdat::KIND, size: Some(data.len()) }.encode(bytes)?;
    bytes.extend_from_slice(data);
    Ok(())
}
