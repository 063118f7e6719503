//! What framelag's server tells those who play over HTTP, as JSON: the times of its newest frames, and a publisher's phase.

use serde::{Deserialize, Serialize};

use crate::frame::PublisherTimes;
use crate::sei::Stamp;
use crate::time::WallTime;

/// The query parameter for a token of clients that cannot set headers (RFC 6750 section 2.3).
pub const TOKEN_PARAMETER: &str = "access_token";

/// The answer to `GET /NAME/marks`: the newest frames of a stream.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ServedFrames {
    /// Id of the publisher's host, as in [`crate::sei::Origin::host`], which identifies its clock; 0 if unknown.
    pub publisher_host: u32,
    /// Id of the server's host.
    pub server_host: u32,
    /// Oldest first.
    pub frames: Vec<ServedFrame>,
}

/// One frame, in µs since the Unix epoch: by the publisher's clock up to `sent_us`, then by the server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct ServedFrame {
    /// Its number, from its stamp.
    pub sequence: u32,
    /// Its stream's id, from its stamp.
    pub stream: u8,
    /// See [`PublisherTimes::captured`].
    pub captured_us: Option<i64>,
    /// PUB.
    pub stamped_us: i64,
    /// See [`PublisherTimes::painted`].
    pub painted_us: i64,
    /// See [`PublisherTimes::encoded`].
    pub encoded_us: i64,
    /// See [`PublisherTimes::sent`].
    pub sent_us: i64,
    /// When its first packet arrived.
    pub arrived_us: i64,
    /// When its fragment became available over `mse` and DASH.
    pub fragment_us: i64,
    /// When its part became available.
    pub part_us: Option<i64>,
    /// When its segment was complete.
    pub segment_us: Option<i64>,
}

impl ServedFrame {
    /// A frame with this stamp that arrived at `arrived`, and whose fragment became available at `available`.
    pub fn new(stamp: &Stamp, arrived: WallTime, available: WallTime) -> Self {
        let times = &stamp.times;
        Self {
            sequence: stamp.sequence,
            stream: stamp.stream_id,
            captured_us: times.captured.map(WallTime::as_micros),
            stamped_us: times.stamp.as_micros(),
            painted_us: times.painted.as_micros(),
            encoded_us: times.encoded.as_micros(),
            sent_us: times.sent.as_micros(),
            arrived_us: arrived.as_micros(),
            fragment_us: available.as_micros(),
            part_us: None,
            segment_us: None,
        }
    }

    /// The publisher's times.
    pub fn publisher_times(&self) -> PublisherTimes {
        let at = WallTime::from_micros;
        PublisherTimes {
            captured: self.captured_us.map(at),
            stamp: at(self.stamped_us),
            painted: at(self.painted_us),
            encoded: at(self.encoded_us),
            sent: at(self.sent_us),
        }
    }
}

/// The body of `POST /api/streams/phase/NAME`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PhaseRequest {
    /// As of [`crate::rtsp::phase::Phase`].
    pub fraction: f64,
}

/// The answer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct PhaseAnswer {
    /// By how much the pictures are shifted, µs.
    pub phase_us: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::CaptureClock;
    use crate::sei::Origin;

    #[test]
    fn times_of_the_publisher_come_back_as_they_went() {
        let t = WallTime::from_micros;
        let times = PublisherTimes { captured: Some(t(1)), stamp: t(2), painted: t(3), encoded: t(4), sent: t(5) };
        let stamp = Stamp {
            stream_id: 1,
            sequence: 7,
            origin: Origin::default(),
            times,
            capture_clock: CaptureClock::None,
            reference: None,
        };
        let frame = ServedFrame::new(&stamp, t(6), t(8));
        assert_eq!((frame.publisher_times(), frame.arrived_us, frame.fragment_us), (times, 6, 8));
    }
}
