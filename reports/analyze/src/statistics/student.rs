//! Quantiles. The only file that knows statrs.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

/// Degrees of freedom from which Student's t is the normal distribution to all intents.
const MANY: f64 = 1e6;

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

#[cfg(test)]
mod tests {
    use super::*;

    /// Printed tables: NIST/SEMATECH e-Handbook 1.3.6.7.
    #[test]
    fn agrees_with_printed_tables() {
        for (p, df, expected) in
            [(0.975, 1.0, 12.7062), (0.975, 10.0, 2.22814), (0.95, 4.0, 2.13185), (0.975, f64::INFINITY, 1.95996)]
        {
            let found = t_quantile(p, df);
            assert!((found / expected - 1.0).abs() < 1e-4, "{found}, not {expected}");
        }
    }
}
