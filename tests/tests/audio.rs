//! Audio beside the video: ffmpeg publishes both to our server, and plays both over RTSP, HLS, DASH and MSE.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use framelag_tests::process::{Builder, Process};
use framelag_tests::rtsp::http_get;
use framelag_tests::{LIMIT, need, viewing};
use server::SegmentSettings;

/// Seconds that are looked at of each.
const SECONDS: f64 = 3.0;
const SOME: [&str; 2] = ["-read_intervals", "%+3"];

fn server() -> server::Handle {
    let free: SocketAddr = "127.0.0.1:0".parse().expect("an address");
    let segments = SegmentSettings { segment: Duration::from_millis(500), ..SegmentSettings::default() };
    let config = server::Config { rtsp: free, http: Some(free), segments, ..server::Config::default() };
    server::start(config).expect("a server")
}

/// H.264 at 30 fps, and a tone that `encoder` encodes; a packet has some 40 ms of AAC. By default ffmpeg fills its packets, however
/// late that makes them.
fn publish(server: &server::Handle, encoder: &str, transport: &str) -> Process {
    Builder::new(need::tool("ffmpeg"))
        .words("-v error -re -f lavfi -i testsrc=size=320x240:rate=30")
        .words("-re -f lavfi -i sine=frequency=440:sample_rate=48000")
        .words("-c:v libx264 -preset ultrafast -tune zerolatency -profile:v baseline -pix_fmt yuv420p -g 15")
        .args(["-c:a", encoder, "-ac", "2", "-muxdelay", "0.05", "-f", "rtsp", "-rtsp_transport", transport])
        .arg(format!("rtsp://{}/cam", server.rtsp_addr()))
        .spawn()
}

/// Presentation times of the packets of one track, in seconds.
type Track = Vec<f64>;

/// Names of the codecs and packets of video and audio, as ffprobe reads `url`.
fn probe(url: &str, options: &[&str]) -> (Vec<String>, [Track; 2]) {
    let entries = "stream=index,codec_name:packet=stream_index,pts_time";
    let finished = Builder::new(need::tool("ffprobe"))
        .words("-v error")
        .args(options)
        .args(["-show_entries", entries, "-of", "compact=nk=1", url])
        .run(LIMIT);
    let text = finished.stdout.join("\n");
    assert_eq!((finished.code, &finished.stderr[..]), (Some(0), &[][..]), "{url}: {text}");
    let (mut codecs, mut tracks) = (Vec::new(), [Track::default(), Track::default()]);
    for line in &finished.stdout {
        match &line.split('|').collect::<Vec<_>>()[..] {
            ["stream", index, codec] => codecs.push(format!("{index} {codec}")),
            // Over RTSP, ffmpeg does not know the time of the first packet.
            ["packet", _, "N/A", ..] => {}
            ["packet", index, time, ..] => {
                let index: usize = index.parse().unwrap_or_else(|_| panic!("{line}"));
                tracks[index].push(time.parse().unwrap_or_else(|_| panic!("{line}")));
            }
            _ => {}
        }
    }
    codecs.sort();
    // They may be told of a programme as well.
    codecs.dedup();
    (codecs, tracks)
}

fn http(server: &server::Handle) -> SocketAddr {
    server.http_addr().expect("HTTP")
}

/// Both tracks are there, last at least `seconds`, and have no gap.
fn expect_both((codecs, tracks): (Vec<String>, [Track; 2]), codec: &str, seconds: f64) -> [Track; 2] {
    assert_eq!(codecs, ["0 h264", &format!("1 {codec}")]);
    for track in &tracks {
        let span = track[track.len() - 1] - track[0];
        assert!((seconds..SECONDS + 1.5).contains(&span), "{span} s: {track:?}");
        assert!(track.windows(2).all(|pair| (0.015..0.04).contains(&(pair[1] - pair[0]))), "{track:?}");
    }
    tracks
}

fn expect_together(video: &[f64], audio: &[f64]) {
    assert!((video[0] - audio[0]).abs() <= 0.1, "{} and {}", video[0], audio[0]);
}

/// Where a segment of DASH begins, of the track that is called so.
fn dash_start(server: &server::Handle, track: &str, segment: u32) -> Track {
    // Version 1.0 has no chunks: what comes behind the head is the file.
    let get = |name: String| {
        let mut stream = TcpStream::connect(http(server)).expect("the server listens");
        write!(stream, "GET /cam/{name} HTTP/1.0\r\nHost: {}\r\n\r\n", http(server)).expect("it reads");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        let head = answer.windows(4).position(|end| end == b"\r\n\r\n").expect("a head");
        assert!(answer.starts_with(b"HTTP/1.0 200"), "{name}: {}", String::from_utf8_lossy(&answer[..head]));
        answer.split_off(head + 4)
    };
    let whole = [get(format!("init-{track}-0.mp4")), get(format!("dash-{track}-{segment}.m4s"))].concat();
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), whole).expect("it is written");
    let (codecs, [times, _]) = probe(&file.path().to_string_lossy(), &[]);
    assert_eq!(codecs.len(), 1, "{codecs:?}");
    times
}

fn is_played_by_ffmpeg(encoder: &str, codec: &str) {
    let server = server();
    let _publisher = publish(&server, encoder, "tcp");
    let text = viewing::playlist(http(&server), "cam");
    assert!(text.contains("EXT-X-MAP"), "{text}");
    for file in ["index.m3u8", "mse"] {
        let [video, audio] =
            expect_both(probe(&format!("http://{}/cam/{file}", http(&server)), &SOME), codec, SECONDS - 0.3);
        expect_together(&video, &audio);
    }
    // ffmpeg opens one track of DASH after the other, and begins each with what is the newest then.
    expect_both(probe(&format!("http://{}/cam/manifest.mpd", http(&server)), &SOME), codec, 0.5);
    let segment = viewing::playlist(http(&server), "cam")
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("segment-")?.strip_suffix(".m4s")?.parse().ok())
        .expect("a segment that is complete");
    expect_together(&dash_start(&server, "video", segment), &dash_start(&server, "audio", segment));
    let mpd = String::from_utf8(http_get(http(&server), "/cam/manifest.mpd").expect("an answer").body).expect("text");
    assert_eq!(mpd.matches("<AdaptationSet ").count(), 2, "{mpd}");
    assert!(
        !viewing::playlist(http(&server), "cam").contains("DISCONTINUITY"),
        "the audio is there from the beginning"
    );
    let status = http_get(http(&server), "/api/streams/status/cam").expect("an answer");
    let status: serde_json::Value = serde_json::from_slice(&status.body).expect("JSON");
    let audio = &status["audio"];
    let count = |name: &str| audio[name].as_u64().unwrap_or_else(|| panic!("{name}: {status}"));
    assert!(count("frames") >= count("packets") && count("packets") > 50 && count("bytes") > 1_000, "{status}");
    assert_eq!(count("lost_packets"), 0);
}

#[test]
fn aac_is_played_by_ffmpeg() {
    is_played_by_ffmpeg("aac", "aac");
}

#[test]
fn opus_is_played_by_ffmpeg() {
    is_played_by_ffmpeg("libopus", "opus");
}

fn passes_over_rtsp(encoder: &str, codec: &str, publishing: &str, playing: &str) {
    let server = server();
    let _publisher = publish(&server, encoder, publishing);
    viewing::playlist(http(&server), "cam");
    let url = format!("rtsp://{}/cam", server.rtsp_addr());
    let (codecs, [video, audio]) = probe(&url, &["-rtsp_transport", playing, SOME[0], SOME[1]]);
    assert_eq!(codecs, ["0 h264", &format!("1 {codec}")]);
    assert!(video.len() > 30 && audio.len() > 50, "{} and {}", video.len(), audio.len());
}

#[test]
fn aac_passes_over_rtsp() {
    passes_over_rtsp("aac", "aac", "tcp", "tcp");
    passes_over_rtsp("aac", "aac", "udp", "tcp");
}

#[test]
fn opus_passes_over_rtsp() {
    passes_over_rtsp("libopus", "opus", "tcp", "udp");
    passes_over_rtsp("libopus", "opus", "udp", "udp");
}
