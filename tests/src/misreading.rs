//! Tries to get a wrong reading out of the reader: pictures without a code, and codes that were damaged or mixed.

use std::ops::AddAssign;

use anyhow::Result;
use common::code::{Corner, Reader};
use common::frame::{Picture, Size};

use crate::need;
use crate::survival::{Clip, Codec, Setting, payload, stamped, through};
use trial::Trial;

mod trial;

/// Small, so that many are tried.
const SIZE: Size = Size::new(128, 64);

/// What is done to a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Every sample random.
    Noise,
    /// Every cell where the code would be random, below a whole finder.
    RandomCells,
    /// A code with some cells flipped.
    Flipped,
    /// A code with some bytes replaced, 3 to 8: more than can be mended, but close to a codeword.
    Replaced,
    /// A code with a part covered.
    Covered,
    /// A code that is partly outside the picture.
    Cut,
    /// The upper part of one frame above the lower part of another.
    Tear,
    /// The mean of two frames, with any weights, and noise.
    Blend,
    /// Real footage with no code.
    Footage,
    /// A code on footage, and footage with another code or none, blended with any weights.
    Dissolve,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Noise,
        Self::RandomCells,
        Self::Flipped,
        Self::Replaced,
        Self::Covered,
        Self::Cut,
        Self::Tear,
        Self::Blend,
        Self::Footage,
        Self::Dissolve,
    ];

    /// How many of a hundred trials are made of it: fewer where nothing is to be found, and the search takes longest.
    pub const fn share(self) -> u64 {
        match self {
            Self::Noise => 2,
            Self::RandomCells | Self::Footage => 5,
            Self::Covered | Self::Cut | Self::Blend | Self::Dissolve => 12,
            Self::Flipped | Self::Replaced => 13,
            Self::Tear => 14,
        }
    }

    /// Whether there is a code in it that can be read.
    pub const fn has_code(self) -> bool {
        !matches!(self, Self::Noise | Self::RandomCells | Self::Footage)
    }
}

/// How trials ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Read: a code that was painted.
    pub right: u64,
    /// Not read.
    pub none: u64,
    /// Read: a code that was not painted. Must never happen.
    pub wrong: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.right += other.right;
        self.none += other.none;
        self.wrong += other.wrong;
    }
}

/// Pictures without a code: each trial takes a part of its own of one of them.
#[derive(Debug)]
pub struct Footage(Vec<Picture>);

impl Footage {
    /// Of the three clips, every `step`th picture, in the clips' own sizes. Needs ffmpeg.
    ///
    /// # Errors
    /// Where ffmpeg is missing.
    ///
    /// # Panics
    /// Where a clip has not been fetched.
    pub fn load(step: usize) -> Result<Self> {
        let mut pictures = Vec::new();
        for (file, width, height) in
            [("bigbuckbunny.mp4", 1280, 720), ("bikes.mp4", 640, 272), ("carphone_pristine.mp4", 176, 144)]
        {
            let clip = Clip::load(&need::footage(file), Size::new(width, height))?;
            pictures.extend(clip.pictures().iter().step_by(step).cloned());
        }
        Ok(Self(pictures))
    }
}

/// `count` trials of `kind`, the same for the same `seed`.
pub fn trials(kind: Kind, count: u64, seed: u64, footage: &Footage) -> Tally {
    let mut trial = Trial::new(seed, footage);
    let mut tally = Tally::default();
    for _ in 0..count {
        let (painted, read) = trial.run(kind);
        match read {
            None => tally.none += 1,
            Some(read) if painted.contains(&Some(read)) => tally.right += 1,
            Some(_) => tally.wrong += 1,
        }
    }
    tally
}

/// Reads `count` pictures of an H.264 stream whose bytes were damaged, as ffmpeg conceals what is missing: blocks
/// of other pictures, grey, and slices that ended early. Needs ffmpeg.
///
/// # Errors
/// Where ffmpeg is missing or fails.
///
/// # Panics
/// Where the clip has not been fetched.
pub fn damaged_stream(count: usize) -> Result<Tally> {
    let clip = Clip::load(&need::footage("bikes.mp4"), SIZE)?;
    let setting = Setting { size: SIZE, fps: 25, kbps: 150 };
    let (mut reader, mut tally) = (Reader::new(), Tally::default());
    through(Codec::Damaged, setting, stamped(&clip, setting.fps, Corner::TopLeft, count)?, |luma| {
        match reader.read(luma) {
            None => tally.none += 1,
            Some(read) if read == payload(read.sequence as usize) && (read.sequence as usize) < count => {
                tally.right += 1
            }
            Some(_) => tally.wrong += 1,
        }
    })?;
    Ok(tally)
}
