//! How sure it is that a setting is the fastest, and what would make it surer.

use super::Judge;
use crate::math::t_quantile;
use crate::sweep::metric::{Metric, Scale};
use crate::sweep::noise::{CONFIDENCE, Means};

/// Repeats beyond which nobody would go to tell two settings apart.
const MAX_MORE_REPEATS: usize = 100;

/// A difference counts as found where it is found so often.
const POWER: f64 = 0.8;

/// Settings that are named one by one, at most.
const MAX_NAMED: usize = 4;

impl Judge<'_> {
    pub(super) fn clear(&self, latency: &Means, best: usize, others: &[usize]) -> String {
        let by = others.first().and_then(|next| {
            let slower = latency.difference(*next, best)?;
            Some((next, slower.value, slower.half(others.len())?))
        });
        let Some((next, slower, half)) = by else { return String::new() };
        let ms = |on_scale: f64| self.gap(latency, best, on_scale);
        format!(
            "This is more than noise: every other setting is slower at 95 % confidence; the next, {}, by {} ({} to {}).",
            self.name(*next),
            ms(slower),
            ms(slower - half),
            ms(slower + half)
        )
    }

    pub(super) fn tie(&self, latency: &Means, best: usize, tied: &[usize], others: usize) -> String {
        let runs = latency.of[best].map_or(0, |mean| mean.runs);
        let all = tied.len() == others;
        let count = tied.len() + 1;
        let named: Vec<String> = tied.iter().take(MAX_NAMED).map(|cell| self.with_latency(*cell)).collect();
        let more = tied.len().saturating_sub(MAX_NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let which = match (all, count) {
            (true, 2) => "The two settings".to_owned(),
            (true, _) => format!("All {count} settings"),
            (false, _) => format!("These {count} settings"),
        };
        format!(
            "{which} cannot be told apart with {}: it, {}{more}. {}",
            counted_repeats(runs),
            named.join("; "),
            self.more_repeats(latency, best, tied[0], others)
        )
    }

    fn with_latency(&self, cell: usize) -> String {
        let latency = self.means(Metric::P50).and_then(|means| means.of[cell].map(|mean| (means, mean.value)));
        let text =
            latency.map_or(String::new(), |(means, value)| means.metric.text(means.scale.back(means.metric, value)));
        format!("{} ({text})", self.name(cell))
    }

    /// What the repeats can tell, and how many more would tell these two apart.
    fn more_repeats(&self, latency: &Means, best: usize, next: usize, comparisons: usize) -> String {
        let (Some(one), Some(other)) = (latency.of[best], latency.of[next]) else { return String::new() };
        let (Some(first), Some(second)) = (one.variance, other.variance) else { return String::new() };
        let runs = one.runs.min(other.runs);
        // Of a difference between two runs.
        let noise = first * one.runs as f64 + second * other.runs as f64;
        let found = |repeats: usize| {
            // Degrees of freedom grow with the runs; a cell that ran once has them from the others.
            let df = latency.df * repeats as f64 / runs as f64;
            let needed = t_quantile(1.0 - (1.0 - CONFIDENCE) / 2.0 / comparisons as f64, df) + t_quantile(POWER, df);
            needed * (noise / repeats as f64).sqrt()
        };
        let gap = (other.value - one.value).abs();
        let now = format!(
            "With {} a difference of {} is found four times in five",
            counted_repeats(runs),
            self.gap(latency, best, found(runs))
        );
        let between = self.gap(latency, best, gap);
        match (runs + 1..=runs + MAX_MORE_REPEATS).find(|repeats| found(*repeats) <= gap) {
            Some(repeats) => {
                let more = repeats - runs;
                let plural = if more == 1 { "" } else { "s" };
                format!("{now}; {more} more repeat{plural} would tell the {between} between the first two.")
            }
            None => format!(
                "{now}; the {between} between the first two would take more than {MAX_MORE_REPEATS} more repeats: choose by \
                 something else."
            ),
        }
    }

    /// So much slower than a cell, in ms.
    fn gap(&self, latency: &Means, cell: usize, on_scale: f64) -> String {
        let ms = match (latency.scale, latency.of[cell]) {
            (Scale::Ratio, Some(mean)) => mean.value.exp() * on_scale.exp_m1(),
            _ => on_scale,
        };
        if ms.abs() < 1.0 { format!("{ms:.2} ms") } else { Metric::P50.text(ms) }
    }

    pub(super) fn unknown(&self, latency: &Means, best: usize, others: &[usize]) -> String {
        let next = others.first().and_then(|next| {
            let slower = latency.difference(*next, best)?.value;
            Some(format!("the next, {}, was {} slower, and ", self.name(*next), self.gap(latency, best, slower)))
        });
        format!(
            "How sure that is nobody knows: {}with one run of each setting nothing is known of the noise between runs. At least 3 \
             repeats would tell.",
            next.unwrap_or_default()
        )
    }
}

fn counted_repeats(runs: usize) -> String {
    if runs == 1 { "one run of each".to_owned() } else { format!("{runs} repeats") }
}
