//! The journey of a frame: the instants at which it passed each step, and the stages between them.
//!
//! The two tables here are the only places that list them. Reports, histograms, thresholds and pages go through the
//! tables, so that another mark or stage is one more line.
//!
//! A stage is the time between its two marks if both are known; otherwise it is unknown, and no other stage absorbs
//! its time. A stage may list several begin marks and uses the first known one: `deliver` begins when framelag's
//! server has the frame available, else when it was sent, else at the stamp. Marks may come from different clocks. If
//! all marks of a path are known, the stages from [`Mark::Stamped`] on add up to LAT, presented − stamped.

use crate::frame::PublisherTimes;
use crate::time::WallTime;

/// The clock that a mark is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClockName {
    /// The publisher's: its marks ride in the SEI.
    Publisher,
    /// The receiver's clock; its browser's times are converted to it. Corrected by the clock offset if the publisher
    /// uses another clock.
    Receiver,
}

macro_rules! marks {
    ($($clock:ident: $mark:ident, $doc:literal;)+) => {
        /// An instant in the journey of a frame.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Mark {
            $(#[doc = $doc] $mark,)+
        }

        impl Mark {
            /// All marks, in the order in which a frame passes them.
            pub const ALL: &[Self] = &[$(Self::$mark,)+];

            /// The clock that it is read from.
            pub const fn clock(self) -> ClockName {
                match self {
                    $(Self::$mark => ClockName::$clock,)+
                }
            }
        }
    };
}

marks! {
    Receiver: Requested, "A browser requested the frame's part, segment or fragment; a hinted part is requested before it exists.";
    Publisher: Captured, "The driver captured the picture; unknown for sources without a clock of their own.";
    Publisher: Stamped, "PUB: read just before it is painted into the picture.";
    Publisher: Painted, "The stamp is painted; encoding begins.";
    Publisher: Encoded, "The encoder returned the access unit.";
    Publisher: Sent, "The access unit's packets are about to be written to the socket.";
    Receiver: Received, "The first packet of the access unit came off the socket; unknown for input without packets.";
    Receiver: Assembled, "The access unit, or the raw picture, is complete.";
    Receiver: Decoded, "The decoder returned the picture.";
    Receiver: Read, "The corner code was read.";
    Receiver: Available, "Framelag's server has the frame's part, segment or fragment available; known if it shares the receiver's clock.";
    Receiver: FirstByte, "The first byte of the frame's part, segment or fragment reached a browser.";
    Receiver: Fetched, "The part, segment or fragment is complete.";
    Receiver: Appended, "It was appended to the browser's source buffer.";
    Receiver: Presented, "The picture was handed to the window or to the browser's compositor. Without either, the same as `Read`.";
    Receiver: Called, "A browser's frame callback ran, up to 10 ms before or after the picture.";
}

macro_rules! stages {
    ($($stage:ident: $name:literal, $from:ident $(or $other:ident)* => $to:ident, $what:literal;)+) => {
        /// The time between two marks, if both are known.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Stage {
            $(#[doc = $what] $stage,)+
        }

        impl Stage {
            /// All stages, in the order of reports.
            pub const ALL: &[Self] = &[$(Self::$stage,)+];

            /// The name in reports.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$stage => $name,)+
                }
            }

            /// The possible begin marks; the first known one counts.
            pub const fn begins(self) -> &'static [Mark] {
                match self {
                    $(Self::$stage => &[Mark::$from $(, Mark::$other)*],)+
                }
            }

            /// The end mark.
            pub const fn end(self) -> Mark {
                match self {
                    $(Self::$stage => Mark::$to,)+
                }
            }

            /// What happens in it, for people.
            pub const fn what(self) -> &'static str {
                match self {
                    $(Self::$stage => $what,)+
                }
            }
        }
    };
}

stages! {
    Capture: "capture", Captured => Stamped, "from the camera's exposure to the stamp; lies before it";
    Stamp: "stamp", Stamped => Painted, "painting code and text";
    Encode: "encode", Painted => Encoded, "the encoder";
    Send: "send", Encoded => Sent, "waiting to be sent";
    Network: "network", Sent => Received, "from the first byte sent to the first received";
    Reassembly: "reassembly", Received => Assembled, "until the last packet was there";
    Decode: "decode", Assembled => Decoded, "the decoder, and waking it up";
    Read: "read", Decoded => Read, "finding and reading the code";
    Present: "present", Read => Presented, "converting and handing to the window";
    Request: "request", Requested => FirstByte, "from a browser's request to the first byte; overlaps other stages";
    Package: "package", Sent => Available, "to the server, until the part, segment or fragment was available";
    Deliver: "deliver", Available or Sent or Stamped => FirstByte, "to a browser, since availability at framelag's server, sending or the stamp";
    Fetch: "fetch", FirstByte => Fetched, "loading the rest of the part, segment or fragment";
    Append: "append", Fetched => Appended, "appending to the browser's buffer";
    Buffer: "buffer", Appended => Presented, "buffering, decoding and waiting for display in a browser";
    Callback: "callback", Presented => Called, "until the page's frame callback ran; after the picture";
}

impl Stage {
    /// The stage of that name in reports.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|stage| stage.name() == name)
    }

    /// Whether it is a part of LAT, rather than time before the stamp or after the picture, by the order of the table of marks.
    pub fn is_in_latency(self) -> bool {
        let is_after_stamp = |mark: &Mark| *mark as usize >= Mark::Stamped as usize;
        self.begins().iter().all(is_after_stamp) && self.end() as usize <= Mark::Presented as usize
    }

    /// Whether only a browser has it.
    pub fn is_of_browser(self) -> bool {
        use Mark::{Appended, Available, Called, Fetched, FirstByte, Requested};
        let marks = [Requested, Available, FirstByte, Fetched, Appended, Called];
        marks.iter().any(|mark| self.begins().contains(mark) || self.end() == *mark)
    }

    /// Whether its ends may be read from two clocks, so that their difference is part of its time.
    pub fn spans_clocks(self) -> bool {
        self.begins().iter().any(|mark| mark.clock() != self.end().clock())
    }
}

/// When one frame was where: the marks that are known. Stamped and presented always are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks {
    /// By mark; meaningless where `known` lacks its bit.
    at: [WallTime; Mark::ALL.len()],
    /// One bit for each mark.
    known: u32,
}

impl Marks {
    /// A frame whose corner code says `stamped`, presented at `presented`.
    pub fn new(stamped: WallTime, presented: WallTime) -> Self {
        let none = Self { at: [WallTime::default(); Mark::ALL.len()], known: 0 };
        none.with(Mark::Stamped, stamped).with(Mark::Presented, presented)
    }

    /// With `mark` passed at `at`.
    pub fn with(mut self, mark: Mark, at: impl Into<Option<WallTime>>) -> Self {
        if let Some(at) = at.into() {
            self.at[mark as usize] = at;
            self.known |= 1 << mark as u32;
        }
        self
    }

    /// With what the publisher's SEI says. PUB stays that of the corner code.
    pub fn with_publisher(
        self,
        &PublisherTimes { captured, stamp: _, painted, encoded, sent }: &PublisherTimes,
    ) -> Self {
        let whole = self.with(Mark::Captured, captured).with(Mark::Painted, painted);
        whole.with(Mark::Encoded, encoded).with(Mark::Sent, sent)
    }

    /// With every mark of `clock` moved by `micros`.
    pub fn shifted(mut self, clock: ClockName, micros: i64) -> Self {
        for mark in Mark::ALL.iter().filter(|mark| mark.clock() == clock) {
            self.at[*mark as usize] = self.at[*mark as usize].offset(micros);
        }
        self
    }

    /// When the frame passed `mark`, where that is known.
    pub fn get(&self, mark: Mark) -> Option<WallTime> {
        (self.known & (1 << mark as u32) != 0).then_some(self.at[mark as usize])
    }

    /// PUB as read from the corner code.
    pub const fn stamped(&self) -> WallTime {
        self.at[Mark::Stamped as usize]
    }

    /// When the picture was handed to the window, or would have been.
    pub const fn presented(&self) -> WallTime {
        self.at[Mark::Presented as usize]
    }

    /// LAT in µs: presented − PUB. Negative where the two clocks disagree by more than the path takes.
    pub const fn latency_us(&self) -> i64 {
        self.presented().micros_since(self.stamped())
    }

    /// How long the frame spent in `stage`, µs; `None` where one of its ends is unknown.
    pub fn stage_us(&self, stage: Stage) -> Option<i64> {
        let begin = stage.begins().iter().find_map(|mark| self.get(*mark))?;
        Some(self.get(stage.end())?.micros_since(begin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(micros: i64) -> WallTime {
        WallTime::from_micros(micros)
    }

    fn whole() -> Marks {
        let publisher =
            PublisherTimes { captured: Some(t(40)), stamp: t(101), painted: t(115), encoded: t(2_000), sent: t(2_030) };
        Marks::new(t(100), t(3_100))
            .with_publisher(&publisher)
            .with(Mark::Received, t(2_300))
            .with(Mark::Assembled, t(2_350))
            .with(Mark::Decoded, t(3_000))
            .with(Mark::Read, t(3_020))
    }

    fn stages(marks: &Marks) -> Vec<(Stage, i64)> {
        Stage::ALL.iter().filter_map(|stage| Some((*stage, marks.stage_us(*stage)?))).collect()
    }

    #[test]
    fn stages_but_capture_add_up_to_latency() {
        assert_eq!(whole().stage_us(Stage::Capture), Some(60));
        let outside: Vec<_> = Stage::ALL.iter().filter(|stage| !stage.is_in_latency()).collect();
        assert_eq!(outside, [&Stage::Capture, &Stage::Request, &Stage::Callback]);
        let parts = Stage::ALL.iter().filter(|stage| stage.is_in_latency());
        let sum: i64 = parts.filter_map(|stage| whole().stage_us(*stage)).sum();
        assert_eq!(sum, whole().latency_us());
    }

    #[test]
    fn what_is_known_in_a_browser_adds_up_to_latency() {
        let marks = Marks::new(t(100), t(90_000))
            .with(Mark::Requested, t(50))
            .with(Mark::FirstByte, t(40_000))
            .with(Mark::Fetched, t(41_000))
            .with(Mark::Appended, t(42_000))
            .with(Mark::Called, t(95_000));
        let publisher =
            PublisherTimes { captured: None, stamp: t(100), painted: t(115), encoded: t(2_000), sent: t(2_030) };
        let with_sei = marks.with_publisher(&publisher);
        let served = with_sei.with(Mark::Available, t(3_000));
        for (marks, delivered) in [(marks, 39_900), (with_sei, 37_970), (served, 37_000)] {
            let known = |stage: &&Stage| marks.stage_us(**stage).is_some();
            let (inside, outside): (Vec<&Stage>, Vec<&Stage>) =
                Stage::ALL.iter().filter(known).partition(|stage| stage.is_in_latency());
            assert_eq!(inside.into_iter().filter_map(|stage| marks.stage_us(*stage)).sum::<i64>(), marks.latency_us());
            assert_eq!(outside, [&Stage::Request, &Stage::Callback]);
            assert_eq!(marks.stage_us(Stage::Deliver), Some(delivered));
        }
    }

    #[test]
    fn a_stage_is_unknown_where_an_end_is() {
        let bare = Marks::new(t(0), t(9)).with(Mark::Received, None).with(Mark::Assembled, t(5));
        let bare = bare.with(Mark::Decoded, t(5)).with(Mark::Read, t(7));
        let known = stages(&bare);
        assert_eq!(known, [(Stage::Decode, 0), (Stage::Read, 2), (Stage::Present, 2)]);
    }

    #[test]
    fn a_correction_moves_the_marks_of_one_clock() {
        let moved = whole().shifted(ClockName::Receiver, -200);
        assert_eq!(moved.latency_us(), whole().latency_us() - 200);
        for stage in Stage::ALL {
            let by = if stage.begins()[0].clock() == stage.end().clock() { 0 } else { 200 };
            assert_eq!(moved.stage_us(*stage).map(|us| us + by), whole().stage_us(*stage), "{}", stage.name());
        }
    }
}
