//! What the user is told: a bar on standard error while it runs, the page (or JSON lines) on standard output.

use std::fmt::Write as _;
use std::path::Path;

use common::terminal;
use indicatif::{ProgressBar, ProgressStyle};
use reports::calibration::{
    Asked, Calibration, Costs, Measured, Optical, OpticalMs, Phase, PhaseMs, PhaseOf, Spread, TimerUs, Undelayed,
};
use serde_json::json;

/// Tells the user.
pub struct Output {
    json: bool,
    bar: ProgressBar,
}

impl Output {
    /// Tells in JSON lines or in words, of so many `steps`.
    pub fn new(json: bool, steps: u64) -> Self {
        let bar = if json || !terminal::is_lively() { ProgressBar::hidden() } else { ProgressBar::new(steps) };
        let style = ProgressStyle::with_template("{bar:24} {pos}/{len} {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { json, bar }
    }

    /// The next step begins.
    pub fn step(&self, what: &str) {
        self.bar.inc(1);
        self.bar.set_message(what.to_owned());
        if self.bar.is_hidden() {
            eprintln!("calibrate: {what}");
        }
    }

    /// A phase is over. How far it was off is known when all are.
    pub fn phase(&self, measured: &Measured) {
        if self.json {
            let phase = Phase::new(measured, &Undelayed::default());
            print(&json!({ "event": "phase", "phase": phase }).to_string());
        }
    }

    /// All is over.
    pub fn result(&self, found: &Calibration, file: &Path) {
        self.bar.finish_and_clear();
        if self.json {
            print(&json!({ "event": "calibration", "file": file, "calibration": found }).to_string());
        } else {
            print(&page(found, file));
        }
    }
}

fn print(text: &str) {
    println!("{text}");
}

/// A delay as it is asked for.
pub fn name_of(asked: &Asked) -> String {
    match (asked.delay_ms, asked.jitter_ms) {
        (delay, 0.0) => format!("{delay} ms"),
        (delay, jitter) => format!("{delay} ms + 0–{jitter} ms"),
    }
}

/// All of it, in at most 80 columns.
fn page(found: &Calibration, file: &Path) -> String {
    let mut page = String::new();
    table(&mut page, &found.phases);
    let mut line = |name: &str, text: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(page, "{name:<12}{text}");
    };
    if let Some(PhaseMs { p50, p99, .. }) = found.undelayed.measured_ms {
        line("undelayed", format!("p50 {p50:.3} · p99 {p99:.3} ms: the rows of 0 ms together"));
    }
    line(
        "accuracy",
        match found.accuracy_ms.zip(found.p99_accuracy_ms) {
            Some((p50, p99)) => format!("p50 ± {p50} ms, p99 ± {p99} ms: the largest errors, rounded up"),
            None => "not known: too few frames in some phase".to_owned(),
        },
    );
    let goal = &found.goal;
    let met = match goal.met {
        Some(true) => "met",
        Some(false) => "MISSED",
        None => "cannot be said",
    };
    line("goal", format!("p50 off by {} ms at most, p99 by {} ms: {met}", goal.p50_ms, goal.p99_ms));
    costs(&mut line, &found.costs_us);
    let timer = |timer: &TimerUs| {
        let step = timer.smallest_step.map_or("unknown".to_owned(), |step| format!("{step:.3}"));
        format!("steps of {step} µs (resolution {:.3})", timer.resolution)
    };
    let timers = &found.timers;
    line("wall clock", timer(&timers.wall));
    line("monotonic", timer(&timers.monotonic));
    if let Some(Spread { p50, p99, max, .. }) = found.sleep_overshoot_us {
        line("sleeps", format!("of 1 ms end later by p50 {p50:.0} · p99 {p99:.0} · max {max:.0} µs"));
    }
    if let Some(optical) = &found.optical {
        line("optical", optical_text(optical));
    }
    line("outcome", found.outcome.name().to_owned());
    line("calibration", file.display().to_string());
    page.truncate(page.trim_end().len());
    page
}

fn table(page: &mut String, phases: &[Phase]) {
    let _ = writeln!(page, "{:<18}{:>18}{:>20}{:>18}", "delay", "injected ms", "measured beyond ms", "error ms");
    let _ = writeln!(page, "{:<18}{p50:>9}{p99:>9}{p50:>11}{p99:>9}{p50:>9}{p99:>9}", "", p50 = "p50", p99 = "p99");
    for phase in phases {
        let injected = phase.injected_ms.as_ref().map(|PhaseMs { p50, p99, .. }| PhaseOf { p50: *p50, p99: *p99 });
        let name = name_of(&phase.asked);
        let (beyond, error) = (cells(phase.beyond_ms, 11, 9), cells(phase.error_ms, 9, 9));
        let few = match (phase.error_ms, phase.measured_ms) {
            (Some(_), _) => String::new(),
            (None, measured) => format!("  {} frames", measured.map_or(0, |ms| ms.count)),
        };
        let _ = writeln!(page, "{name:<18}{}{}{few}", cells(injected, 9, 9), format!("{beyond}{error}").trim_end());
    }
    page.push('\n');
}

fn cells(of: Option<PhaseOf>, first: usize, second: usize) -> String {
    match of {
        Some(PhaseOf { p50, p99 }) => format!("{p50:>first$.3}{p99:>second$.3}"),
        None => " ".repeat(first + second),
    }
}

fn costs(line: &mut impl FnMut(&str, String), costs: &Costs) {
    let named = [("paint", costs.paint), ("stamp", costs.stamp), ("read", costs.read), ("overlay", costs.overlay)];
    let told = named.iter().filter_map(|(name, cost)| {
        let Spread { p50, p99, .. } = (*cost)?;
        Some(format!("{name} {p50:.0} (p99 {p99:.0})"))
    });
    let told: Vec<String> = told.collect();
    told.chunks(2).zip(["cost, µs", ""]).for_each(|(two, name)| line(name, two.join(" · ")));
    if let Some(read) = costs.receiver_read {
        line("", format!("read in the receiver {:.0} (max {:.0})", read.mean, read.max));
    }
}

fn optical_text(optical: &Optical) -> String {
    let Optical { pictures, unreadable, screen_and_camera_ms, driver_time, .. } = optical;
    let dated = if *driver_time { "by the driver" } else { "at arrival" };
    let seen = format!("{pictures} pictures dated {dated}, {unreadable} without a readable code");
    let advice = "move the camera closer to the window and square on";
    match screen_and_camera_ms {
        Some(OpticalMs { count, min, p50, p99 }) if optical.is_enough() => format!(
            "screen and camera min {min:.1} · p50 {p50:.1} · p99 {p99:.1} ms ({count} frames)\n            ({seen})"
        ),
        Some(OpticalMs { count, .. }) => {
            format!("only {count} frames were read:\n            {advice}\n            ({seen})")
        }
        None => format!("no frame was read:\n            {advice}\n            ({seen})"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use reports::calibration::Settings;

    use super::*;

    fn phase(delay: u64, jitter: u64, latency_us: i64, frames: usize) -> Measured {
        let asked = Asked { delay_ms: delay as f64, jitter_ms: jitter as f64 };
        let injected = vec![Duration::from_micros(delay * 1_000 + 41); frames];
        Measured { asked, injected, latencies_us: vec![latency_us; frames] }
    }

    fn found(frames: usize) -> Calibration {
        let phases = [
            phase(0, 0, 3_012, 300),
            phase(20, 20, 23_112, frames),
            phase(500, 0, 503_000, 300),
            phase(0, 0, 3_042, 300),
        ];
        let settings = Settings { size: "640x480".to_owned(), fps: 60, measured_s: 6.0, warmup_s: 1.0, seed: 1 };
        Calibration::new("2026-01-02T03:04:05Z".to_owned(), settings, &phases)
    }

    #[test]
    fn the_page_has_a_row_for_each_delay_in_80_columns() {
        let mut found = found(300);
        let spread = Spread { count: 1_000, p50: 12.4, p99: 20.0, max: 99.0 };
        found.costs_us = Costs { paint: Some(spread), read: Some(spread), ..Costs::default() };
        found.sleep_overshoot_us = Some(spread);
        let page = page(&found, Path::new("/state/calibration.json"));
        let expected = "\
delay                    injected ms  measured beyond ms          error ms
                        p50      p99        p50      p99      p50      p99
0 ms                  0.041    0.041      0.000   -0.030    0.000   -0.030
20 ms + 0–20 ms      20.041   20.041     20.100   20.070    0.100    0.070
500 ms              500.041  500.041    499.988  499.958   -0.012   -0.042
0 ms                  0.041    0.041      0.030    0.000    0.030    0.000

undelayed   p50 3.012 · p99 3.042 ms: the rows of 0 ms together
accuracy    p50 ± 0.1 ms, p99 ± 0.1 ms: the largest errors, rounded up
goal        p50 off by 0.5 ms at most, p99 by 2 ms: met
cost, µs    paint 12 (p99 20) · read 12 (p99 20)
wall clock  steps of unknown µs (resolution 0.000)
monotonic   steps of unknown µs (resolution 0.000)
sleeps      of 1 ms end later by p50 12 · p99 20 · max 99 µs
outcome     ok
calibration /state/calibration.json";
        assert_eq!(page, expected);
        assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
    }

    #[test]
    fn too_few_frames_and_readings_are_said() {
        let mut found = found(99);
        let readings = OpticalMs::of(vec![7.0; 29]);
        found.saw(Optical {
            camera: "a camera".to_owned(),
            pictures: 200,
            unreadable: 171,
            screen_and_camera_ms: readings,
            driver_time: true,
        });
        let page = page(&found, Path::new("c"));
        assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
        for words in ["99 frames", "not known", "cannot be said", "only 29 frames", "square on", "inconclusive"] {
            assert!(page.contains(words), "{words}\n{page}");
        }
    }
}
