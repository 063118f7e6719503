//! A receiver under virtual time: pictures are handed to a [`Recorder`] at the millisecond they are shown, with ticks
//! between, and the report is read back from its folder.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::time::Duration;

use common::clock::{Clock, ManualClock};
use common::marks::{Mark, Marks};
use common::time::{Now, WallTime};
use measure::{Clocks, Correction, Sample};
use report::run::{Host, Settings};
use report::{Observation, Recorder, Run, Setup, Summary};

/// Wall time of ms 0: 2023-11-14T22:13:20Z.
pub const EPOCH_US: i64 = 1_700_000_000_000_000;

/// Left out of every figure, from the first picture on.
pub const WARMUP_MS: u64 = 2_000;

/// A receiver, and its report.
pub struct World {
    pub clock: ManualClock,
    pub recorder: Recorder,
    ms: u64,
    folder: tempfile::TempDir,
}

/// What came of a run.
pub struct Report {
    pub run: Run,
    pub summary: Summary,
    /// `frames.csv` without its first line: number, bucket, latency in µs where there is one.
    pub rows: Vec<(u64, String, Option<i64>)>,
}

/// What a picture says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Code {
    pub run: Option<u32>,
    pub sequence: u64,
    pub stamp: WallTime,
}

impl World {
    /// Nothing has come yet.
    pub fn new(clocks: Clocks) -> Self {
        let clock = ManualClock::new(WallTime::from_micros(EPOCH_US));
        let folder = tempfile::tempdir().expect("a temporary folder");
        let recorder = Recorder::new(Setup {
            started: clock.now(),
            warmup: Duration::from_millis(WARMUP_MS),
            url: "rtsp://127.0.0.1/cam".to_owned(),
            clocks,
            config: Settings::default(),
            host: Host::default(),
            folder: Some(report::Place::Folder(folder.path().to_owned())),
        })
        .expect("the folder can be written");
        Self { clock, recorder, ms: 0, folder }
    }

    /// Goes to `ms`, with a tick at every tenth ms.
    pub fn go(&mut self, ms: u64) {
        while self.ms < ms {
            self.ms += 1;
            self.clock.advance(Duration::from_millis(1));
            if self.ms.is_multiple_of(10) {
                self.tick();
            }
        }
    }

    /// Wall time at `ms` of a clock that never steps.
    pub fn wall(ms: u64) -> WallTime {
        WallTime::from_micros(EPOCH_US + ms as i64 * 1_000)
    }

    /// Both clocks, now.
    pub fn clock(&self) -> Now {
        self.clock.now()
    }

    pub fn tick(&mut self) {
        let now = self.clock.now();
        self.recorder.slept(self.clock.slept(), now);
        self.recorder.tick(now);
    }

    /// The wall time of a publisher on this host, `back` ms ago.
    pub fn ago(&self, back: i64) -> WallTime {
        self.clock.now().wall.offset(-back * 1_000)
    }

    /// Shows frame `sequence` at `ms`, `latency` ms old.
    pub fn show(&mut self, sequence: u64, ms: u64, latency: i64) {
        self.go(ms);
        self.picture(Code { run: Some(1), sequence, stamp: self.ago(latency) });
    }

    /// Shows a picture now.
    pub fn picture(&mut self, code: Code) {
        let now = self.clock.now();
        self.recorder.slept(self.clock.slept(), now);
        let marks = Marks::new(code.stamp, now.wall)
            .with(Mark::Assembled, now.wall.offset(-3))
            .with(Mark::Decoded, now.wall.offset(-2))
            .with(Mark::Read, now.wall.offset(-1));
        self.recorder.observe(&Observation::frame(Sample {
            stream_id: 0,
            sequence: u32::try_from(code.sequence % (1 << 24)).expect("24 bits"),
            run: code.run,
            marks,
            presented: now.mono,
            correction: Correction::None,
            shown: true,
            bytes: 900,
            idr: false,
        }));
    }

    /// Ends the run at `ms`.
    pub fn finish(mut self, ms: u64) -> Report {
        self.go(ms);
        let summary = self.recorder.finish(self.clock.now(), &[]).summary;
        let csv = std::fs::read_to_string(self.folder.path().join("frames.csv")).expect("frames.csv is there");
        let row = |line: &str| {
            let fields: Vec<&str> = line.split(',').collect();
            (fields[0].parse().expect(line), fields[1].to_owned(), fields[11].parse().ok())
        };
        let rows = csv.lines().skip(1).map(row).collect();
        Report { run: summary.run.clone(), summary, rows }
    }
}

impl Report {
    /// Sent, measured, lost, duplicate, late, unreadable, undecodable.
    pub fn buckets(&self) -> [u64; 7] {
        let f = &self.run.frames;
        [f.expected, f.measured, f.lost, f.duplicate, f.late, f.unreadable, f.undecodable].map(|n| n.expect("measured"))
    }

    /// The bucket of frame `sequence` in `frames.csv`.
    pub fn bucket(&self, sequence: u64) -> &str {
        &self.rows.iter().find(|row| row.0 == sequence).expect("the frame is in the range").1
    }

    /// The warnings' codes.
    pub fn codes(&self) -> Vec<&'static str> {
        self.run.warnings.iter().map(|warning| warning.code.name()).collect()
    }

    /// What the warnings say.
    pub fn said(&self) -> String {
        self.run.warnings.iter().map(|warning| format!("{}\n", warning.message)).collect()
    }
}
