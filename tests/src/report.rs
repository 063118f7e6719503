//! What a run left in its report folder.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// A report folder, read back.
pub struct Report {
    folder: PathBuf,
    run: Value,
}

/// How many frames ended how (`frames` of `run.json`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frames {
    /// Frames of the sequence range after warm-up; the other six add up to it.
    pub expected: u64,
    /// Frames with a latency.
    pub measured: u64,
    /// Frames that never came.
    pub lost: u64,
    /// Frames that came again.
    pub duplicate: u64,
    /// Frames that came after a later one.
    pub late: u64,
    /// Pictures in which no code could be read.
    pub unreadable: u64,
    /// Access units that the decoder refused.
    pub undecodable: u64,
}

/// What the stages of the frames in `frames.csv` add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stages {
    /// Frames with every stage from the stamp on; without a window all but the last, `present`.
    pub complete: usize,
    /// Of these, those with `present` too.
    pub presented: usize,
    /// The most that the stages of one frame differ from its latency by, µs.
    pub largest_error_us: u64,
}

/// The most that they may: a tenth of a millisecond.
const MAX_ERROR_US: u64 = 100;

/// The stages that make up the latency; `capture` lies before it.
const STAGES: [&str; 8] = ["stamp", "encode", "send", "network", "reassembly", "decode", "read", "present"];

impl Report {
    /// Reads `folder`.
    ///
    /// # Panics
    ///
    /// Where it holds no `run.json`, or one that is no JSON.
    pub fn read(folder: &Path) -> Self {
        let path = folder.join("run.json");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let run = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}\n{text}", path.display()));
        Self { folder: folder.to_owned(), run }
    }

    /// The value at `path`, names parted by dots; JSON's null where there is none.
    pub fn value(&self, path: &str) -> &Value {
        path.split('.').fold(&self.run, |value, name| &value[name])
    }

    /// The number at `path`.
    ///
    /// # Panics
    ///
    /// Where there is none.
    pub fn number(&self, path: &str) -> f64 {
        self.value(path).as_f64().unwrap_or_else(|| panic!("run.json has no number at {path}:\n{:#}", self.run))
    }

    /// The frames' buckets.
    ///
    /// # Panics
    ///
    /// Where one is missing.
    pub fn frames(&self) -> Frames {
        let count = |name: &str| {
            self.run["frames"][name].as_u64().unwrap_or_else(|| panic!("no count of {name} frames:\n{:#}", self.run))
        };
        Frames {
            expected: count("expected"),
            measured: count("measured"),
            lost: count("lost"),
            duplicate: count("duplicate"),
            late: count("late"),
            unreadable: count("unreadable"),
            undecodable: count("undecodable"),
        }
    }

    /// Checks that every frame is in one bucket, and that `frames.csv` says the same; returns the buckets.
    ///
    /// # Panics
    ///
    /// Where the buckets do not add up.
    pub fn accounted(&self) -> Frames {
        let frames = self.frames();
        let sum =
            frames.measured + frames.lost + frames.duplicate + frames.late + frames.unreadable + frames.undecodable;
        assert_eq!(sum, frames.expected, "the buckets add up: {frames:?}");
        let outcomes = self.outcomes();
        assert_eq!(outcomes.len() as u64, frames.expected, "frames.csv has a row for each frame");
        let measured = outcomes.iter().filter(|outcome| *outcome == "measured").count();
        assert_eq!(measured as u64, frames.measured, "frames.csv and run.json agree");
        frames
    }

    /// The `outcome` column of `frames.csv`.
    ///
    /// # Panics
    ///
    /// Where the file or the column is missing.
    pub fn outcomes(&self) -> Vec<String> {
        self.column("frames.csv", "outcome")
    }

    /// A column of a CSV file.
    ///
    /// # Panics
    ///
    /// Where the file or the column is missing.
    pub fn column(&self, file: &str, name: &str) -> Vec<String> {
        let rows = self.rows(file);
        let column = rows[0].iter().position(|column| column == name);
        let column = column.unwrap_or_else(|| panic!("{file} has no column {name}"));
        rows[1..].iter().map(|row| row[column].clone()).collect()
    }

    /// Checks that in `frames.csv` each frame's stages from the stamp to the picture add up to its latency and that none is
    /// negative, as it is on one host; the last, `present`, is empty where there is no window.
    ///
    /// # Panics
    ///
    /// Where they do not add up to 100 µs, or one is below zero.
    pub fn stages_add_up(&self) -> Stages {
        self.stages_add_up_to(0)
    }

    /// The same between two hosts, whose clocks were compared to ± `bound_us`: the one stage that begins by the one clock
    /// and ends by the other, `network`, may be negative by so much.
    ///
    /// # Panics
    ///
    /// Where they do not add up to 100 µs, or one is less than it can be.
    pub fn stages_of_two_hosts_add_up(&self, bound_us: f64) -> Stages {
        self.stages_add_up_to(bound_us.ceil() as i64)
    }

    fn stages_add_up_to(&self, network_us: i64) -> Stages {
        let rows = self.rows("frames.csv");
        let column = |name: &str| rows[0].iter().position(|column| column == name).expect("the column is there");
        let stages: Vec<_> = STAGES.iter().map(|stage| column(&format!("{stage}_us"))).collect();
        let latency = column("latency_us");
        let mut found = Stages::default();
        for row in &rows[1..] {
            let times: Vec<Option<i64>> = stages.iter().map(|stage| row[*stage].parse().ok()).collect();
            for (name, time) in STAGES.iter().zip(&times) {
                let least = if *name == "network" { -network_us } else { 0 };
                assert!(time.is_none_or(|time| time >= least), "{name} ends before it begins: {row:?}");
            }
            let (present, before) = times.split_last().expect("there are stages");
            if before.iter().any(Option::is_none) {
                continue;
            }
            let latency: i64 = row[latency].parse().expect("it has a latency");
            let error = times.iter().flatten().sum::<i64>().abs_diff(latency);
            assert!(error <= MAX_ERROR_US, "the stages are {error} µs off the latency: {row:?}");
            found.complete += 1;
            found.presented += usize::from(present.is_some());
            found.largest_error_us = found.largest_error_us.max(error);
        }
        found
    }

    /// A CSV file's rows, the first of which names the columns. (None of framelag's cells holds a comma.)
    ///
    /// # Panics
    ///
    /// Where the file is missing or empty.
    pub fn rows(&self, file: &str) -> Vec<Vec<String>> {
        let path = self.folder.join(file);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let rows: Vec<_> = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.split(',').map(str::to_owned).collect())
            .collect();
        assert!(!rows.is_empty(), "{} is empty", path.display());
        rows
    }
}
