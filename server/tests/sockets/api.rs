//! Tests of settings and tokens over HTTP.

use serde_json::Value;

use super::raw::{Client, Headers, config, http};
use super::viewers::Cam;
use super::wait_for;

fn put(cam: &Cam, path: &str, headers: &str, body: &str) -> (u16, Value) {
    let kind =
        if headers.to_ascii_lowercase().contains("content-type") { "" } else { "\r\nContent-Type: application/json" };
    let length = body.len();
    let request = format!("PUT /api/streams/settings/{path}");
    let headers = format!("{headers}{kind}\r\nContent-Length: {length}");
    let (status, text) = super::raw::http_with(cam.http(), &request, Headers { lines: &headers, body });
    let body = text.split_once("\r\n\r\n").expect("a body").1;
    (status, serde_json::from_str(body).unwrap_or_else(|_| panic!("no JSON: {text}")))
}

#[test]
fn settings_are_read_and_changed_and_what_is_wrong_is_named() {
    let cam = Cam::new();
    let (status, text) = http(cam.http(), "GET /api/streams/settings/cam");
    assert!(status == 200 && text.ends_with(r#"{"segment":"1s","part":"33ms","playlist":6}"#), "{text}");
    let (status, now) = put(&cam, "cam", "", r#"{"preset": "ultra", "playlist": 9}"#);
    assert!(status == 200 && now == serde_json::json!({"segment": "200ms", "part": "50ms", "playlist": 9}), "{now}");
    assert!(http(cam.http(), "GET /api/streams/settings/cam").1.contains(r#""part":"50ms""#));
    for (body, field) in [
        (r#"{"segment": "61s"}"#, "segment"),
        (r#"{"segment": "1"}"#, "segment"),
        (r#"{"part": "2s"}"#, "part"),
        (r#"{"playlist": 2}"#, "playlist"),
        (r#"{"playlist": -3}"#, "playlist"),
        (r#"{"preset": "fast"}"#, "preset"),
        (r#"{"gop": 30}"#, "gop"),
    ] {
        let (status, problem) = put(&cam, "cam", "", body);
        assert_eq!((status, &problem["field"]), (422, &Value::from(field)), "{body}: {problem}");
        assert!(problem["error"].as_str().is_some_and(|why| why.starts_with(field) && why.len() > 20), "{problem}");
    }
    assert!(http(cam.http(), "GET /api/streams/settings/cam").1.contains(r#""part":"50ms""#), "nothing has changed");
    for (path, headers, body, expected) in [
        ("nobody", "", "{}", 404),
        ("..", "", "{}", 404),
        ("cam", "", "no JSON", 400),
        ("cam", "", "[]", 400),
        ("cam", "\r\nContent-Type: text/plain", "{}", 415),
        ("cam", "\r\nContent-Type: application/x-www-form-urlencoded", "{}", 415),
        ("cam", "\r\nOrigin: http://example.com", "{}", 403),
        ("cam", "\r\nOrigin: null", "{}", 403),
        ("cam", "", &format!("{{{}}}", " ".repeat(5_000)), 413),
        ("cam", "\r\nOrigin: http://localhost", "{}", 200),
    ] {
        let (status, answer) = put(&cam, path, headers, body);
        assert_eq!(status, expected, "{path} {headers}: {answer}");
    }
    assert_eq!(http(cam.http(), "GET /api/streams/settings/nobody").0, 404);
    assert_eq!(http(cam.http(), "OPTIONS /api/streams/settings/cam").0, 405, "no page of another site may ask");
}

#[test]
fn a_stream_that_is_cut_goes_on_with_new_settings_and_counts_on() {
    let mut cam = Cam::new();
    let before = cam.playlist();
    assert!(before.contains("#EXT-X-MEDIA-SEQUENCE:0\n") && before.contains("URI=\"init.mp4\""), "{before}");
    // Waiting requests are answered from the replacement playlist.
    let waiting = cam.get("index.m3u8?_HLS_msn=1&_HLS_part=30");
    wait_for(&cam.handle, "cam", |status| status["http"]["viewers"] == 1);
    assert_eq!(put(&cam, "cam", "", r#"{"segment": "500ms", "part": "frame"}"#).0, 200);
    cam.send_idr();
    cam.send_slices(16);
    cam.send_idr();
    cam.send_slices(6);
    let after = waiting.join().expect("an answer");
    assert!(after.status == 200 && after.text().contains("URI=\"part-2-0.m4s\""), "{} {}", after.head, after.text());
    let text = cam.get("index.m3u8").join().expect("an answer").text();
    assert!(text.contains("#EXT-X-MEDIA-SEQUENCE:2\n"), "{text}");
    assert!(text.contains("#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"init-1.mp4\"\n"), "{text}");
    assert!(text.contains("segment-2.m4s") && text.contains("URI=\"part-3-0.m4s\",INDEPENDENT=YES"), "{text}");
    assert_eq!(cam.get("init-1.mp4").join().expect("an answer").status, 200);
    let status = super::status_of(&cam.handle, "cam");
    assert!(status["http"]["requests"].as_u64() >= Some(4), "{status}");
    assert!(status["http"]["bytes"].as_u64() >= Some(1_000), "{status}");
    assert!(status["http"]["segments"] == 2 && status["http"]["segment_bytes"].as_u64() >= Some(1_000), "{status}");
    let (_, metrics) = http(cam.http(), "GET /metrics");
    for line in [
        "framelag_stream_http_requests_total{path=\"cam\"} ",
        "framelag_stream_segments{path=\"cam\"} 2",
        "framelag_http_refused_total 0",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
}

/// Returns `user:password` in base64.
const ANN: &str = "\r\nAuthorization: Basic YW5uOmE=";
const BOB: &str = "\r\nAuthorization: Basic Ym9iOmI=";

fn ask(cam: &Cam, request: &str, headers: &str) -> (u16, String) {
    super::raw::http_with(cam.http(), request, Headers { lines: headers, body: "" })
}

fn token(cam: &Cam, path: &str) -> String {
    let (status, text) = ask(cam, &format!("POST /api/token{path}"), BOB);
    assert!(status == 200 && text.contains("cache-control: no-store"), "{text}");
    let issued: Value = serde_json::from_str(text.split_once("\r\n\r\n").expect("a body").1).expect("JSON");
    assert_eq!((&issued["token_type"], &issued["expires_in"]), (&Value::from("Bearer"), &Value::from(43_200)));
    issued["access_token"].as_str().expect("a token").to_owned()
}

/// Ann may publish, Bob may play.
fn protected() -> (Cam, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let file = folder.path().join("users");
    std::fs::write(&file, "ann:a:publish\nbob:b:play\n").expect("a file");
    let server = server::start(server::Config { auth: Some(file), ..config() }).expect("a server");
    (Cam::of(server, ANN.trim_start()), folder)
}

#[test]
fn a_token_opens_streams_and_nothing_else() {
    let (mut cam, _folder) = protected();
    let (all, one) = (token(&cam, ""), token(&cam, "/cam"));
    let other = token(&cam, "/rooms/one");
    let (status, text) = ask(&cam, "GET /cam/index.m3u8", "");
    assert_eq!(status, 401, "{text}");
    for challenge in ["www-authenticate: Basic realm=\"framelag\"", "www-authenticate: Bearer realm=\"framelag\""] {
        assert!(text.contains(challenge), "{text}");
    }
    assert!(text.contains("access-control-allow-origin: *"), "a page may see why: {text}");
    let by_query = cam.playlist_at(&format!("index.m3u8?access_token={all}"));
    for name in ["init.mp4", "segment-0.m4s", "part-1-0.m4s", "part-1-1.m4s"] {
        assert!(by_query.contains(&format!("{name}?access_token={all}")), "{name}: {by_query}");
    }
    let bearer = |token: &str| format!("\r\nAuthorization: Bearer {token}");
    let (status, text) = ask(&cam, "GET /cam/index.m3u8", &bearer(&one));
    assert!(status == 200 && !text.contains("access_token"), "{text}");
    assert!(text.contains("access-control-allow-origin: *"), "{text}");
    let (status, text) = ask(&cam, "GET /cam/index.m3u8", BOB);
    assert!(status == 200 && !text.contains("access-control"), "a password is not for pages of other sites: {text}");
    assert_eq!(ask(&cam, &format!("GET /cam/segment-0.m4s?access_token={one}"), "").0, 200);
    assert_eq!(ask(&cam, &format!("GET /cam/manifest.mpd?access_token={one}"), "").0, 200);
    let (status, text) = ask(&cam, "GET /cam/index.m3u8", &bearer(&other));
    assert!(status == 403 && text.contains("another stream"), "{text}");
    for path in ["/cam/b%2Findex.m3u8", "/cam%2Fb/index.m3u8", "/cam/b/index.m3u8"] {
        assert_eq!(ask(&cam, &format!("GET {path}?access_token={one}"), "").0, 403, "{path}");
    }
    assert_eq!(ask(&cam, &format!("GET /%63am%2Findex.m3u8?access_token={one}"), "").0, 200);
    for path in ["/api/streams", "/metrics", "/api/streams/settings/cam"] {
        assert_eq!(ask(&cam, &format!("GET {path}?access_token={all}"), &bearer(&all)).0, 401, "{path}");
    }
    assert_eq!(ask(&cam, "POST /api/token", &bearer(&all)).0, 401, "a token begets no token");
    assert_eq!(ask(&cam, "POST /api/token", &format!("{BOB}\r\nOrigin: http://example.com")).0, 403);
    assert_eq!(ask(&cam, "POST /api/token", ANN).0, 403, "she may not play");
    let (status, text) = ask(&cam, "GET /time", "");
    assert!(status == 200 && text.contains("access-control-allow-origin: *"), "{text}");
    let (status, text) = ask(&cam, "OPTIONS /cam/index.m3u8", "\r\nOrigin: http://example.com");
    assert!(status == 204 && text.contains("access-control-allow-headers: Authorization, Range"), "{text}");
}

#[test]
fn wrong_tokens_are_limited_like_passwords_and_settings_are_for_publishers() {
    let (cam, _folder) = protected();
    let good = token(&cam, "");
    assert_eq!(ask(&cam, "GET /cam/index.m3u8?access_token=x", "").0, 401);
    let statuses: Vec<u16> =
        (0..40).map(|number| ask(&cam, &format!("GET /cam/init.mp4?access_token={number:048x}"), "").0).collect();
    assert!(statuses.contains(&429) && statuses.iter().all(|status| [401, 429].contains(status)), "{statuses:?}");
    assert_eq!(ask(&cam, &format!("GET /cam/part-1000-0.m4s?access_token={good}"), "").0, 404, "no guess");
    assert_eq!(put(&cam, "cam", BOB, "{}").0, 403);
    assert_eq!(put(&cam, "cam", "", "{}").0, 401);
    assert_eq!(put(&cam, "cam", ANN, r#"{"playlist": 8}"#).1["playlist"], 8);
}

#[test]
fn a_publisher_that_comes_again_goes_on_after_a_discontinuity() {
    let mut cam = Cam::new();
    cam.playlist();
    let elsewhere = Client::connect(cam.handle.rtsp_addr());
    drop(std::mem::replace(&mut cam.publisher, elsewhere));
    super::wait_for_none(&cam.handle, "cam");
    let lost = cam.get("index.m3u8").join().expect("an answer").text();
    assert!(lost.contains("segment-0.m4s") && !lost.contains("ENDLIST"), "it may come back: {lost}");
    cam.publisher = Client::publisher(cam.handle.rtsp_addr(), "/cam");
    cam.send_idr();
    wait_for(&cam.handle, "cam", |status| status["frames"] == 1);
    let again = cam.playlist();
    assert!(again.contains("#EXT-X-MEDIA-SEQUENCE:2\n") && !again.contains("ENDLIST"), "{again}");
    assert!(again.contains("#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"init-1.mp4\"\n"), "{again}");
}
