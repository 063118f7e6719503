//! Joins the seconds of several receivers by wall time, to the nearest second.

use std::collections::BTreeMap;

use measure::latency::Distribution;
use measure::units::ms;
use report::saved::IntervalRow;

use super::part::Part;

/// The seconds of all receivers.
pub(super) struct Joined<'a> {
    /// By second, the receivers' rows, and whether their latencies are pooled.
    rows: BTreeMap<u64, Vec<(&'a IntervalRow, bool)>>,
    /// By second, p50 and p99 of all receivers' latencies, ms.
    quantiles: BTreeMap<u64, [Option<f64>; 2]>,
}

impl<'a> Joined<'a> {
    /// Collects the seconds of `parts`; second 0 begins at `zero_us`.
    pub fn of(parts: &'a [Part], zero_us: i64) -> Self {
        let mut rows = BTreeMap::<u64, Vec<_>>::new();
        for part in parts {
            let (shift, pooled) = (part.shift(zero_us), part.is_pooled());
            for row in &part.intervals {
                rows.entry(row.second.saturating_add(shift)).or_default().push((row, pooled));
            }
        }
        Self { rows, quantiles: BTreeMap::new() }
    }

    /// Takes the quantiles of a second from all receivers' latencies, if the log has all of them.
    pub fn latencies(&mut self, second: u64, of: &Distribution) {
        let Some(rows) = self.rows.get(&second) else { return };
        let row = joined(second, rows, [None; 2]);
        if row.count == of.count() {
            let quantile = |q| of.quantile_us(q).map(|us| ms(us).min(row.max_ms.unwrap_or(f64::INFINITY)));
            self.quantiles.insert(second, [quantile(0.5), quantile(0.99)]);
        }
    }

    /// All, in order.
    pub fn rows(&self) -> impl Iterator<Item = IntervalRow> {
        self.rows.iter().map(|(second, rows)| {
            // Quantiles of two receivers do not follow from each one's.
            let own = if let [(row, true)] = rows.as_slice() { [row.p50_ms, row.p99_ms] } else { [None; 2] };
            joined(*second, rows, self.quantiles.get(second).copied().unwrap_or(own))
        })
    }
}

fn joined(second: u64, rows: &[(&IntervalRow, bool)], [p50_ms, p99_ms]: [Option<f64>; 2]) -> IntervalRow {
    let all = || rows.iter().map(|(row, _)| *row);
    let pooled = || rows.iter().filter(|(_, pooled)| *pooled).map(|(row, _)| *row);
    let mean = |of: fn(&IntervalRow) -> Option<f64>| {
        let known = all().filter_map(|row| Some((of(row)?, row.length_s)));
        let (sum, length_s) =
            known.fold((0.0, 0.0), |(sum, all), (value, length)| (sum + value * length, all + length));
        (length_s > 0.0).then(|| sum / length_s)
    };
    IntervalRow {
        second,
        length_s: all().map(|row| row.length_s).fold(0.0, f64::max),
        expected: all().map(|row| row.expected).fold(0, u64::saturating_add),
        buckets: std::array::from_fn(|bucket| all().map(|row| row.buckets[bucket]).fold(0, u64::saturating_add)),
        count: pooled().map(|row| row.count).fold(0, u64::saturating_add),
        p50_ms,
        p99_ms,
        max_ms: pooled().filter_map(|row| row.max_ms).reduce(f64::max),
        fps: mean(|row| row.fps),
        // A row without bytes has no figure, but counts as a rate of zero.
        kbps: mean(|row| row.kbps.or(row.fps.map(|_| 0.0))).filter(|kbps| *kbps > 0.0),
        age_mean_ms: mean(|row| row.age_mean_ms),
        age_max_ms: all().filter_map(|row| row.age_max_ms).reduce(f64::max),
    }
}
