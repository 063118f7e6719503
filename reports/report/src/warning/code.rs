//! A warning: a code for programs, a sentence for people.

use serde::{Deserialize, Serialize};

/// A warning of a run, as in `run.json`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Warning {
    /// What it is, for programs: see [`Code`].
    pub code: Code,
    /// What it is, for people: one sentence with the figures.
    pub message: String,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $weight:ident $code:ident = $name:literal,)+) => {
        /// What a [`Warning`] is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
        pub enum Code {
            $($(#[$doc])* #[serde(rename = $name)] $code,)+
        }

        impl Code {
            /// All codes.
            pub const ALL: &[Self] = &[$(Self::$code,)+];

            /// The code in `run.json`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$code => $name,)+
                }
            }

            const fn weight(self) -> Weight {
                match self {
                    $(Self::$code => Weight::$weight,)+
                }
            }
        }
    };
}

/// What a warning does to the outcome.
enum Weight {
    /// The run proves nothing.
    Inconclusive,
    /// Nothing.
    Note,
}

codes! {
    /// No picture arrived.
    Inconclusive NoPicture = "no-picture",
    /// Pictures arrived, but no code was read from any.
    Inconclusive NoCode = "no-code",
    /// The run ended before the warm-up did, or nothing was read after it.
    Inconclusive NoSamples = "no-samples",
    /// Too few frames for the figures to mean much.
    Inconclusive FewSamples = "few-samples",
    /// The code could not be read from most pictures.
    Inconclusive UnreadableCode = "unreadable-code",
    /// Pictures come in another order than they are shown in (B-frames), and wait for their turn.
    Note Reordered = "reordered",
    /// The receiver's own decoder failed a considerable part of the frames.
    Inconclusive Undecoded = "undecoded",
    /// The publisher may be on another host and the offset between the clocks is not known.
    Inconclusive ClockUnknown = "clock-unknown",
    /// Publisher and receiver are taken to be on one host, because the address says so and nothing else does.
    Note ClockAssumed = "clock-assumed",
    /// The two clocks are compared, but not well enough for latencies as small as these.
    Note ClockUncertain = "clock-uncertain",
    /// Frames were shown while it was not known how far the two clocks are apart.
    Note Uncompared = "uncompared",
    /// A clock that was asked gave answers that cannot be believed, or stepped, or was gone.
    Note ClockAnswers = "clock-answers",
    /// The clocks are more than a day apart, and latencies are corrected by that.
    Note ClockFar = "clock-far",
    /// The clock that latencies are corrected by stepped while they were measured.
    Inconclusive ComparedStep = "compared-step",
    /// The wall clock stepped during the run.
    Note ClockStep = "clock-step",
    /// The receiver's host slept during the run.
    Note Suspend = "suspend",
    /// The publisher's wall clock stepped during the run.
    Inconclusive PublisherStep = "publisher-step",
    /// The clocks of publisher and receiver are years apart.
    Inconclusive PublisherClock = "publisher-clock",
    /// Two publishers send in one stream.
    Inconclusive TwoPublishers = "two-publishers",
    /// Frames seemed to arrive before they were sent.
    Inconclusive NegativeLatency = "negative-latency",
    /// Latencies above the histogram's range.
    Note Overflow = "overflow",
    /// Lost frames that have no row.
    Note Unlisted = "unlisted",
    /// The publisher started over.
    Note Restart = "restart",
    /// The stream was interrupted.
    Note Disconnected = "disconnected",
    /// The stream was not there any more when the run ended.
    Inconclusive StreamStopped = "stream-stopped",
    /// The input ended before the time that was asked for.
    Inconclusive EndedEarly = "ended-early",
    /// Codes were read too late to be put in the report, or repeated after their frame was final.
    Note StaleReading = "stale-reading",
    /// The SEI and the corner code of a picture disagree.
    Note StampMismatch = "stamp-mismatch",
    /// Pictures came without the publisher's SEI.
    Note SeiMissing = "sei-missing",
    /// The sender reports disagree with the corner code.
    Note SenderTime = "sender-time",
    /// Capture times were dropped.
    Note CaptureTime = "capture-time",
    /// There is a calibration, but not one to quote.
    Note Calibration = "calibration",
    /// The run is not over, or was killed: figures up to the last write.
    Inconclusive Partial = "partial",
    /// The report folder could not be written.
    Note ReportNotWritten = "report-not-written",
    /// The run failed.
    Note Failed = "failed",
    /// The input is not what was asked for; what was done instead.
    Note Input = "input",
    /// A run that was merged is not in every figure, or proves nothing by itself.
    Inconclusive MergePart = "merge-part",
    /// The runs that were merged are not of one kind.
    Note MergeDifferent = "merge-different",
}

impl Code {
    /// The code of that name in `run.json`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.name() == name)
    }

    /// Where a run with this warning proves nothing: its outcome is inconclusive.
    pub const fn is_inconclusive(self) -> bool {
        matches!(self.weight(), Weight::Inconclusive)
    }
}

impl Warning {
    /// A warning.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}
