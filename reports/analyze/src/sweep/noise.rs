//! The mean of each cell, and how sure it is: how much runs of the same settings differ.
//!
//! Two or three runs of a cell say little about its noise, and the noise of all cells together says nothing of the one that is
//! congested. So each cell's variance is drawn towards what is usual in the sweep, as strongly as the cells are alike in it: the
//! moderated variance of Smyth, *Linear Models and Empirical Bayes Methods for Assessing Differential Expression in Microarray
//! Experiments*, Statistical Applications in Genetics and Molecular Biology 3(1), 2004 (there for genes with few arrays each).
//!
//! Each repetition of the matrix is a block: what all runs of it have in common (the machine was warmer, the night quieter)
//! is taken out before.

use super::cells::Cell;
use super::metric::{Metric, Scale};
use crate::math::{log_chi2_mean, t_quantile, trigamma, trigamma_inverse};

/// Blocks are taken out where there are so many cells: with fewer they would take more certainty than they give.
const MIN_CELLS_FOR_BLOCKS: usize = 4;

/// With fewer cells that ran twice it cannot be seen how alike they are, and they share one variance.
const MIN_CELLS_TO_MODERATE: usize = 3;

/// The confidence of every interval.
pub const CONFIDENCE: f64 = 0.95;

/// A metric's mean in every cell.
#[derive(Debug)]
pub struct Means {
    /// Of what.
    pub metric: Metric,
    /// On which scale everything here is.
    pub scale: Scale,
    /// By cell; `None` where no run has the figure.
    pub of: Vec<Option<Mean>>,
    /// Degrees of freedom of the noise in all cells together; 0 where no cell ran twice.
    pub df: f64,
}

/// The mean of a cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mean {
    /// Runs it is the mean of.
    pub runs: usize,
    /// The mean, on the scale.
    pub value: f64,
    /// The variance of that mean; `None` where nothing is known of noise.
    pub variance: Option<f64>,
    /// The degrees of freedom of that.
    pub df: f64,
    /// The same from its own runs alone, where there is more than one.
    pub own: Option<(f64, f64)>,
}

/// An estimate on the scale with the standard error and degrees of freedom that are known of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// Its standard error and the degrees of freedom; `None` where nothing is known of noise.
    pub error: Option<(f64, f64)>,
}

/// A run's value.
#[derive(Clone, Copy, Debug)]
struct Value {
    cell: usize,
    repeat: u32,
    value: f64,
}

impl Means {
    /// The means of `cells`; `None` where no run has the figure.
    pub fn of(metric: Metric, cells: &[Cell<'_>]) -> Option<Self> {
        let finite = |cell: &Cell<'_>| -> Vec<(u32, f64)> {
            cell.rows.iter().filter_map(|row| Some((row.repeat, metric.of(row)?))).collect()
        };
        let raw: Vec<_> = cells.iter().map(finite).collect();
        let scale = metric.scale(raw.iter().flatten().map(|(_, value)| *value));
        let values: Vec<Value> = (raw.iter().enumerate())
            .flat_map(|(cell, runs)| runs.iter().map(move |(repeat, value)| (cell, *repeat, *value)))
            .map(|(cell, repeat, value)| Value { cell, repeat, value: scale.to(value) })
            .collect();
        (!values.is_empty()).then(|| Self::estimate(metric, scale, values, cells.len()))
    }

    /// The same without the cells that are not `wanted`. What the noise is stays.
    pub fn only(&self, wanted: &[bool]) -> Self {
        let of = self.of.iter().zip(wanted).map(|(mean, wanted)| mean.filter(|_| *wanted)).collect();
        Self { of, ..*self }
    }

    fn estimate(metric: Metric, scale: Scale, values: Vec<Value>, cells: usize) -> Self {
        let least = metric.resolution(scale).powi(2);
        // Noisy cells say little of what a repetition has in common: they count less once it is known which they are.
        let mut found = Noise::of(values.clone(), cells, &vec![1.0; cells], least);
        if let Some(variances) = &found.variances {
            let weights: Vec<f64> = variances.iter().map(|(variance, _)| 1.0 / variance).collect();
            found = Noise::of(values, cells, &weights, least);
        }
        let Noise { counts, means, own, variances, df } = found;
        let of = (0..cells).map(|cell| {
            let runs = counts[cell];
            let by_runs = |(variance, df): (f64, f64)| (variance / runs as f64, df);
            let usual = variances.as_ref().map(|of| by_runs(of[cell]));
            let own = own[cell].map(by_runs).or(usual);
            (runs > 0).then_some(Mean {
                runs,
                value: means[cell],
                variance: usual.map(|(variance, _)| variance),
                df: usual.map_or(0.0, |(_, df)| df),
                own,
            })
        });
        Self { metric, scale, of: of.collect(), df }
    }

    /// A sum over cells with these weights; those of cells without a mean are 0.
    ///
    /// Of many cells their own variances are enough: together they have degrees of freedom, and no bias.
    pub fn combine(&self, weights: impl Iterator<Item = f64>) -> Estimate {
        let (mut value, mut parts, mut known) = (0.0, Vec::new(), true);
        for (mean, weight) in self.of.iter().zip(weights) {
            let Some(mean) = mean else { continue };
            value += weight * mean.value;
            match mean.own {
                Some((variance, df)) => parts.push((weight * weight * variance, df)),
                None => known = false,
            }
        }
        let variance: f64 = parts.iter().map(|(part, _)| part).sum();
        Estimate { value, error: known.then(|| (variance.sqrt(), satterthwaite(&parts).min(self.df))) }
    }

    /// Cell `a` − cell `b`.
    pub fn difference(&self, a: usize, b: usize) -> Option<Estimate> {
        let (first, second) = (self.of[a]?, self.of[b]?);
        let value = first.value - second.value;
        let error = first.variance.zip(second.variance).map(|(x, y)| {
            let df = (x + y).powi(2) / (x * x / first.df + y * y / second.df);
            ((x + y).sqrt(), df.min(self.df))
        });
        Some(Estimate { value, error })
    }

    /// The mean of a cell.
    pub fn cell(&self, cell: usize) -> Option<Estimate> {
        let mean = self.of[cell]?;
        Some(Estimate { value: mean.value, error: mean.variance.map(|variance| (variance.sqrt(), mean.df)) })
    }
}

impl Estimate {
    /// Half the width of the interval that holds all of `comparisons` at [`CONFIDENCE`] (Bonferroni).
    pub fn half(&self, comparisons: usize) -> Option<f64> {
        let (error, df) = self.error?;
        Some(error * t_quantile(1.0 - (1.0 - CONFIDENCE) / 2.0 / comparisons.max(1) as f64, df))
    }
}

/// What the runs of each cell say, once what their repetitions have in common is taken out.
struct Noise {
    counts: Vec<usize>,
    means: Vec<f64>,
    /// The variance of a run, and its degrees of freedom, from the cell's own runs.
    own: Vec<Option<(f64, f64)>>,
    /// The same drawn towards what is usual; `None` where no cell ran twice.
    variances: Option<Vec<(f64, f64)>>,
    df: f64,
}

impl Noise {
    fn of(mut values: Vec<Value>, cells: usize, weights: &[f64], least: f64) -> Self {
        let lost = take_out_blocks(&mut values, cells, weights);
        let (counts, means) = means_of(&values, cells);
        let mut squares = vec![0.0; cells];
        values.iter().for_each(|run| squares[run.cell] += (run.value - means[run.cell]).powi(2));
        let spare: f64 = counts.iter().map(|count| count.saturating_sub(1) as f64).sum();
        let kept = if spare > 0.0 { (spare - lost) / spare } else { 0.0 };
        let df: Vec<f64> = counts.iter().map(|count| count.saturating_sub(1) as f64 * kept).collect();
        let own = squares.iter().zip(&df).map(|(squares, df)| (*df > 0.0).then(|| ((squares / df).max(least), *df)));
        let own: Vec<_> = own.collect();
        let variances = moderate(&squares, &df, least).map(|moderated| {
            // A cell is never taken for quieter than its own runs are: only its quietness may be luck.
            let usual = |((variance, df), own): ((f64, f64), &Option<(f64, f64)>)| match own {
                Some((own, _)) if df < spare * kept => (variance.max(*own), df),
                _ => (variance, df),
            };
            moderated.into_iter().zip(&own).map(usual).collect()
        });
        Self { counts, means, own, variances, df: spare * kept }
    }
}

/// The degrees of freedom of a sum of variances, each with its own (Satterthwaite, *An Approximate Distribution of Estimates of
/// Variance Components*, Biometrics Bulletin 2, 1946), less biased for few degrees of freedom by Welch's correction: the square of
/// an estimated variance is too large by (df + 2) / df in the mean.
pub fn satterthwaite(parts: &[(f64, f64)]) -> f64 {
    let sum: f64 = parts.iter().map(|(part, _)| part).sum();
    let squares: f64 = parts.iter().map(|(part, df)| part * part / (df + 2.0)).sum();
    let fewest = parts.iter().filter(|(part, _)| *part > 0.0).map(|(_, df)| *df).fold(f64::INFINITY, f64::min);
    if squares > 0.0 { (sum * sum / squares - 2.0).max(fewest) } else { fewest }
}

/// Takes out of each value what its repetition has in common, by turns with the cells' means until they agree, which is the
/// least-squares fit of both; a cell counts by its weight. Gives the degrees of freedom that it took.
fn take_out_blocks(values: &mut [Value], cells: usize, weights: &[f64]) -> f64 {
    const TURNS: usize = 50;
    let mut repeats: Vec<u32> = values.iter().map(|run| run.repeat).collect();
    repeats.sort_unstable();
    repeats.dedup();
    let (counts, _) = means_of(values, cells);
    let used = counts.iter().filter(|count| **count > 0).count();
    let spare = values.len() - used;
    if used < MIN_CELLS_FOR_BLOCKS || repeats.len() < 2 || spare < repeats.len() {
        return 0.0;
    }
    for _ in 0..TURNS {
        let (_, means) = means_of(values, cells);
        let mut moved = 0.0_f64;
        let mut shifts: Vec<f64> = repeats
            .iter()
            .map(|repeat| {
                let (mut sum, mut weight) = (0.0, 0.0);
                for run in values.iter().filter(|run| run.repeat == *repeat) {
                    sum += weights[run.cell] * (run.value - means[run.cell]);
                    weight += weights[run.cell];
                }
                sum / weight
            })
            .collect();
        // The level belongs to the cells.
        let level = shifts.iter().sum::<f64>() / shifts.len() as f64;
        shifts.iter_mut().for_each(|shift| *shift -= level);
        for run in values.iter_mut() {
            let at = repeats.binary_search(&run.repeat).expect("every repeat is listed");
            run.value -= shifts[at];
            moved = moved.max(shifts[at].abs());
        }
        if moved < 1e-12 {
            break;
        }
    }
    (repeats.len() - 1) as f64
}

fn means_of(values: &[Value], cells: usize) -> (Vec<usize>, Vec<f64>) {
    let (mut counts, mut means) = (vec![0_usize; cells], vec![0.0; cells]);
    for run in values {
        counts[run.cell] += 1;
        means[run.cell] += run.value;
    }
    means.iter_mut().zip(&counts).for_each(|(mean, count)| *mean /= (*count).max(1) as f64);
    (counts, means)
}

/// For each cell its moderated variance and the degrees of freedom of that, from the sums of squares. `None` where no cell has
/// any.
fn moderate(squares: &[f64], df: &[f64], least: f64) -> Option<Vec<(f64, f64)>> {
    let total: f64 = df.iter().sum();
    if total <= 0.0 {
        return None;
    }
    let pooled = (squares.iter().sum::<f64>() / total).max(least);
    let known: Vec<(f64, f64)> = (squares.iter().zip(df))
        .filter(|(_, df)| **df > 0.0)
        .map(|(squares, df)| ((squares / df).max(least), *df))
        .collect();
    let (usual, strength) = prior(&known).unwrap_or((pooled, f64::INFINITY));
    let moderated = squares.iter().zip(df).map(|(squares, df)| {
        if strength.is_infinite() {
            return (pooled, total);
        }
        let variance = (strength * usual + squares) / (strength + df);
        (variance.max(least), (strength + df).min(total))
    });
    Some(moderated.collect())
}

/// What variance is usual, and how many degrees of freedom that is worth (Smyth 2004, section 6.2). `None` where the variances
/// differ no more than chance lets them, or are too few to tell.
fn prior(known: &[(f64, f64)]) -> Option<(f64, f64)> {
    if known.len() < MIN_CELLS_TO_MODERATE {
        return None;
    }
    let logs: Vec<f64> = known.iter().map(|(variance, df)| variance.ln() - log_chi2_mean(*df)).collect();
    let count = logs.len() as f64;
    let mean = logs.iter().sum::<f64>() / count;
    let spread = logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / (count - 1.0);
    let by_chance = known.iter().map(|(_, df)| trigamma(df / 2.0)).sum::<f64>() / count;
    let beyond = spread - by_chance;
    (beyond > 0.0).then(|| {
        let strength = 2.0 * trigamma_inverse(beyond);
        ((mean + log_chi2_mean(strength)).exp(), strength)
    })
}

#[cfg(test)]
mod tests;
