//! What a receiver hands in: one frame whose code was read, and the moments of starting up.

pub use common::code::SEQUENCE_MODULUS;
use common::marks::{Mark, Marks, Stage};
use common::time::{MonoTime, Now};
use serde::Deserialize;

/// One picture whose corner code was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The publisher's stream id, from the code.
    pub stream_id: u8,
    /// The frame's sequence number, from the code: modulo [`SEQUENCE_MODULUS`].
    pub sequence: u32,
    /// The publisher's run, from its SEI; `None` where there is none.
    pub run: Option<u32>,
    /// When it passed each step of its journey.
    pub marks: Marks,
    /// When the picture was handed to the window, monotonic. Read together with `marks.presented()`, so that
    /// a step of the wall clock shows in the difference of the two.
    pub presented: MonoTime,
    /// What was done to the receiver's times so that they can be compared with the publisher's.
    pub correction: Correction,
    /// A window took the picture. Without one `presented` is when its code was read: nothing kept it from being shown then.
    pub shown: bool,
    /// Bytes of the access unit the picture came in; 0 where the input is not compressed.
    pub bytes: u32,
    /// The access unit was an IDR.
    pub idr: bool,
}

impl Sample {
    /// How long the frame spent in a stage, µs. Without a window nothing was presented.
    pub fn stage_us(&self, stage: Stage) -> Option<i64> {
        self.marks.stage_us(stage).filter(|_| self.shown || stage.end() != Mark::Presented)
    }

    /// Both of the receiver's clocks when the picture was presented, as they were read.
    pub fn now(&self) -> Now {
        Now { wall: self.marks.presented().offset(self.correction.offset_us().unwrap_or(0)), mono: self.presented }
    }
}

/// What was done to the receiver's times of a sample so that they can be compared with the publisher's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Correction {
    /// Nothing: there is one clock, or it is not known whether there are two. Where no more is found out about that, the
    /// tally takes it for [`Correction::Missing`].
    #[default]
    None,
    /// Nothing, though there are two clocks: how far they are apart is not known, or not any more.
    Missing,
    /// So many µs, the receiver's clock − the publisher's, were taken off.
    By(i64),
}

impl Correction {
    /// What was taken off, µs: 0 where there is one clock; `None` where it is not known.
    pub const fn offset_us(self) -> Option<i64> {
        match self {
            Self::None => Some(0),
            Self::Missing => None,
            Self::By(micros) => Some(micros),
        }
    }
}

/// What is known of the clocks of publisher and receiver. Of two findings the later one in this order holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Clocks {
    /// Nothing.
    #[default]
    Unknown,
    /// One clock, as far as the address says.
    Assumed,
    /// One clock, as the user says.
    ByUser,
    /// One clock: the publisher names the same host.
    Same,
    /// Two clocks: the publisher names another host.
    Different,
}

impl Clocks {
    /// Publisher and receiver read the same clock, known or assumed.
    pub const fn are_one(self) -> bool {
        matches!(self, Self::Assumed | Self::ByUser | Self::Same)
    }
}

/// Where a frame that was sent ended. The six add up to the range of sequence numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bucket {
    /// Its code was read once, in order.
    Measured,
    /// Nothing of it arrived.
    Lost,
    /// Its code was read again after its first reading.
    Duplicate,
    /// Its code was read after that of a later frame.
    Late,
    /// A picture arrived in its place, but no code could be read from it.
    Unreadable,
    /// An access unit arrived in its place, but no picture could be decoded from it.
    Undecodable,
}

impl Bucket {
    /// All buckets, in the order of `run.json`.
    pub const ALL: [Self; 6] =
        [Self::Measured, Self::Lost, Self::Duplicate, Self::Late, Self::Unreadable, Self::Undecodable];

    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Lost => "lost",
            Self::Duplicate => "duplicate",
            Self::Late => "late",
            Self::Unreadable => "unreadable",
            Self::Undecodable => "undecodable",
        }
    }

    /// The bucket of that name in reports.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|bucket| bucket.name() == name)
    }
}

/// A step of starting up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StartupStep {
    /// The session plays: DESCRIBE, SETUP and PLAY were answered.
    Connected,
    /// The first packet of the stream came in.
    FirstPacket,
    /// The first picture was shown.
    FirstPicture,
    /// The first code was read.
    FirstReading,
}
