//! Metrics as OTLP messages: the same figures, in the same buckets, as `/metrics` has.
//!
//! OpenTelemetry's own SDK (opentelemetry_sdk 0.33) was tried for this and does not fit: it counts single measurements by
//! itself, and nothing outside of it can make one of its histograms from counts that are there already. Its crate of messages
//! (opentelemetry-proto 0.33) brings the whole SDK along: 35 s of CPU to build, where prost alone takes 14 s. So the dozen
//! messages that are needed are written down in [`proto`], and the tests decode them with OpenTelemetry's own.

use measure::catalogue::families;
use measure::live::Named;
use metrics::{Buckets, Family, Kind, Label, Point, Unit, Value, seconds};
use prost::Message;
use rand::RngExt;

mod proto;

use proto::{
    AnyValue, CUMULATIVE, Data, ExportMetricsServiceRequest, ExportMetricsServiceResponse, Gauge, Histogram,
    HistogramDataPoint, InstrumentationScope, KeyValue, Metric, Number, NumberDataPoint, Resource, ResourceMetrics,
    ScopeMetrics, Sum,
};

/// Characters of a collector's message that are shown.
const MESSAGE_MAX: usize = 200;

/// An id that tells this process from others that send the same metrics.
pub(super) fn new_instance_id() -> String {
    format!("{:032x}", rand::rng().random::<u128>())
}

/// A message with all metrics of `streams`, from the process with this id.
pub(super) fn request(instance: &str, streams: &[Named]) -> Vec<u8> {
    let version = env!("CARGO_PKG_VERSION");
    let resource =
        [("service.name", "framelag.receiver"), ("service.version", version), ("service.instance.id", instance)];
    let resource = Resource { attributes: resource.map(|(key, value)| attribute(key, value)).into() };
    let at = streams.iter().map(|named| named.metrics.at.as_micros()).max().unwrap_or_default();
    let scope = InstrumentationScope { name: "framelag".to_owned(), version: version.to_owned() };
    let metrics = families(streams).iter().map(|family| metric(family, at)).collect();
    let scope_metrics = vec![ScopeMetrics { scope: Some(scope), metrics }];
    let resource_metrics = vec![ResourceMetrics { resource: Some(resource), scope_metrics }];
    ExportMetricsServiceRequest { resource_metrics }.encode_to_vec()
}

/// How many values a collector's answer says were left out, and why.
pub(super) fn left_out(answer: &[u8]) -> Option<(i64, String)> {
    let partial = ExportMetricsServiceResponse::decode(answer).ok()?.partial_success?;
    let message = partial.error_message.chars().take(MESSAGE_MAX).collect();
    (partial.rejected_data_points > 0).then_some((partial.rejected_data_points, message))
}

fn metric(family: &Family, at: i64) -> Metric {
    let numbers = || family.points.iter().filter_map(|point| number(point, at)).collect();
    let data = match family.kind {
        Kind::Gauge | Kind::Info => Data::Gauge(Gauge { data_points: numbers() }),
        Kind::Counter => {
            Data::Sum(Sum { data_points: numbers(), aggregation_temporality: CUMULATIVE, is_monotonic: true })
        }
        Kind::Histogram => {
            let data_points = family.points.iter().filter_map(|point| durations(point, at)).collect();
            Data::Histogram(Histogram { data_points, aggregation_temporality: CUMULATIVE })
        }
    };
    Metric {
        name: name(family),
        description: family.help.to_owned(),
        unit: unit(family.unit).to_owned(),
        data: Some(data),
    }
}

/// Dots for underscores, and without the unit, which has its own field: what makes Prometheus names of these gets the names
/// that `/metrics` has.
fn name(family: &Family) -> String {
    let bare = family.name.strip_suffix(family.unit.name()).unwrap_or(family.name).trim_end_matches('_');
    let suffix = if family.kind == Kind::Info { ".info" } else { "" };
    bare.replace('_', ".") + suffix
}

/// As UCUM writes it.
const fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::None => "",
        Unit::Seconds => "s",
        Unit::Bytes => "By",
        Unit::BytesPerSecond => "By/s",
        Unit::Hertz => "Hz",
    }
}

fn number(point: &Point, at: i64) -> Option<NumberDataPoint> {
    let value = match &point.value {
        Value::Count(count) => Number::Int(i64::try_from(*count).unwrap_or(i64::MAX)),
        Value::Number(number) => Number::Double(*number),
        Value::Durations(_) => return None,
    };
    Some(NumberDataPoint {
        start_time_unix_nano: start(point),
        time_unix_nano: nanos(at),
        value: Some(value),
        attributes: attributes(&point.labels),
    })
}

fn durations(point: &Point, at: i64) -> Option<HistogramDataPoint> {
    let Value::Durations(buckets) = &point.value else { return None };
    let buckets: &Buckets = buckets;
    Some(HistogramDataPoint {
        start_time_unix_nano: start(point),
        time_unix_nano: nanos(at),
        count: buckets.count(),
        sum: buckets.sum_us().map(|micros| micros as f64 / 1e6),
        bucket_counts: buckets.counts().to_vec(),
        explicit_bounds: buckets.bounds_us().iter().copied().map(seconds).collect(),
        attributes: attributes(&point.labels),
    })
}

/// 0 says that it is not known, or that there is none.
fn start(point: &Point) -> u64 {
    point.created.map_or(0, |created| nanos(created.as_micros()))
}

/// A clock that was never set may be before 1970.
fn nanos(micros: i64) -> u64 {
    u64::try_from(micros).unwrap_or_default().saturating_mul(1_000)
}

fn attributes(labels: &[Label]) -> Vec<KeyValue> {
    labels.iter().map(|(name, value)| attribute(name, value)).collect()
}

fn attribute(key: &str, value: &str) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { string_value: Some(value.to_owned()) }) }
}

#[cfg(test)]
mod tests {
    use super::proto::ExportMetricsPartialSuccess;
    use super::*;

    fn family(name: &'static str, kind: Kind, unit: Unit) -> Family {
        Family { name, kind, unit, help: "", points: Vec::new() }
    }

    #[test]
    fn names_become_those_of_prometheus_again() {
        for (family, expected) in [
            (family("framelag_latency_seconds", Kind::Histogram, Unit::Seconds), "framelag.latency"),
            (family("framelag_clock_offset_seconds", Kind::Gauge, Unit::Seconds), "framelag.clock.offset"),
            (family("framelag_video_bytes", Kind::Counter, Unit::Bytes), "framelag.video"),
            (family("framelag_frames_expected", Kind::Counter, Unit::None), "framelag.frames.expected"),
            (family("framelag_run", Kind::Info, Unit::None), "framelag.run.info"),
        ] {
            assert_eq!(name(&family), expected);
        }
    }

    #[test]
    fn an_answer_that_left_values_out_is_told_and_others_are_not() {
        let answer = |rejected_data_points, message: &str| {
            let partial = ExportMetricsPartialSuccess { rejected_data_points, error_message: message.to_owned() };
            ExportMetricsServiceResponse { partial_success: Some(partial) }.encode_to_vec()
        };
        assert_eq!(left_out(&answer(2, "too old")), Some((2, "too old".to_owned())));
        assert_eq!(left_out(&answer(2, &"x".repeat(100_000))).map(|(_, why)| why.len()), Some(MESSAGE_MAX));
        assert_eq!((left_out(&answer(0, "")), left_out(b""), left_out(b"\xff\xff{}")), (None, None, None));
    }
}
