//! How busy a machine was while it was calibrated.

use serde::Serialize;

use super::spread::Spread;

/// A thread that waits is woken later than this in one of 100 cases: half of what the goal allows a frame.
const MAX_WAKE_P99_US: f64 = 500.0;

/// Other processes use more than this of all CPUs' time.
const MAX_OTHERS: f64 = 0.1;

/// The host below takes more than this of it.
const MAX_STOLEN: f64 = 0.02;

/// How busy a machine was. What the system does not say is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Load {
    /// How late a thread of the rig was woken, at random times: from another thread's write to a pipe until it had read it, µs.
    pub wake_us: Option<Spread>,
    /// Part of all CPUs' time that processes of others used, 0 to 1.
    pub others: Option<f64>,
    /// Part that the host of a virtual machine took (steal), 0 to 1.
    pub stolen: Option<f64>,
    /// Part of the time in which some thread waited for a CPU, the rig's own included, 0 to 1 (PSI).
    pub pressure: Option<f64>,
}

impl Load {
    /// What makes this machine too busy to be judged by; none where it is quiet.
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
