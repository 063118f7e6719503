//! How busy the machine was while a calibration ran, according to Linux.

use std::fs;
use std::time::Instant;

use analyze::calibration::{Load, Spread};
use common::host::process::ProcessStat;

/// Measures the load from its start on.
pub struct LoadMeter {
    begun: Instant,
    cpus: Option<Cpus>,
    own: Option<u64>,
    waited_us: Option<u64>,
}

/// Ticks of all CPUs since the system was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cpus {
    busy: u64,
    stolen: u64,
    total: u64,
}

impl LoadMeter {
    pub fn start() -> Self {
        let (cpus, own) = (read("/proc/stat", cpus), own());
        Self { begun: Instant::now(), cpus, own, waited_us: read("/proc/pressure/cpu", waited_us) }
    }

    /// The load up to now. Only children that have ended count as ours.
    pub fn finish(self, wake_us: Option<Spread>) -> Load {
        let now = Self::start();
        let less = |now: Option<u64>, before: Option<u64>| Some(now?.saturating_sub(before?) as f64);
        let of_cpus = |part: fn(&Cpus) -> u64| less(now.cpus.as_ref().map(part), self.cpus.as_ref().map(part));
        let total = of_cpus(|cpus| cpus.total).filter(|total| *total > 0.0);
        let others = of_cpus(|cpus| cpus.busy).zip(less(now.own, self.own)).map(|(busy, own)| (busy - own).max(0.0));
        let share = |part: Option<f64>| part.zip(total).map(|(part, total)| measure::units::rounded(part / total));
        let lasted_us = (now.begun - self.begun).as_secs_f64() * 1e6;
        Load {
            wake_us,
            others: share(others),
            stolen: share(of_cpus(|cpus| cpus.stolen)),
            pressure: less(now.waited_us, self.waited_us).map(|waited| measure::units::rounded(waited / lasted_us)),
        }
    }
}

fn read<T>(path: &str, parse: fn(&str) -> Option<T>) -> Option<T> {
    parse(&fs::read_to_string(path).ok()?)
}

/// `cpu user nice system idle iowait irq softirq steal …`: see proc_stat(5).
fn cpus(stat: &str) -> Option<Cpus> {
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Option<Vec<u64>> = line.split_whitespace().map(|ticks| ticks.parse().ok()).collect();
    let [user, nice, system, idle, waits, irq, soft, stolen, ..] = ticks?[..] else { return None };
    let busy = user + nice + system + irq + soft;
    Some(Cpus { busy, stolen, total: busy + idle + waits + stolen })
}

/// Ticks of this process and its children.
fn own() -> Option<u64> {
    let stat = ProcessStat::of(std::process::id())?;
    stat.own_ticks.checked_add(stat.children_ticks)
}

/// `some avg10=… total=MICROSECONDS`: see the kernel's documentation of PSI.
fn waited_us(pressure: &str) -> Option<u64> {
    pressure.lines().find(|line| line.starts_with("some "))?.rsplit_once("total=")?.1.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_is_understood_and_what_it_does_not_is_unknown() {
        let stat = "cpu  100 1 20 4000 50 2 3 7 40 0\ncpu0 1 2\n";
        assert_eq!(cpus(stat), Some(Cpus { busy: 126, stolen: 7, total: 4183 }));
        assert_eq!((cpus("intr 5"), cpus("cpu 1 2")), (None, None));
        let pressure = "some avg10=0.00 avg60=0.10 avg300=0.05 total=9411\nfull avg10=0.00 avg60=0 avg300=0 total=7\n";
        assert_eq!((waited_us(pressure), waited_us("")), (Some(9411), None));
        let load = LoadMeter::start().finish(None);
        assert!(load.others.is_none_or(|part| (0.0..=1.0).contains(&part)), "{load:?}");
    }
}
