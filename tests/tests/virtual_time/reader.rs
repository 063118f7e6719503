//! Who reads the stream in a world: packets in, whole frames out, each at the virtual time at which it was whole.

use common::rtp::h264::Depacketizer;
use common::rtp::{Dropped, Event, Frame, Packet};
use common::rtsp::serve::Description;
use common::time::MonoTime;

/// A reader of everything that the server receives.
#[derive(Default)]
pub struct Reader {
    depacketizer: Depacketizer,
    /// What became of the frames, and when that was known.
    pub events: Vec<(MonoTime, Event)>,
}

impl Reader {
    /// Begins to read a stream; what came before stays.
    pub fn join(&mut self, description: &Description) {
        self.depacketizer = Depacketizer::new(&description.video().parameter_sets);
    }

    /// Takes a packet as it arrives.
    pub fn receive(&mut self, now: MonoTime, packet: &[u8]) {
        let Ok(packet) = Packet::parse(packet) else { return };
        self.events.extend(self.depacketizer.handle_packet(now, &packet).map(|event| (now, event)));
    }

    /// Frames that can be decoded one after the other.
    pub fn frames(&self) -> Vec<&Frame> {
        let frames = self.events.iter().filter_map(|(_, event)| match event {
            Event::Frame(frame) => Some(frame),
            Event::Dropped(..) => None,
        });
        frames.collect()
    }

    /// Why the others cannot.
    pub fn dropped(&self) -> Vec<Dropped> {
        let dropped = self.events.iter().filter_map(|(_, event)| match event {
            Event::Dropped(_, why) => Some(*why),
            Event::Frame(_) => None,
        });
        dropped.collect()
    }
}
