//! `latency.hgrm`: the percentile distribution of the total latency in ms, laid out as HdrHistogram's
//! `outputPercentileDistribution` does it, for its plotters.

use std::fmt::Write;

use measure::latency::{Distribution, SIGNIFICANT_DIGITS};

/// The whole file. Like the histogram it is taken from, it leaves out what lies below zero or above an hour.
pub fn distribution(of: &Distribution) -> String {
    let digits = usize::from(SIGNIFICANT_DIGITS);
    let mut out = format!("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
    for step in of.percentiles() {
        let (value, fraction, total) = (step.value_us as f64 / 1_000.0, step.fraction, step.total);
        let mut line = format!("{value:12.digits$} {fraction:2.12} {total:10}");
        if fraction < 1.0 {
            write!(line, " {:14.2}", 1.0 / (1.0 - fraction)).expect("writing to a string does not fail");
        }
        line.push('\n');
        out.push_str(&line);
    }
    let shape = of.shape();
    let [mean, stdev, max] = [shape.mean_us, shape.stdev_us, shape.max_us as f64].map(|us| us / 1_000.0);
    out.push_str(&format!(
        "#[Mean    = {mean:12.digits$}, StdDeviation   = {stdev:12.digits$}]\n\
         #[Max     = {max:12.digits$}, Total count    = {:12}]\n\
         #[Buckets = {:12}, SubBuckets     = {:12}]\n",
        shape.count, shape.buckets, shape.sub_buckets
    ));
    out
}
