//! Recorded runs, as a file of one line each: `pool,path,started,p50_ms,p95_ms,p99_ms`.

use std::fs;
use std::path::Path;

use report::Run;

/// A run of a pool.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Under which conditions it was recorded.
    pub pool: String,
    /// What it was played through.
    pub path: String,
    /// When it began.
    pub started: String,
    /// p50, p95 and p99 of its latency, ms.
    pub quantiles_ms: [f64; 3],
}

/// The line of a run, where it has the figures and proves something.
pub fn row(pool: &str, path: &str, run: &Run) -> Option<String> {
    let latency = &run.latency_ms;
    let proves = run.outcome == report::Outcome::Ok;
    let (p50, p95, p99) = (latency.p50?, latency.p95?, latency.p99?);
    proves.then(|| format!("{pool},{path},{},{p50},{p95},{p99}", run.started))
}

/// Reads a file of them, in the order of time.
///
/// # Panics
///
/// Where it cannot be read, or a line is none.
pub fn read(file: &Path) -> Vec<Recorded> {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let lines = text.lines().skip(1);
    let mut runs: Vec<_> = lines.map(|line| parse(line).unwrap_or_else(|| panic!("{line:?} is no run"))).collect();
    runs.sort_by(|a, b| a.started.cmp(&b.started));
    runs
}

fn parse(line: &str) -> Option<Recorded> {
    let fields: Vec<&str> = line.split(',').collect();
    let [pool, path, started, p50, p95, p99] = fields[..] else { return None };
    Some(Recorded {
        pool: pool.to_owned(),
        path: path.to_owned(),
        started: started.to_owned(),
        quantiles_ms: [p50.parse().ok()?, p95.parse().ok()?, p99.parse().ok()?],
    })
}
