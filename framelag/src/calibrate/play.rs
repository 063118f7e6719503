//! What a run of the receiver left in its report.

use std::fs;
use std::path::Path;

use reports::calibration::MeanAndMax;
use serde_json::Value;

use super::Error;

/// What a receiver measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Played {
    /// Each frame with a latency, in order.
    pub frames: Vec<Frame>,
    /// What reading the code cost.
    pub read_cost: Option<MeanAndMax>,
}

/// One frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its number.
    pub sequence: u64,
    /// Present − PUB.
    pub latency_us: i64,
    /// When it was presented, µs since the Unix epoch.
    pub presented_us: i64,
}

/// What a report folder says.
pub fn read(report: &Path) -> Result<Played, Error> {
    let read = |name: &str| {
        let path = report.join(name);
        fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))
    };
    let run: Value = serde_json::from_str(&read("run.json")?).map_err(|error| format!("run.json: {error}"))?;
    let read_cost = serde_json::from_value(run["own_cost_us"]["read"].clone()).ok();
    Ok(Played { frames: frames(&read("frames.csv")?)?, read_cost })
}

/// The frames of `frames.csv` that have a latency.
fn frames(text: &str) -> Result<Vec<Frame>, Error> {
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let column = |name: &str| {
        let index = header.iter().position(|column| *column == name);
        index.ok_or_else(|| Error::Failed(format!("frames.csv has no column {name}")))
    };
    let [sequence, latency, presented] = [column("seq")?, column("latency_us")?, column("presented_us")?];
    let frame = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        let number = |index: usize| fields.get(index)?.parse::<i64>().ok();
        Some(Frame {
            sequence: u64::try_from(number(sequence)?).ok()?,
            latency_us: number(latency)?,
            presented_us: number(presented)?,
        })
    };
    Ok(lines.filter_map(frame).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_without_a_latency_are_left_out() {
        let text = "seq,outcome,latency_us,presented_us\n7,measured,5000,1700\n8,lost,,\n9,late,6000,1800\n";
        let frame = |sequence, latency_us, presented_us| Frame { sequence, latency_us, presented_us };
        assert_eq!(frames(text).expect("good"), [frame(7, 5000, 1700), frame(9, 6000, 1800)]);
        assert!(frames("seq,outcome\n").is_err());
    }
}
