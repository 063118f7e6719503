//! What the figures of a run warn of, in words.

use common::time::WallTime;
use measure::allowance::{AT_ONCE, PER_SECOND};
use measure::stamps::MAX_DIFFERENCE_US;
use measure::timeline::Kind;
use measure::units::{ms, rfc3339};

use super::code::{Code, Warning};
use crate::run::Run;

/// Fewer latencies than this say nothing: a second of video at 30 frames/s.
pub(crate) const MIN_SAMPLES: u64 = 30;

/// Above this share of undecoded frames p99 is meaningless: they may be all of those that are later.
pub(crate) const MAX_REFUSED_SHARE: f64 = 0.01;

/// What the figures themselves warn of, the gravest first.
pub(crate) fn of(run: &Run) -> Vec<Warning> {
    let mut warnings: Vec<_> =
        [no_figures(run), unreadable_code(run), undecoded(run), clock_unknown(run)].into_iter().flatten().collect();
    warnings.extend(crate::comparison::warnings(run));
    warnings.extend(clocks(run).into_iter().chain(counts(run)).flatten());
    warnings.extend([stamp_mismatch(run), sei_missing(run), sender_time(run), capture_time(run)].into_iter().flatten());
    warnings
}

/// What the clocks of publisher and receiver did.
fn clocks(run: &Run) -> [Option<Warning>; 5] {
    let (latency, clock) = (&run.latency_ms, &run.clock);
    let assumed = match clock.source {
        Some(_) => "publisher and receiver are on one host by --clock same-host alone: no SEI of the publisher says so",
        None => "no SEI of the publisher says which host it is on: it is assumed to be this one",
    };
    let stepped = format!(
        "the wall clock stepped {} times, by up to {:.3} ms; {} frames under way at a step are left out of the latencies",
        clock.steps,
        ms(clock.largest_step_us.unwrap_or(0)),
        latency.clock_step
    );
    let publisher_stepped = format!(
        "the publisher's clock stepped {} times: latencies before and after it cannot be compared, see `sections`",
        clock.publisher_steps
    );
    let negative = format!(
        "{} of {} frames were shown before they were stamped: the two clocks disagree",
        latency.negative, latency.count
    );
    let is_negative = latency.min.is_some_and(|min| min < -clock.max_uncertainty_us.map_or(0.0, ms));
    [
        (clock.assumed && latency.count > 0).then(|| Warning::new(Code::ClockAssumed, assumed)),
        (clock.steps > 0).then(|| Warning::new(Code::ClockStep, stepped)),
        (clock.suspends > 0).then(|| Warning::new(Code::Suspend, suspended(run))),
        (clock.publisher_steps > 0).then(|| Warning::new(Code::PublisherStep, publisher_stepped)),
        is_negative.then(|| Warning::new(Code::NegativeLatency, negative)),
    ]
}

/// Frames and pictures that not every figure has, and interruptions.
fn counts(run: &Run) -> [Option<Warning>; 5] {
    let (overflow, connection, stale) = (run.latency_ms.overflow, &run.connection, run.pictures.stale);
    let (unlisted, restarts) = (run.frames.unlisted.unwrap_or(0), run.frames.restarts.unwrap_or(0));
    let too_old = format!("{overflow} frames were more than an hour old (or young): they are in no histogram file");
    let jumped = format!(
        "the numbers of frames jump further ahead than time does: {unlisted} of {} lost ones have no row in frames.csv, which \
         takes {AT_ONCE} of them and {PER_SECOND} for each second; theirs are the numbers missing between two rows",
        run.frames.lost.unwrap_or(0)
    );
    let restarted = format!("the publisher started over {restarts} times; the ranges are added up");
    let (times, seconds) = (connection.disconnects, connection.disconnected_ms / 1_000.0);
    let interrupted = format!("the stream was interrupted {times} times, for {seconds:.1} s");
    let read_again = format!("{stale} codes were read again, or too late to count");
    [
        (overflow > 0).then(|| Warning::new(Code::Overflow, too_old)),
        (unlisted > 0).then(|| Warning::new(Code::Unlisted, jumped)),
        (restarts > 0).then(|| Warning::new(Code::Restart, restarted)),
        (times > 0).then(|| Warning::new(Code::Disconnected, interrupted)),
        (stale > 0).then(|| Warning::new(Code::StaleReading, read_again)),
    ]
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
pub(crate) fn clock_never_set(publisher: WallTime, receiver: WallTime) -> Warning {
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
pub(crate) fn two_publishers() -> Warning {
    let message = "two publishers send in this one stream, and their frames take turns: buckets, latencies and restarts \
                   are a mix of both; give each its own path";
    Warning::new(Code::TwoPublishers, message)
}
