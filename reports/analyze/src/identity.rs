//! Which runs can be compared: those of one machine with one kind of settings.
//!
//! A machine is its operating system, architecture, CPU and number of CPUs. Its kernel and framelag's version are left
//! out: a history is to show what they change. So is the machine's own id: CI services give each job a fresh machine
//! of the same kind.
//!
//! Settings are the receiver's, except where files and figures went, and the URL without the port of a loopback
//! address, which tests draw at random. Objects are hashed as serde_json writes them: with their keys in order.

use report::run::{Receiver, Run};
use sha2::{Digest, Sha256};

/// Hexadecimal digits of a fingerprint: 64 bits, so that among a million runs two are alike by chance once in ten million.
pub(crate) const DIGITS: usize = 16;

/// The parts of `host` that identify a kind of machine.
pub(crate) const MACHINE: [&str; 4] = ["os", "arch", "cpu", "cpus"];

/// Settings that do not change what is measured.
pub(crate) const IGNORED_SETTINGS: [&str; 7] = ["url", "report", "snapshot", "record", "pictures", "metrics", "otlp"];

/// A run's machine, as text to compare.
pub(crate) fn machine(run: &Run) -> String {
    let host = run.host.to_json();
    let parts = MACHINE.map(|key| host[key].to_string());
    fingerprint(&parts)
}

/// A run's settings, as text to compare.
pub(crate) fn settings(run: &Run) -> String {
    let mut config = run.config.to_json();
    if let Some(config) = config.as_object_mut() {
        config.retain(|key, _| !IGNORED_SETTINGS.contains(&key.as_str()));
    }
    fingerprint(&[without_loopback_port(&run.url), config.to_string()])
}

/// A run itself: the same for each copy of its report, also for one that was written before the run ended. One that was
/// joined is the runs of its receivers, in whatever order they were named.
pub fn run(run: &Run) -> String {
    if let Some(merged) = &run.merged {
        let mut receivers: Vec<String> = merged.receivers.iter().map(Receiver::name).collect();
        receivers.sort();
        return fingerprint(&[vec!["merged".to_owned()], receivers].concat());
    }
    let startup = serde_json::to_value(run.startup).unwrap_or_default();
    fingerprint(&[
        run.started.clone(),
        run.url.clone(),
        run.host.to_json().to_string(),
        run.config.to_json().to_string(),
        startup.to_string(),
    ])
}

fn fingerprint(parts: &[String]) -> String {
    let hash = Sha256::digest(parts.join("\n"));
    hash.iter().take(DIGITS / 2).map(|byte| format!("{byte:02x}")).collect()
}

/// `url` without its port where it is of this machine.
fn without_loopback_port(url: &str) -> String {
    for host in ["://127.0.0.1:", "://localhost:", "://[::1]:"] {
        let Some(at) = url.find(host).map(|at| at + host.len()) else { continue };
        let digits = url[at..].find(|c: char| !c.is_ascii_digit()).unwrap_or(url.len() - at);
        return format!("{}{}", &url[..at - 1], &url[at + digits..]);
    }
    url.to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_order_of_keys_is_no_setting() {
        let text = |text: &str| serde_json::from_str::<Value>(text).expect("JSON").to_string();
        assert_eq!(text(r#"{"b":1,"a":{"d":2,"c":3}}"#), text(r#"{"a":{"c":3,"d":2},"b":1}"#));
    }

    #[test]
    fn ports_of_this_machine_are_no_setting_and_others_are() {
        assert_eq!(without_loopback_port("rtsp://127.0.0.1:40123/cam"), "rtsp://127.0.0.1/cam");
        assert_eq!(without_loopback_port("rtsp://[::1]:8554"), "rtsp://[::1]");
        assert_eq!(without_loopback_port("rtsp://10.0.0.7:8554/cam"), "rtsp://10.0.0.7:8554/cam");
    }
}
