//! Many viewers of one LL-HLS stream: `cargo run --release -p framelag-tests --example viewers ADDRESS:PORT /cam/index.m3u8 [VIEWERS
//! [SECONDS [CUSHION_MS]]]`. Prints what they saw as JSON.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use framelag_tests::viewers::{Watched, watch};
use serde_json::json;

/// How long the first viewer is alone: long enough to know its usual delay before the others join.
const ALONE: Duration = Duration::from_secs(5);
/// Interval between the starts of two viewers: real viewers do not all join at once.
const APART: Duration = Duration::from_millis(20);

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address: SocketAddr = arguments.next().context("which server?")?.parse().context("which address and port?")?;
    let path = arguments.next().context("which playlist?")?;
    let mut number = |default: u64| arguments.next().map_or(Ok(default), |text| text.parse());
    let (viewers, seconds, cushion) = (number(50)?, number(30)?, number(55)?);
    let (duration, cushion) = (Duration::from_secs(seconds), Duration::from_millis(cushion));
    let watching: Vec<_> = (0..viewers)
        .map(|viewer| {
            thread::sleep(if viewer == 1 { ALONE } else { APART });
            let path = path.clone();
            thread::spawn(move || watch(address, &path, duration, cushion))
        })
        .collect();
    let (mut seen, mut failed) = (Vec::new(), Vec::new());
    for viewer in watching {
        match viewer.join().expect("a viewer returns what went wrong") {
            Ok(watched) => seen.push(watched),
            Err(error) => failed.push(error.to_string()),
        }
    }
    let sum = |count: fn(&Watched) -> u64| seen.iter().map(count).sum::<u64>();
    let mut late: Vec<f64> = seen.iter().flat_map(|watched| watched.late_ms.iter().copied()).collect();
    late.sort_by(f64::total_cmp);
    let latest = seen.iter().filter_map(|watched| watched.latest).max_by(|(one, _), (other, _)| one.total_cmp(other));
    let quantile = |q: f64| late.get(((late.len() as f64 * q) as usize).min(late.len().saturating_sub(1)));
    let summary = json!({
        "viewers": viewers, "seconds": seconds, "failed": failed,
        "parts": sum(|watched| watched.parts), "missing": sum(|watched| watched.missing),
        "waits": sum(|watched| watched.waits),
        "longest_wait_ms": seen.iter().map(|watched| watched.longest_wait_ms).fold(0.0, f64::max),
        "stalls": sum(|watched| watched.stalls),
        "viewers_with_stalls": seen.iter().filter(|watched| watched.stalls > 0).count(),
        "late_ms": { "p50": quantile(0.5), "p99": quantile(0.99), "p99_9": quantile(0.999), "max": late.last(),
                     "max_at_s": latest.map(|(_, at_s)| at_s) },
    });
    println!("{summary}");
    Ok(())
}
