//! A network that does not follow: when to ask for the IDR picture that everything waits for, and what to say of it.
//!
//! An IDR picture is many times as large as the others. Asked for while the network is still busy with old pictures it
//! makes matters worse, so it is asked for when those are written, and not in quick succession.

use std::time::Duration;

use common::time::MonoTime;

/// Least time between two IDR pictures that are asked for because frames were dropped.
const ASK_INTERVAL: Duration = Duration::from_secs(1);
/// The network follows again when nothing was dropped for this long. Longer than [`ASK_INTERVAL`], so that a network
/// that is always too slow is one episode.
const CALM: Duration = Duration::from_secs(3);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Congestion {
    episode: Option<Episode>,
    /// An IDR picture is needed and has not been asked for.
    owed: bool,
    asked: Option<MonoTime>,
}

/// A time in which frames were dropped again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Episode {
    /// Frames dropped in it.
    pub(super) dropped: u64,
    began: MonoTime,
    last: MonoTime,
}

impl Episode {
    /// From the first dropped frame to the last.
    pub(super) fn lasted(&self) -> Duration {
        self.last - self.began
    }
}

impl Congestion {
    /// Notes frames that were dropped because the network is too slow, and whether an IDR picture is needed now. Says
    /// whether an episode begins with them.
    pub(super) fn overflowed(&mut self, now: MonoTime, dropped: u64, idr_needed: bool) -> bool {
        self.owed = idr_needed;
        let begins = self.episode.is_none();
        self.episode.get_or_insert(Episode { dropped: 0, began: now, last: now });
        self.skipped(now, dropped);
        begins
    }

    /// Notes frames that were dropped because the IDR picture before them is awaited.
    pub(super) fn skipped(&mut self, now: MonoTime, dropped: u64) {
        if let Some(episode) = &mut self.episode {
            episode.dropped += dropped;
            episode.last = now;
        }
    }

    /// An IDR picture came by itself, or was asked for in another way.
    pub(super) fn satisfied(&mut self) {
        self.owed = false;
    }

    /// Whether an IDR picture is to be asked for now that everything is written.
    pub(super) fn ask(&mut self, now: MonoTime) -> bool {
        let due = self.ask_in(now) == Some(Duration::ZERO);
        if due {
            self.owed = false;
            self.asked = Some(now);
        }
        due
    }

    /// When [`Congestion::ask`] wants to be called; `None` where nothing is owed.
    pub(super) fn ask_in(&self, now: MonoTime) -> Option<Duration> {
        let passed = self.asked.map_or(ASK_INTERVAL, |asked| now.saturating_since(asked));
        self.owed.then(|| ASK_INTERVAL.saturating_sub(passed))
    }

    /// The episode, where it is over.
    pub(super) fn take_over(&mut self, now: MonoTime) -> Option<Episode> {
        self.episode.take_if(|episode| now.saturating_since(episode.last) >= CALM)
    }

    /// The episode, over or not: the connection ends.
    pub(super) fn take(&mut self) -> Option<Episode> {
        self.episode.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> MonoTime {
        MonoTime::from_origin(Duration::from_millis(ms))
    }

    #[test]
    fn an_idr_picture_is_asked_for_once_and_at_most_once_per_second() {
        let mut congestion = Congestion::default();
        assert!(!congestion.ask(at(0)), "nothing was dropped");
        // Dropping ten times per second, with everything written in between.
        let asked = (0..50).map(|tenth| at(tenth * 100)).filter(|&now| {
            congestion.overflowed(now, 7, true);
            congestion.ask(now)
        });
        assert_eq!(asked.collect::<Vec<_>>(), [0, 1_000, 2_000, 3_000, 4_000].map(at));
        assert_eq!(congestion.ask_in(at(4_900)), Some(Duration::from_millis(100)));
        assert!(congestion.ask(at(5_000)) && !congestion.ask(at(9_000)), "it is asked for once");
    }

    #[test]
    fn an_idr_picture_that_comes_by_itself_is_not_asked_for() {
        let mut congestion = Congestion::default();
        congestion.overflowed(at(0), 7, true);
        congestion.satisfied();
        assert_eq!((congestion.ask(at(10)), congestion.ask_in(at(10))), (false, None));
        congestion.overflowed(at(20), 7, false);
        assert!(!congestion.ask(at(30)), "it is there already");
    }

    #[test]
    fn a_slow_network_is_one_episode_with_its_count() {
        let mut congestion = Congestion::default();
        let begun: Vec<_> = (0..10).map(|s| congestion.overflowed(at(s * 1_000), 7, true)).collect();
        assert_eq!(begun.iter().position(|&begins| begins), Some(0));
        assert_eq!(begun.iter().filter(|&&begins| begins).count(), 1);
        congestion.skipped(at(9_500), 3);
        assert_eq!(congestion.take_over(at(12_000)), None, "it may go on");
        let episode = congestion.take_over(at(12_500)).expect("it is over");
        assert_eq!((episode.dropped, episode.lasted()), (73, Duration::from_millis(9_500)));
        congestion.skipped(at(13_000), 1);
        assert_eq!(congestion.take(), None, "waiting alone is no episode");
        assert!(congestion.overflowed(at(14_000), 1, true), "another one begins");
    }
}
