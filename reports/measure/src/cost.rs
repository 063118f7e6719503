//! What the instrument itself costs: counted beside what it measures.

use std::time::Duration;

/// What measuring and showing themselves cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Costs {
    /// From the network's thread to the decoding one, part of the stage `decode`.
    pub wake: Cost,
    /// Finding and reading the code.
    pub read: Cost,
    /// From the decoder's planes to pixels.
    pub convert: Cost,
    /// Scaling into the window and drawing the texts.
    pub compose: Cost,
    /// Handing the pixels to the display.
    pub hand_over: Cost,
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
