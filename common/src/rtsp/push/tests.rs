use std::collections::HashMap;

use proptest::prelude::*;

use rtsp_types::headers::SESSION;

use super::*;
use crate::rtsp::message;
use crate::rtsp::sdp::Announcement;
use crate::time::{MediaTime, WallTime};

const GSTREAMER_TCP: &str = include_str!("testdata/gstreamer-tcp.txt");
const GSTREAMER_UDP: &str = include_str!("testdata/gstreamer-udp.txt");
const GORTSPLIB_DIGEST: &str = include_str!("testdata/gortsplib-digest.txt");

fn at(ms: u64) -> Now {
    Now { wall: WallTime::from_micros(ms as i64 * 1_000), mono: MonoTime::from_origin(Duration::from_millis(ms)) }
}

/// The messages of a transcript: whether the client sent it, and its bytes.
fn transcript(text: &str) -> Vec<(bool, Vec<u8>)> {
    let mut messages: Vec<(bool, String)> = Vec::new();
    for line in text.lines().skip(1) {
        match line {
            ">>>" | "<<<" => messages.push((line == ">>>", String::new())),
            line => messages.last_mut().expect("a direction comes first").1.extend([line, "\r\n"]),
        }
    }
    let end = |text: String| if text.contains("\r\n\r\n") { text } else { text + "\r\n" };
    messages.into_iter().map(|(ours, text)| (ours, end(text).into_bytes())).collect()
}

fn video() -> Video {
    let sps =
        [0x67, 0x42, 0xc0, 0x1e, 0xda, 0x02, 0x80, 0xf6, 0xc0, 0x44, 0x00, 0x00, 0x03, 0x00, 0x04, 0x00, 0x00, 0x03];
    Video::new(&[&sps[..], &[0x00, 0xf2, 0x3c, 0x58, 0xba, 0x80]].concat(), &[0x68, 0xce, 0x3c, 0x80], Some(30.0))
}

fn config(url: &str, delivery: Delivery) -> Config {
    Config {
        url: Url::parse(url).expect("a URL"),
        credentials: None,
        delivery,
        video: video(),
        ssrc: 0x1234_5678,
        interval: None,
    }
}

fn tcp() -> Session {
    Session::new(config("rtsp://127.0.0.1:8554/cam", Delivery::Tcp), at(0))
}

fn outputs(session: &mut Session) -> Vec<Output> {
    std::iter::from_fn(|| session.poll_output()).collect()
}

/// The one request among what the session wants sent.
fn request(session: &mut Session) -> Request<Vec<u8>> {
    let mut framer = Framer::default();
    for output in outputs(session) {
        if let Output::Send(bytes) = output {
            framer.push(&bytes);
        }
    }
    loop {
        match framer.next_item().expect("our own bytes") {
            Some(Item::Request(request)) => return request,
            Some(_) => {}
            None => panic!("no request"),
        }
    }
}

fn answer(session: &mut Session, now: Now, status: &str, headers: &str) -> Result<(), Error> {
    let cseq = session.last_cseq;
    session.handle_input(now, format!("RTSP/1.0 {status}\r\nCSeq: {cseq}\r\n{headers}\r\n").as_bytes())
}

const SET_UP: &str = "Session: abc;timeout=30\r\nTransport: RTP/AVP/TCP;unicast;interleaved=4-5\r\n";

/// A session whose server takes packets, with a time-out of 30 s and RTP on channel 4.
fn recording() -> Session {
    let mut session = tcp();
    for headers in ["Public: GET_PARAMETER\r\n", "", SET_UP, ""] {
        answer(&mut session, at(0), "200 OK", headers).expect("a good answer");
    }
    assert_eq!(outputs(&mut session).last(), Some(&Output::Recording(Route::Interleaved(4))));
    session
}

fn interleaved(channel: u8, payload: &[u8]) -> Vec<u8> {
    [&crate::rtsp::interleaved::header(channel, payload.len() as u16)[..], payload].concat()
}

/// Plays the server's half of a transcript, and compares our half.
fn replay(text: &str, url: &str, delivery: Delivery) {
    let mut session = Session::new(config(url, delivery), at(0));
    let mut recorded = false;
    for (ours, bytes) in transcript(text) {
        if ours {
            if bytes.starts_with(b"TEARDOWN") {
                assert!(recorded);
                session.teardown(at(50));
            }
            let sent = request(&mut session);
            let expected = message::tests::request(&bytes);
            assert_eq!(sent.method(), expected.method());
            assert_eq!(sent.request_uri(), expected.request_uri());
            let headers = |request: &Request<Vec<u8>>| -> HashMap<String, String> {
                request.headers().map(|(name, value)| (name.to_string(), value.to_string())).collect()
            };
            assert_eq!(headers(&sent), headers(&expected), "{:?}", sent.method());
            assert_eq!(Announcement::parse(sent.body()).ok(), Announcement::parse(expected.body()).ok());
        } else {
            for byte in bytes {
                session.handle_input(at(10), &[byte]).expect("the server is content");
            }
            recorded |= session.state() == State::Recording;
        }
    }
    assert!(recorded);
    assert_eq!(outputs(&mut session).last(), Some(&Output::Closed));
}

#[test]
fn real_servers_are_content() {
    replay(GSTREAMER_TCP, "rtsp://127.0.0.1:8554/in", Delivery::Tcp);
    replay(GORTSPLIB_DIGEST, "rtsp://ann:secret@127.0.0.1:33231/cam", Delivery::Tcp);
    let mut ports = GSTREAMER_UDP.split_once("client_port=").expect("there are ports").1.split(['-', ';']);
    let mut port = || ports.next().and_then(|port| port.parse().ok()).expect("a port");
    replay(GSTREAMER_UDP, "rtsp://127.0.0.1:8554/in", Delivery::Udp(port(), port()));
}

#[test]
fn udp_packets_go_where_the_server_wants_them() {
    let mut session = Session::new(config("rtsp://127.0.0.1/cam", Delivery::Udp(5000, 5001)), at(0));
    let set_up =
        "Session: a\r\nTransport: RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001;source=127.0.0.9\r\n";
    for headers in ["", "", set_up, ""] {
        answer(&mut session, at(0), "200 OK", headers).expect("a good answer");
    }
    let route = Route::Udp { rtp: 6000, rtcp: 6001 };
    assert_eq!(outputs(&mut session).last(), Some(&Output::Recording(route)));
    session
        .handle_sent(at(5), &SentFrame { packets: 1, octets: 1, time: MediaTime::default(), sampled: at(0).wall })
        .expect("recording");
    session.handle_timeout(at(5)).expect("nothing is late");
    assert!(matches!(&outputs(&mut session)[..], [Output::SendRtcp(_)]));
}

#[test]
fn signs_of_life_come_at_half_the_time_out_in_the_way_the_server_offers() {
    let mut session = recording();
    assert_eq!(session.poll_timeout(), Some(at(15_000).mono));
    session.handle_timeout(at(14_999)).expect("nothing is late");
    assert_eq!(session.poll_output(), None);
    session.handle_timeout(at(15_000)).expect("nothing is late");
    let sign = request(&mut session);
    assert_eq!((sign.method(), sign.header(&SESSION).map(|v| v.as_str())), (&Method::GetParameter, Some("abc")));
    answer(&mut session, at(15_010), "501 Not Implemented", "").expect("the stream flows all the same");
    assert_eq!(session.poll_timeout(), Some(at(30_010).mono));
    session.handle_timeout(at(30_010)).expect("nothing is late");
    assert_eq!(request(&mut session).method(), Method::Options);
    let forgotten = answer(&mut session, at(30_020), "454 Session Not Found", "").expect_err("there is no session");
    assert!(forgotten.to_string().contains("has forgotten the session"), "{forgotten}");
}

#[test]
fn a_server_that_does_not_answer_is_given_up_after_ten_seconds() {
    let mut session = tcp();
    assert_eq!(session.poll_timeout(), Some(at(10_000).mono));
    answer(&mut session, at(5_000), "200 OK", "").expect("a good answer");
    session.handle_timeout(at(14_999)).expect("not late yet");
    answer(&mut session, at(14_999), "100 Continue", "").expect("it is still there");
    session.handle_timeout(at(24_998)).expect("not late yet");
    let error = session.handle_timeout(at(24_999)).expect_err("late");
    assert_eq!(error.to_string(), "the server did not answer ANNOUNCE within 10 s");
}

#[test]
fn patience_that_is_asked_for_without_end_has_one() {
    let mut session = tcp();
    let late = (1..100).map(|n| n * 5_000).find(|ms| {
        answer(&mut session, at(*ms), "100 Continue", "").expect("it is still there");
        session.handle_timeout(at(*ms)).is_err()
    });
    assert_eq!(late, Some(6 * 5_000 + 10_000));
}

#[test]
fn sender_reports_follow_the_first_frame_on_the_servers_channel() {
    let mut session = recording();
    let frame = SentFrame { packets: 3, octets: 300, time: MediaTime::from_ticks(900), sampled: at(100).wall };
    session.handle_sent(at(110), &frame).expect("recording");
    assert_eq!(session.poll_timeout(), Some(at(110).mono));
    session.handle_timeout(at(110)).expect("nothing is late");
    let [Output::Send(bytes)] = &outputs(&mut session)[..] else { panic!("one report") };
    assert_eq!(&bytes[..2], b"$\x05");
    let time = MediaTime::from_ticks(900 + 10 * 90);
    let report =
        rtcp::Event::SenderReport { ssrc: 0x1234_5678, ntp: at(110).wall.to_ntp(), time, packets: 3, octets: 300 };
    assert_eq!(rtcp::parse(&bytes[4..]), Ok(vec![report]));
}

#[test]
fn requests_for_a_picture_are_passed_on_but_not_a_flood_of_them() {
    let mut session = recording();
    let plea = |ssrc| interleaved(5, &rtcp::picture_loss(1, ssrc));
    for (ms, ssrc, wanted) in [(0, 0x1234_5678, 1), (100, 0, 0), (249, 0, 0), (250, 0, 1), (600, 0x9999, 0)] {
        session.handle_input(at(ms), &plea(ssrc)).expect("RTCP is no error");
        assert_eq!(outputs(&mut session).len(), wanted, "at {ms} ms");
    }
    let elsewhere = interleaved(7, &rtcp::picture_loss(1, 0));
    session
        .handle_input(at(900), &[elsewhere, interleaved(5, b"junk"), interleaved(4, b"")].concat())
        .expect("ignored");
    assert_eq!(outputs(&mut session), []);
}

#[test]
fn packets_before_recording_and_after_the_end_are_a_wrong_state() {
    let frame = SentFrame { packets: 1, octets: 1, time: MediaTime::default(), sampled: WallTime::default() };
    let error = tcp().handle_sent(at(0), &frame).expect_err("too early");
    assert_eq!(error.to_string(), "sending packets is possible in [Recording], but the session is in Greeting");
    let mut session = recording();
    session.teardown(at(1));
    assert!(matches!(session.handle_sent(at(2), &frame), Err(Error::WrongState { found: State::Ending, .. })));
}

#[test]
fn teardown_says_bye_first_and_outlives_a_late_answer() {
    let mut session = recording();
    session.handle_timeout(at(15_000)).expect("nothing is late");
    let sign_of_life = session.last_cseq;
    outputs(&mut session);
    session.teardown(at(15_001));
    let [Output::Send(bye), Output::Send(teardown)] = &outputs(&mut session)[..] else { panic!("BYE and TEARDOWN") };
    assert_eq!(rtcp::parse(&bye[4..]), Ok(vec![rtcp::Event::Bye { ssrc: 0x1234_5678 }]));
    assert!(teardown.starts_with(b"TEARDOWN rtsp://127.0.0.1:8554/cam RTSP/1.0\r\n"));
    let late = format!("RTSP/1.0 200 OK\r\nCSeq: {sign_of_life}\r\n\r\n");
    session.handle_input(at(15_002), late.as_bytes()).expect("a late answer is no error");
    assert_eq!(session.state(), State::Ending);
    answer(&mut session, at(15_003), "454 Session Not Found", "").expect("over is over");
    assert_eq!((session.state(), outputs(&mut session)), (State::Closed, vec![Output::Closed]));
}

#[test]
fn refusals_name_request_status_and_remedy() {
    for (status, headers, expected) in [
        ("404 Not Found", "", "refused OPTIONS with 404 Not Found: check the URL's path"),
        ("403 Forbidden", "", "refused OPTIONS with 403 Forbidden: the server does not let this user publish"),
        ("500 \x1b[31m\u{7}", "", "NotUnderstood"),
        ("503 Service Unavailable", "", "the server is busy"),
        ("302 Found", "Location: rtsp://u:secret@other/cam\r\n", "redirects OPTIONS with 302"),
        ("302 Found", "", "redirects OPTIONS with 302"),
        ("304 Not Modified", "", "refused OPTIONS with 304 Not Modified"),
        ("401 Unauthorized", "WWW-Authenticate: Basic realm=\"x\"\r\n", "put one into the URL"),
    ] {
        let error = answer(&mut tcp(), at(0), status, headers).expect_err(status);
        let text = format!("{error} {error:?}");
        assert!(text.contains(expected) && !text.contains("secret"), "{status}: {text}");
    }
}

#[test]
fn wrong_credentials_and_unknown_schemes_end_it() {
    let challenge = "WWW-Authenticate: Digest realm=\"r\", nonce=\"1\"\r\n";
    let mut session = Session::new(config("rtsp://ann:secret@h/cam", Delivery::Tcp), at(0));
    assert!(!format!("{session:?}").contains("secret"));
    answer(&mut session, at(0), "401 Unauthorized", challenge).expect("it tries with the credentials");
    let error = answer(&mut session, at(0), "401 Unauthorized", challenge).expect_err("they are wrong");
    assert_eq!(error.to_string(), "the server refused OPTIONS with 401: user or password are wrong");

    let mut session = Session::new(config("rtsp://ann:secret@h/cam", Delivery::Tcp), at(0));
    let error =
        answer(&mut session, at(0), "401 Unauthorized", "WWW-Authenticate: Negotiate\r\n").expect_err("unknown");
    assert_eq!(error, Error::UnknownScheme { schemes: "Negotiate".to_owned() });

    let mut session = Session::new(config("rtsp://ann:secret@h/cam", Delivery::Tcp), at(0));
    let stale = "WWW-Authenticate: Digest realm=\"r\", nonce=\"1\", stale=true\r\n";
    let tries = (0..100).take_while(|_| answer(&mut session, at(0), "401 Unauthorized", stale).is_ok()).count();
    assert_eq!(tries as u32, ATTEMPTS_MAX - 1);
}

#[test]
fn answers_that_are_of_no_use_say_why() {
    for (headers, expected) in [
        ("Session: a\r\n", "it names no transport"),
        ("Transport: RTP/AVP/TCP;interleaved=0-1\r\n", "it names no session"),
        ("Session: a b\r\nTransport: RTP/AVP/TCP\r\n", "not one word"),
        ("Session: a\r\nTransport: RTP/AVP;server_port=1-2\r\n", "it wants UDP: try --transport udp"),
        ("Session: a\r\nTransport: RAW\r\n", "not RTP"),
        ("Session: a\r\nTransport: RTP/AVP/TCP;interleaved=999\r\n", "not two channels"),
    ] {
        let mut session = tcp();
        answer(&mut session, at(0), "200 OK", "").expect("OPTIONS");
        answer(&mut session, at(0), "200 OK", "").expect("ANNOUNCE");
        let error = answer(&mut session, at(0), "200 OK", headers).expect_err(headers).to_string();
        assert!(error.contains("SETUP") && error.contains(expected), "{headers}: {error}");
    }
    let unasked = recording().handle_input(at(0), b"RTSP/1.0 200 OK\r\nCSeq: 4\r\n\r\n").expect_err("nobody asked");
    assert!(unasked.to_string().contains("nothing was asked"), "{unasked}");
    let future = tcp().handle_input(at(0), b"RTSP/1.0 200 OK\r\nCSeq: 9\r\n\r\n").expect_err("nobody asked that");
    assert!(future.to_string().contains("CSeq 9 instead of 1"), "{future}");
}

#[test]
fn a_web_server_is_told_apart() {
    let error = tcp().handle_input(at(0), b"HTTP/1.1 400 Bad Request\r\n\r\n").expect_err("not RTSP");
    let expected = "in answer to OPTIONS: the peer does not speak RTSP: it sent \"HTTP/1.1 400 Bad Request\"";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_publisher_with_a_plan_shifts_its_pictures_and_others_refuse() {
    let ask =
        b"SET_PARAMETER rtsp://127.0.0.1:8554/cam RTSP/1.0\r\nCSeq: 7\r\nContent-Length: 12\r\n\r\nphase: 0.2\r\n";
    for (interval, status, shift) in
        [(Some(Duration::from_millis(40)), "200 ", Some(Output::Shift(Duration::from_millis(8)))), (None, "458 ", None)]
    {
        let mut session = recording();
        session.config.interval = interval;
        session.handle_input(at(0), ask).expect("a good request");
        let outputs = outputs(&mut session);
        let text = outputs.iter().find_map(|output| match output {
            Output::Send(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            _ => None,
        });
        let text = text.expect("an answer");
        assert!(text.starts_with(&format!("RTSP/1.0 {status}")) && text.contains("CSeq: 7\r\n"), "{text}");
        assert_eq!(text.ends_with("phase_us: 8000\r\n"), shift.is_some());
        assert_eq!(outputs.into_iter().find(|output| matches!(output, Output::Shift(_))), shift);
    }
}

#[test]
fn requests_of_the_server_are_answered() {
    let mut session = recording();
    session
        .handle_input(at(0), b"OPTIONS * RTSP/1.0\r\nCSeq: 77\r\n\r\nPLAY * RTSP/1.0\r\nCSeq: 78\r\n\r\n")
        .expect("fine");
    let answers: Vec<u8> = outputs(&mut session)
        .into_iter()
        .flat_map(|output| match output {
            Output::Send(bytes) => bytes,
            other => panic!("{other:?}"),
        })
        .collect();
    let text = String::from_utf8(answers).expect("text");
    assert!(text.starts_with("RTSP/1.0 200 ") && text.contains("CSeq: 77\r\n"), "{text}");
    assert!(text.contains("RTSP/1.0 501 Not Implemented\r\n") && text.contains("CSeq: 78\r\n"), "{text}");
    let ended = session.handle_input(at(0), b"TEARDOWN * RTSP/1.0\r\nCSeq: 79\r\n\r\n");
    assert_eq!(ended, Err(Error::EndedByServer));
}

proptest! {
    #[test]
    fn no_server_can_make_a_session_panic(answers in proptest::collection::vec(r"(RTSP/1.0 [1-5][0-9][0-9] x\r\n)(CSeq: [0-9]{1,3}\r\n|Session: [a-z;=0-9]*\r\n|Transport: RTP/AVP/TCP;interleaved=[0-9]\r\n|WWW-Authenticate: Digest [a-z=,]*\r\n|Location: \PC{0,20}\r\n|Content-Length: [0-9]\r\n){0,4}\r\n", 0..8), noise in any::<Vec<u8>>()) {
        let mut session = Session::new(config("rtsp://ann:secret@h/cam", Delivery::Tcp), at(0));
        for bytes in answers.iter().map(|answer| answer.as_bytes()).chain([noise.as_slice()]) {
            if session.handle_input(at(0), bytes).is_err() {
                break;
            }
        }
        prop_assert!(session.outputs.len() < 100);
    }
}
