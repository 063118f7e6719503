//! Who reads the stream in a world: packets in, whole frames out, each with the virtual time at which it began to arrive.

use common::rtp::h264::Depacketizer;
use common::rtp::{Dropped, Event, Frame, Packet};
use common::rtsp::serve::Description;
use common::time::{MediaTime, MonoTime};

/// A reader of everything that the server receives.
#[derive(Default)]
pub struct Reader {
    depacketizer: Depacketizer,
    /// Frames that can be decoded one after the other.
    pub frames: Vec<Frame>,
    /// Frames that cannot.
    pub dropped: Vec<(MediaTime, Dropped)>,
}

impl Reader {
    /// Begins to read a stream; what came before stays.
    pub fn join(&mut self, description: &Description) {
        self.depacketizer = Depacketizer::new(&description.video().parameter_sets);
    }

    /// Takes a packet as it arrives.
    pub fn receive(&mut self, now: MonoTime, packet: &[u8]) {
        let Ok(packet) = Packet::parse(packet) else { return };
        for event in self.depacketizer.handle_packet(now, &packet) {
            match event {
                Event::Frame(frame) => self.frames.push(frame),
                Event::Dropped(time, why) => self.dropped.push((time, why)),
            }
        }
    }
}
