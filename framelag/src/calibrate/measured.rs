//! What the receiver measured, by its report.

use std::path::Path;

use common::marks::Stage;
use measure::figures::CostUs;
use report::saved::{FrameRow, Saved};

use crate::exit::Error;

/// What a receiver measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// Each frame with a latency, in order.
    pub frames: Vec<Frame>,
    /// What reading the code costs.
    pub read_cost: Option<CostUs>,
}

/// One frame. Times are in µs since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// Its sequence number.
    pub sequence: u64,
    /// Present − PUB.
    pub latency_us: i64,
    /// When it was presented.
    pub presented_us: i64,
    /// `None` if not every stage is known.
    pub network_us: Option<Network>,
}

/// When a frame was sent and received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// The publisher was about to write it.
    pub sent_us: i64,
    /// Its first packet came.
    pub received_us: i64,
}

impl Frame {
    /// PUB.
    pub const fn stamp_us(&self) -> i64 {
        self.presented_us - self.latency_us
    }

    /// None without a latency.
    fn of(row: &FrameRow) -> Option<Self> {
        let (latency_us, presented_us) = (row.latency_us?, row.presented_us?);
        let stage = |stage: Stage| row.stages_us[stage];
        // Without a window, a picture is presented when it was read.
        let shown = stage(Stage::Present).unwrap_or_default();
        let after: Option<i64> = [Stage::Reassembly, Stage::Decode, Stage::Read].map(stage).into_iter().sum();
        let received_us = after.map(|us| presented_us - shown - us);
        let sent_us = received_us.zip(stage(Stage::Network)).map(|(received, took)| received - took);
        let network_us = sent_us.zip(received_us).map(|(sent_us, received_us)| Network { sent_us, received_us });
        Some(Self { sequence: row.seq, latency_us, presented_us, network_us })
    }
}

/// Reads a report folder.
pub fn read(report: &Path) -> Result<Measured, Error> {
    // A report of our own is not the user's: nothing that it lacks is wrong usage.
    let cannot = |error: report::saved::Error| Error::Failed(error.to_string());
    let saved = Saved::open(report).map_err(cannot)?;
    let rows = saved.frames().map_err(cannot)?;
    if let Some(note) = rows.note {
        return Err(Error::Failed(format!("the receiver's {note}")));
    }
    let frames = rows.rows.iter().filter_map(Frame::of).collect();
    Ok(Measured { frames, read_cost: saved.run.own_cost_us.read })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(text: &str) -> Vec<Frame> {
        let mut frames = Vec::new();
        let note = report::saved::read_frames(text.as_bytes(), |row| frames.extend(Frame::of(&row)));
        assert_eq!(note.expect("a text can be read"), None);
        frames
    }

    #[test]
    fn times_are_counted_back_from_the_last_and_frames_without_a_latency_are_left_out() {
        let text = "seq,outcome,stamp_us,encode_us,send_us,network_us,reassembly_us,decode_us,read_us,present_us,\
                    latency_us,presented_us\n\
                    7,measured,100,2000,50,700,3,2000,140,7,5000,1000000\n\
                    8,lost,,,,,,,,,,\n\
                    9,measured,100,2000,50,700,3,2000,140,,4993,1000000\n\
                    10,late,,,,,3,2000,140,,6000,1800000\n";
        let network_us = Some(Network { sent_us: 997_150, received_us: 997_850 });
        let seventh = Frame { sequence: 7, latency_us: 5_000, presented_us: 1_000_000, network_us };
        let headless = Some(Network { sent_us: 997_157, received_us: 997_857 });
        let ninth = Frame { sequence: 9, latency_us: 4_993, presented_us: 1_000_000, network_us: headless };
        let tenth = Frame { sequence: 10, latency_us: 6_000, presented_us: 1_800_000, network_us: None };
        assert_eq!(frames(text), [seventh, ninth, tenth]);
        assert_eq!(seventh.stamp_us(), 995_000);
    }
}
