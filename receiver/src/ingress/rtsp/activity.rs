//! What a session has brought so far, and when: who sends, who has left, and what there is to say of a silence.

use std::time::Duration;

use common::rtp::rtcp::{self, Event};
use common::rtp::timeline::SenderClock;
use retina::PacketContext;
use tokio::time::Instant;

use super::config::Limits;

/// How long media may go on after the goodbye of a source of which it is not known whether it sends them.
const GOODBYE_GRACE: Duration = Duration::from_secs(1);

/// Access units after which it is judged whether the sender sets the marker.
const MARKERS_AFTER: u64 = 30;

/// What to tell of a sender that sets no marker.
pub(super) const NO_MARKER: &str = "the sender sets no RTP marker (RFC 6184 section 5.1), so that each picture is known to be \
    whole only when the next one begins: latencies have the time between two pictures in them";

/// What a session has brought.
#[derive(Debug)]
pub(super) struct Activity {
    since: Instant,
    newest: Instant,
    units: u64,
    /// Of these, those that the next one's first packet ended.
    unmarked: u64,
    /// The packet that ended the newest.
    end: Option<PacketContext>,
    /// Compound packets of RTCP.
    pub(super) reports: u64,
    /// The source of the stream, by its sender reports; retina passes on none of another's.
    source: Option<u32>,
    /// A source said goodbye that may be the stream's.
    goodbye: Option<Instant>,
    /// What the newest sender report says, until an access unit has been compared with it.
    sender: Option<SenderClock>,
}

/// What a silence is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// The source said goodbye, and nothing has come since.
    Left,
    /// No video came for this long.
    NoVideo(Duration),
    /// The stream played, and nothing came any more for this long.
    Stopped(Duration),
}

impl Activity {
    /// The session plays from now on.
    pub(super) fn starting_at(now: Instant) -> Self {
        Self {
            since: now,
            newest: now,
            units: 0,
            unmarked: 0,
            end: None,
            reports: 0,
            source: None,
            goodbye: None,
            sender: None,
        }
    }

    /// An access unit came. Returns what the sender report before it says.
    pub(super) fn unit(&mut self, now: Instant) -> Option<SenderClock> {
        self.newest = now;
        self.units += 1;
        self.goodbye = None;
        self.sender.take()
    }

    /// The newest access unit was in the packets from `start` to `end`. Whether the sender turns out to set no marker; once a
    /// session.
    pub(super) fn lacks_marker(&mut self, start: PacketContext, end: PacketContext) -> bool {
        let before = self.end.replace(end);
        self.unmarked += u64::from(before == Some(start) && start != end);
        self.units == MARKERS_AFTER && self.unmarked * 2 > MARKERS_AFTER
    }

    /// An RTCP packet came, with the clocks of its sender report. Whether the stream's source says goodbye by it (RFC 3550
    /// section 6.6).
    pub(super) fn rtcp(&mut self, raw: &[u8], clock: Option<SenderClock>, now: Instant) -> bool {
        self.newest = now;
        self.reports += 1;
        self.sender = clock.or(self.sender);
        let mut left = false;
        for event in rtcp::parse(raw).unwrap_or_default() {
            match (event, self.source) {
                (Event::SenderReport { ssrc, .. }, _) => self.source = Some(ssrc),
                (Event::Bye { ssrc }, Some(source)) => left |= ssrc == source,
                (Event::Bye { .. }, None) => self.goodbye = Some(now),
                (Event::PictureLoss { .. }, _) => {}
            }
        }
        left
    }

    /// An access unit has come.
    pub(super) const fn plays(&self) -> bool {
        self.units > 0
    }

    /// When waiting ends. Before the `first` access unit of all, one is waited for no longer than that, whatever else comes.
    pub(super) fn until(&self, limits: &Limits, first: bool) -> Instant {
        let silent = self.newest + limits.silence;
        let silent = if first { silent.min(self.since + limits.first_unit) } else { silent };
        self.goodbye.map_or(silent, |at| silent.min(at + GOODBYE_GRACE))
    }

    /// What it is that nothing came until `now`.
    pub(super) fn silence(&self, now: Instant) -> Silence {
        if self.goodbye.is_some() {
            return Silence::Left;
        }
        match self.units {
            0 => Silence::NoVideo(now - self.since),
            _ => Silence::Stopped(now - self.newest),
        }
    }
}

#[cfg(test)]
mod tests {
    use common::rtp::rtcp::{Sent, bye, sender_report};
    use common::time::{MediaTime, WallTime};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn report(ssrc: u32) -> Vec<u8> {
        sender_report(ssrc, WallTime::default(), MediaTime::default(), Sent::default())
    }

    fn limits() -> Limits {
        Limits { silence: 12 * SECOND, first_unit: 30 * SECOND, ..Limits::default() }
    }

    #[test]
    fn the_goodbye_of_the_streams_own_source_ends_it_at_once_and_no_others() {
        let now = Instant::now();
        let mut activity = Activity::starting_at(now);
        activity.unit(now);
        assert!(!activity.rtcp(&report(7), None, now));
        assert!(!activity.rtcp(&bye(8), None, now), "a foreign source");
        assert_eq!(activity.until(&limits(), false), now + 12 * SECOND);
        assert!(activity.rtcp(&bye(7), None, now));
        let compound = [report(9), bye(9)].concat();
        assert!(Activity::starting_at(now).rtcp(&compound, None, now), "as cameras send it");
    }

    #[test]
    fn the_goodbye_of_an_unknown_source_counts_where_no_media_follows() {
        let now = Instant::now();
        let mut activity = Activity::starting_at(now);
        activity.unit(now);
        assert!(!activity.rtcp(&bye(8), None, now + SECOND));
        assert_eq!(activity.until(&limits(), false), now + 2 * SECOND);
        assert_eq!(activity.silence(now + 2 * SECOND), Silence::Left);
        activity.unit(now + 2 * SECOND);
        assert_eq!(activity.until(&limits(), false), now + 14 * SECOND, "media go on: it was somebody else");
    }

    #[test]
    fn a_silence_is_as_long_as_it_was_and_says_what_came() {
        let now = Instant::now();
        let mut activity = Activity::starting_at(now);
        assert_eq!(activity.until(&limits(), true), now + 12 * SECOND);
        assert_eq!(activity.silence(now + 12 * SECOND), Silence::NoVideo(12 * SECOND));
        for n in 1..=6 {
            activity.rtcp(&report(7), None, now + 5 * n * SECOND);
        }
        assert_eq!(activity.until(&limits(), true), now + 30 * SECOND, "reports alone do not make it longer");
        assert_eq!((activity.silence(now + 30 * SECOND), activity.reports), (Silence::NoVideo(30 * SECOND), 6));
        activity.unit(now + 40 * SECOND);
        assert_eq!(activity.silence(now + 55 * SECOND), Silence::Stopped(15 * SECOND));
    }
}
