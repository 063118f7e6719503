//! A second look at a stream of which no access unit came: the packets themselves, which retina does not show while it puts
//! access units together.

use std::fmt;
use std::time::Duration;

use futures::StreamExt;
use retina::client::PacketItem;
use tokio::time::{Instant, timeout};

use super::connect::{Connector, Started};

/// Longest look.
const LOOK: Duration = Duration::from_secs(3);

/// Packets of a stream, without what is in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Packets {
    count: u64,
    bytes: u64,
    markers: u64,
    lost: u64,
    first_time: Option<u32>,
    /// More than one media time.
    times_differ: bool,
    took: Duration,
}

/// Plays once more, for `limit` at most, and counts packets; `None` if there are none.
pub(super) async fn probe(connector: &Connector<'_>, limit: Duration) -> Option<Packets> {
    let mut found = Packets::default();
    let began = Instant::now();
    let looking = async {
        // A relay lasts as long as this is held.
        let Ok(Started { mut session, relay: _relay, .. }) = connector.start().await else { return };
        while let Some(Ok(item)) = session.next().await {
            if let PacketItem::Rtp(packet) = item {
                found.add(packet.payload().len(), packet.mark(), packet.header().timestamp(), packet.loss());
            }
        }
    };
    // However it ends, what was seen until then counts.
    let _ = timeout(limit.min(LOOK), looking).await;
    found.took = began.elapsed();
    (found.count > 0).then_some(found)
}

impl Packets {
    fn add(&mut self, bytes: usize, marker: bool, time: u32, lost: u16) {
        self.count += 1;
        self.bytes += bytes as u64;
        self.markers += u64::from(marker);
        self.lost += u64::from(lost);
        self.times_differ |= *self.first_time.get_or_insert(time) != time;
    }
}

impl fmt::Display for Packets {
    /// What came, and why it makes no access unit.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, bytes, markers, lost, times_differ, took, .. } = *self;
        write!(f, "{count} packets ({} kB) came in a second look of {:.1} s, ", bytes / 1_000, took.as_secs_f64())?;
        if markers == 0 && !times_differ {
            let cure = "let the sender set the marker on the last packet of each picture (RFC 6184 section 5.1)";
            write!(f, "none with the RTP marker and all of one media time, so that no access unit ever ends: {cure}")
        } else if lost > 0 {
            write!(f, "and {lost} were lost among them, so that no access unit was whole: try --transport tcp")
        } else {
            write!(f, "and no access unit among them was whole")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_packets_lack_is_said() {
        let said = |packets: &[(bool, u32, u16)]| {
            let mut found = Packets { took: Duration::from_millis(2_960), ..Packets::default() };
            packets.iter().for_each(|&(marker, time, lost)| found.add(1_000, marker, time, lost));
            found.to_string()
        };
        let endless = said(&[(false, 5, 0), (false, 5, 0)]);
        assert!(
            endless.starts_with("2 packets (2 kB) came in a second look of 3.0 s, none with the RTP marker"),
            "{endless}"
        );
        assert!(said(&[(true, 5, 0), (false, 9, 40)]).contains("40 were lost"));
        assert!(said(&[(false, 5, 0), (false, 9, 0)]).ends_with("no access unit among them was whole"));
    }
}
