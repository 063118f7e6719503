//! Recorded runs, as a file of one line each: `pool,path,started,p50_ms,p95_ms,p99_ms`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use reports::Run;

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
    let proves = run.outcome == reports::Outcome::Ok;
    let (p50, p95, p99) = (latency.p50?, latency.p95?, latency.p99?);
    proves.then(|| format!("{pool},{path},{},{p50},{p95},{p99}", run.started))
}

/// Reads a file of them, in the order of time.
///
/// # Errors
///
/// Where it cannot be read, or a line is none.
pub fn read(file: &Path) -> Result<Vec<Recorded>> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let lines = text.lines().skip(1);
    let mut runs = lines.map(|line| parse(line).with_context(|| line.to_owned())).collect::<Result<Vec<_>>>()?;
    ensure!(!runs.is_empty(), "no runs in {}", file.display());
    runs.sort_by(|a, b| a.started.cmp(&b.started));
    Ok(runs)
}

fn parse(line: &str) -> Result<Recorded> {
    let fields: Vec<&str> = line.split(',').collect();
    let [pool, path, started, p50, p95, p99] = fields[..] else { anyhow::bail!("six fields are a run") };
    Ok(Recorded {
        pool: pool.to_owned(),
        path: path.to_owned(),
        started: started.to_owned(),
        quantiles_ms: [p50.parse()?, p95.parse()?, p99.parse()?],
    })
}
