//! How much memory this process holds: the last defence against a server that makes a library buffer without end.

/// Bytes of resident memory; `None` where the system does not say (Linux does).
pub fn resident() -> Option<u64> {
    parse(&std::fs::read_to_string("/proc/self/status").ok()?)
}

/// `VmRSS` of `/proc/PID/status`, see proc_pid_status(5).
fn parse(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes.saturating_mul(1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_line_is_read() {
        assert_eq!(parse("Name:\treceiver\nVmRSS:\t   12345 kB\nThreads:\t1\n"), Some(12_345 * 1024));
        for other in ["", "VmRSS:", "VmRSS:\t12 MB", "VmRSS:\t-1 kB"] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
