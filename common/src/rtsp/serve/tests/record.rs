use super::*;
use crate::rtsp::phase::{Phase, parse_answer};

const SDP_TYPE: &str = "Content-Type: application/sdp\r\n";

#[test]
fn announce_set_up_and_record_over_tcp() {
    let mut client = Client::announced();
    assert_eq!((client.session.state(), &client.host.reserved[..]), (State::PreRecord, &["new".to_owned()][..]));
    let response = client.ok("SETUP", "/new/streamid=0", "Transport: RTP/AVP/TCP;unicast;mode=record\r\n", "");
    assert!(
        response.contains("interleaved=0-1;mode=record"),
        "channels are given where none were asked for: {response}"
    );
    client.ok("RECORD", "/new", &(client.session_header() + "Range: npt=0.000-\r\n"), "");
    let [Output::Record(setup)] = &client.before[..] else { panic!("it is live before the response says so") };
    assert_eq!((setup.path.as_str(), setup.description.codecs_parameter().as_deref()), ("new", Some("avc1.42C01E")));

    client.feed(&[frame(0, b"media"), frame(1, b"report")].concat()).expect("known channels");
    let mut packets = Vec::new();
    while let Some(Output::Packet(packet)) = client.session.poll_output() {
        packets.push((packet.track, packet.kind, packet.bytes.to_vec()));
    }
    assert_eq!(packets, [(0, PacketKind::Rtp, b"media".to_vec()), (0, PacketKind::Rtcp, b"report".to_vec())]);
}

#[test]
fn announce_set_up_and_record_over_udp() {
    let mut client = Client::pre_record(UDP);
    assert_eq!(client.host.opened, [(0, (5000, 5001))]);
    client.ok("RECORD", "/new/", &client.session_header(), "");
    let [Output::Record(setup)] = &client.before[..] else { panic!("it is live before the response says so") };
    assert_eq!(setup.tracks, [Some(TrackTransport::Udp { client: (5000, 5001), server: (6000, 6001) })]);
}

#[test]
fn a_second_publisher_is_refused_and_told_why() {
    let mut client = Client::new();
    client.host.reserved.push("new".to_owned());
    let response = client.refused(406, "ANNOUNCE", "/new", SDP_TYPE, SDP);
    assert!(response.contains("somebody already publishes to /new"), "{response}");
    client.ok("ANNOUNCE", "/a/b/c", SDP_TYPE, SDP);
}

#[test]
fn what_is_not_h264_is_refused_by_name() {
    let mut client = Client::new();
    let response = client.refused(415, "ANNOUNCE", "/new", SDP_TYPE, &SDP.replace("H264", "H265"));
    assert!(response.contains("H265"), "{response}");
    let response =
        client.refused(415, "ANNOUNCE", "/new", SDP_TYPE, "v=0\r\no=- 0 0 IN IP4 1.2.3.4\r\ns=x\r\nt=0 0\r\n");
    assert!(response.contains("no video"), "{response}");
    client.refused(415, "ANNOUNCE", "/new", "Content-Type: text/plain\r\n", SDP);
    client.refused(415, "ANNOUNCE", "/new", "", SDP);
    client.refused(400, "ANNOUNCE", "/new", SDP_TYPE, "hello");
    client.refused(400, "ANNOUNCE", "/new", SDP_TYPE, "");
    client.refused(400, "ANNOUNCE", "/new", SDP_TYPE, &SDP.replace("90000", "0"));
    assert!(client.host.reserved.is_empty());
}

#[test]
fn tracks_besides_the_video_are_set_up_on_channels_of_their_own() {
    let audio = "m=audio 0 RTP/AVP 0\r\na=control:streamid=1\r\n";
    let mut client = Client::new();
    client.ok("ANNOUNCE", "/new", SDP_TYPE, &format!("{SDP}{audio}"));
    client.ok("SETUP", "/new/streamid=1", TCP, "");
    client.refused(455, "RECORD", "/new", &client.session_header(), "");
    client.refused(400, "SETUP", "/new/streamid=0", "Transport: RTP/AVP/TCP;interleaved=1-2\r\n", "");
    client.refused(461, "SETUP", "/new/streamid=0", UDP, "");
    client.refused(404, "SETUP", "/new/streamid=2", TCP, "");
    client.refused(404, "SETUP", "/elsewhere/streamid=0", TCP, "");
    let response = client.ok("SETUP", "/new/streamid=0", "Transport: RTP/AVP/TCP;unicast\r\n", "");
    assert!(response.contains("interleaved=2-3"), "{response}");
    client.ok("RECORD", "/new", &client.session_header(), "");
    assert!(matches!(client.before[..], [Output::Record(_)]));
    client.feed(&[frame(0, b"audio"), frame(2, b"video")].concat()).expect("known channels");
    let tracks: Vec<usize> = std::iter::from_fn(|| match client.session.poll_output()? {
        Output::Packet(packet) => Some(packet.track),
        other => panic!("not a packet: {other:?}"),
    })
    .collect();
    assert_eq!(tracks, [1, Description::VIDEO]);
}

#[test]
fn a_publisher_cannot_play_and_cannot_announce_twice() {
    let mut client = Client::recording(TCP);
    for method in ["PLAY", "PAUSE", "RECORD", "DESCRIBE", "ANNOUNCE", "SETUP"] {
        client.refused(455, method, "/new", &client.session_header(), "");
    }
    let mut client = Client::announced();
    client.refused(455, "ANNOUNCE", "/new", SDP_TYPE, SDP);
    client.refused(454, "RECORD", "/new", "", "");
    client.refused(454, "RECORD", "/new", &client.session_header(), "");
}

#[test]
fn a_publisher_is_asked_for_another_phase_and_its_answer_is_matched() {
    let mut client = Client::recording(TCP);
    client.before.clear();
    let local = "127.0.0.1:8554".parse().expect("an address");
    let phase = Phase::new(0.2).expect("in the range");
    let cseq = client.session.ask_phase(local, phase).expect("it publishes");
    let request = client.sent().expect("a request");
    let begin = "SET_PARAMETER rtsp://127.0.0.1:8554/new RTSP/1.0\r\nCSeq: 1\r\nSession: 0123456789abcdef\r\n";
    assert!(request.starts_with(begin) && request.ends_with("\r\n\r\nphase: 0.2\r\n"), "{request}");
    client.feed(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 16\r\n\r\nphase_us: 6667\r\n").expect("it was asked");
    let Some(Output::Answer { cseq: of, body: Some(body) }) = client.session.poll_output() else { panic!("an answer") };
    assert_eq!((of, parse_answer(&body)), (cseq, Some(6_667)));
    let refused = client.session.ask_phase(local, phase).expect("it publishes");
    client.feed(format!("RTSP/1.0 451 Parameter Not Understood\r\nCSeq: {refused}\r\n\r\n").as_bytes()).expect("asked");
    let refusal = std::iter::from_fn(|| client.session.poll_output()).last();
    assert!(matches!(refusal, Some(Output::Answer { body: None, .. })), "{refusal:?}");
    let twice = client.feed(format!("RTSP/1.0 200 OK\r\nCSeq: {refused}\r\n\r\n").as_bytes());
    assert_eq!(twice, Err(Error::UnexpectedResponse));
}

#[test]
fn who_answers_nothing_is_asked_no_more_and_players_never_are() {
    let mut client = Client::recording(TCP);
    let (local, phase) = ("127.0.0.1:8554".parse().expect("an address"), Phase::new(0.5).expect("in the range"));
    let asked = (0..100).filter(|_| client.session.ask_phase(local, phase).is_some()).count();
    assert!((1..10).contains(&asked), "{asked}");
    assert_eq!(Client::playing(TCP).session.ask_phase(local, phase), None);
}
