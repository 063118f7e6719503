//! Metrics as text: [OpenMetrics 1.0](https://prometheus.io/docs/specs/om/open_metrics_spec/), and the older
//! [Prometheus text format 0.0.4](https://prometheus.io/docs/instrumenting/exposition_formats/) for clients that ask for it.

use std::fmt::Write as _;

use common::time::WallTime;

use crate::{Buckets, Family, Kind, Label, Point, Unit, Value, seconds};

/// What the text is laid out as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.
    #[default]
    OpenMetrics,
    /// Prometheus text 0.0.4: it knows neither units, nor info, nor when a counter began.
    Prometheus,
}

impl Format {
    /// The one that a client likes most by its `Accept` header, in which it may list many with weights (RFC 9110, section
    /// 12.5.1). OpenMetrics where it likes both as much, or neither.
    pub fn accepted(header: &str) -> Self {
        let mut best = (0.0, Self::OpenMetrics);
        for range in header.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default().to_ascii_lowercase();
            let parameters: Vec<_> = parts.filter_map(|part| part.split_once('=')).collect();
            let find = |name: &str| parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, v)| *v);
            let weight = find("q").map_or(1.0, |q| q.parse().unwrap_or(0.0));
            let format = match (media.as_str(), find("version")) {
                ("application/openmetrics-text", None | Some("1.0.0" | "0.0.1")) | ("*/*", _) => Self::OpenMetrics,
                ("text/plain" | "text/*", None | Some("0.0.4")) => Self::Prometheus,
                _ => continue,
            };
            if weight > best.0 || (weight == best.0 && format == Self::OpenMetrics) {
                best = (weight, format);
            }
        }
        best.1
    }

    /// The media type that the text is sent as.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// The whole text.
pub fn text(families: &[Family], format: Format) -> String {
    let mut page = Page { text: String::new(), format };
    families.iter().for_each(|family| page.family(family));
    if format == Format::OpenMetrics {
        page.text.push_str("# EOF\n");
    }
    page.text
}

struct Page {
    text: String,
    format: Format,
}

impl Page {
    fn family(&mut self, family: &Family) {
        let modern = self.format == Format::OpenMetrics;
        let (name, kind) = match family.kind {
            _ if modern => (family.name.to_owned(), family.kind.name()),
            Kind::Counter => (format!("{}_total", family.name), family.kind.name()),
            Kind::Info => (format!("{}_info", family.name), Kind::Gauge.name()),
            Kind::Gauge | Kind::Histogram => (family.name.to_owned(), family.kind.name()),
        };
        self.line(format_args!("# TYPE {name} {kind}"));
        if modern && family.unit != Unit::None {
            self.line(format_args!("# UNIT {name} {}", family.unit.name()));
        }
        self.line(format_args!("# HELP {name} {}", escaped(family.help)));
        family.points.iter().for_each(|point| self.point(family, point));
    }

    fn point(&mut self, family: &Family, point: &Point) {
        let name = family.name;
        let suffix = match family.kind {
            Kind::Counter => "_total",
            Kind::Info => "_info",
            Kind::Gauge | Kind::Histogram => "",
        };
        let labels = labels(&point.labels, None);
        match &point.value {
            Value::Count(count) => self.line(format_args!("{name}{suffix}{labels} {count}")),
            Value::Number(number) => self.line(format_args!("{name}{suffix}{labels} {}", number_text(*number))),
            Value::Durations(buckets) => self.buckets(name, &point.labels, buckets),
        }
        if let (Format::OpenMetrics, Some(created)) = (self.format, point.created) {
            self.line(format_args!("{name}_created{labels} {}", moment(created)));
        }
    }

    fn buckets(&mut self, name: &str, of: &[Label], buckets: &Buckets) {
        for (bound, count) in buckets.cumulative() {
            let bound = bound.map_or_else(|| "+Inf".to_owned(), |micros| number_text(seconds(micros)));
            self.line(format_args!("{name}_bucket{} {count}", labels(of, Some(&bound))));
        }
        // OpenMetrics has both or none; the older format has both, or clients take what is missing for 0.
        let sum_us = match self.format {
            Format::OpenMetrics => buckets.sum_us().map(|sum| sum as f64),
            Format::Prometheus => Some(buckets.signed_sum_us() as f64),
        };
        if let Some(sum_us) = sum_us {
            let labels = labels(of, None);
            self.line(format_args!("{name}_count{labels} {}", buckets.count()));
            self.line(format_args!("{name}_sum{labels} {}", number_text(sum_us / 1e6)));
        }
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        writeln!(self.text, "{text}").expect("writing to a String does not fail");
    }
}

/// In braces, with the bound of a bucket as the last; nothing where there are none.
fn labels(labels: &[Label], bound: Option<&str>) -> String {
    let named = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value)));
    let all: Vec<_> = named.chain(bound.map(|bound| format!("le=\"{bound}\""))).collect();
    if all.is_empty() { String::new() } else { format!("{{{}}}", all.join(",")) }
}

/// A label's value or a help text may hold anything; what would end it is escaped.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"")
}

/// A number with a point in it, as OpenMetrics wants bounds to be, and without an exponent.
fn number_text(number: f64) -> String {
    let text = number.to_string();
    if text.contains('.') { text } else { text + ".0" }
}

/// Seconds since the Unix epoch, to the µs.
fn moment(time: WallTime) -> String {
    let micros = time.as_micros();
    format!("{}.{:06}", micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn family(name: &'static str, kind: Kind, unit: Unit, value: Value) -> Family {
        let labels = vec![("stream", "a\\b\"c\nd".to_owned())];
        let created = Some(WallTime::from_micros(1_700_000_000_250_000));
        Family { name, kind, unit, help: "Says.", points: vec![Point { labels, created, value }] }
    }

    fn durations(micros: &[i64]) -> Value {
        let mut buckets = Buckets::new(&[10, 2_000_000]);
        micros.iter().for_each(|micros| buckets.record(*micros));
        Value::Durations(buckets)
    }

    #[test]
    fn a_counter_in_both_formats() {
        let counter = [family("x_seconds", Kind::Counter, Unit::Seconds, Value::Number(2.0))];
        assert_eq!(
            text(&counter, Format::OpenMetrics),
            "# TYPE x_seconds counter\n# UNIT x_seconds seconds\n# HELP x_seconds Says.\n\
             x_seconds_total{stream=\"a\\\\b\\\"c\\nd\"} 2.0\n\
             x_seconds_created{stream=\"a\\\\b\\\"c\\nd\"} 1700000000.250000\n# EOF\n"
        );
        assert_eq!(
            text(&counter, Format::Prometheus),
            "# TYPE x_seconds_total counter\n# HELP x_seconds_total Says.\n\
             x_seconds_total{stream=\"a\\\\b\\\"c\\nd\"} 2.0\n"
        );
    }

    #[test]
    fn a_histogram_is_cumulative_and_in_seconds() {
        let mut histogram = family("y_seconds", Kind::Histogram, Unit::Seconds, durations(&[9, 10, 11, 3_000_000]));
        histogram.points[0].labels.clear();
        let expected = "y_seconds_bucket{le=\"0.00001\"} 2\ny_seconds_bucket{le=\"2.0\"} 3\n\
                        y_seconds_bucket{le=\"+Inf\"} 4\ny_seconds_count 4\ny_seconds_sum 3.00003\n";
        for format in [Format::OpenMetrics, Format::Prometheus] {
            let text = text(std::slice::from_ref(&histogram), format);
            assert!(text.contains(expected), "{text}");
        }
    }

    #[test]
    fn a_histogram_with_a_negative_duration_has_both_sum_and_count_or_neither() {
        let mut histogram = [family("y_seconds", Kind::Histogram, Unit::Seconds, durations(&[-2_000_005, 10]))];
        histogram[0].points[0].labels.clear();
        let [modern, older] = [Format::OpenMetrics, Format::Prometheus].map(|format| text(&histogram, format));
        for text in [&modern, &older] {
            assert!(text.contains("_bucket{le=\"+Inf\"} 2\n"), "{text}");
        }
        assert!(!modern.contains("_sum") && !modern.contains("_count"), "{modern}");
        assert!(older.contains("y_seconds_count 2\ny_seconds_sum -1.999995\n"), "{older}");
    }

    #[test]
    fn clients_get_what_they_ask_for() {
        const PROMETHEUS_2: &str = "application/openmetrics-text;version=1.0.0,\
                                    application/openmetrics-text;version=0.0.1;q=0.75,\
                                    text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        for (accept, format) in [
            (PROMETHEUS_2, Format::OpenMetrics),
            ("", Format::OpenMetrics),
            ("*/*", Format::OpenMetrics),
            ("text/plain", Format::Prometheus),
            ("Text/Plain; Version=0.0.4", Format::Prometheus),
            ("text/plain;version=0.0.4;q=0.9, application/openmetrics-text;q=0.1", Format::Prometheus),
            ("application/openmetrics-text;version=2.0.0,text/plain;version=0.0.4;q=0.5", Format::Prometheus),
            ("text/html", Format::OpenMetrics),
            ("text/plain;q=0, application/json", Format::OpenMetrics),
            (";;,,=;q=x", Format::OpenMetrics),
        ] {
            assert_eq!(Format::accepted(accept), format, "{accept}");
        }
    }
}
