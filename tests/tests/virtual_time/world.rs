//! A publisher's session, a server's session, and the network between them, in a time that only moves from one event
//! to the next. No socket, no thread, no clock: minutes pass in milliseconds, and a seed brings every run back.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use common::h264::nals;
use common::impair::{Conditions, Link, Stream};
use common::media::{Codec, EncodedFrame};
use common::rtp::h264::Packetizer;
use common::rtp::{Packets, rtcp};
use common::rtsp::serve::{self, PacketKind};
use common::rtsp::{interleaved, push};
use common::time::{MediaTime, MonoTime, Now, WallTime};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::camera::Camera;
use crate::paths::Paths;
use crate::reader::Reader;
use crate::setup::{PPS, Pictures, SPS, SSRC, Setup};

/// Every so many pictures one is an IDR picture.
pub const GOP: u32 = 20;

/// Time between two pictures.
pub const FRAME: Duration = Duration::from_millis(33);

/// Wall time at the beginning.
pub const START: WallTime = WallTime::from_micros(1_700_000_000_000_000);

/// More events than this within a second are a session that spins.
const EVENTS_PER_SECOND_MAX: u64 = 20_000;

/// Both ends and the network.
pub struct World {
    /// Both clocks, the same at both ends.
    pub now: Now,
    /// The publisher's session.
    pub publisher: push::Session,
    /// How it ended: `Ok` as wished, or because the connection did.
    pub publisher_end: Option<Result<(), push::Error>>,
    /// The server's session.
    pub server: serve::Session,
    /// How it ended: `None` inside where the connection did.
    pub server_end: Option<Option<serve::Error>>,
    /// The server's streams.
    pub paths: Paths,
    /// What happened.
    pub trace: Trace,
    /// Reads whatever the server receives.
    pub reader: Reader,
    /// Of these pictures the packet with this number gets lost, if they travel by UDP.
    pub losses: BTreeMap<u32, usize>,
    camera: Option<Camera>,
    setup: Setup,
    rng: StdRng,
    up: Stream,
    down: Stream,
    rtp: Link,
    rtcp: Link,
    route: Option<push::Route>,
    packetizer: Packetizer,
    picture: u32,
    next_picture: MonoTime,
    idr_wanted: bool,
    /// Nothing arrives any more, at either end.
    severed: bool,
}

/// A frame as the publisher sent it.
#[derive(Clone, Debug)]
pub struct Sent {
    /// When.
    pub at: MonoTime,
    /// As a reader gets it.
    pub frame: EncodedFrame,
    /// In how many packets.
    pub packets: usize,
}

/// What happened in a world, over all connections.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// RTP packets that the publisher sent.
    pub sent: VecDeque<Vec<u8>>,
    /// RTP packets that reached the server.
    pub received: VecDeque<Vec<u8>>,
    /// Frames that the publisher sent.
    pub frames: Vec<Sent>,
    /// Steps of the wall clock, in µs.
    pub steps: Vec<(MonoTime, i64)>,
    /// Sender reports that reached it.
    pub reports: u64,
    /// Pictures that the publisher was asked for.
    pub idr_requests: u64,
    /// RECORDs that the server granted.
    pub records: u64,
    /// Sessions that it ended.
    pub teardowns: u64,
    /// States that the server went through.
    pub states: Vec<serve::State>,
    events: u64,
}

impl World {
    /// A publisher that has just connected.
    pub fn new(seed: u64, setup: Setup) -> Self {
        let now = Now { wall: START, mono: MonoTime::default() };
        let mut rng = StdRng::seed_from_u64(seed);
        let link = |seed| Link::new(setup.network.clone(), seed);
        Self {
            now,
            publisher: push::Session::new(setup.publisher(), now),
            publisher_end: None,
            server: serve::Session::new("connection-1".to_owned(), now.mono),
            server_end: None,
            paths: Paths::for_user(setup.user),
            trace: Trace::default(),
            up: Stream::new(setup.network.clone(), rng.random()),
            down: Stream::new(setup.network.clone(), rng.random()),
            rtp: link(rng.random()),
            rtcp: link(rng.random()),
            route: None,
            packetizer: Packetizer::new(SSRC, rng.random()),
            picture: 0,
            next_picture: now.mono,
            idr_wanted: true,
            reader: Reader::default(),
            losses: BTreeMap::new(),
            camera: (setup.pictures == Pictures::Stamped).then(|| Camera::new(GOP)),
            severed: false,
            rng,
            setup,
        }
    }

    /// Makes a new connection in place of one that has ended.
    pub fn reconnect(&mut self) {
        assert!(self.is_over(), "the connection before is still there");
        self.publisher = push::Session::new(self.setup.publisher(), self.now);
        self.server = serve::Session::new(format!("connection-{}", self.rng.random::<u32>()), self.now.mono);
        self.up = Stream::new(self.setup.network.clone(), self.rng.random());
        self.down = Stream::new(self.setup.network.clone(), self.rng.random());
        (self.publisher_end, self.server_end, self.route, self.severed) = (None, None, None, false);
    }

    /// Lets time pass until `done`, or for `limit`; whether it was done.
    pub fn run_until(&mut self, limit: Duration, done: impl Fn(&Self) -> bool) -> bool {
        let end = self.now.mono + limit;
        self.drain();
        let first = self.trace.events;
        while !done(self) {
            let Some(next) = self.next_event().filter(|next| *next <= end) else {
                self.pass_to(end);
                return done(self);
            };
            self.pass_to(next.max(self.now.mono));
            self.handle();
            self.trace.events += 1;
            let most = EVENTS_PER_SECOND_MAX * (limit.as_secs() + 1);
            assert!(self.trace.events - first < most, "a session spins at {:?}", self.now.mono);
        }
        true
    }

    /// Lets time pass.
    pub fn run_for(&mut self, time: Duration) {
        self.run_until(time, |_| false);
    }

    /// Whether both ends know that the stream flows.
    pub fn is_recording(&self) -> bool {
        !self.is_over_at_one_end()
            && self.publisher.state() == push::State::Recording
            && self.server.state() == serve::State::Record
    }

    /// Whether both ends have ended.
    pub fn is_over(&self) -> bool {
        self.publisher_end.is_some() && self.server_end.is_some()
    }

    /// Ends the stream as a publisher does: no more pictures, then TEARDOWN.
    pub fn teardown(&mut self) {
        self.route = None;
        self.publisher.teardown(self.now);
        self.drain();
    }

    /// Closes the connection at both ends, as a reset does.
    pub fn reset(&mut self) {
        self.end_publisher(Ok(()));
        self.end_server(None);
    }

    /// Lets nothing arrive any more, at either end, and tells nobody.
    pub fn sever(&mut self) {
        self.severed = true;
    }

    /// Another network from now on for packets, if they travel by UDP.
    pub fn set_network(&mut self, network: Conditions) {
        self.rtp.set_conditions(network);
    }

    /// The publisher makes no pictures for so long.
    pub fn hold_pictures(&mut self, time: Duration) {
        self.next_picture = self.next_picture + time;
    }

    /// Steps the wall clock of the host that both ends share.
    pub fn step_wall(&mut self, micros: i64) {
        self.now.wall = self.now.wall.offset(micros);
        self.trace.steps.push((self.now.mono, micros));
    }

    /// A reader asks the server for a picture; the server passes it on as RTCP.
    pub fn ask_for_picture(&mut self) {
        let packet = rtcp::picture_loss(1, SSRC);
        match self.route {
            Some(push::Route::Interleaved(rtp)) => {
                let len = u16::try_from(packet.len()).expect("a short packet");
                self.send_down(&[&interleaved::header(rtp + 1, len)[..], &packet].concat());
            }
            _ => self.publisher.handle_rtcp(self.now, &packet),
        }
    }

    /// The server writes something of its own to the connection.
    pub fn send_down(&mut self, bytes: &[u8]) {
        self.down.handle_bytes(self.now.mono, bytes);
    }

    fn is_over_at_one_end(&self) -> bool {
        self.publisher_end.is_some() || self.server_end.is_some()
    }

    fn next_event(&self) -> Option<MonoTime> {
        let publisher = self.publisher_end.is_none();
        let server = self.server_end.is_none();
        [
            self.publisher.poll_timeout().filter(|_| publisher),
            self.server.poll_timeout().filter(|_| server),
            self.up.poll_timeout().filter(|_| server && !self.severed),
            self.down.poll_timeout().filter(|_| publisher && !self.severed),
            self.rtp.poll_timeout().filter(|_| !self.severed),
            self.rtcp.poll_timeout().filter(|_| !self.severed),
            self.route.filter(|_| self.setup.pictures != Pictures::None).map(|_| self.next_picture),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn pass_to(&mut self, to: MonoTime) {
        self.now = Now { wall: self.now.wall_at(to), mono: to };
    }

    /// Does everything that is due.
    fn handle(&mut self) {
        let mono = self.now.mono;
        if !self.severed {
            self.arrive(mono);
        }
        if self.publisher_end.is_none() && self.publisher.poll_timeout().is_some_and(|due| due <= mono) {
            let result = self.publisher.handle_timeout(self.now);
            self.after_publisher(result);
        }
        if self.server_end.is_none() && self.server.poll_timeout().is_some_and(|due| due <= mono) {
            let result = self.server.handle_timeout(mono);
            self.after_server(result);
        }
        if self.route.is_some() && self.setup.pictures != Pictures::None && self.next_picture <= mono {
            self.send_picture();
        }
        self.drain();
    }

    fn arrive(&mut self, mono: MonoTime) {
        while let Some(bytes) = self.up.poll_output(mono).filter(|_| self.server_end.is_none()) {
            let bytes = self.corrupted(bytes);
            let result = self.server.handle_input(mono, &bytes, &mut self.paths);
            self.after_server(result);
        }
        while let Some(bytes) = self.down.poll_output(mono).filter(|_| self.publisher_end.is_none()) {
            let bytes = self.corrupted(bytes);
            let result = self.publisher.handle_input(self.now, &bytes);
            self.after_publisher(result);
        }
        if self.up.is_closed(mono) {
            self.end_server(None);
        }
        if self.down.is_closed(mono) {
            self.end_publisher(Ok(()));
        }
        while let Some(packet) = self.rtp.poll_output(mono) {
            self.server.handle_activity(mono, Some(mono));
            self.take_packet(packet);
        }
        while let Some(packet) = self.rtcp.poll_output(mono) {
            self.server.handle_activity(mono, Some(mono));
            self.take_report(&packet);
        }
    }

    fn corrupted(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        for byte in &mut bytes {
            if self.setup.corruption > 0.0 && self.rng.random_bool(self.setup.corruption) {
                *byte = self.rng.random();
            }
        }
        bytes
    }

    fn drain(&mut self) {
        while let Some(output) = self.publisher.poll_output().filter(|_| self.publisher_end.is_none()) {
            match output {
                push::Output::Send(bytes) => self.up.handle_bytes(self.now.mono, &bytes),
                push::Output::SendRtcp(packet) if !self.severed => self.rtcp.handle_packet(self.now.mono, packet),
                push::Output::SendRtcp(_) => {}
                push::Output::Recording(route) => {
                    self.route = Some(route);
                    self.next_picture = self.now.mono;
                    self.idr_wanted = true;
                }
                push::Output::IdrRequested => {
                    self.trace.idr_requests += 1;
                    self.idr_wanted = true;
                }
                // Nobody asks for it here.
                push::Output::Shift(_) => {}
                push::Output::Closed => self.end_publisher(Ok(())),
            }
        }
        self.drain_server();
    }

    fn drain_server(&mut self) {
        while let Some(output) = self.server.poll_output() {
            match output {
                serve::Output::Send(bytes) => self.down.handle_bytes(self.now.mono, &bytes),
                serve::Output::Record(setup) => {
                    assert_eq!(setup.path.as_str(), "live/cam");
                    self.trace.records += 1;
                    self.reader.join(&setup.description);
                }
                serve::Output::Packet(packet) if packet.kind == PacketKind::Rtp => {
                    self.take_packet(packet.bytes.to_vec());
                }
                serve::Output::Packet(packet) => self.take_report(&packet.bytes),
                serve::Output::Teardown => {
                    self.trace.teardowns += 1;
                    self.paths.held = false;
                }
                serve::Output::Play(_) | serve::Output::Pause | serve::Output::Answer { .. } => {}
            }
        }
        if self.trace.states.last() != Some(&self.server.state()) {
            self.trace.states.push(self.server.state());
        }
    }

    fn take_packet(&mut self, packet: Vec<u8>) {
        self.reader.receive(self.now.mono, &packet);
        self.trace.received.push_back(packet);
    }

    fn take_report(&mut self, packet: &[u8]) {
        let events = rtcp::parse(packet).unwrap_or_default();
        let reports = events.iter().filter(|event| matches!(event, rtcp::Event::SenderReport { ssrc: SSRC, .. }));
        self.trace.reports += reports.count() as u64;
    }

    fn after_publisher(&mut self, result: Result<(), push::Error>) {
        self.drain();
        if result.is_err() {
            self.end_publisher(result);
        }
    }

    /// What a session still has to say when it fails is written before the connection is closed.
    fn after_server(&mut self, result: Result<(), serve::Error>) {
        self.drain_server();
        if let Err(error) = result {
            self.end_server(Some(error));
        }
    }

    fn end_publisher(&mut self, how: Result<(), push::Error>) {
        self.route = None;
        self.publisher_end.get_or_insert(how);
        self.up.handle_close(self.now.mono);
    }

    /// The server forgets what the connection held.
    fn end_server(&mut self, why: Option<serve::Error>) {
        self.server_end.get_or_insert(why);
        self.paths.held = false;
        self.down.handle_close(self.now.mono);
    }

    fn send_picture(&mut self) {
        let Some(route) = self.route else { return };
        let mut packets = Packets::default();
        let frame = self.make_frame(&mut packets);
        let time = frame.time;
        self.trace.frames.push(Sent { at: self.now.mono, frame, packets: packets.len() });
        self.trace.sent.extend(packets.iter().map(<[u8]>::to_vec));
        match route {
            push::Route::Interleaved(channel) => {
                self.up.handle_bytes(self.now.mono, packets.interleaved(channel));
            }
            push::Route::Udp { .. } if self.severed => {}
            push::Route::Udp { .. } => {
                let lost = self.losses.get(&self.picture).copied();
                let left = packets.iter().enumerate().filter(|(number, _)| Some(*number) != lost);
                left.for_each(|(_, packet)| self.rtp.handle_packet(self.now.mono, packet.to_vec()));
            }
        }
        let frame = push::SentFrame {
            packets: u32::try_from(packets.len()).expect("few packets"),
            octets: u32::try_from(packets.bytes()).expect("few bytes"),
            time,
            sampled: self.now.wall,
        };
        self.publisher.handle_sent(self.now, &frame).expect("a session that records takes pictures");
        self.picture += 1;
        self.next_picture = self.now.mono + FRAME;
    }

    /// The next frame as a reader gets it, and its packets.
    fn make_frame(&mut self, packets: &mut Packets) -> EncodedFrame {
        let idr_wanted = std::mem::take(&mut self.idr_wanted);
        if let Some(camera) = &mut self.camera {
            let sealed = camera.frame(self.now, idr_wanted);
            self.packetizer.packetize(&nals(&sealed.frame.data).collect::<Vec<_>>(), sealed.frame.time, packets);
            return sealed.frame;
        }
        let is_key = self.picture.is_multiple_of(GOP) || idr_wanted;
        let mut nal = vec![if is_key { 0x65 } else { 0x41 }; self.rng.random_range(2..6_000)];
        self.rng.fill(&mut nal[1..]);
        // The slice begins at macroblock 0.
        nal[1] |= 0x80;
        let time = MediaTime::from_ticks(self.picture.wrapping_mul(2_970));
        self.packetizer.packetize(&[&nal], time, packets);
        EncodedFrame { codec: Codec::H264, data: as_received(is_key, &nal), is_key, time }
    }
}

/// A frame's bytes as a reader gets them: parameter sets, which only the description has, before each IDR picture.
fn as_received(is_key: bool, nal: &[u8]) -> Vec<u8> {
    let sets: &[&[u8]] = if is_key { &[SPS, PPS] } else { &[] };
    sets.iter().copied().chain([nal]).flat_map(|nal| [&[0, 0, 0, 1], nal].concat()).collect()
}
