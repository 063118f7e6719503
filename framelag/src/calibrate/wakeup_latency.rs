//! How late this machine wakes a waiting thread, at random times while a calibration runs: no instrument on it can do better.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use analyze::calibration::Spread;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Time between wake-ups, µs: often enough for a p99 in some seconds, and too rare to be a load.
const EVERY: std::ops::Range<u64> = 2_000..18_000;

/// Of these times.
const SEED: u64 = 2;

/// Two threads: one writes the time into a pipe, the other waits for it.
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
        let reader = builder("woken").spawn(move || read(from, origin)).map_err(cannot)?;
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
fn read(mut pipe: PipeReader, origin: Instant) -> Vec<f64> {
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
    fn every_wakeup_is_counted_and_takes_its_time() {
        let wakeups = WakeupLatency::start().expect("a pipe and two threads");
        thread::sleep(Duration::from_millis(50));
        let late = wakeups.finish().expect("there were some");
        assert!(late.count >= 1 && late.p50 > 0.0, "{late:?}");
    }
}
