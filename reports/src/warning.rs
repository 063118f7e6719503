//! What a reader of the figures must know about them: a code for programs, a sentence for people.

use serde::Serialize;

use crate::run::Run;

/// A warning of a run, as in `run.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// What it is, for programs: see [`Code`].
    #[serde(serialize_with = "code_name")]
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
    /// The wall clock stepped during the run.
    ClockStep,
    /// Frames seemed to arrive before they were sent.
    NegativeLatency,
    /// Latencies above the histogram's range.
    Overflow,
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
    /// The run is not over, or was killed: figures up to the last write.
    Partial,
    /// The report folder could not be written.
    ReportNotWritten,
    /// The run failed.
    Failed,
    /// The input is not what was asked for; what was done instead.
    Input,
}

impl Code {
    /// All codes.
    pub const ALL: [Self; 23] = [
        Self::NoPicture,
        Self::NoCode,
        Self::NoSamples,
        Self::FewSamples,
        Self::UnreadableCode,
        Self::ClockUnknown,
        Self::ClockAssumed,
        Self::ClockUncertain,
        Self::Uncompared,
        Self::ClockAnswers,
        Self::ClockStep,
        Self::NegativeLatency,
        Self::Overflow,
        Self::Restart,
        Self::Disconnected,
        Self::StreamStopped,
        Self::EndedEarly,
        Self::StaleReading,
        Self::StampMismatch,
        Self::Partial,
        Self::ReportNotWritten,
        Self::Failed,
        Self::Input,
    ];

    /// The code in `run.json`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoPicture => "no-picture",
            Self::NoCode => "no-code",
            Self::NoSamples => "no-samples",
            Self::FewSamples => "few-samples",
            Self::UnreadableCode => "unreadable-code",
            Self::ClockUnknown => "clock-unknown",
            Self::ClockAssumed => "clock-assumed",
            Self::ClockUncertain => "clock-uncertain",
            Self::Uncompared => "uncompared",
            Self::ClockAnswers => "clock-answers",
            Self::ClockStep => "clock-step",
            Self::NegativeLatency => "negative-latency",
            Self::Overflow => "overflow",
            Self::Restart => "restart",
            Self::Disconnected => "disconnected",
            Self::StreamStopped => "stream-stopped",
            Self::EndedEarly => "ended-early",
            Self::StaleReading => "stale-reading",
            Self::StampMismatch => "stamp-mismatch",
            Self::Partial => "partial",
            Self::ReportNotWritten => "report-not-written",
            Self::Failed => "failed",
            Self::Input => "input",
        }
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
                | Self::ClockUnknown
                | Self::NegativeLatency
                | Self::StreamStopped
                | Self::EndedEarly
                | Self::Partial
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

/// What the figures themselves warn of, the gravest first.
pub fn of(run: &Run) -> Vec<Warning> {
    let mut warnings: Vec<_> =
        [no_figures(run), unreadable_code(run), clock_unknown(run)].into_iter().flatten().collect();
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
    warn(
        latency.negative > 0,
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
    warnings
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

fn clock_unknown(run: &Run) -> Option<Warning> {
    let unknown = !run.clock.same_host && run.clock.uncertainty_us.is_none() && run.latency_ms.count > 0;
    let message = "the publisher may be on another host, and nobody compared the clocks: \
                   every latency contains their unknown difference";
    unknown.then(|| Warning::new(Code::ClockUnknown, message))
}

fn code_name<S: serde::Serializer>(code: &Code, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(code.name())
}
