//! A value for each stage of the journey.

use std::collections::BTreeMap;
use std::ops::{Index, IndexMut};

use common::marks::Stage;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::sample::Sample;

/// One `T` for each [`Stage`]; an object by stage name in JSON, in which unknown names are passed over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerStage<T>([T; Stage::ALL.len()]);

impl<T> PerStage<T> {
    /// What `of` makes of each stage.
    pub fn new(mut of: impl FnMut(Stage) -> T) -> Self {
        Self(std::array::from_fn(|at| of(Stage::ALL[at])))
    }

    /// Each stage with its value, in the order of reports.
    pub fn iter(&self) -> impl Iterator<Item = (Stage, &T)> {
        Stage::ALL.iter().copied().zip(&self.0)
    }
}

impl<T> Index<Stage> for PerStage<T> {
    type Output = T;

    fn index(&self, stage: Stage) -> &T {
        &self.0[stage as usize]
    }
}

impl<T> IndexMut<Stage> for PerStage<T> {
    fn index_mut(&mut self, stage: Stage) -> &mut T {
        &mut self.0[stage as usize]
    }
}

impl<T: Serialize> Serialize for PerStage<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (stage, value) in self.iter() {
            map.serialize_entry(stage.name(), value)?;
        }
        map.end()
    }
}

impl<'de, T: Default + Deserialize<'de>> Deserialize<'de> for PerStage<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut by_name = BTreeMap::<String, T>::deserialize(deserializer)?;
        Ok(Self::new(|stage| by_name.remove(stage.name()).unwrap_or_default()))
    }
}

/// A `T` for the latency, presented − PUB, and one for each stage.
#[derive(Clone, Debug)]
pub struct Latencies<T> {
    /// The whole latency.
    pub total: T,
    /// Time in each stage.
    pub stages: PerStage<T>,
}

impl<T> Latencies<T> {
    /// That of a stage, or of the total.
    pub fn of(&self, stage: Option<Stage>) -> &T {
        stage.map_or(&self.total, |stage| &self.stages[stage])
    }

    /// That of a stage, or of the total.
    pub fn of_mut(&mut self, stage: Option<Stage>) -> &mut T {
        match stage {
            None => &mut self.total,
            Some(stage) => &mut self.stages[stage],
        }
    }

    /// Has `record` add a frame's times, µs: its latency and each stage that is known.
    pub fn record(&mut self, sample: &Sample, record: impl Fn(&mut T, i64)) {
        record(&mut self.total, sample.marks.latency_us());
        for &stage in Stage::ALL {
            sample.stage_us(stage).into_iter().for_each(|micros| record(&mut self.stages[stage], micros));
        }
    }
}
