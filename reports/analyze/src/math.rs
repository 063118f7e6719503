//! Distributions and least squares, for the gate and for sweeps. The only file that knows statrs.

use statrs::distribution::{ContinuousCDF, FisherSnedecor, Normal, StudentsT};
use statrs::function::gamma::digamma;

/// Degrees of freedom from which Student's t is the normal distribution to all intents.
const MANY: f64 = 1e6;

/// A column adds nothing to those before it where so little of it is left.
const DEPENDENT: f64 = 1e-9;

/// The `p` quantile of Student's t.
pub fn t_quantile(p: f64, df: f64) -> f64 {
    debug_assert!((0.0..1.0).contains(&p) && df > 0.0);
    let student = if df < MANY { StudentsT::new(0.0, 1.0, df).ok() } else { None };
    student.map_or_else(|| normal_quantile(p), |t| t.inverse_cdf(p))
}

/// The `p` quantile of the standard normal distribution.
pub fn normal_quantile(p: f64) -> f64 {
    debug_assert!(0.0 < p && p < 1.0);
    Normal::standard().inverse_cdf(p)
}

/// How likely |t| is to be at least this by chance.
pub fn t_tails(t: f64, df: f64) -> f64 {
    f_tail(t * t, 1.0, df)
}

/// How likely F is to be at least this by chance.
pub fn f_tail(f: f64, df1: f64, df2: f64) -> f64 {
    match FisherSnedecor::new(df1, df2.min(MANY)) {
        Ok(distribution) if f > 0.0 => distribution.sf(f),
        _ => 1.0,
    }
}

/// The mean of ln(χ²/df): how far the logarithm of an estimated variance is off in the mean.
pub fn log_chi2_mean(df: f64) -> f64 {
    digamma(df / 2.0) - (df / 2.0).ln()
}

/// The second derivative of ln Γ: by recurrence up to 8, from there by its asymptotic series (Abramowitz and Stegun 6.4.6,
/// 6.4.12).
pub fn trigamma(x: f64) -> f64 {
    let (mut x, mut sum) = (x, 0.0);
    while x < 8.0 {
        sum += 1.0 / (x * x);
        x += 1.0;
    }
    let r = 1.0 / (x * x);
    sum + 1.0 / x + r / 2.0 + r / x * (1.0 / 6.0 - r * (1.0 / 30.0 - r * (1.0 / 42.0 - r / 30.0)))
}

/// The `x` whose [`trigamma`] is `y`, by bisection: it falls from +∞ to 0.
pub fn trigamma_inverse(y: f64) -> f64 {
    let (mut low, mut high) = (1e-8_f64, 1e8_f64);
    for _ in 0..100 {
        let middle = (low * high).sqrt();
        if trigamma(middle) > y { low = middle } else { high = middle }
    }
    low
}

/// A linear model fitted by least squares: one row for each observation, one entry for each coefficient.
#[derive(Debug)]
pub struct Model {
    rows: Vec<Vec<f64>>,
    /// A generalized inverse of X′X.
    inverse: Vec<Vec<f64>>,
    /// How many of the coefficients can be told.
    pub rank: usize,
}

impl Model {
    /// Coefficients that those before them make up are left at 0.
    pub fn new(rows: Vec<Vec<f64>>) -> Self {
        let columns = rows.first().map_or(0, Vec::len);
        let mut gram = vec![vec![0.0; columns]; columns];
        for row in &rows {
            for (i, a) in row.iter().enumerate().filter(|(_, a)| **a != 0.0) {
                row.iter().zip(&mut gram[i]).for_each(|(b, sum)| *sum += a * b);
            }
        }
        let (inverse, rank) = invert(gram);
        Self { rows, inverse, rank }
    }

    /// How much each observation counts in the estimate of a linear combination of the coefficients; `None` where the
    /// observations do not say what it is.
    pub fn weights(&self, combination: &[f64]) -> Option<Vec<f64>> {
        const CLOSE: f64 = 1e-6;
        let coefficients: Vec<f64> = self.inverse.iter().map(|row| dot(row, combination)).collect();
        let weights: Vec<f64> = self.rows.iter().map(|row| dot(row, &coefficients)).collect();
        let told = |(column, wanted): (usize, &f64)| {
            let found: f64 = self.rows.iter().zip(&weights).map(|(row, weight)| row[column] * weight).sum();
            (found - wanted).abs() < CLOSE
        };
        combination.iter().enumerate().all(told).then_some(weights)
    }

    /// What the model leaves of each observation.
    pub fn residuals(&self, observed: &[f64]) -> Vec<f64> {
        let columns = self.inverse.len();
        let products: Vec<f64> =
            (0..columns).map(|column| self.rows.iter().zip(observed).map(|(row, y)| row[column] * y).sum()).collect();
        let coefficients: Vec<f64> = self.inverse.iter().map(|row| dot(row, &products)).collect();
        self.rows.iter().zip(observed).map(|(row, y)| y - dot(row, &coefficients)).collect()
    }
}

/// A generalized inverse of a symmetric positive semidefinite matrix, and its rank, by the sweep operator (Goodnight, *A
/// Tutorial on the SWEEP Operator*, The American Statistician 33, 1979).
fn invert(mut a: Vec<Vec<f64>>) -> (Vec<Vec<f64>>, usize) {
    let size = a.len();
    let first: Vec<f64> = (0..size).map(|i| a[i][i]).collect();
    let mut rank = 0;
    for k in 0..size {
        let pivot = a[k][k];
        if pivot <= DEPENDENT * first[k] || pivot <= 0.0 {
            (0..size).for_each(|i| (a[i][k], a[k][i]) = (0.0, 0.0));
            continue;
        }
        rank += 1;
        a[k].iter_mut().for_each(|entry| *entry /= pivot);
        let row = a[k].clone();
        for (_, other) in a.iter_mut().enumerate().filter(|(i, _)| *i != k) {
            let factor = other[k];
            if factor != 0.0 {
                other.iter_mut().zip(&row).for_each(|(entry, over)| *entry -= factor * over);
            }
            other[k] = -factor / pivot;
        }
        a[k][k] = 1.0 / pivot;
    }
    (a, rank)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-4 * expected.abs().max(1e-3), "{found}, not {expected}");
    }

    /// Printed tables: Student's t and F (NIST/SEMATECH e-Handbook 1.3.6.7), trigamma (Abramowitz and Stegun 6.4).
    #[test]
    fn agrees_with_printed_tables() {
        for (p, df, t) in
            [(0.975, 1.0, 12.7062), (0.975, 10.0, 2.22814), (0.95, 4.0, 2.13185), (0.975, f64::INFINITY, 1.95996)]
        {
            near(t_quantile(p, df), t);
        }
        near(f_tail(4.10282, 2.0, 10.0), 0.05);
        near(f_tail(10.04429, 1.0, 10.0), 0.01);
        near(t_tails(2.22814, 10.0), 0.05);
        near(trigamma(1.0), std::f64::consts::PI.powi(2) / 6.0);
        near(trigamma(0.5), std::f64::consts::PI.powi(2) / 2.0);
        for x in [0.01, 0.5, 3.0, 40.0] {
            near(trigamma_inverse(trigamma(x)), x);
        }
    }

    #[test]
    fn a_line_is_fitted() {
        let model = Model::new((0..5).map(|x| vec![1.0, f64::from(x)]).collect());
        let observed = [1.0, 3.0, 5.0, 7.0, 9.0];
        let slope = model.weights(&[0.0, 1.0]).expect("it is told");
        near(dot(&slope, &observed), 2.0);
        assert!(model.residuals(&observed).iter().all(|left| left.abs() < 1e-9));
        assert_eq!(model.rank, 2);
    }

    #[test]
    fn what_the_observations_do_not_say_is_not_told() {
        // Two settings that always went together.
        let model = Model::new(vec![vec![1.0, 1.0, 1.0], vec![1.0, -1.0, -1.0], vec![1.0, 1.0, 1.0]]);
        assert_eq!(model.rank, 2);
        assert_eq!(model.weights(&[0.0, 1.0, 0.0]), None);
        assert!(model.weights(&[0.0, 1.0, 1.0]).is_some());
        assert!(model.weights(&[1.0, 0.0, 0.0]).is_some());
    }
}
