//! A golden text for each exporter.

use std::time::Duration;

use common::marks::{Mark, Marks, Stage};
use measure::interval::{Closed, Histograms};
use measure::latency::Distribution;
use measure::ledger::Entry;
use measure::sample::Bucket;

use super::*;
use crate::tally::Tally;
use crate::testing::{about, now, sample, wall};

#[test]
fn frames_csv() {
    let mut text = csv::Columns::default().header();
    let read = sample(30, 1_000, 1_012);
    let raw = {
        let mut raw = sample(31, 1_040, 1_050);
        let [read, decoded, assembled] = [-40, -60, -900].map(|before| wall(1_050).offset(before));
        let marks = Marks::new(wall(1_040), wall(1_050)).with(Mark::Assembled, assembled);
        raw.marks = marks.with(Mark::Decoded, decoded).with(Mark::Read, read);
        raw.bytes = 0;
        raw
    };
    for (sequence, bucket, sample) in
        [(30, Bucket::Measured, Some(&read)), (31, Bucket::Late, Some(&raw)), (32, Bucket::Lost, None)]
    {
        csv::Columns::default().frame(
            &mut text,
            &Entry { segment: 0, sequence, frames: 1, is_listed: true, bucket, second: 0, sample },
            0,
        );
    }
    let expected = "\
seq,outcome,capture_us,stamp_us,encode_us,send_us,network_us,reassembly_us,decode_us,read_us,present_us,latency_us,\
segment,presented_us,bytes,idr,offset_us
30,measured,,50,950,20,10000,80,840,20,40,12000,0,1700000001012000,4000,1,0
31,late,,,,,,,840,20,40,10000,0,1700000001050000,,0,0
32,lost,,,,,,,,,,,0,,,,
";
    assert_eq!(text, expected);
}

#[test]
fn intervals_csv() {
    let mut tally = Tally::new(about(Duration::ZERO));
    for sequence in (0..25).filter(|sequence| *sequence != 5) {
        tally.frame(&sample(sequence, sequence * 40, sequence * 40 + 12), &mut |_| {});
    }
    // Nothing in second 1 but a frozen picture.
    tally.finish(now(2_012), &mut |_| {});
    let mut text = csv::intervals_header();
    tally.take_final_intervals().iter().for_each(|interval| csv::interval(&mut text, &interval.into()));
    let expected = "\
second,length_s,expected,measured,lost,duplicate,late,unreadable,undecodable,count,p50_ms,p99_ms,max_ms,fps,kbps,\
age_mean_ms,age_max_ms
0,1,25,24,1,0,0,0,0,24,12,12,12,24,768,33.6,92
1,1,0,0,0,0,0,0,0,0,,,,0,,552,1052
2,0,0,0,0,0,0,0,0,0,,,,,,,
";
    assert_eq!(text, expected);
}

#[test]
fn the_interval_log() {
    let mut histograms = Histograms::default();
    histograms.record(&sample(0, 0, 12), Distribution::record);
    Stage::ALL.iter().filter(|stage| **stage != Stage::Present).for_each(|stage| histograms.stages[*stage].clear());
    let mut text = hlog::header(wall(0));
    let closed = Closed { start: Duration::from_millis(2_500), length: Duration::from_secs(1), histograms };
    hlog::interval(&mut text, &closed);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(
        lines[..6],
        [
            "#[Latency of frames by framelag: values in microseconds, maximum in milliseconds]",
            "#[Histogram log format version 1.3]",
            "#[StartTime: 1700000000.000 (seconds since epoch), 2023-11-14T22:13:20.000000Z]",
            "#[BaseTime: 1700000000.000 (seconds since epoch)]",
            "#[MaxValueDivisor: 1000.000]",
            "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"",
        ]
    );
    // The Base64 of the V2 compressed encoding's cookie begins with HISTFAAA.
    assert!(lines[6].starts_with("2.500,1.000,12.007,HISTFAAA"), "{}", lines[6]);
    assert!(lines[7].starts_with("Tag=present,2.500,1.000,0.040,HISTFAAA"), "{}", lines[7]);
    assert_eq!(lines.len(), 8);
}

#[test]
fn the_percentile_distribution() {
    let mut latency = Distribution::default();
    [1_000, 1_500, 2_000].into_iter().for_each(|us| latency.record(us));
    let expected = "       Value     Percentile TotalCount 1/(1-Percentile)

       1.000 0.000000000000          1           1.00
       1.000 0.100000000000          1           1.11
       1.000 0.200000000000          1           1.25
       1.000 0.300000000000          1           1.43
       1.500 0.400000000000          2           1.67
       1.500 0.500000000000          2           2.00
       1.500 0.550000000000          2           2.22
       1.500 0.600000000000          2           2.50
       1.500 0.650000000000          2           2.86
       2.000 0.700000000000          3           3.33
       2.000 1.000000000000          3
#[Mean    =        1.500, StdDeviation   =        0.408]
#[Max     =        2.000, Total count    =            3]
#[Buckets =           22, SubBuckets     =         2048]
";
    assert_eq!(hgrm::distribution(&latency), expected);
}

#[test]
fn a_distribution_of_nothing_is_empty() {
    let text = hgrm::distribution(&Distribution::default());
    assert_eq!(text.lines().count(), 5);
    assert!(text.contains("Total count    =            0]"));
}
