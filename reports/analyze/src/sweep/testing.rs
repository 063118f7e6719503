//! Sweeps with known truths.

use super::{Axis, Figures, Outcome, Row, Sweep};

/// Normal noise from a seed: SplitMix64 (Steele, Lea and Flood 2014) and the polar form of Box and Muller's transform.
pub struct Noise(u64);

impl Noise {
    /// Another stream for each seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In 0..1.
    pub fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// With mean 0 and standard deviation 1.
    pub fn normal(&mut self) -> f64 {
        let (u, v) = (1.0 - self.uniform(), self.uniform());
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }

    fn shuffle(&mut self, order: &mut [usize]) {
        for last in (1..order.len()).rev() {
            let other = (self.uniform() * (last + 1) as f64) as usize;
            order.swap(last, other);
        }
    }
}

/// Axes by name and values.
pub fn axes(of: &[(&str, &[&str])]) -> Vec<Axis> {
    let axis = |(name, values): &(&str, &[&str])| Axis {
        name: (*name).to_owned(),
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    };
    of.iter().map(axis).collect()
}

/// Every combination of the axes' values, `repeats` times, in random order within each repetition. `figures` makes a run's figures
/// of its values and noise.
pub fn sweep(
    axes: Vec<Axis>,
    repeats: u32,
    seed: u64,
    mut figures: impl FnMut(&[usize], &mut Noise) -> Figures,
) -> Sweep {
    let mut noise = Noise::new(seed);
    let cells: usize = axes.iter().map(|axis| axis.values.len()).product();
    let mut rows = Vec::new();
    for repeat in 0..repeats {
        let mut cells: Vec<usize> = (0..cells).collect();
        noise.shuffle(&mut cells);
        for cell in cells {
            let mut rest = cell;
            let mut values: Vec<usize> = Vec::new();
            for axis in axes.iter().rev() {
                values.push(rest % axis.values.len());
                rest /= axis.values.len();
            }
            values.reverse();
            let order = rows.len();
            rows.push(Row {
                cell,
                repeat,
                order,
                started: format!("2026-01-02T03:{:02}:{:02}.000000Z", order / 60 % 60, order % 60),
                outcome: Outcome::Ok,
                why: None,
                figures: figures(&values, &mut noise),
                joins: Vec::new(),
                player: None,
                report: Some(format!("runs/{cell:03}-{repeat}")),
                values,
            });
        }
    }
    Sweep {
        name: "a sweep".to_owned(),
        started: "2026-01-02T03:00:00.000000Z".to_owned(),
        seed,
        axes,
        fixed: vec![("publisher.size".to_owned(), "640x480".to_owned())],
        rows,
        host: serde_json::json!({ "cpu": "a processor", "cores": 2 }),
        complete: true,
    }
}

/// Latency alone, with p99 at its double.
pub fn latency(p50_ms: f64) -> Figures {
    Figures { p50_ms: Some(p50_ms), p99_ms: Some(p50_ms * 2.0), ..Figures::default() }
}

/// As an encoder and a network do it: more bits look better and take longer, a slow network makes a queue of them.
pub fn realistic(seed: u64, repeats: u32) -> Sweep {
    let axes = axes(&[
        ("publisher.bitrate", &["500k", "1000k", "2000k", "4000k"]),
        ("publisher.gop", &["15", "60", "250"]),
        ("receiver.transport", &["tcp", "udp"]),
    ]);
    sweep(axes, repeats, seed, |values, noise| {
        let kbps = [500.0, 1_000.0, 2_000.0, 4_000.0][values[0]];
        let gop = [15.0, 60.0, 250.0][values[1]];
        let udp = values[2] == 1;
        let base = 18.0 + 4.0 * (kbps / 500.0_f64).log2() + 30.0 / gop;
        let base = if udp { base * 0.85 } else { base * if values[0] == 3 { 1.5 } else { 1.0 } };
        let loud = if values[0] == 3 { 0.10 } else { 0.02 };
        let p50 = base * (loud * noise.normal()).exp();
        let p99 = p50 * (1.8 + 20.0 / gop) * (2.0 * loud * noise.normal()).exp();
        let lost = if udp { round((0.3 * noise.uniform()).max(0.0)) } else { 0.0 };
        Figures {
            p50_ms: Some(round(p50)),
            p90_ms: Some(round(p50 * 1.3)),
            p95_ms: Some(round(p50 * 1.5)),
            p99_ms: Some(round(p99)),
            max_ms: Some(round(p99 * 1.4)),
            mean_ms: Some(round(p50 * 1.08)),
            age_p99_ms: Some(round(p99 + 40.0)),
            fps: Some(round(25.0 + 0.02 * noise.normal())),
            bitrate_kbps: Some(round(kbps * (1.0 + 0.4 / gop) * (0.004 * noise.normal()).exp())),
            lost_percent: Some(lost),
            missing_percent: Some(lost),
            freezes: Some(0.0),
            freeze_ms: Some(0.0),
            first_frame_ms: Some(round(120.0 + gop * 3.0 * noise.uniform())),
            psnr_db: Some(round(33.0 + 2.6 * (kbps / 500.0_f64).log2() - 4.0 / gop + 0.05 * noise.normal())),
            ssim: Some(round(0.95 + 0.01 * (kbps / 500.0_f64).log2())),
            ..Figures::default()
        }
    })
}

fn round(value: f64) -> f64 {
    measure::units::rounded(value)
}
