//! What machine a run was made on, as far as it matters to the figures.

use std::fs;
use std::thread;

use sha2::{Digest, Sha256};

use crate::run::Host;

/// Operating system, architecture, CPU, number of CPUs, kernel and framelag's version. What cannot be found out is `null`.
pub fn describe() -> Host {
    Host {
        os: Some(std::env::consts::OS.to_owned()),
        arch: Some(std::env::consts::ARCH.to_owned()),
        kernel: Some(first_line("/proc/sys/kernel/osrelease")),
        cpu: Some(cpu_model()),
        cpus: Some(thread::available_parallelism().ok().map(|cpus| cpus.get() as u64)),
        framelag: Some(env!("CARGO_PKG_VERSION").to_owned()),
        ..Host::default()
    }
}

/// A name of this machine that is the same at every boot: 32 hexadecimal digits, a hash of its machine id, which must
/// not be shown, and of its CPUs, since images of machines are copied. `None` where it has no id.
pub fn machine() -> Option<String> {
    let id = first_line("/etc/machine-id").or_else(|| first_line("/var/lib/dbus/machine-id"))?;
    (!id.is_empty())
        .then(|| machine_of(&id, cpu_model().as_deref(), thread::available_parallelism().ok().map(usize::from)))
}

fn machine_of(id: &str, cpu: Option<&str>, cpus: Option<usize>) -> String {
    // The first word keeps other programs' hashes of the same id apart from ours.
    let hash = Sha256::digest(format!("framelag machine\n{id}\n{cpu:?}\n{cpus:?}"));
    hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_told_from_others_without_showing_its_id() {
        let id = "0123456789abcdef0123456789abcdef";
        let here = machine_of(id, Some("cpu"), Some(2));
        assert_eq!((here.len(), machine_of(id, Some("cpu"), Some(2)) == here), (32, true));
        assert!(!here.contains(&id[..8]));
        assert_ne!(here, machine_of("1", Some("cpu"), Some(2)));
        assert_ne!(here, machine_of(id, Some("other"), Some(2)));
        assert_ne!(here, machine_of(id, Some("cpu"), Some(4)));
    }
}
