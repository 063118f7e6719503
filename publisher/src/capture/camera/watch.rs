//! When a camera that has gone quiet counts as lost.

use std::time::Duration;

use common::time::MonoTime;

use crate::rate::FrameRate;

/// The longest silence of a running camera. With the pipeline's tick on top, it is reported within 2 s.
const SILENCE: Duration = Duration::from_millis(1500);
/// A slow camera may be silent for so many of its intervals.
const INTERVALS: u64 = 3;
/// Until its first picture a camera may set exposure and focus.
pub const FIRST: Duration = Duration::from_secs(5);

/// The longest silence of a running camera with this rate.
pub fn longest_silence(rate: FrameRate) -> Duration {
    SILENCE.max(rate.time_of(INTERVALS))
}

/// Watches over the times of pictures.
#[derive(Clone, Debug)]
pub struct Watch {
    longest_silence: Duration,
    deadline: MonoTime,
    lost: Option<MonoTime>,
}

impl Watch {
    /// Watches a camera that was started `now`.
    pub fn new(rate: FrameRate, now: MonoTime) -> Self {
        Self { longest_silence: longest_silence(rate), deadline: now + FIRST, lost: None }
    }

    /// A picture came `now`. How long the camera had been lost, where it was.
    pub fn frame(&mut self, now: MonoTime) -> Option<Duration> {
        self.deadline = now + self.longest_silence;
        self.lost.take().map(|since| now - since)
    }

    /// Whether the camera has just been quiet for too long.
    pub fn is_overdue(&self, now: MonoTime) -> bool {
        self.lost.is_none() && now >= self.deadline
    }

    /// The camera is lost `now`, unless it was before.
    pub fn lose(&mut self, now: MonoTime) {
        self.lost.get_or_insert(now);
    }

    /// Whether the camera is lost.
    pub fn is_lost(&self) -> bool {
        self.lost.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> MonoTime {
        MonoTime::from_origin(Duration::from_millis(millis))
    }

    #[test]
    fn silence_counts_from_the_last_picture() {
        let mut watch = Watch::new(FrameRate::THIRTY, at(0));
        assert!(!watch.is_overdue(at(4_999)) && watch.is_overdue(at(5_000)), "the first picture may take longer");
        assert_eq!(watch.frame(at(3_000)), None);
        assert!(!watch.is_overdue(at(4_499)) && watch.is_overdue(at(4_500)));
    }

    #[test]
    fn a_loss_is_told_once_and_ends_with_a_picture() {
        let mut watch = Watch::new(FrameRate::THIRTY, at(0));
        watch.lose(at(6_000));
        watch.lose(at(7_000));
        assert!(watch.is_lost() && !watch.is_overdue(at(60_000)));
        assert_eq!(watch.frame(at(9_000)), Some(Duration::from_secs(3)));
        assert!(!watch.is_lost());
    }

    #[test]
    fn a_slow_camera_is_given_three_of_its_intervals() {
        let rate = |text: &str| text.parse::<FrameRate>().expect("a rate");
        assert_eq!(longest_silence(rate("60")), SILENCE);
        assert_eq!(longest_silence(rate("1")), Duration::from_secs(3));
    }
}
