//! How runs are compared with runs: the one method of `gate`, `compare`, `trend` and the recommendation of `tune`.
//!
//! The unit is the run: each gives one value, and two samples of a few values each are compared.
//!
//! ```text
//! values ── Scale: ratios or differences ──▶ Pair ──▶ Shift: change, spread, interval ──▶ direction: more than noise?
//!                                                        └── power: what could have been found, how many more runs
//! ```
//!
//! Two tests have to agree before a change is more than noise (`Shift::direction`):
//!
//! * Student's t with the spread pooled over both sides, one-sided at `LEVEL`. It is the sharper one, and its interval is the
//!   one that is shown. (A. Georges, D. Buytaert, L. Eeckhout: *Statistically rigorous Java performance evaluation*, OOPSLA
//!   2007, section 3.)
//! * The exact permutation test of the difference of means at `EXACT_LEVEL`: of all ways to deal the runs out to two sides,
//!   those with a change as large. It holds whatever the values' distribution, where t does not. (M. D. Ernst: *Permutation
//!   methods: a basis for exact inference*, Statistical Science 19(4), 2004, section 3.)
//!
//! `docs/gate-method.md` has the reasons and the measured rates.

use std::cmp::Ordering;

mod pair;
mod permutation;
pub mod power;
mod shift;
mod student;

pub use pair::{Amount, Scale};
pub(crate) use pair::{Pair, centre};
pub(crate) use permutation::{EXACT_LEVEL, can_decide, is_counted, permuted};
pub(crate) use shift::{BLIND, LEVEL, STRICT_LEVEL, Shift, interval, level, mean};

/// How often a change that is said to be detectable is found.
pub const POWER: f64 = 0.95;

/// More runs on one side are a mistake.
pub(crate) const MAX_RUNS: usize = 200;

/// The middle value, the higher of two; `None` without values.
pub fn median<T: Copy>(mut values: Vec<T>, order: impl FnMut(&T, &T) -> Ordering) -> Option<T> {
    values.sort_by(order);
    values.get(values.len() / 2).copied()
}

/// The confidence of a two-sided interval each of whose ends is wrong in `level` of cases.
pub(crate) const fn confidence(level: f64) -> f64 {
    1.0 - 2.0 * level
}
