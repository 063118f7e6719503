//! A network that is too slow: which frames to drop, when to ask for the IDR picture that ends it, and what to log.
//!
//! An IDR picture is many times as large as the others. Asked for while the network is still busy with old pictures it makes
//! matters worse, so it is asked for after those are written, and not in quick succession.

use std::time::Duration;

use common::media::IdrGate;
use common::time::MonoTime;

/// Least time between two IDR pictures that are asked for because frames were dropped.
const ASK_INTERVAL: Duration = Duration::from_secs(1);
/// An episode is over when nothing was dropped for this long. Longer than [`ASK_INTERVAL`], so that a network that is
/// always too slow makes one episode.
const CALM: Duration = Duration::from_secs(3);

/// See the module.
#[derive(Debug)]
pub(super) struct Congestion {
    /// Before the queue.
    gate: IdrGate,
    episode: Option<Episode>,
    /// An IDR picture is needed and has not been asked for.
    owed: bool,
    asked: Option<MonoTime>,
}

impl Default for Congestion {
    fn default() -> Self {
        Self { gate: IdrGate::open(), episode: None, owed: false, asked: None }
    }
}

/// A time in which frames were dropped, with no longer pause than [`CALM`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Episode {
    /// Frames dropped in it.
    pub(super) dropped: u64,
    began: MonoTime,
    last: MonoTime,
}

impl Episode {
    /// From the first dropped frame to the last.
    pub(super) fn duration(&self) -> Duration {
        self.last - self.began
    }
}

impl Congestion {
    /// Whether a frame may enter the queue: after one was dropped, none but an IDR picture. Notes one that may not.
    pub(super) fn admits(&mut self, now: MonoTime, is_key: bool) -> bool {
        let admitted = self.gate.admits(is_key);
        if !admitted {
            self.skip(now, 1);
        }
        // One that came by itself does not have to be asked for.
        self.owed &= !is_key;
        admitted
    }

    /// Whether nothing but an IDR picture may enter the queue.
    pub(super) fn awaits_key(&self) -> bool {
        !self.gate.is_open()
    }

    /// A new connection: it begins with an IDR picture, for which the caller asks.
    pub(super) fn restart(&mut self) {
        self.gate.close();
        self.owed = false;
    }

    /// Notes frames that were dropped because the network is too slow, and whether an IDR picture is needed now. Says
    /// whether an episode begins with them.
    pub(super) fn overflow(&mut self, now: MonoTime, dropped: u64, key_needed: bool) -> bool {
        self.owed = key_needed;
        if key_needed {
            self.gate.close();
        }
        let begins = self.episode.is_none();
        self.episode.get_or_insert(Episode { dropped: 0, began: now, last: now });
        self.skip(now, dropped);
        begins
    }

    /// Notes frames that were dropped because no IDR picture has come since.
    pub(super) fn skip(&mut self, now: MonoTime, dropped: u64) {
        if let Some(episode) = &mut self.episode {
            episode.dropped += dropped;
            episode.last = now;
        }
    }

    /// Everything is written: whether to ask for an IDR picture now.
    pub(super) fn take_ask(&mut self, now: MonoTime) -> bool {
        let due = self.ask_in(now) == Some(Duration::ZERO);
        if due {
            self.owed = false;
            self.asked = Some(now);
        }
        due
    }

    /// When [`Congestion::take_ask`] is to be called; `None` where no IDR picture is owed.
    pub(super) fn ask_in(&self, now: MonoTime) -> Option<Duration> {
        let passed = self.asked.map_or(ASK_INTERVAL, |asked| now.saturating_since(asked));
        self.owed.then(|| ASK_INTERVAL.saturating_sub(passed))
    }

    /// The episode, where it is over.
    pub(super) fn take_ended(&mut self, now: MonoTime) -> Option<Episode> {
        self.episode.take_if(|episode| now.saturating_since(episode.last) >= CALM)
    }

    /// The connection ends, and with it the episode.
    pub(super) fn end(&mut self) -> Option<Episode> {
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
        assert!(!congestion.take_ask(at(0)), "nothing was dropped");
        // Dropping ten times per second, with everything written in between.
        let asked = (0..50).map(|tenth| at(tenth * 100)).filter(|&now| {
            congestion.overflow(now, 7, true);
            congestion.take_ask(now)
        });
        assert_eq!(asked.collect::<Vec<_>>(), [0, 1_000, 2_000, 3_000, 4_000].map(at));
        assert_eq!(congestion.ask_in(at(4_900)), Some(Duration::from_millis(100)));
        assert!(congestion.take_ask(at(5_000)) && !congestion.take_ask(at(9_000)), "it is asked for once");
    }

    #[test]
    fn an_idr_picture_that_comes_by_itself_is_not_asked_for() {
        let mut congestion = Congestion::default();
        congestion.overflow(at(0), 7, true);
        assert!(congestion.admits(at(5), true));
        assert_eq!((congestion.take_ask(at(10)), congestion.ask_in(at(10))), (false, None));
        congestion.overflow(at(20), 7, false);
        assert!(!congestion.take_ask(at(30)), "it is there already");
    }

    #[test]
    fn a_slow_network_is_one_episode_with_its_count() {
        let mut congestion = Congestion::default();
        let begun: Vec<_> = (0..10).map(|s| congestion.overflow(at(s * 1_000), 7, true)).collect();
        assert_eq!(begun.iter().position(|&begins| begins), Some(0));
        assert_eq!(begun.iter().filter(|&&begins| begins).count(), 1);
        congestion.skip(at(9_500), 3);
        assert_eq!(congestion.take_ended(at(12_000)), None, "it may go on");
        let episode = congestion.take_ended(at(12_500)).expect("it is over");
        assert_eq!((episode.dropped, episode.duration()), (73, Duration::from_millis(9_500)));
        congestion.skip(at(13_000), 1);
        assert_eq!(congestion.end(), None, "waiting alone is no episode");
        assert!(congestion.overflow(at(14_000), 1, true), "another one begins");
    }

    #[test]
    fn after_a_dropped_frame_nothing_but_an_idr_picture_is_queued() {
        let mut congestion = Congestion::default();
        assert!(congestion.admits(at(0), false) && !congestion.awaits_key(), "the encoder begins with one");
        congestion.overflow(at(0), 3, true);
        assert!(!congestion.admits(at(10), false) && congestion.awaits_key());
        assert!(congestion.admits(at(20), true) && congestion.admits(at(30), false));
        congestion.overflow(at(40), 3, false);
        assert!(congestion.admits(at(50), false), "the IDR picture is in the queue");
        congestion.restart();
        assert!(!congestion.admits(at(60), false));
        assert_eq!(congestion.end().map(|episode| episode.dropped), Some(8), "those that waited in vain count too");
    }
}
