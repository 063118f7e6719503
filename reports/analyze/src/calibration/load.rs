//! The load of a machine while it was calibrated.

use serde::Serialize;

use super::spread::Spread;

/// Largest p99 of thread wake-ups, µs: half of what the goal allows a frame.
const MAX_WAKE_P99_US: f64 = 500.0;

/// Largest share of CPU time used by other processes.
const MAX_OTHERS: f64 = 0.1;

/// Largest share of CPU time taken by the host of a virtual machine.
const MAX_STOLEN: f64 = 0.02;

/// The load of a machine; `None` where the system does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Load {
    /// Wake-up latency of a thread at random times: from another thread's write to a pipe until it has been read, µs.
    pub wake_us: Option<Spread>,
    /// Share of CPU time used by other processes, 0 to 1.
    pub others: Option<f64>,
    /// Share taken by the host of a virtual machine (steal), 0 to 1.
    pub stolen: Option<f64>,
    /// Share of time in which some thread, the rig's own included, waited for a CPU, 0 to 1 (PSI).
    pub pressure: Option<f64>,
}

impl Load {
    /// Why the machine is too busy for a verdict; `None` where it is not.
    pub fn busy(&self) -> Option<String> {
        let percent = |part: f64| format!("{:.1}%", part * 1e2);
        let wakeups = self.wake_us.filter(|wake| wake.p99 > MAX_WAKE_P99_US);
        let reasons = [
            self.others
                .filter(|part| *part > MAX_OTHERS)
                .map(|part| format!("others used {} of the CPUs", percent(part))),
            self.stolen
                .filter(|part| *part > MAX_STOLEN)
                .map(|part| format!("the host took {} of them", percent(part))),
            wakeups.map(|wake| format!("one thread in 100 woke {:.1} ms late or later", wake.p99 / 1e3)),
        ];
        let reasons: Vec<String> = reasons.into_iter().flatten().collect();
        (!reasons.is_empty()).then(|| reasons.join(", "))
    }
}
