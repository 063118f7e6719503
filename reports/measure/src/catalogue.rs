//! The metrics of a receiver, each in one place. `docs/metrics.md` has the same list.

use common::time::WallTime;
use metrics::{Buckets, Family, Kind, Label, Point, Unit, Value, seconds};

use crate::live::{Gauges, Metrics, Named, Totals};
use crate::sample::Bucket;

/// A metric of every stream.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// As [`Family::name`].
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// What its values are in.
    pub unit: Unit,
    /// What it says.
    pub help: &'static str,
    source: Source,
}

/// What its values are taken from.
#[derive(Clone, Copy, Debug)]
enum Source {
    /// The whole run, the warm-up included.
    Run(fn(&Named) -> Values),
    /// What was counted since the warm-up.
    Totals(fn(&Totals) -> Values),
    /// The current state.
    Now(fn(&Gauges) -> Values),
}

/// Values with the labels that they have beside the stream's; none where there is nothing to say.
type Values = Vec<(Vec<Label>, Value)>;

/// All metrics of a receiver.
pub const METRICS: [Metric; 18] = [
    Metric::new(
        ("framelag_run", Kind::Info, Unit::None),
        "What is measured.",
        Source::Run(|named| {
            let (url, transport) = (named.metrics.url.clone(), named.transport.to_owned());
            let version = env!("CARGO_PKG_VERSION").to_owned();
            vec![(vec![("url", url), ("transport", transport), ("version", version)], Value::Count(1))]
        }),
    ),
    Metric::new(
        ("framelag_measuring", Kind::Gauge, Unit::None),
        "1 from the end of the warm-up to the end of the stream or run, otherwise 0.",
        Source::Run(|named| one(Value::Count(u64::from(named.metrics.gauges.is_some())))),
    ),
    Metric::new(
        ("framelag_latency_seconds", Kind::Histogram, Unit::Seconds),
        "From the stamp on a picture to the moment it was presented.",
        Source::Totals(|totals| option(durations(&totals.latencies.total))),
    ),
    Metric::new(
        ("framelag_stage_seconds", Kind::Histogram, Unit::Seconds),
        "How long frames spent in each stage of their journey.",
        Source::Totals(|totals| {
            let stages = totals.latencies.stages.iter();
            stages.filter_map(|(stage, of)| Some((vec![("stage", stage.name().to_owned())], durations(of)?))).collect()
        }),
    ),
    Metric::new(
        ("framelag_frames", Kind::Counter, Unit::None),
        "Frames sent, by where they ended; final 2 s after they were seen or missed.",
        Source::Totals(|totals| {
            let Some(frames) = totals.frames else { return Vec::new() };
            let of = |bucket: Bucket| (vec![("bucket", bucket.name().to_owned())], Value::Count(frames.of(bucket)));
            Bucket::ALL.into_iter().map(of).collect()
        }),
    ),
    Metric::new(
        ("framelag_frames_expected", Kind::Counter, Unit::None),
        "Frames sent: all buckets together.",
        Source::Totals(|totals| option(totals.frames.map(|frames| Value::Count(frames.expected())))),
    ),
    Metric::new(
        ("framelag_publisher_restarts", Kind::Counter, Unit::None),
        "Times the publisher started over.",
        Source::Totals(|totals| option(totals.restarts.map(Value::Count))),
    ),
    Metric::new(
        ("framelag_pictures", Kind::Counter, Unit::None),
        "Pictures shown, repetitions left out.",
        Source::Totals(|totals| one(Value::Count(totals.pictures))),
    ),
    Metric::new(
        ("framelag_video_bytes", Kind::Counter, Unit::Bytes),
        "Compressed video received.",
        Source::Totals(|totals| option(totals.bytes.map(Value::Count))),
    ),
    Metric::new(
        ("framelag_freezes", Kind::Counter, Unit::None),
        "Times without a new picture, once they are over.",
        Source::Totals(|totals| one(Value::Count(totals.freezes))),
    ),
    Metric::new(
        ("framelag_frozen_seconds", Kind::Counter, Unit::Seconds),
        "How long those lasted.",
        Source::Totals(|totals| one(Value::Number(totals.frozen.as_secs_f64()))),
    ),
    Metric::new(
        ("framelag_disconnects", Kind::Counter, Unit::None),
        "Times the stream was lost, those of the warm-up included.",
        Source::Run(|named| one(Value::Count(named.metrics.disconnects))),
    ),
    Metric::new(
        ("framelag_first_picture_seconds", Kind::Gauge, Unit::Seconds),
        "From the start of connecting to the first picture.",
        Source::Run(|named| option(named.metrics.first_picture.map(|time| Value::Number(time.as_secs_f64())))),
    ),
    Metric::new(
        ("framelag_picture_age_seconds", Kind::Gauge, Unit::Seconds),
        "Now − PUB of the picture on screen: it grows while the picture is frozen.",
        Source::Now(|now| option(now.age_us.map(in_seconds))),
    ),
    Metric::new(
        ("framelag_picture_rate_hertz", Kind::Gauge, Unit::Hertz),
        "Pictures per second, over the last second (fps).",
        Source::Now(|now| option(now.fps.map(Value::Number))),
    ),
    Metric::new(
        ("framelag_video_rate_bytes_per_second", Kind::Gauge, Unit::BytesPerSecond),
        "Compressed video in the newest whole second.",
        Source::Now(|now| option(now.bytes_per_second.map(Value::Number))),
    ),
    Metric::new(
        ("framelag_clock_offset_seconds", Kind::Gauge, Unit::Seconds),
        "Receiver's clock − publisher's clock; 0 on the same host.",
        Source::Now(|now| option(now.offset_us.map(in_seconds))),
    ),
    Metric::new(
        ("framelag_clock_bound_seconds", Kind::Gauge, Unit::Seconds),
        "The ± bound of that and of every latency; 0 on the same host.",
        Source::Now(|now| option(now.bound_us.map(in_seconds))),
    ),
];

/// The metrics of `streams`: the families that have a point.
pub fn families(streams: &[Named]) -> Vec<Family> {
    METRICS.iter().map(|metric| metric.family(streams)).filter(|family| !family.points.is_empty()).collect()
}

impl Metric {
    const fn new((name, kind, unit): (&'static str, Kind, Unit), help: &'static str, source: Source) -> Self {
        Self { name, kind, unit, help, source }
    }

    fn family(&self, streams: &[Named]) -> Family {
        let Self { name, kind, unit, help, source } = *self;
        let points = streams.iter().flat_map(|named| {
            let (started, values) = source.read(named);
            let created = started.filter(|_| matches!(kind, Kind::Counter | Kind::Histogram));
            values.into_iter().map(move |(labels, value)| {
                let labels = [vec![("stream", named.stream.clone())], labels].concat();
                Point { labels, created, value }
            })
        });
        Family { name, kind, unit, help, points: points.collect() }
    }
}

impl Source {
    /// Since when the values are, and the values.
    fn read(self, named: &Named) -> (Option<WallTime>, Values) {
        let Metrics { started, totals, gauges, .. } = &named.metrics;
        match self {
            Self::Run(values) => (Some(*started), values(named)),
            Self::Totals(values) => {
                (totals.as_ref().map(|totals| totals.since), totals.as_ref().map(values).unwrap_or_default())
            }
            Self::Now(values) => (None, gauges.as_ref().map(values).unwrap_or_default()),
        }
    }
}

fn one(value: Value) -> Values {
    vec![(Vec::new(), value)]
}

fn option(value: Option<Value>) -> Values {
    value.map(one).unwrap_or_default()
}

fn in_seconds(micros: i64) -> Value {
    Value::Number(seconds(micros))
}

/// None where none was recorded: a stage that a path does not have, or latencies between clocks that nobody compared.
fn durations(of: &Buckets) -> Option<Value> {
    (of.count() > 0).then(|| Value::Durations(of.clone()))
}
