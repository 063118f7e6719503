//! What machine a run was made on, as far as it matters to the figures.

use std::fs;
use std::thread;

use serde_json::{Value, json};

/// Operating system, architecture, CPU, number of CPUs, kernel and framelag's version. What cannot be found is `null`.
pub fn describe() -> Value {
    json!({
        "os": std::env::consts::OS,
        "arch": std::env::consts::ARCH,
        "kernel": first_line("/proc/sys/kernel/osrelease"),
        "cpu": cpu_model(),
        "cpus": thread::available_parallelism().ok().map(usize::from),
        "framelag": env!("CARGO_PKG_VERSION"),
    })
}

fn first_line(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().next().map(|line| line.trim().to_owned())
}

fn cpu_model() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, model)| model.trim().to_owned())
}
