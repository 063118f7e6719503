//! H.264 access units out of a stream of FLV tags, the container that ffmpeg writes them into.
//!
//! A bare H.264 stream does not say where a picture ends until the next one begins, a whole interval later. The header of an
//! FLV tag gives the tag's length and its picture's time, so that an access unit is complete with its last byte. (IVF would do
//! with less, but ffmpeg writes no H.264 into it.)
//!
//! The layout is that of Adobe's "Flash Video File Format Specification" 10.1, annex E; NAL units in it have their length
//! in front, as ISO/IEC 14496-15 has it, and so have the parameter sets, which come once.

use common::h264::{self, LONG_START_CODE, NalKind};

use common::sei;

/// Signature, version, flags, length of the header, and the size of the tag before the first.
const HEADER: usize = 9 + 4;
/// Type, length, time and stream id of a tag.
const TAG_HEADER: usize = 11;
/// The length of a tag, once more, behind it.
const TAG_TRAILER: usize = 4;
/// A tag of pictures.
const VIDEO: u8 = 9;
/// Codec, in the low half of a picture tag's first byte: H.264.
const AVC: u8 = 7;
/// Bytes before the NAL units: codec, kind of packet, and how much later than decoded it is shown.
const VIDEO_HEADER: usize = 5;
/// Times are counted in milliseconds with so many bits.
const TIME_BITS: u32 = 31;

/// What is wrong with a stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not this container.
    #[error("its output is not an FLV stream")]
    NotFlv,
    /// Another codec.
    #[error("its output is not H.264")]
    NotH264,
    /// A length that points beyond its tag.
    #[error("its output is garbled: a NAL unit ends beyond its tag")]
    Garbled,
    /// A picture that is shown later than it is decoded.
    #[error("it reorders pictures (B-frames), which adds at least one frame of delay: turn B-frames off")]
    Reordered,
    /// Nothing to decode.
    #[error("an access unit of its output holds no slice")]
    NoSlice,
}

/// Splits a stream into access units.
#[derive(Debug, Default)]
pub struct Demuxer {
    waiting: Vec<u8>,
    begun: bool,
    sets: Sets,
    /// Time of the last picture, counted on where the container's own begins again.
    time_ms: u64,
}

/// Parameter sets, as Annex B, and how long the lengths of NAL units are.
#[derive(Debug)]
struct Sets {
    annex_b: Vec<u8>,
    length_size: usize,
}

impl Default for Sets {
    fn default() -> Self {
        Self { annex_b: Vec::new(), length_size: 4 }
    }
}

/// An access unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// The time of its picture in milliseconds, as the container has it.
    pub time_ms: u64,
    /// In annex B form, with the parameter sets before an IDR picture.
    pub data: Vec<u8>,
    /// It is an IDR picture.
    pub is_key: bool,
}

impl Demuxer {
    /// Adds what was read. No tag is longer than 16 MB, and a caller that takes every unit out holds no more than one.
    pub fn push(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
    }

    /// The next access unit that is whole.
    ///
    /// # Errors
    /// [`Error`], after which nothing more can be made of the stream.
    pub fn next_unit(&mut self) -> Result<Option<Unit>, Error> {
        if !self.begun {
            if !b"FLV".starts_with(&self.waiting[..self.waiting.len().min(3)]) {
                return Err(Error::NotFlv);
            }
            if self.waiting.len() < HEADER {
                return Ok(None);
            }
            self.waiting.drain(..HEADER);
            self.begun = true;
        }
        while let Some(header) = self.waiting.first_chunk::<TAG_HEADER>() {
            let [kind, a, b, c, t2, t1, t0, t3, ..] = *header;
            let length = u32::from_be_bytes([0, a, b, c]) as usize;
            let time = u32::from_be_bytes([t3, t2, t1, t0]) & ((1 << TIME_BITS) - 1);
            let end = TAG_HEADER + length + TAG_TRAILER;
            if self.waiting.len() < end {
                return Ok(None);
            }
            let body = &self.waiting[TAG_HEADER..TAG_HEADER + length];
            let picture = if kind & 0x1f == VIDEO { self.sets.video(body)? } else { None };
            self.waiting.drain(..end);
            if let Some((data, is_key)) = picture {
                return Ok(Some(Unit { time_ms: self.time(time), data, is_key }));
            }
        }
        Ok(None)
    }

    /// `time` counted on across its wrap after 24.8 days.
    fn time(&mut self, time: u32) -> u64 {
        let ahead = (u64::from(time)).wrapping_sub(self.time_ms) & ((1 << TIME_BITS) - 1);
        self.time_ms += ahead;
        self.time_ms
    }
}

impl Sets {
    /// The access unit in a tag of pictures, and whether it is an IDR picture; `None` where there is none in it.
    fn video(&mut self, body: &[u8]) -> Result<Option<(Vec<u8>, bool)>, Error> {
        let Some((header, data)) = body.split_first_chunk::<VIDEO_HEADER>() else { return Err(Error::Garbled) };
        if header[0] & 0x0f != AVC {
            return Err(Error::NotH264);
        }
        match header[1] {
            0 => self.configure(data).map(|()| None),
            1 if header[2..] != [0, 0, 0] => Err(Error::Reordered),
            1 => self.unit(data).map(Some),
            // The end of the sequence.
            _ => Ok(None),
        }
    }

    /// Takes the decoder configuration record (ISO/IEC 14496-15 section 5.2.4.1).
    fn configure(&mut self, record: &[u8]) -> Result<(), Error> {
        let (head, mut rest) = record.split_first_chunk::<5>().ok_or(Error::Garbled)?;
        self.length_size = usize::from(head[4] & 3) + 1;
        self.annex_b.clear();
        for count_mask in [0x1f, 0xff] {
            let (&count, sets) = rest.split_first().ok_or(Error::Garbled)?;
            rest = sets;
            for _ in 0..count & count_mask {
                let (set, behind) = prefixed(rest, 2)?;
                rest = behind;
                self.annex_b.extend_from_slice(&LONG_START_CODE);
                self.annex_b.extend_from_slice(set);
            }
        }
        Ok(())
    }

    /// The NAL units of a picture in annex B form, with the parameter sets before an IDR picture that has none of its own, and
    /// whether it is one.
    fn unit(&self, data: &[u8]) -> Result<(Vec<u8>, bool), Error> {
        let nals = self.split(data)?;
        let kinds = || nals.iter().filter_map(|nal| NalKind::of(nal));
        let is_key = kinds().any(|kind| kind == NalKind::Idr);
        if !kinds().any(|kind| matches!(kind, NalKind::Slice | NalKind::Idr)) {
            return Err(Error::NoSlice);
        }
        let size = data.len() + self.annex_b.len() + LONG_START_CODE.len() * nals.len() + sei::ROOM;
        let mut annex_b = Vec::with_capacity(size);
        if is_key && !kinds().any(|kind| kind == NalKind::Sps) {
            annex_b.extend_from_slice(&self.annex_b);
        }
        // A delimiter would have to stand before the parameter sets, and RTP needs none.
        let needed = |nal: &&&[u8]| !matches!(NalKind::of(nal), None | Some(NalKind::Aud));
        for nal in nals.iter().filter(needed) {
            annex_b.extend_from_slice(&LONG_START_CODE);
            annex_b.extend_from_slice(nal);
        }
        Ok((annex_b, is_key))
    }

    fn split<'a>(&self, mut data: &'a [u8]) -> Result<Vec<&'a [u8]>, Error> {
        // An encoder that gives ffmpeg no parameter sets beforehand comes through as it is.
        if data.starts_with(&LONG_START_CODE) || data.starts_with(&LONG_START_CODE[1..]) && self.annex_b.is_empty() {
            return Ok(h264::nals(data).collect());
        }
        let mut nals = Vec::new();
        while !data.is_empty() {
            let (nal, rest) = prefixed(data, self.length_size)?;
            nals.push(nal);
            data = rest;
        }
        Ok(nals)
    }
}

/// What stands behind its length of `size` bytes, and what comes after it.
fn prefixed(data: &[u8], size: usize) -> Result<(&[u8], &[u8]), Error> {
    let (length, rest) = data.split_at_checked(size).ok_or(Error::Garbled)?;
    let length = length.iter().fold(0, |length, &byte| length << 8 | usize::from(byte));
    rest.split_at_checked(length).ok_or(Error::Garbled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(kind: u8, time: u32, body: &[u8]) -> Vec<u8> {
        let [t3, t2, t1, t0] = time.to_be_bytes();
        let length = (body.len() as u32).to_be_bytes();
        let header = [kind, length[1], length[2], length[3], t2, t1, t0, t3, 0, 0, 0];
        let trailer = (TAG_HEADER as u32 + body.len() as u32).to_be_bytes();
        [&header[..], body, &trailer].concat()
    }

    fn picture(time: u32, nals: &[&[u8]]) -> Vec<u8> {
        let prefixed = nals.iter().flat_map(|nal| [&(nal.len() as u32).to_be_bytes(), *nal].concat());
        tag(VIDEO, time, &[0x17, 1, 0, 0, 0].into_iter().chain(prefixed).collect::<Vec<_>>())
    }

    fn begin() -> Vec<u8> {
        let record = [1, 66, 0xc0, 30, 0xff, 0xe1, 0, 2, 0x67, 42, 1, 0, 2, 0x68, 43];
        let configuration = tag(VIDEO, 0, &[&[0x17, 0, 0, 0, 0][..], &record].concat());
        [b"FLV\x01\x01\x00\x00\x00\x09\x00\x00\x00\x00", &tag(18, 0, b"meta")[..], &configuration].concat()
    }

    fn all(stream: &[u8]) -> Result<Vec<Unit>, Error> {
        let mut demuxer = Demuxer::default();
        demuxer.push(stream);
        std::iter::from_fn(|| demuxer.next_unit().transpose()).collect()
    }

    #[test]
    fn a_unit_is_complete_with_its_last_byte_and_has_its_parameter_sets() {
        let stream = [begin(), picture(0, &[&[9, 16], &[6, 5, 1], &[0x65, 7, 8]]), picture(33, &[&[0x41, 9]])].concat();
        let mut demuxer = Demuxer::default();
        let mut units = Vec::new();
        for (count, byte) in stream.iter().enumerate() {
            demuxer.push(&[*byte]);
            units.extend(demuxer.next_unit().expect("a good stream").map(|unit| (count + 1, unit)));
        }
        let [(_, idr), (end, slice)] = &units[..] else { panic!("{units:?}") };
        assert_eq!((idr.time_ms, slice.time_ms), (0, 33));
        assert_eq!(*end, stream.len());
        let nals: Vec<_> = h264::nals(&idr.data).collect();
        assert_eq!(nals, [&[0x67, 42][..], &[0x68, 43], &[6, 5, 1], &[0x65, 7, 8]]);
        assert_eq!((idr.is_key, &idr.data[idr.data.len() - 7..]), (true, &[0, 0, 0, 1, 0x65, 7, 8][..]));
        assert_eq!((slice.is_key, &slice.data[..]), (false, &[0, 0, 0, 1, 0x41, 9][..]));
        assert!(idr.data.capacity() - idr.data.len() >= sei::ROOM, "the stamp has room");
    }

    #[test]
    fn times_go_on_where_they_wrap() {
        let last = (1 << TIME_BITS) - 10;
        let stream = [begin(), picture(last, &[&[0x65, 7]]), picture(23, &[&[0x41, 9]])].concat();
        let times: Vec<_> = all(&stream).expect("a good stream").into_iter().map(|unit| unit.time_ms).collect();
        assert_eq!(times, [u64::from(last), u64::from(last) + 33]);
    }

    #[test]
    fn annex_b_comes_through_as_it_is() {
        let stream = [&[0x17, 1, 0, 0, 0][..], &[0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 2, 0, 0, 1, 0x65, 3]].concat();
        let stream = [&begin()[..13], &tag(VIDEO, 0, &stream)].concat();
        let unit = all(&stream).expect("a good stream").remove(0);
        assert_eq!(h264::nals(&unit.data).collect::<Vec<_>>(), [&[0x67, 1][..], &[0x68, 2], &[0x65, 3]]);
    }

    #[test]
    fn streams_that_are_wrong_are_refused_by_name() {
        let with = |body: &[u8]| all(&[begin(), tag(VIDEO, 0, body)].concat()).err();
        assert_eq!(all(b"Fl").err(), Some(Error::NotFlv));
        assert_eq!(with(&[0x12, 1, 0, 0, 0]), Some(Error::NotH264));
        assert_eq!(with(&[0x17, 1, 0, 0, 33, 0, 0, 0, 1, 0x65]), Some(Error::Reordered));
        assert_eq!(with(&[0x17, 1, 0, 0, 0, 0, 0, 0, 3, 0x65, 1]), Some(Error::Garbled));
        assert_eq!(with(&[0x17, 1, 0, 0, 0, 0, 0, 0, 1, 6]), Some(Error::NoSlice));
        assert_eq!(with(&[0x17, 0, 0, 0, 0, 1, 2]), Some(Error::Garbled));
        assert_eq!(with(&[0x17]), Some(Error::Garbled));
    }
}
