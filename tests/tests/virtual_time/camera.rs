//! The publisher's own steps in a world: a picture of the test pattern is stamped, encoded and sealed, all in no time.

use common::clock::Clock;
use common::code::Corner;
use common::frame::{Picture, Size};
use common::time::Now;
use publisher::capture::{Captured, pattern};
use publisher::encode::{self, Encoder, OpenH264};
use publisher::rate::FrameRate;
use publisher::seal::{SealedFrame, Sealer};
use publisher::stamp::{self, Stamper};

const SIZE: Size = Size::new(320, 240);

/// Enough that each picture takes several packets.
const BITRATE: u32 = 1_500_000;

const STREAM_ID: u8 = 7;

/// A clock that stands still.
struct Still(Now);

impl Clock for Still {
    fn now(&self) -> Now {
        self.0
    }
}

/// Gives one sealed frame after the other.
pub struct Camera {
    pattern: Box<dyn Iterator<Item = Picture>>,
    stamper: Stamper,
    encoder: OpenH264,
    sealer: Sealer,
}

impl Camera {
    /// One whose encoder begins a GOP with every `gop`th picture.
    pub fn new(gop: u32) -> Self {
        let stamp = stamp::Config { corner: Corner::TopLeft, stream_id: STREAM_ID, text: true };
        let settings = encode::Config { size: SIZE, rate: FrameRate::THIRTY, bitrate: BITRATE, gop };
        Self {
            pattern: Box::new(pattern::pictures(SIZE)),
            stamper: Stamper::new(SIZE, stamp).expect("the code fits"),
            encoder: OpenH264::new(settings).expect("the library can be used"),
            sealer: Sealer::new(STREAM_ID, None),
        }
    }

    /// The next frame, whole and sent `now`.
    pub fn frame(&mut self, now: Now, force_key: bool) -> SealedFrame {
        let mut picture = self.pattern.next().expect("the pattern never ends");
        let stamped = self.stamper.stamp(&mut picture, &Still(now));
        let time = self.sealer.expect(Captured::Unknown, &stamped);
        self.encoder.encode(&picture, time, force_key).expect("the picture can be encoded");
        let encoded = self.encoder.next_frame().expect("it was").expect("nothing is held back");
        let sealed = self.sealer.seal(encoded, now.mono).expect("the picture is known");
        self.stamper.processed(now.mono - stamped.at);
        sealed
    }
}
