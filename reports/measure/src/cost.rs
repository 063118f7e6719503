//! What measuring itself costs.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What measuring and showing themselves cost.
pub type Costs = OwnCost<Cost>;

/// A `T` for each thing that the receiver itself does to a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct OwnCost<T: Default> {
    /// From the network's thread to the decoding one: part of the stage `decode`.
    pub wake: T,
    /// Finding and reading the code: the stage `read`.
    pub read: T,
    /// From the decoder's planes to pixels: part of the stage `present`.
    pub convert: T,
    /// Scaling into the window and drawing the texts: part of the stage `present`.
    pub compose: T,
    /// Handing the pixels to the display: part of the stage `present`.
    pub hand_over: T,
}

impl<T: Default> OwnCost<T> {
    /// The names in `run.json`, in the order of [`OwnCost::each`].
    pub const NAMES: [&str; 5] = ["wake", "read", "convert", "compose", "hand_over"];

    /// Each of them.
    pub fn each(&self) -> [&T; 5] {
        [&self.wake, &self.read, &self.convert, &self.compose, &self.hand_over]
    }

    /// Each of them, to be changed.
    pub fn each_mut(&mut self) -> [&mut T; 5] {
        [&mut self.wake, &mut self.read, &mut self.convert, &mut self.compose, &mut self.hand_over]
    }
}

/// How long something took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    count: u32,
    total: Duration,
    max: Duration,
}

impl Cost {
    /// It took `time` once more.
    pub fn add(&mut self, time: Duration) {
        self.count = self.count.saturating_add(1);
        self.total += time;
        self.max = self.max.max(time);
    }

    /// Mean and maximum; `None` where it never happened.
    pub(crate) fn mean_and_max(&self) -> Option<(Duration, Duration)> {
        Some((self.total.checked_div(self.count)?, self.max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::{CostUs, OwnCostUs};

    #[test]
    fn mean_and_maximum_are_told_and_what_never_happened_is_not() {
        let mut costs = Costs::default();
        [10, 30].into_iter().for_each(|us| costs.read.add(Duration::from_micros(us)));
        let told = OwnCostUs::new(&costs);
        assert_eq!((told.read, told.convert), (Some(CostUs { mean: 20.0, max: 30.0 }), None));
    }
}
