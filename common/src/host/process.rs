//! Processes, as Linux shows them in `/proc`.

use std::fs;

/// What is used of `/proc/PID/stat`, see proc_pid_stat(5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessStat {
    /// `R` for running, `Z` for a zombie, and so on.
    pub state: char,
    /// The process that started it.
    pub parent: u32,
    /// Ticks on a CPU in user and in system mode, [`TICKS_PER_SECOND`] of them.
    pub own_ticks: u64,
    /// The same of its children that have ended and were waited for.
    pub children_ticks: u64,
}

/// USER_HZ, which is 100 on every architecture that framelag runs on.
pub const TICKS_PER_SECOND: u64 = 100;

impl ProcessStat {
    /// Of the process with this id; `None` where there is none, or no `/proc`.
    pub fn of(pid: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// Reads the text of the file. Fields are counted from behind the name, which may hold anything.
    fn parse(stat: &str) -> Option<Self> {
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split_whitespace().collect();
        // proc_pid_stat(5) counts the state as field 3.
        let ticks = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
        Some(Self {
            state: fields.first()?.chars().next()?,
            parent: fields.get(1)?.parse().ok()?,
            own_ticks: ticks(14)?.checked_add(ticks(15)?)?,
            children_ticks: ticks(16)?.checked_add(ticks(17)?)?,
        })
    }
}

/// Bytes of memory that this process holds; `None` where the system does not say.
pub fn resident_bytes() -> Option<u64> {
    resident(&fs::read_to_string("/proc/self/status").ok()?)
}

/// `VmRSS` of `/proc/PID/status`, see proc_pid_status(5).
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes.saturating_mul(1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_anything_and_what_is_cut_short_is_nothing() {
        let stat = "42 (a) b) S 1 42 42 0 -1 4194560 9 9 0 0 30 4 200 1 20 0";
        let expected = ProcessStat { state: 'S', parent: 1, own_ticks: 34, children_ticks: 201 };
        assert_eq!(ProcessStat::parse(stat), Some(expected));
        for cut in ["", "42 (a) S 1", "42 (a) b) S 1 42 42 0 -1 4194560 9 9 0 0 30 4 200"] {
            assert_eq!(ProcessStat::parse(cut), None, "{cut}");
        }
    }

    #[test]
    fn the_kernels_line_is_read() {
        assert_eq!(resident("Name:\treceiver\nVmRSS:\t   12345 kB\nThreads:\t1\n"), Some(12_345 * 1024));
        for other in ["", "VmRSS:", "VmRSS:\t12 MB", "VmRSS:\t-1 kB"] {
            assert_eq!(resident(other), None, "{other}");
        }
    }
}
