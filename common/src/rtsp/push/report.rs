//! When sender reports are due, and what they say.

use std::time::Duration;

use crate::rtp::rtcp::{self, Sent};
use crate::time::{MEDIA_CLOCK_HZ, MediaTime, MonoTime, Now, WallTime};

/// Reports come this often at first, so that a reader that joins early soon knows the sender's clock.
const INTERVAL_AT_FIRST: Duration = Duration::from_secs(1);
/// For how long it is at first.
const FIRST: Duration = Duration::from_secs(10);
/// Reports come this often later (RFC 3550 section 6.2 recommends at least 5 s).
const INTERVAL: Duration = Duration::from_secs(5);

/// One access unit that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SentFrame {
    /// RTP packets.
    pub packets: u32,
    /// Payload bytes, without RTP headers.
    pub octets: u32,
    /// Its media time.
    pub time: MediaTime,
    /// The wall time that the media time stands for: when the picture was taken or stamped.
    pub sampled: WallTime,
}

#[derive(Debug)]
pub(super) struct Reports {
    ssrc: u32,
    sent: Sent,
    latest: Option<(MediaTime, WallTime)>,
    began: Option<MonoTime>,
    due: Option<MonoTime>,
}

impl Reports {
    pub(super) fn new(ssrc: u32) -> Self {
        Self { ssrc, sent: Sent::default(), latest: None, began: None, due: None }
    }

    /// The first report is due with the first frame: before it there is no media time to report.
    pub(super) fn count(&mut self, now: Now, frame: &SentFrame) {
        self.sent.packets = self.sent.packets.wrapping_add(frame.packets);
        self.sent.octets = self.sent.octets.wrapping_add(frame.octets);
        self.latest = Some((frame.time, frame.sampled));
        if self.began.is_none() {
            self.began = Some(now.mono);
            self.due = Some(now.mono);
        }
    }

    pub(super) fn due(&self) -> Option<MonoTime> {
        self.due
    }

    /// The report, if it is time for one.
    pub(super) fn take_due(&mut self, now: Now) -> Option<Vec<u8>> {
        let (time, sampled) = self.latest?;
        self.due.filter(|&due| due <= now.mono)?;
        let early = self.began.is_some_and(|began| now.mono - began < FIRST);
        self.due = Some(now.mono + if early { INTERVAL_AT_FIRST } else { INTERVAL });
        Some(rtcp::sender_report(self.ssrc, now.wall, carried(time, sampled, now.wall), self.sent))
    }
}

/// The media time at `now`, where `time` stands for `sampled`.
fn carried(time: MediaTime, sampled: WallTime, now: WallTime) -> MediaTime {
    let ticks = i128::from(now.micros_since(sampled)) * i128::from(MEDIA_CLOCK_HZ) / 1_000_000;
    MediaTime::from_ticks(time.ticks().wrapping_add(ticks as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Now {
        Now {
            wall: WallTime::from_micros(1_000_000_000 + ms as i64 * 1_000),
            mono: MonoTime::from_origin(Duration::from_millis(ms)),
        }
    }

    fn frame(ms: u64) -> SentFrame {
        let time = MediaTime::from_ticks(ms as u32 * 90);
        SentFrame { packets: 2, octets: 100, time, sampled: at(ms).wall }
    }

    #[test]
    fn media_time_is_carried_to_the_moment_of_the_report_both_ways() {
        let now = at(0).wall;
        let near_wrap = MediaTime::from_ticks(u32::MAX);
        assert_eq!(carried(near_wrap, now, now.offset(1_000_000)).ticks(), 89_999);
        assert_eq!(carried(MediaTime::from_ticks(10), now, now.offset(-1_000)).ticks(), 10_u32.wrapping_sub(90));
    }

    #[test]
    fn reports_come_every_second_then_every_five_and_count() {
        let mut reports = Reports::new(7);
        assert_eq!((reports.due(), reports.take_due(at(0))), (None, None));
        let mut times = Vec::new();
        for ms in (0..30_000).step_by(100) {
            reports.count(at(ms), &frame(ms));
            if let Some(report) = reports.take_due(at(ms)) {
                times.push(ms);
                let [rtcp::Event::SenderReport { time, packets, octets, .. }] = rtcp::parse(&report).expect("ours")[..]
                else {
                    panic!("one report");
                };
                assert_eq!(u64::from(time.ticks()), ms * 90);
                assert_eq!((u64::from(packets), u64::from(octets)), (2 * (ms / 100 + 1), 100 * (ms / 100 + 1)));
            }
        }
        let expected: Vec<u64> = (0..=10).map(|s| s * 1_000).chain([15_000, 20_000, 25_000]).collect();
        assert_eq!(times, expected);
    }
}
