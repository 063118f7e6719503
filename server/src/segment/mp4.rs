//! Boxes of CMAF tracks (ISO/IEC 14496-12, 23000-19). The only module that uses mp4-atom.

mod audio;
mod boxes;
mod h264;

use bytes::Bytes;
use common::audio::AudioFormat;
use common::frame::Size;
use common::media::Codec;
use common::time::{MEDIA_CLOCK_HZ, WallTime};
use mp4_atom::{
    Encode, Mfhd, Minf, Moof, Prft, ReferenceTime, Result, Tfdt, Tfhd, Tkhd, Traf, Trak, Trun, TrunEntry, Vmhd,
};

pub(super) use audio::{AudioRun, fragment as audio_fragment};
use boxes::SYNC;

use super::names::Tracks;
use super::pieces::{Init, Separate};

/// Id of the video track.
const TRACK: u32 = 1;
/// sample_depends_on 1, sample_is_non_sync_sample.
const NON_SYNC: u32 = 0x0101_0000;

/// The decoder configuration of a track, and how its frames are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Track {
    parameter_sets: h264::ParameterSets,
    audio: Option<AudioFormat>,
}

/// Metadata of one frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// Fragment number, from 1.
    pub(super) number: u32,
    pub(super) decode: u64,
    pub(super) duration: u32,
    pub(super) offset: i32,
    pub(super) sync: bool,
    /// PUB, or when it was received.
    pub(super) wall: WallTime,
}

impl Track {
    /// Creates the track that begins with the frame `data`, with optional `audio`; `None` without usable parameter sets.
    pub(super) fn of(codec: Codec, data: &[u8], audio: Option<&AudioFormat>) -> Option<Self> {
        match codec {
            Codec::H264 => Some(Self { parameter_sets: h264::ParameterSets::of(data)?, audio: audio.cloned() }),
        }
    }

    /// Returns the audio format.
    pub(super) fn audio(&self) -> Option<&AudioFormat> {
        self.audio.as_ref()
    }

    /// Returns the picture size.
    fn size(&self) -> Size {
        self.parameter_sets.size()
    }

    /// Returns the codec string (RFC 6381 section 3.4).
    fn codecs(&self) -> String {
        self.parameter_sets.codecs()
    }

    /// Returns the initialization segments.
    pub(super) fn initialization(&self, number: u64) -> Result<Init> {
        let (video, size) = (self.codecs(), self.size());
        let separate = self.audio.as_ref().map(|audio| -> Result<Separate> {
            Ok(Separate {
                video: (self.init(Tracks::Video)?, video.clone()),
                audio: (self.init(Tracks::Audio)?, audio.codecs_parameter()),
                sample_rate: audio.clock_hz,
                channels: audio.channels,
            })
        });
        let separate = separate.transpose()?;
        let codecs = match &separate {
            Some(separate) => format!("{video},{}", separate.audio.1),
            None => video,
        };
        let bytes = self.init(Tracks::Both)?;
        Ok(Init { number, bytes, codecs, width: size.width, height: size.height, separate })
    }

    /// Builds the initialization segment for the video, the audio, or both.
    fn init(&self, tracks: Tracks) -> Result<Bytes> {
        let mut traks = Vec::new();
        if tracks != Tracks::Audio {
            traks.push(self.video()?);
        }
        if let Some(audio) = self.audio.as_ref().filter(|_| tracks != Tracks::Video) {
            traks.push(audio::track(audio));
        }
        boxes::init(traks)
    }

    fn video(&self) -> Result<Trak> {
        let size = self.size();
        let (width, height) = (size.width as u16, size.height as u16);
        let tkhd = Tkhd { track_id: TRACK, width: width.into(), height: height.into(), ..Tkhd::default() };
        let minf = Minf { vmhd: Some(Vmhd::default()), ..Minf::default() };
        Ok(boxes::trak(tkhd, minf, b"vide", MEDIA_CLOCK_HZ, self.parameter_sets.sample_entry()?))
    }

    /// Builds `prft`, `moof` and `mdat` for the frame `data`.
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
        boxes::moof_and_mdat(&mut bytes, sample.moof(data.len()), &data)?;
        Ok(bytes.into())
    }
}

impl Sample {
    /// Builds the `moof` of a frame of `size` bytes, but for the offset of its data.
    fn moof(&self, size: usize) -> Moof {
        let entry = TrunEntry {
            duration: Some(self.duration),
            size: Some(size as u32),
            flags: Some(if self.sync { SYNC } else { NON_SYNC }),
            cts: (self.offset != 0).then_some(self.offset.into()),
        };
        let traf = Traf {
            tfhd: Tfhd { track_id: TRACK, default_base_is_moof: true, ..Tfhd::default() },
            tfdt: Some(Tfdt { base_media_decode_time: self.decode }),
            trun: vec![Trun { data_offset: Some(0), samples: vec![entry].into() }],
            ..Traf::default()
        };
        Moof { mfhd: Mfhd { sequence_number: self.number }, traf: vec![traf] }
    }
}

#[cfg(test)]
pub(super) mod tests;
