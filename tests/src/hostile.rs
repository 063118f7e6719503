//! Each parser of input from outside, as a function of any bytes: for fuzzing, and for replaying its corpus.
//!
//! A function here panics where the parser does, and where what it promises does not hold. All of them are in
//! [`TARGETS`], by the name of their fuzz target and of their folder in `tests/fuzz/corpus`.

mod proxy;
mod report;
mod serve;
mod tune;

use std::net::SocketAddr;

use common::code::Reader;
use common::credentials::Credentials;
use common::frame::{Luma, Picture};
use common::media::Codec;
use common::rtp::h264::Depacketizer;
use common::rtp::{AudioDepacketizer, Event, Packet, rtcp};
use common::rtsp::auth::{Attempt, Client, Verifier};
use common::rtsp::headers::{Session, Transport, check_range, parse_cseq};
use common::rtsp::message::{Framer, Item};
use common::rtsp::sdp::Announcement;
use common::stream_url::StreamUrl;
use common::sync::{Prober, Protocol, Responder};
use common::time::{MonoTime, Now, WallTime};
use common::{h264, redact, sei, units, y4m};

pub use proxy::rtsp_proxy;
pub use report::report;
pub use serve::{http, rtsp_serve, stream_settings};
pub use tune::{flv, plan};

/// A parser that takes any bytes.
pub type Target = fn(&[u8]);

/// Every parser, by name.
pub const TARGETS: [(&str, Target); 20] = [
    ("rtsp_message", rtsp_message),
    ("rtsp_headers", rtsp_headers),
    ("rtsp_serve", rtsp_serve),
    ("rtsp_auth", rtsp_auth),
    ("sdp", sdp),
    ("rtp", rtp),
    ("rtp_frames", rtp_frames),
    ("rtp_audio", rtp_audio),
    ("rtcp", rtcp),
    ("h264", h264),
    ("code", code),
    ("clock", clock),
    ("flags", flags),
    ("report", report),
    ("rtsp_proxy", rtsp_proxy),
    ("flv", flv),
    ("plan", plan),
    ("y4m", y4m),
    ("http", http),
    ("stream_settings", stream_settings),
];

/// RTSP framing. The first byte says where the bytes are cut in two: what comes out must not depend on it.
pub fn rtsp_message(data: &[u8]) {
    let Some((cut, stream)) = data.split_first() else { return };
    let (front, back) = stream.split_at(usize::from(*cut).min(stream.len()));
    let whole = items(&[stream]);
    let pieces = items(&[front, back]);
    assert_eq!(whole, pieces, "the same items, however the stream is cut");
}

/// The items of a stream that comes in pieces, and whether it was one of RTSP up to its end. (Which of several errors is
/// found first may depend on the cut.)
fn items(pieces: &[&[u8]]) -> (Vec<Item>, bool) {
    let mut framer = Framer::default();
    let mut items = Vec::new();
    for piece in pieces {
        framer.push(piece);
        loop {
            match framer.next_item() {
                Ok(Some(item)) => items.push(item),
                Ok(None) => break,
                Err(_) => return (items, false),
            }
        }
    }
    (items, true)
}

/// Header values.
pub fn rtsp_headers(data: &[u8]) {
    let value = String::from_utf8_lossy(data);
    let _ = parse_cseq(&value);
    let _ = Session::parse(&value);
    let _ = Transport::parse(&value);
    let _ = check_range(&value);
}

/// Challenges as a client sees them and answers as a server does.
pub fn rtsp_auth(data: &[u8]) {
    let value = String::from_utf8_lossy(data);
    let mut client = Client::new(Credentials::new("ann", "secret"));
    client.challenged(&value);
    client.authorization("DESCRIBE", "rtsp://127.0.0.1/cam");

    let mut verifier = Verifier::new("framelag").allowing_basic();
    let attempt = Attempt { method: "DESCRIBE", uri: "rtsp://127.0.0.1/cam" };
    let password = |_: &str| Some("a long random secret".to_owned());
    let user = verifier.verify(&attempt, Some(&value), MonoTime::default(), password);
    assert!(user.is_err(), "nobody guesses the password");
}

/// Session descriptions.
pub fn sdp(data: &[u8]) {
    let _ = Announcement::parse(data);
}

/// RTP packets, as the relay looks at them.
pub fn rtp(data: &[u8]) {
    let Ok(packet) = Packet::parse(data) else { return };
    let _ = packet.starts_decoding(Codec::H264);
    packet.for_each_parameter_set(Codec::H264, |set| assert!(set.len() <= data.len()));
}

/// RTP packets as they are put together to frames: each behind its length in one byte.
pub fn rtp_frames(data: &[u8]) {
    let mut depacketizer = Depacketizer::new(&[]);
    let (mut rest, mut payload, mut decodable) = (data, 0, false);
    while let Some((&length, after)) = rest.split_first() {
        let (bytes, after) = after.split_at(after.len().min(length.into()));
        rest = after;
        let Ok(packet) = Packet::parse(bytes) else { continue };
        payload += packet.payload.len();
        for event in depacketizer.handle_packet(MonoTime::default(), &packet) {
            let Event::Frame(frame) = event else {
                decodable = false;
                continue;
            };
            let nals: usize = h264::nals(&frame.encoded.data).map(<[u8]>::len).sum();
            assert!(nals > 0 && nals <= 2 * data.len(), "no more than came, and the parameter sets kept");
            assert!(decodable || frame.starts_decoding, "nothing refers to what was dropped");
            decodable = true;
        }
    }
    assert!(payload <= data.len());
}

/// RTP packets as they are put together to frames of audio, each behind its length in one byte. The first byte says how audio is
/// announced.
pub fn rtp_audio(data: &[u8]) {
    const FORMATS: [&str; 3] = [
        "opus/48000/2\r\n",
        "mpeg4-generic/48000/2\r\na=fmtp:97 config=1190;sizelength=13;indexlength=3;indexdeltalength=3\r\n",
        "mpeg4-generic/44100/1\r\na=fmtp:97 config=1208;sizelength=6;indexlength=2;indexdeltalength=2\r\n",
    ];
    let Some((&format, data)) = data.split_first() else { return };
    let format = FORMATS[usize::from(format) % FORMATS.len()];
    let sdp = format!(
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n\
         m=audio 0 RTP/AVP 97\r\na=rtpmap:97 {format}"
    );
    let audio = Announcement::parse(sdp.as_bytes()).ok().and_then(|announced| announced.audio).expect("audio");
    let mut depacketizer = AudioDepacketizer::new(&audio.format, audio.payload).expect("they belong together");
    let (mut rest, mut payload, mut found) = (data, 0, 0);
    while let Some((&length, after)) = rest.split_first() {
        let (bytes, after) = after.split_at(after.len().min(length.into()));
        rest = after;
        let Ok(packet) = Packet::parse(bytes) else { continue };
        payload += packet.payload.len();
        let _ = audio.payload.frames(&packet);
        depacketizer.handle_packet(MonoTime::default(), &packet, |frame| {
            assert!(!frame.data.is_empty() && frame.duration > 0);
            found += frame.data.len();
        });
        assert!(found <= payload, "no more than came");
    }
}

/// Compound RTCP packets.
pub fn rtcp(data: &[u8]) {
    if let Ok(events) = rtcp::parse(data) {
        assert!(events.len() <= data.len(), "no more events than bytes");
    }
}

/// NAL units in Annex B, the stamp in an SEI, and what sets and slices say.
pub fn h264(data: &[u8]) {
    let bytes: usize = h264::nals(data).map(<[u8]>::len).sum();
    assert!(bytes <= data.len(), "NAL units do not overlap");
    let _ = (sei::find(data), h264::find_stamp(data));
    let seen = h264::AccessUnit::parse(data);
    for sps in h264::nals(data).chain(seen.sps) {
        let _ = h264::as_scalable_baseline(sps, &mut Vec::new());
        let Ok(parsed) = h264::Sps::parse(sps) else { continue };
        let slice = seen.slice.and_then(|slice| h264::Slice::parse(slice, &parsed).ok());
        put_in_order(data, &parsed);
        let next = slice.map_or(0, |slice| slice.frame_num);
        if parsed.size.area() < 1 << 20 {
            let _ = h264::filler::before(next, sps, seen.pps.unwrap_or(&[0x68, 0xce]));
        }
    }
}

/// All slices, each as a picture's first, in the order of output.
fn put_in_order(data: &[u8], sps: &h264::Sps) {
    let (mut order, mut reorder) = (h264::PicOrder::default(), h264::Reorder::default());
    reorder.declare(sps.order.reorders);
    let (mut taken, mut out) = (0, 0);
    for slice in h264::nals(data).filter_map(|nal| h264::Slice::parse(nal, sps).ok()) {
        let (place, b) = (order.next(&slice, sps), slice.kind == h264::SliceKind::B);
        taken += 1;
        loop {
            match reorder.step(place, b) {
                h264::Step::Out(()) => out += 1,
                h264::Step::Now => break out += 1,
                h264::Step::Wait => break reorder.hold(place, ()),
            }
        }
        assert!(taken - out <= reorder.depth(), "few wait");
    }
    out += std::iter::from_fn(|| reorder.flush()).count();
    assert_eq!(taken, out, "all come out");
}

/// The code in a picture: two bytes of size, then luma, which ends in black where the bytes do.
pub fn code(data: &[u8]) {
    let [width, height, samples @ ..] = data else { return };
    let (width, height) = (usize::from(*width) + 1, usize::from(*height) + 1);
    let mut luma = samples.to_vec();
    luma.resize(width * height, 16);
    let mut reader = Reader::new();
    for _ in 0..2 {
        let _ = reader.read(Luma { data: &luma, width, height, stride: width });
    }
}

/// Datagrams of the clock protocol and of NTP, as who asks and who answers see them.
pub fn clock(data: &[u8]) {
    let (now, server) = (MonoTime::default(), SocketAddr::from(([192, 0, 2, 1], 8554)));
    let mut responder = Responder::new(1);
    if let Some(nonce) = responder.handle_datagram(now, server.ip(), data) {
        let answer = responder.answer(nonce, WallTime::default(), WallTime::default());
        assert!(answer.len() <= data.len(), "no more is sent than was received");
    }
    for protocol in [Protocol::Framelag, Protocol::Ntp] {
        let mut prober = Prober::new(protocol, server, 1);
        let request = prober.poll_transmit(now).expect("the first is due at once");
        prober.handle_datagram(now, server, data);
        // The same with the nonce of the request put where it belongs.
        let (from, to) = if protocol == Protocol::Ntp { (40, 24) } else { (8, 8) };
        // The seed is the same each time, so that a fuzzer, which watches comparisons, may learn the nonce.
        let guessed = data.get(to..to + 8) == Some(&request[from..from + 8]);
        assert!(guessed || prober.view().fix.is_none(), "only the nonce makes an answer");
        let mut answer = data.to_vec();
        if let Some(nonce) = answer.get_mut(to..to + 8) {
            nonce.copy_from_slice(&request[from..from + 8]);
            prober.handle_datagram(now, server, &answer);
        }
        if let Some(fix) = prober.view().fix {
            assert!(fix.estimate(Now::default(), now).is_some_and(|estimate| estimate.bound_us >= 0));
        }
    }
}

/// A y4m stream: its pictures are whole, and there are no more of them than there are bytes for.
pub fn y4m(data: &[u8]) {
    let Ok(mut reader) = y4m::Reader::open(data) else { return };
    let Ok(size) = reader.size() else { return };
    if let (Ok(rate), Ok([code, text])) = (reader.rate(), reader.areas()) {
        let written = format!("{}\n", y4m::Header { size, rate, code, text });
        let again = y4m::Reader::open(written.as_bytes()).expect("what we write we can read");
        assert_eq!((again.size().ok(), again.rate().ok()), (Some(size), Some(rate)));
        assert_eq!(again.areas().ok(), Some([code, text]));
    }
    let bytes = Picture::bytes(size);
    let mut planes = vec![0; bytes];
    while let Ok(Some(_)) = reader.next(&mut planes) {}
    assert!(reader.count() as usize * bytes <= data.len(), "each picture has all of its bytes");
}

/// Values of command line flags.
pub fn flags(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let _ = units::parse_duration(&text);
    let _ = units::parse_rate(&text);
    let _ = text.parse::<common::frame::Size>();
    let _ = text.parse::<common::sync::Endpoint>();
    let _ = text.parse::<::report::Assertion>();
    let _ = text.parse::<StreamUrl>().map(|url| (url.to_string(), url.shown_path()));
    let _ = redact::secrets(&text);
}
