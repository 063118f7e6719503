//! A warning: a code for programs, a sentence for people.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A warning of a run, as in `run.json`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Warning {
    /// What it is, for programs: see [`Code`].
    pub code: Code,
    /// What it is, for people: one sentence with the figures.
    pub message: String,
}

/// What a [`Warning`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// No picture arrived.
    NoPicture,
    /// Pictures arrived, but no code was read from any.
    NoCode,
    /// The run ended before the warm-up did, or nothing was read after it.
    NoSamples,
    /// Too few frames for the figures to mean much.
    FewSamples,
    /// The code could not be read from most pictures.
    UnreadableCode,
    /// Pictures come in another order than they are shown in (B-frames), and wait for their turn.
    Reordered,
    /// The receiver's own decoder failed a considerable part of the frames.
    Undecoded,
    /// The publisher may be on another host and the offset between the clocks is not known.
    ClockUnknown,
    /// Publisher and receiver are taken to be on one host, because the address says so and nothing else does.
    ClockAssumed,
    /// The two clocks are compared, but not well enough for latencies as small as these.
    ClockUncertain,
    /// Frames were shown while it was not known how far the two clocks are apart.
    Uncompared,
    /// A clock that was asked gave answers that cannot be believed, or stepped, or was gone.
    ClockAnswers,
    /// The clocks are more than a day apart, and latencies are corrected by that.
    ClockFar,
    /// The clock that latencies are corrected by stepped while they were measured.
    ComparedStep,
    /// The wall clock stepped during the run.
    ClockStep,
    /// The receiver's host slept during the run.
    Suspend,
    /// The publisher's wall clock stepped during the run.
    PublisherStep,
    /// The clocks of publisher and receiver are years apart.
    PublisherClock,
    /// Two publishers send in one stream.
    TwoPublishers,
    /// Frames seemed to arrive before they were sent.
    NegativeLatency,
    /// Latencies above the histogram's range.
    Overflow,
    /// Lost frames that have no row.
    Unlisted,
    /// The publisher started over.
    Restart,
    /// The stream was interrupted.
    Disconnected,
    /// The stream was not there any more when the run ended.
    StreamStopped,
    /// The input ended before the time that was asked for.
    EndedEarly,
    /// Codes were read too late to be put in the report, or repeated after their frame was settled.
    StaleReading,
    /// The SEI and the corner code of a picture disagree.
    StampMismatch,
    /// There is a calibration, but not one to quote.
    Calibration,
    /// Pictures came without the publisher's SEI.
    SeiMissing,
    /// The sender reports disagree with the corner code.
    SenderTime,
    /// Capture times were dropped.
    CaptureTime,
    /// The run is not over, or was killed: figures up to the last write.
    Partial,
    /// The report folder could not be written.
    ReportNotWritten,
    /// The run failed.
    Failed,
    /// The input is not what was asked for; what was done instead.
    Input,
    /// A run that was merged is not in every figure, or proves nothing by itself.
    MergePart,
    /// The runs that were merged are not of one kind.
    MergeDifferent,
}

impl Code {
    /// All codes.
    pub const ALL: [Self; 38] = [
        Self::NoPicture,
        Self::NoCode,
        Self::NoSamples,
        Self::FewSamples,
        Self::UnreadableCode,
        Self::Reordered,
        Self::Undecoded,
        Self::ClockUnknown,
        Self::ClockAssumed,
        Self::ClockUncertain,
        Self::Uncompared,
        Self::ClockAnswers,
        Self::ClockFar,
        Self::ComparedStep,
        Self::ClockStep,
        Self::Suspend,
        Self::PublisherStep,
        Self::PublisherClock,
        Self::TwoPublishers,
        Self::NegativeLatency,
        Self::Overflow,
        Self::Unlisted,
        Self::Restart,
        Self::Disconnected,
        Self::StreamStopped,
        Self::EndedEarly,
        Self::StaleReading,
        Self::StampMismatch,
        Self::SeiMissing,
        Self::SenderTime,
        Self::CaptureTime,
        Self::Calibration,
        Self::Partial,
        Self::ReportNotWritten,
        Self::Failed,
        Self::Input,
        Self::MergePart,
        Self::MergeDifferent,
    ];

    /// The code in `run.json`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoPicture => "no-picture",
            Self::NoCode => "no-code",
            Self::NoSamples => "no-samples",
            Self::FewSamples => "few-samples",
            Self::UnreadableCode => "unreadable-code",
            Self::Reordered => "reordered",
            Self::Undecoded => "undecoded",
            Self::ClockUnknown => "clock-unknown",
            Self::ClockAssumed => "clock-assumed",
            Self::ClockUncertain => "clock-uncertain",
            Self::Uncompared => "uncompared",
            Self::ClockAnswers => "clock-answers",
            Self::ClockFar => "clock-far",
            Self::ComparedStep => "compared-step",
            Self::ClockStep => "clock-step",
            Self::Suspend => "suspend",
            Self::PublisherStep => "publisher-step",
            Self::PublisherClock => "publisher-clock",
            Self::TwoPublishers => "two-publishers",
            Self::NegativeLatency => "negative-latency",
            Self::Overflow => "overflow",
            Self::Unlisted => "unlisted",
            Self::Restart => "restart",
            Self::Disconnected => "disconnected",
            Self::StreamStopped => "stream-stopped",
            Self::EndedEarly => "ended-early",
            Self::StaleReading => "stale-reading",
            Self::StampMismatch => "stamp-mismatch",
            Self::Calibration => "calibration",
            Self::SeiMissing => "sei-missing",
            Self::SenderTime => "sender-time",
            Self::CaptureTime => "capture-time",
            Self::Partial => "partial",
            Self::ReportNotWritten => "report-not-written",
            Self::Failed => "failed",
            Self::Input => "input",
            Self::MergePart => "merge-part",
            Self::MergeDifferent => "merge-different",
        }
    }

    /// The code of that name in `run.json`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.name() == name)
    }

    /// Where a run with this warning proves nothing: its outcome is inconclusive.
    pub const fn is_inconclusive(self) -> bool {
        matches!(
            self,
            Self::NoPicture
                | Self::NoCode
                | Self::NoSamples
                | Self::FewSamples
                | Self::UnreadableCode
                | Self::Undecoded
                | Self::ClockUnknown
                | Self::ComparedStep
                | Self::PublisherStep
                | Self::PublisherClock
                | Self::TwoPublishers
                | Self::NegativeLatency
                | Self::StreamStopped
                | Self::EndedEarly
                | Self::Partial
                | Self::MergePart
        )
    }
}

impl Warning {
    /// A warning.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::named(&name).ok_or_else(|| D::Error::custom(format_args!("unknown warning code {name:?}")))
    }
}
