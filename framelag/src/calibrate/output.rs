//! A progress bar on standard error, the page (or JSON lines) on standard output.

use std::fmt::Write as _;
use std::path::Path;

use analyze::calibration::{
    Calibration, Costs, Finding, Hop, InjectedDelay, Load, Optical, OpticalMs, Row, Spread, TimerUs,
};
use indicatif::ProgressBar;
use serde_json::json;

use crate::progress;

pub struct Output {
    json: bool,
    bar: ProgressBar,
}

impl Output {
    pub fn new(json: bool, steps: usize) -> Self {
        Self { json, bar: progress::bar(json, steps) }
    }

    /// The next step begins.
    pub fn step(&self, what: &str) {
        self.bar.inc(1);
        self.bar.set_message(what.to_owned());
        if self.bar.is_hidden() {
            eprintln!("calibrate: {what}");
        }
    }

    /// A round of all delays begins.
    pub fn round(&self, round: u32, rounds: u32) {
        self.step(&format!("round {round} of {rounds}: every delay, in random order"));
        if self.json {
            println!("{}", json!({ "event": "round", "round": round, "rounds": rounds }));
        }
    }

    pub fn result(&self, found: &Calibration, file: &Path) {
        self.bar.finish_and_clear();
        if self.json {
            println!("{}", json!({ "event": "calibration", "file": file, "calibration": found }));
        } else {
            println!("{}", page(found, file));
        }
    }
}

/// A delay as the page shows it.
fn name_of(delay: &InjectedDelay) -> String {
    match (delay.delay_ms, delay.jitter_ms) {
        (delay, 0.0) => format!("{delay} ms"),
        (delay, jitter) => format!("{delay} ms + 0–{jitter} ms"),
    }
}

/// All of it, in at most 80 columns.
fn page(found: &Calibration, file: &Path) -> String {
    let mut page = String::new();
    rows(&mut page, &found.rows);
    hops(&mut page, &found.hops);
    let mut line = |name: &str, text: String| {
        for (index, part) in wrapped(&text).into_iter().enumerate() {
            // Writing to a String cannot fail.
            let _ = writeln!(page, "{:<12}{part}", if index == 0 { name } else { "" });
        }
    };
    line(
        "accuracy",
        match found.accuracy_ms.zip(found.p99_accuracy_ms) {
            Some((p50, p99)) => format!("half of the frames ± {p50} ms, 99% ± {p99} ms: the worst row, rounded up"),
            None => "not known".to_owned(),
        },
    );
    let goal = &found.goal;
    let met = match goal.met {
        Some(true) => "met",
        Some(false) => "MISSED",
        None => "unknown",
    };
    line("goal", format!("half of each row ± {} ms, 99% ± {} ms: {met}", goal.p50_ms, goal.p99_ms));
    line("load", load(&found.load));
    let left_out = &found.left_out;
    let (changing, unknown) = (left_out.transition, left_out.incomplete);
    line("left out", format!("{changing} frames while the delay changed, {unknown} with missing times"));
    costs(&mut line, &found.costs_us);
    let timer = |timer: &TimerUs| {
        let step = timer.smallest_step.map_or("unknown".to_owned(), |step| format!("{step:.3}"));
        format!("steps of {step} µs (resolution {:.3})", timer.resolution)
    };
    let timers = &found.timers;
    line("wall clock", format!("{}, moved by {} µs", timer(&timers.wall), found.clock_moved_us));
    line("monotonic", timer(&timers.monotonic));
    if let Some(optical) = &found.optical {
        optical_text(optical).into_iter().zip(["optical", "", ""]).for_each(|(text, name)| line(name, text));
    }
    line("outcome", found.outcome.name().to_owned());
    for Finding { code, message } in &found.findings {
        line("", format!("{code}: {message}"));
    }
    // A path is not broken: it is copied.
    let _ = write!(page, "{:<12}{}", "calibration", file.display());
    page
}

/// In lines that leave room for a name of 12 columns.
fn wrapped(text: &str) -> Vec<String> {
    const COLUMNS: usize = 68;
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= COLUMNS => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn rows(page: &mut String, rows: &[Row]) {
    let (p50, p99) = ("p50", "p99");
    let _ = writeln!(
        page,
        "{:<18}{:>6}{:>18}{:>18}{:>18}",
        "delay", "frames", "injected ms", "± error ms", "whole path ms"
    );
    let _ = writeln!(page, "{:<24}{p50:>9}{p99:>9}{p50:>9}{p99:>9}{p50:>9}{p99:>9}", "");
    for row in rows {
        let [injected, error, path] = [row.injected_ms, row.error_ms, row.whole_path_ms].map(cells);
        let line = format!("{:<18}{:>6}{injected}{error}{path}", name_of(&row.delay), row.frames());
        let _ = writeln!(page, "{}", line.trim_end());
    }
    page.push('\n');
}

fn cells(of: Option<Spread>) -> String {
    of.map_or(" ".repeat(18), |Spread { p50, p99, .. }| format!("{p50:>9.3}{p99:>9.3}"))
}

fn hops(page: &mut String, hops: &[Hop]) {
    let _ = writeln!(page, "{:<24}{:>9}{:>9}{:>9}{:>9}{:>14}", "later by, ms", "p10", "p50", "p99", "slack", "drift");
    for hop in hops {
        let name = format!("{} → {}", hop.from, hop.to);
        let ms = hop.ms.map_or(" ".repeat(27), |ms| format!("{:>9.3}{:>9.3}{:>9.3}", ms.p10, ms.p50, ms.p99));
        let slack = hop.slack_ms.map_or(String::new(), |slack| format!("{slack:.3}"));
        let drift = hop.drift_ppm.map_or(String::new(), |ppm| format!("{ppm:+.1} ppm"));
        let wrong = if hop.holds == Some(false) { "  !" } else { "" };
        let line = format!("{name:<24}{ms}{slack:>9}{drift:>14}{wrong}");
        let _ = writeln!(page, "{}", line.trim_end());
    }
    page.push('\n');
}

/// How busy the machine was, in words.
fn load(load: &Load) -> String {
    let percent = |part: f64| format!("{:.1}%", part * 1e2);
    let said = [
        load.others.map(|part| format!("others used {} of the CPUs", percent(part))),
        load.stolen.map(|part| format!("the host took {}", percent(part))),
        load.pressure.map(|part| format!("some thread waited for one {} of the time", percent(part))),
        load.wake_us.map(|wake| format!("threads woke after p50 {:.0} · p99 {:.0} µs", wake.p50, wake.p99)),
    ];
    let said: Vec<String> = said.into_iter().flatten().collect();
    let quiet = if load.busy().is_some() { "BUSY: " } else { "" };
    format!("{quiet}{}", said.join(", "))
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

fn optical_text(optical: &Optical) -> Vec<String> {
    let Optical { pictures, unreadable, screen_and_camera_ms, driver_time, .. } = optical;
    let dated = if *driver_time { "by the driver" } else { "at arrival" };
    let seen = format!("({pictures} pictures dated {dated}, {unreadable} without a readable code)");
    let advice = "move the camera closer to the window and square on".to_owned();
    match screen_and_camera_ms {
        Some(OpticalMs { count, min, p50, p99 }) if optical.is_enough() => {
            vec![format!("screen and camera min {min:.1} · p50 {p50:.1} · p99 {p99:.1} ms ({count} frames)"), seen]
        }
        Some(OpticalMs { count, .. }) => vec![format!("only {count} frames were read:"), advice, seen],
        None => vec!["no frame was read:".to_owned(), advice, seen],
    }
}

#[cfg(test)]
mod tests {
    use analyze::calibration::{Frame, LeftOut, Session, Settings};

    use super::*;

    /// Three delays, each in two blocks of so many frames, with an instrument that is off by 0.1 ms.
    fn found(frames: usize) -> Calibration {
        let asked =
            [(0.0, 0.0), (20.0, 10.0), (500.0, 0.0)].map(|(delay_ms, jitter_ms)| InjectedDelay { delay_ms, jitter_ms });
        let blocks: Vec<InjectedDelay> = asked.into_iter().chain(asked).collect();
        let mut all = Vec::new();
        for (block, asked) in blocks.iter().enumerate() {
            for _ in 0..frames {
                let handed_us = 1_700_000_000_000_000 + 18_000 * all.len() as i64;
                let delay_us = (asked.delay_ms * 1e3) as i64;
                all.push(Frame {
                    block,
                    handed_us,
                    stamp_us: handed_us + 200,
                    sent_us: handed_us + 2_200,
                    in_us: handed_us + 2_350,
                    first_out_us: handed_us + 2_391 + delay_us,
                    last_out_us: handed_us + 2_391 + delay_us,
                    received_us: handed_us + 2_491 + delay_us,
                    presented_us: handed_us + 4_012 + delay_us,
                });
            }
        }
        let wake_us = Some(Spread { count: 900, p50: 41.2, p99: 120.0, max: 300.0 });
        let load = Load { wake_us, others: Some(0.013), stolen: Some(0.0), pressure: Some(0.051) };
        let left_out = LeftOut { transition: 321, incomplete: 2 };
        let session = Session { blocks, frames: all, left_out, clock_moved_us: 3, load };
        let settings = Settings { size: "640x480".to_owned(), fps: 55, measured_s: 6.0, warmup_s: 1.0, seed: 1 };
        Calibration::new("2026-01-02T03:04:05Z".to_owned(), settings, &session)
    }

    #[test]
    fn the_page_has_a_row_for_each_delay_in_80_columns() {
        let mut found = found(150);
        let spread = Spread { count: 1_000, p50: 12.4, p99: 20.0, max: 99.0 };
        found.costs_us = Costs { paint: Some(spread), read: Some(spread), ..Costs::default() };
        let page = page(&found, Path::new("/state/calibration.json"));
        let expected = "\
delay             frames       injected ms        ± error ms     whole path ms
                              p50      p99      p50      p99      p50      p99
0 ms                 300    0.041    0.041    0.100    0.100    3.812    3.812
500 ms               300  500.041  500.041    0.100    0.100  503.812  503.812
20 ms + 0–10 ms      300   20.041   20.041    0.100    0.100   23.812   23.812

later by, ms                  p10      p50      p99    slack         drift
handed over → PUB           0.200    0.200    0.200    0.540      +0.0 ppm
PUB → sent                  2.000    2.000    2.000
sent → proxy in             0.150    0.150    0.150    0.540      +0.0 ppm
proxy out → received        0.100    0.100    0.100    0.420      +0.0 ppm

accuracy    half of the frames ± 0.1 ms, 99% ± 0.1 ms: the worst row, rounded up
goal        half of each row ± 0.2 ms, 99% ± 1 ms: met
load        others used 1.3% of the CPUs, the host took 0.0%, some thread waited
            for one 5.1% of the time, threads woke after p50 41 · p99 120 µs
left out    321 frames while the delay changed, 2 with missing times
cost, µs    paint 12 (p99 20) · read 12 (p99 20)
wall clock  steps of unknown µs (resolution 0.000), moved by 3 µs
monotonic   steps of unknown µs (resolution 0.000)
outcome     ok
calibration /state/calibration.json";
        assert_eq!(page, expected);
        assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
    }

    #[test]
    fn too_few_frames_and_readings_are_said() {
        let mut found = found(49);
        let readings = OpticalMs::of(vec![7.0; 29]);
        found.add_optical(Optical {
            camera: "a camera".to_owned(),
            pictures: 200,
            unreadable: 171,
            screen_and_camera_ms: readings,
            driver_time: true,
        });
        let page = page(&found, Path::new("c"));
        assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
        for words in ["98 frames", "not known", "unknown", "only 29 frames", "square on", "inconclusive"] {
            assert!(page.contains(words), "{words}\n{page}");
        }
    }
}
