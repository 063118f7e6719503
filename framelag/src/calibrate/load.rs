//! How busy the machine was while a calibration ran, according to Linux.

use std::fs;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use analyze::calibration::{Load, Spread};
use common::host::process::ProcessStat;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

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

/// Time between wake-ups, µs: often enough for a p99 in some seconds, and too rare to be a load.
const EVERY: Range<u64> = 2_000..18_000;

/// Of these times.
const SEED: u64 = 2;

/// How late this machine wakes a waiting thread, at random times: no instrument on it can do better. One thread writes the time into a pipe, the other waits for it.
pub struct WakeupLatency {
    ending: Arc<AtomicBool>,
    writer: JoinHandle<()>,
    reader: JoinHandle<Vec<f64>>,
}

impl WakeupLatency {
    pub fn start() -> Result<Self, String> {
        let cannot = |error: io::Error| format!("cannot measure thread wake-up times: {error}");
        let (from, to) = io::pipe().map_err(cannot)?;
        let (ending, origin) = (Arc::new(AtomicBool::new(false)), Instant::now());
        let ends = Arc::clone(&ending);
        let builder = |name: &str| thread::Builder::new().name(name.to_owned());
        let writer = builder("waker").spawn(move || write(to, origin, &ends)).map_err(cannot)?;
        let reader = builder("woken").spawn(move || read_all(from, origin)).map_err(cannot)?;
        Ok(Self { ending, writer, reader })
    }

    /// From the write to the end of the read, µs.
    pub fn finish(self) -> Option<Spread> {
        self.ending.store(true, Ordering::Relaxed);
        // A thread that panicked has said so on standard error.
        let _ = self.writer.join();
        Spread::of(self.reader.join().unwrap_or_default())
    }
}

fn write(mut pipe: PipeWriter, origin: Instant, ending: &AtomicBool) {
    let mut random = StdRng::seed_from_u64(SEED);
    while !ending.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_micros(random.random_range(EVERY)));
        let now = origin.elapsed().as_nanos() as u64;
        if pipe.write_all(&now.to_ne_bytes()).is_err() {
            return;
        }
    }
}

/// Ends with the pipe.
fn read_all(mut pipe: PipeReader, origin: Instant) -> Vec<f64> {
    let (mut late, mut then) = (Vec::new(), [0; 8]);
    while pipe.read_exact(&mut then).is_ok() {
        let nanos = (origin.elapsed().as_nanos() as u64).saturating_sub(u64::from_ne_bytes(then));
        late.push(nanos as f64 / 1e3);
    }
    late
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

    #[test]
    fn every_wakeup_is_counted_and_takes_its_time() {
        let wakeups = WakeupLatency::start().expect("a pipe and two threads");
        thread::sleep(Duration::from_millis(50));
        let late = wakeups.finish().expect("there were some");
        assert!(late.count >= 1 && late.p50 > 0.0, "{late:?}");
    }
}
