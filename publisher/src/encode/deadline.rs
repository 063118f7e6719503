//! How long to wait for a picture's encoded frame before the encoder gets the next picture.
//!
//! An encoder may skip a picture, and nothing but the frame of a later one says so. The wait for a frame therefore ends when the
//! next picture is due, or after twice what the slowest of the last frames took, so that a slow encoder gets one picture at a
//! time. A frame that comes later is taken all the same, and makes the next waits longer.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::rate::FrameRate;

/// How long a child may take to start and encode the first picture: the driver of a GPU can take seconds.
pub(super) const START_LIMIT: Duration = Duration::from_secs(10);
/// Longest wait for a frame after that.
pub(crate) const FRAME_LIMIT: Duration = Duration::from_secs(1);
/// How many pictures in a row may come out late or not at all, and the longest wait for them together.
const OVERDUE_MAX: u32 = 5;
const OVERDUE_LIMIT: Duration = Duration::from_secs(5);
/// How many of the last frames tell how slow the encoder is: two seconds of them at 30 per second.
const REMEMBERED: usize = 64;

/// The pictures that an encoder is working on, and how long it took for the last ones.
#[derive(Debug)]
pub(super) struct Deadline {
    /// From one picture to the next.
    interval: Duration,
    /// Pictures that the encoder has, oldest first, each with when it was read. A picture leaves with its frame or with a
    /// later picture's.
    in_flight: VecDeque<(u64, Instant)>,
    /// How long the last frames took, the newest first.
    took: VecDeque<Duration>,
    /// Pictures in a row that were not encoded in time.
    overdue: u32,
    /// How long the wait for those was: while a source pauses, the encoder has nothing to do.
    waited: Duration,
    /// The last picture that counts as overdue.
    counted: Option<u64>,
}

impl Deadline {
    /// For an encoder of pictures at `rate`.
    pub(super) fn new(rate: FrameRate) -> Self {
        Self {
            interval: rate.time_of(1),
            in_flight: VecDeque::new(),
            took: VecDeque::new(),
            overdue: 0,
            waited: Duration::ZERO,
            counted: None,
        }
    }

    /// The encoder has read picture `number`. [`Deadline::expire`] bounds how many it can have.
    pub(super) fn submit(&mut self, number: u64, now: Instant) {
        self.in_flight.push_back((number, now));
    }

    /// The frame of picture `number` came, so that those before it were skipped. `false` where the encoder had no such picture.
    pub(super) fn complete(&mut self, number: u64, now: Instant) -> bool {
        let Some(place) = self.in_flight.iter().position(|(in_flight, _)| *in_flight == number) else { return false };
        let late = place + 1 < self.in_flight.len();
        if let Some((_, read)) = self.in_flight.drain(..=place).next_back()
            && number > 0
        {
            self.took.truncate(REMEMBERED - 1);
            self.took.push_front(now - read);
        }
        if !late {
            (self.overdue, self.waited) = (0, Duration::ZERO);
        }
        true
    }

    /// How much longer to wait for the newest picture's frame: zero where it is overdue, `None` where it has come.
    pub(super) fn remaining(&self, now: Instant) -> Option<Duration> {
        let (number, read) = *self.in_flight.back()?;
        let slowest = self.took.iter().max().copied().unwrap_or_default();
        let limit = if number == 0 { START_LIMIT } else { self.interval.max(2 * slowest).min(FRAME_LIMIT) };
        Some(limit.saturating_sub(now.saturating_duration_since(read)))
    }

    /// The newest picture is overdue. Each counts once, however often this is called: an encoder may skip pictures, but not stop.
    ///
    /// # Errors
    /// What is wrong with an encoder that has stopped.
    pub(super) fn expire(&mut self, now: Instant) -> Result<(), String> {
        let Some(&(number, read)) = self.in_flight.back() else { return Ok(()) };
        if number == 0 {
            return Err(format!("no output within {START_LIMIT:?}"));
        }
        if self.counted.replace(number) == Some(number) {
            return Ok(());
        }
        self.overdue += 1;
        self.waited += now.saturating_duration_since(read);
        if self.overdue < OVERDUE_MAX || self.waited < OVERDUE_LIMIT {
            return Ok(());
        }
        let overdue = self.overdue;
        Err(format!("{overdue} pictures in a row came out late or not at all: it hangs or holds pictures back"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Of an encoder at 25 per second that has put out the first picture, and when.
    fn begun() -> (Deadline, Instant) {
        let (mut deadline, now) = (Deadline::new(FrameRate::new(25, 1).expect("a rate")), Instant::now());
        deadline.submit(0, now);
        assert_eq!(deadline.remaining(now), Some(START_LIMIT));
        assert!(deadline.complete(0, now + 1000 * MS));
        (deadline, now + 1000 * MS)
    }

    #[test]
    fn a_skipped_picture_delays_the_next_by_one_interval_at_most() {
        let (mut deadline, now) = begun();
        deadline.submit(1, now);
        assert!(
            deadline.complete(1, now + 5 * MS) && deadline.remaining(now + 5 * MS).is_none(),
            "nothing is in flight"
        );
        deadline.submit(2, now + 40 * MS);
        assert_eq!(deadline.remaining(now + 50 * MS), Some(30 * MS));
        assert_eq!((deadline.remaining(now + 80 * MS), deadline.expire(now + 80 * MS)), (Some(Duration::ZERO), Ok(())));
        deadline.submit(3, now + 80 * MS);
        assert!(deadline.complete(3, now + 85 * MS), "that of the one after it says that it was skipped");
        assert!(
            !deadline.complete(2, now + 86 * MS) && !deadline.complete(4, now + 86 * MS),
            "and nothing else is in flight"
        );
    }

    #[test]
    fn a_slow_encoder_is_given_one_picture_at_a_time() {
        let (mut deadline, mut now) = begun();
        deadline.submit(1, now);
        assert_eq!((deadline.remaining(now + 40 * MS), deadline.expire(now + 40 * MS)), (Some(Duration::ZERO), Ok(())));
        deadline.submit(2, now + 40 * MS);
        assert!(deadline.complete(1, now + 60 * MS), "late");
        assert_eq!(deadline.remaining(now + 60 * MS), Some(100 * MS), "twice 60 ms after it was given");
        assert!(deadline.complete(2, now + 120 * MS));
        for number in 3..200 {
            now += 200 * MS;
            deadline.submit(number, now);
            assert!(deadline.remaining(now + 70 * MS) > Some(Duration::ZERO), "picture {number}");
            assert!(deadline.complete(number, now + 70 * MS));
        }
    }

    #[test]
    fn one_slow_picture_is_forgotten() {
        let (mut deadline, mut now) = begun();
        deadline.submit(1, now);
        assert!(deadline.complete(1, now + 3000 * MS));
        for number in 2..=1 + REMEMBERED as u64 {
            now += 3000 * MS;
            deadline.submit(number, now);
            assert_eq!(deadline.remaining(now), Some(FRAME_LIMIT), "picture {number}");
            assert!(deadline.complete(number, now + 5 * MS));
        }
        deadline.submit(1000, now);
        assert_eq!(deadline.remaining(now), Some(40 * MS));
    }

    #[test]
    fn a_pause_of_the_source_is_not_the_encoders() {
        for skipped_before in [false, true] {
            let (mut deadline, mut now) = begun();
            deadline.submit(1, now);
            if skipped_before {
                now += 40 * MS;
                assert_eq!(deadline.expire(now), Ok(()));
            } else {
                assert!(deadline.complete(1, now + 5 * MS));
            }
            now += Duration::from_secs(60);
            for number in 2..10 {
                deadline.submit(number, now);
                now += 40 * MS;
                assert_eq!(deadline.expire(now), Ok(()), "picture {number}, after a pause");
            }
            assert!(deadline.complete(9, now));
        }
    }

    #[test]
    fn a_picture_counts_once_however_often_it_is_asked_for() {
        let (mut deadline, now) = begun();
        deadline.submit(1, now);
        for asked in 0..100 {
            assert_eq!(deadline.expire(now + asked * 1000 * MS), Ok(()), "asked {asked} times before");
        }
    }

    /// When an encoder is given up that `answers` to each picture when it is no longer waited for.
    fn given_up(mut answers: impl FnMut(&mut Deadline, u64, Instant)) -> Option<Duration> {
        let (mut deadline, start) = begun();
        let mut now = start;
        for number in 1..1000 {
            deadline.submit(number, now);
            now += deadline.remaining(now).expect("it was just given");
            answers(&mut deadline, number, now);
            while let Some(left) = deadline.remaining(now).filter(|left| !left.is_zero()) {
                now += left;
            }
            if deadline.expire(now).is_err() {
                return Some(now - start);
            }
        }
        None
    }

    #[test]
    fn an_encoder_that_gives_nothing_or_nothing_in_time_is_given_up() {
        let silent = given_up(|_, _, _| {}).expect("it gives nothing");
        assert!((OVERDUE_LIMIT..2 * OVERDUE_LIMIT).contains(&silent), "{silent:?}");
        let behind = given_up(|deadline, number, now| assert!(number == 1 || deadline.complete(number - 1, now)));
        let behind = behind.expect("it keeps one back");
        assert!((OVERDUE_LIMIT..2 * OVERDUE_LIMIT).contains(&behind), "{behind:?}");
        let skips = given_up(|deadline, number, now| assert!(number % 4 != 0 || deadline.complete(number, now - MS)));
        assert_eq!(skips, None, "three of four are skipped");
    }
}
