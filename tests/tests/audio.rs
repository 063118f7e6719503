//! Audio beside the video: ffmpeg publishes both to our server, and plays both over RTSP, HLS, DASH and MSE.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use framelag_tests::process::{Builder, Process};
use framelag_tests::rtsp::http_get;
use framelag_tests::{LIMIT, need};
use server::SegmentSettings;

/// Seconds that are looked at of each.
const SECONDS: f64 = 3.0;

fn server() -> server::Handle {
    let free: SocketAddr = "127.0.0.1:0".parse().expect("an address");
    let segments = SegmentSettings { segment: Duration::from_millis(500), ..SegmentSettings::default() };
    let config = server::Config { rtsp: free, http: Some(free), segments, ..server::Config::default() };
    server::start(config).expect("a server")
}

/// H.264 at 30 fps, and a tone that `encoder` encodes.
fn publish(server: &server::Handle, encoder: &str, transport: &str) -> Process {
    Builder::new(need::tool("ffmpeg"))
        .words("-v error -re -f lavfi -i testsrc=size=320x240:rate=30")
        .words("-re -f lavfi -i sine=frequency=440:sample_rate=48000")
        .words("-c:v libx264 -preset ultrafast -tune zerolatency -profile:v baseline -pix_fmt yuv420p -g 15")
        .args(["-c:a", encoder, "-ac", "2", "-f", "rtsp", "-rtsp_transport", transport])
        .arg(format!("rtsp://{}/cam", server.rtsp_addr()))
        .spawn()
}

/// What a player finds of one track.
#[derive(Debug, Default)]
struct Track {
    /// Presentation time of each packet, and how long it lasts; in seconds.
    packets: Vec<(f64, f64)>,
}

impl Track {
    fn start(&self) -> f64 {
        self.packets.iter().map(|(time, _)| *time).fold(f64::INFINITY, f64::min)
    }

    /// From the first packet to the end of the last.
    fn span(&self) -> f64 {
        self.packets.iter().map(|(time, duration)| time + duration).fold(0.0, f64::max) - self.start()
    }

    fn duration(&self) -> f64 {
        self.packets.iter().map(|(_, duration)| duration).sum()
    }
}

/// Names of the codecs and packets of video and audio, as ffprobe reads some seconds of `url`.
fn probe(url: &str, options: &[&str]) -> (Vec<String>, [Track; 2]) {
    let entries = "stream=index,codec_name:packet=stream_index,pts_time,duration_time";
    let finished = Builder::new(need::tool("ffprobe"))
        .words("-v error")
        .args(options)
        .args(["-read_intervals", &format!("%+{SECONDS}"), "-show_entries", entries, "-of", "compact=nk=1", url])
        .run(LIMIT);
    let text = finished.stdout.join("\n");
    assert_eq!((finished.code, &finished.stderr[..]), (Some(0), &[][..]), "{url}: {text}");
    let (mut codecs, mut tracks) = (Vec::new(), [Track::default(), Track::default()]);
    for line in &finished.stdout {
        match &line.split('|').collect::<Vec<_>>()[..] {
            ["stream", _, codec] => codecs.push((*codec).to_owned()),
            ["packet", index, time, duration, ..] => {
                let number = |text: &str| text.parse::<f64>().unwrap_or_else(|_| panic!("{line}"));
                tracks[number(index) as usize].packets.push((number(time), number(duration)));
            }
            _ => {}
        }
    }
    (codecs, tracks)
}

fn http(server: &server::Handle) -> SocketAddr {
    server.http_addr().expect("HTTP")
}

/// Waits until there is a playlist, and gives it.
fn playlist(server: &server::Handle) -> String {
    let start = Instant::now();
    loop {
        let answer = http_get(http(server), "/cam/index.m3u8").expect("an answer");
        match answer.status {
            200 => return String::from_utf8(answer.body).expect("text"),
            404 => assert!(start.elapsed() < LIMIT, "nobody publishes"),
            status => panic!("{status}: {}", answer.head),
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Both tracks last as long as was asked for, without gaps, and begin together.
fn expect_both(what: &str, found: (Vec<String>, [Track; 2]), codec: &str) {
    let (mut codecs, [video, audio]) = found;
    codecs.dedup();
    assert_eq!(codecs, ["h264", codec], "{what}");
    assert!((video.start() - audio.start()).abs() <= 0.1, "{what}: {} and {}", video.start(), audio.start());
    for track in [&video, &audio] {
        assert!((SECONDS - 0.3..SECONDS + 1.5).contains(&track.span()), "{what}: {} s", track.span());
        assert!((track.span() - track.duration()).abs() < 0.05, "{what}: {} of {} s", track.duration(), track.span());
    }
}

fn is_played_by_ffmpeg(encoder: &str, codec: &str) {
    let server = server();
    let _publisher = publish(&server, encoder, "tcp");
    let text = playlist(&server);
    assert!(text.contains("EXT-X-MAP"), "{text}");
    for file in ["index.m3u8", "manifest.mpd", "mse"] {
        expect_both(file, probe(&format!("http://{}/cam/{file}", http(&server)), &[]), codec);
    }
    let mpd = String::from_utf8(http_get(http(&server), "/cam/manifest.mpd").expect("an answer").body).expect("text");
    assert_eq!(mpd.matches("<AdaptationSet ").count(), 2, "{mpd}");
    assert!(!playlist(&server).contains("DISCONTINUITY"), "the audio is there from the beginning");
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
    playlist(&server);
    let url = format!("rtsp://{}/cam", server.rtsp_addr());
    let (mut codecs, [video, audio]) = probe(&url, &["-rtsp_transport", playing]);
    codecs.dedup();
    assert_eq!(codecs, ["h264", codec]);
    assert!(video.packets.len() > 30 && audio.packets.len() > 50, "{} and {}", video.packets.len(), audio.packets.len());
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
