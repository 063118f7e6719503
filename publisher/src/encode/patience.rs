//! How long the access unit of a picture is waited for before the encoder is given the next one.
//!
//! An encoder may skip a picture, and says so by nothing but the unit of a later one. So a unit that does not come is not waited for
//! longer than until the next picture is due, or than twice what the slowest of the last units took: a slow encoder that does give
//! each unit is given one picture at a time. What comes late is taken all the same, and makes the patience longer.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::rate::FrameRate;

/// How long a child may take to start and encode the first picture; a GPU's driver takes seconds at times.
pub const START_LIMIT: Duration = Duration::from_secs(10);
/// Longest wait for a unit after that.
pub const UNIT_LIMIT: Duration = Duration::from_secs(1);
/// How many pictures in a row may come out too late or not at all, and how long they may be waited for in all.
const SILENT_MAX: u32 = 5;
const SILENT_LIMIT: Duration = Duration::from_secs(5);
/// How many of the last units say how slow the encoder is: two seconds of them at 30 per second.
const REMEMBERED: usize = 64;

/// Which pictures an encoder has, and how long it took for others.
#[derive(Debug)]
pub struct Patience {
    /// A picture's time.
    interval: Duration,
    /// Pictures that it has and of which no unit came, nor one of a later picture: oldest first, each with when it was read.
    owed: VecDeque<(u64, Instant)>,
    /// How long the last units took.
    took: VecDeque<Duration>,
    /// Pictures in a row of which none came in time.
    silent: u32,
    /// How long those were waited for: while a source pauses, nothing is asked of the encoder.
    waited: Duration,
    /// The last picture of which that was counted.
    counted: Option<u64>,
}

impl Patience {
    /// With an encoder for pictures at `rate`.
    pub fn new(rate: FrameRate) -> Self {
        Self {
            interval: rate.time_of(1),
            owed: VecDeque::new(),
            took: VecDeque::new(),
            silent: 0,
            waited: Duration::ZERO,
            counted: None,
        }
    }

    /// The encoder has read picture `number`. There is an end to what it owes: see [`Patience::over`].
    pub fn given(&mut self, number: u64, now: Instant) {
        self.owed.push_back((number, now));
    }

    /// The unit of picture `number` came: those before it were skipped. Whether it was owed.
    pub fn came(&mut self, number: u64, now: Instant) -> bool {
        let Some(place) = self.owed.iter().position(|(owed, _)| *owed == number) else { return false };
        let late = place + 1 < self.owed.len();
        if let Some((_, read)) = self.owed.drain(..=place).next_back()
            && number > 0
        {
            self.took.truncate(REMEMBERED - 1);
            self.took.push_front(now - read);
        }
        if !late {
            (self.silent, self.waited) = (0, Duration::ZERO);
        }
        true
    }

    /// How long the newest picture's unit is still waited for: nothing where that is over, `None` where it came.
    pub fn left(&self, now: Instant) -> Option<Duration> {
        let (number, read) = *self.owed.back()?;
        let slowest = self.took.iter().max().copied().unwrap_or_default();
        let limit = if number == 0 { START_LIMIT } else { self.interval.max(2 * slowest).min(UNIT_LIMIT) };
        Some(limit.saturating_sub(now.saturating_duration_since(read)))
    }

    /// The wait is over. An encoder may skip a picture, but has to go on. However often it is asked, each picture counts once.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn over(&mut self, now: Instant) -> Result<(), String> {
        let Some(&(number, read)) = self.owed.back() else { return Ok(()) };
        if number == 0 {
            return Err(format!("it produced no output within {START_LIMIT:?}"));
        }
        if self.counted.replace(number) == Some(number) {
            return Ok(());
        }
        self.silent += 1;
        self.waited += now.saturating_duration_since(read);
        if self.silent < SILENT_MAX || self.waited < SILENT_LIMIT {
            return Ok(());
        }
        let silent = self.silent;
        Err(format!("{silent} pictures in a row were late or missing: it hangs, or delays its output"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Patience with an encoder at 25 per second that has put out the first picture, and when.
    fn begun() -> (Patience, Instant) {
        let (mut patience, now) = (Patience::new(FrameRate::new(25, 1).expect("a rate")), Instant::now());
        patience.given(0, now);
        assert_eq!(patience.left(now), Some(START_LIMIT));
        assert!(patience.came(0, now + 1000 * MS));
        (patience, now + 1000 * MS)
    }

    #[test]
    fn a_skipped_picture_holds_up_the_next_by_no_more_than_a_pictures_time() {
        let (mut patience, now) = begun();
        patience.given(1, now);
        assert!(patience.came(1, now + 5 * MS) && patience.left(now + 5 * MS).is_none(), "nothing is owed");
        patience.given(2, now + 40 * MS);
        assert_eq!(patience.left(now + 50 * MS), Some(30 * MS));
        assert_eq!((patience.left(now + 80 * MS), patience.over(now + 80 * MS)), (Some(Duration::ZERO), Ok(())));
        patience.given(3, now + 80 * MS);
        assert!(patience.came(3, now + 85 * MS), "that of the one after it says that it was skipped");
        assert!(!patience.came(2, now + 86 * MS) && !patience.came(4, now + 86 * MS), "and nothing else is owed");
    }

    #[test]
    fn a_slow_encoder_is_given_one_picture_at_a_time() {
        let (mut patience, mut now) = begun();
        patience.given(1, now);
        assert_eq!((patience.left(now + 40 * MS), patience.over(now + 40 * MS)), (Some(Duration::ZERO), Ok(())));
        patience.given(2, now + 40 * MS);
        assert!(patience.came(1, now + 60 * MS), "late");
        assert_eq!(patience.left(now + 60 * MS), Some(100 * MS), "twice 60 ms after it was given");
        assert!(patience.came(2, now + 120 * MS));
        for number in 3..200 {
            now += 200 * MS;
            patience.given(number, now);
            assert!(patience.left(now + 70 * MS) > Some(Duration::ZERO), "picture {number}");
            assert!(patience.came(number, now + 70 * MS));
        }
    }

    #[test]
    fn one_slow_picture_is_forgotten() {
        let (mut patience, mut now) = begun();
        patience.given(1, now);
        assert!(patience.came(1, now + 3000 * MS));
        for number in 2..=1 + REMEMBERED as u64 {
            now += 3000 * MS;
            patience.given(number, now);
            assert_eq!(patience.left(now), Some(UNIT_LIMIT), "picture {number}");
            assert!(patience.came(number, now + 5 * MS));
        }
        patience.given(1000, now);
        assert_eq!(patience.left(now), Some(40 * MS));
    }

    #[test]
    fn a_source_that_pauses_is_not_the_encoders_silence() {
        for skipped_before in [false, true] {
            let (mut patience, mut now) = begun();
            patience.given(1, now);
            if skipped_before {
                now += 40 * MS;
                assert_eq!(patience.over(now), Ok(()));
            } else {
                assert!(patience.came(1, now + 5 * MS));
            }
            now += Duration::from_secs(60);
            for number in 2..10 {
                patience.given(number, now);
                now += 40 * MS;
                assert_eq!(patience.over(now), Ok(()), "picture {number}, after a pause");
            }
            assert!(patience.came(9, now));
        }
    }

    #[test]
    fn a_picture_counts_once_however_often_it_is_asked_for() {
        let (mut patience, now) = begun();
        patience.given(1, now);
        for asked in 0..100 {
            assert_eq!(patience.over(now + asked * 1000 * MS), Ok(()), "asked {asked} times before");
        }
    }

    /// When an encoder is given up that `answers` to each picture when it is no longer waited for.
    fn given_up(mut answers: impl FnMut(&mut Patience, u64, Instant)) -> Option<Duration> {
        let (mut patience, start) = begun();
        let mut now = start;
        for number in 1..1000 {
            patience.given(number, now);
            now += patience.left(now).expect("it was just given");
            answers(&mut patience, number, now);
            while let Some(left) = patience.left(now).filter(|left| !left.is_zero()) {
                now += left;
            }
            if patience.over(now).is_err() {
                return Some(now - start);
            }
        }
        None
    }

    #[test]
    fn an_encoder_that_gives_nothing_or_nothing_in_time_is_given_up() {
        let silent = given_up(|_, _, _| {}).expect("it gives nothing");
        assert!((SILENT_LIMIT..2 * SILENT_LIMIT).contains(&silent), "{silent:?}");
        let behind = given_up(|patience, number, now| assert!(number == 1 || patience.came(number - 1, now)));
        let behind = behind.expect("it keeps one back");
        assert!((SILENT_LIMIT..2 * SILENT_LIMIT).contains(&behind), "{behind:?}");
        let skips = given_up(|patience, number, now| assert!(number % 4 != 0 || patience.came(number, now - MS)));
        assert_eq!(skips, None, "three of four are skipped");
    }
}
