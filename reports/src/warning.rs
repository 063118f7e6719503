//! What a reader of the figures must know about them: a code for programs, a sentence for people.

use common::time::WallTime;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::allowance::{AT_ONCE, PER_SECOND};
use crate::export::json::rfc3339;
use crate::run::{Run, ms};
use crate::stamps::MAX_DIFFERENCE_US;
use crate::timeline::Kind;

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

/// Fewer latencies than this say nothing: a second of video at 30 frames/s.
pub const MIN_SAMPLES: u64 = 30;

/// Of the frames that were sent, the most that the receiver's own decoder may fail without taking the run's word away. p99 is
/// that of the frames which are left: where as many as those above it are missing, and it is not known how late they were, it
/// may be anything.
pub const MAX_REFUSED_SHARE: f64 = 0.01;

/// What the figures themselves warn of, the gravest first.
pub fn of(run: &Run) -> Vec<Warning> {
    let mut warnings: Vec<_> =
        [no_figures(run), unreadable_code(run), undecoded(run), clock_unknown(run)].into_iter().flatten().collect();
    warnings.extend(crate::comparison::warnings(run));
    let mut warn = |holds: bool, code, message: String| {
        if holds {
            warnings.push(Warning::new(code, message));
        }
    };
    let (latency, clock) = (&run.latency_ms, &run.clock);
    warn(
        clock.assumed && latency.count > 0,
        Code::ClockAssumed,
        match clock.source {
            Some(_) => {
                "publisher and receiver are on one host by --clock same-host alone: no SEI of the publisher says so"
            }
            None => "no SEI of the publisher says which host it is on: it is assumed to be this one",
        }
        .to_owned(),
    );
    warn(
        clock.steps > 0,
        Code::ClockStep,
        format!(
            "the wall clock stepped {} times, by up to {:.3} ms; {} frames under way at a step are left out of the latencies",
            clock.steps,
            crate::run::ms(clock.largest_step_us.unwrap_or(0)),
            latency.clock_step
        ),
    );
    warn(clock.suspends > 0, Code::Suspend, suspended(run));
    warn(
        clock.publisher_steps > 0,
        Code::PublisherStep,
        format!(
            "the publisher's clock stepped {} times: latencies before and after it cannot be compared, see `sections`",
            clock.publisher_steps
        ),
    );
    warn(
        latency.min.is_some_and(|min| min < -clock.max_uncertainty_us.map_or(0.0, ms)),
        Code::NegativeLatency,
        format!(
            "{} of {} frames were shown before they were stamped: the two clocks disagree",
            latency.negative, latency.count
        ),
    );
    warn(
        latency.overflow > 0,
        Code::Overflow,
        format!("{} frames were more than an hour old (or young): they are in no histogram file", latency.overflow),
    );
    let unlisted = run.frames.unlisted.unwrap_or(0);
    warn(
        unlisted > 0,
        Code::Unlisted,
        format!(
            "the numbers of frames jump further ahead than time does: {unlisted} of {} lost ones have no row in frames.csv, which \
             takes {AT_ONCE} of them and {PER_SECOND} for each second; theirs are the numbers missing between two rows",
            run.frames.lost.unwrap_or(0)
        ),
    );
    let restarts = run.frames.restarts.unwrap_or(0);
    warn(restarts > 0, Code::Restart, format!("the publisher started over {restarts} times; the ranges are added up"));
    let lost = &run.connection;
    warn(
        lost.disconnects > 0,
        Code::Disconnected,
        format!("the stream was interrupted {} times, for {:.1} s", lost.disconnects, lost.disconnected_ms / 1_000.0),
    );
    let stale = run.pictures.stale;
    warn(stale > 0, Code::StaleReading, format!("{stale} codes were read again, or too late to count"));
    warnings.extend([stamp_mismatch(run), sei_missing(run), sender_time(run), capture_time(run)].into_iter().flatten());
    warnings
}

/// Code and SEI of a picture disagree.
fn stamp_mismatch(run: &Run) -> Option<Warning> {
    let stamps = &run.stamps;
    let off = stamps.largest_difference_us.filter(|us| us.unsigned_abs() > MAX_DIFFERENCE_US.unsigned_abs());
    let by =
        off.map_or(String::new(), |us| format!(" or of a time that is up to {:.3} ms off", ms(us.saturating_abs())));
    let message = format!(
        "{} of {} pictures came with an SEI of another frame{by}: a transcoder or an edited stream; their publisher's \
         stages are left out",
        stamps.contradicted,
        stamps.contradicted + stamps.agreeing + stamps.missing_sei
    );
    (stamps.contradicted > 0).then(|| Warning::new(Code::StampMismatch, message))
}

fn sei_missing(run: &Run) -> Option<Warning> {
    let stamps = &run.stamps;
    let message = format!(
        "{} of {} pictures came without the publisher's SEI: a transcoder, another publisher or a server that takes it \
         out; their publisher's stages are unknown",
        stamps.missing_sei,
        stamps.contradicted + stamps.agreeing + stamps.missing_sei
    );
    (stamps.missing_sei > 0).then(|| Warning::new(Code::SeiMissing, message))
}

/// Most sender reports are off. A single one says nothing: a publisher may be held up between reading its two clocks.
fn sender_time(run: &Run) -> Option<Warning> {
    let stamps = &run.stamps;
    let difference = stamps.sender_report_difference_us?;
    let agree = if stamps.agreeing > 0 && stamps.contradicted == 0 { ", though code and SEI agree" } else { "" };
    let message = format!(
        "by {} of {} sender reports frames are of another time than by their code, by {:.3} ms in the median and up to \
         {:.3} ms{agree}: a server that rewrites time, as MediaMTX does, or a recording played again; no figure is \
         taken from the reports",
        stamps.sender_reports_off,
        stamps.sender_reports,
        ms(difference.median),
        ms(difference.largest)
    );
    let most = stamps.sender_reports_off > 1 && stamps.sender_reports_off * 2 > stamps.sender_reports;
    most.then(|| Warning::new(Code::SenderTime, message))
}

fn capture_time(run: &Run) -> Option<Warning> {
    let capture = &run.capture;
    let message = format!(
        "the camera's driver gave {} pictures a capture time that cannot be, or of an unknown clock: it was dropped",
        capture.implausible
    );
    (capture.implausible > 0).then(|| Warning::new(Code::CaptureTime, message))
}

/// Why there are no figures, or not enough.
fn no_figures(run: &Run) -> Option<Warning> {
    let count = run.latency_ms.count;
    let (code, message) = if run.startup.first_frame_ms.is_none() {
        (Code::NoPicture, format!("no picture arrived from {}", run.url))
    } else if run.startup.first_reading_ms.is_none() {
        let why = "no corner code could be read in any picture: is this stream published by framelag, uncropped, \
                   and not scaled below 0.4x?";
        (Code::NoCode, why.to_owned())
    } else if run.duration_s.is_none() {
        (Code::NoSamples, format!("the run ended within the warm-up of {} s: nothing was measured", run.warmup_s))
    } else if count == 0 && run.latency_ms.uncompared > 0 {
        (Code::NoSamples, "of no frame it was known how far the two clocks are apart: nothing was measured".to_owned())
    } else if count == 0 {
        (Code::NoSamples, "no corner code was read after the warm-up: nothing was measured".to_owned())
    } else if count < MIN_SAMPLES {
        (Code::FewSamples, format!("only {count} frames were measured; at least {MIN_SAMPLES} are needed"))
    } else {
        return None;
    };
    Some(Warning::new(code, message))
}

fn unreadable_code(run: &Run) -> Option<Warning> {
    let pictures = &run.pictures;
    let most = run.latency_ms.count > 0 && pictures.unreadable * 2 > pictures.shown;
    let message = format!(
        "the corner code could not be read in {} of {} pictures: the figures are those of the others",
        pictures.unreadable, pictures.shown
    );
    most.then(|| Warning::new(Code::UnreadableCode, message))
}

/// Too many frames fell to the receiver's decoder: the others say nothing of them.
fn undecoded(run: &Run) -> Option<Warning> {
    let refused = run.pictures.refused;
    let expected = run.frames.expected?;
    let message = format!(
        "{refused} of {expected} frames arrived whole but were not decoded by this receiver: the figures cover only the others"
    );
    let many = refused as f64 > expected as f64 * MAX_REFUSED_SHARE;
    many.then(|| Warning::new(Code::Undecoded, message))
}

fn clock_unknown(run: &Run) -> Option<Warning> {
    let unknown = !run.clock.same_host && run.clock.uncertainty_us.is_none() && run.latency_ms.count > 0;
    let message = "the publisher may be on another host, and nobody compared the clocks: \
                   every latency contains their unknown difference";
    unknown.then(|| Warning::new(Code::ClockUnknown, message))
}

fn suspended(run: &Run) -> String {
    let clock = &run.clock;
    let slept: i64 = clock.events.iter().filter(|event| event.kind == Kind::Suspend).map(|event| event.by_us).sum();
    format!(
        "this host was suspended {} times, for {:.1} s: the picture grew older meanwhile, and frames under way are left \
         out of the latencies",
        clock.suspends,
        slept as f64 / 1e6
    )
}

/// A time before this is of a clock that was never set: no publisher is older than framelag's corner code.
const EARLIEST: WallTime = WallTime::from_micros(1_577_836_800_000_000);

/// The clocks are years apart: one says `publisher` when the other says `receiver`.
pub fn clock_never_set(publisher: WallTime, receiver: WallTime) -> Warning {
    let (theirs, ours) = (rfc3339(publisher), rfc3339(receiver));
    let message = if publisher < EARLIEST && receiver >= EARLIEST {
        format!("the publisher's clock says {theirs}: set it (NTP); no latency means anything before")
    } else if receiver < EARLIEST && publisher >= EARLIEST {
        format!("this host's clock says {ours}: set it (NTP); no latency means anything before")
    } else {
        format!("the publisher's clock says {theirs} and this host's {ours}: set the wrong one (NTP)")
    };
    Warning::new(Code::PublisherClock, message)
}

/// Their frames cannot be accounted for.
pub fn two_publishers() -> Warning {
    let message = "two publishers send in this one stream, and their frames take turns: buckets, latencies and restarts \
                   are a mix of both; give each its own path";
    Warning::new(Code::TwoPublishers, message)
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
