use super::*;

#[test]
fn a_player_is_told_the_description_and_the_base_of_its_controls() {
    let mut client = Client::new();
    for path in ["/cam", "/cam/", "/cam?token=1"] {
        let response = client.ok("DESCRIBE", path, "Accept: application/sdp\r\n", "");
        assert!(response.contains("Content-Base: rtsp://127.0.0.1:8554/cam/\r\n"), "{response}");
        assert!(response.contains("Content-Type: application/sdp\r\n"), "{response}");
        assert!(response.contains("a=control:trackID=0\r\n"), "{response}");
    }
    assert_eq!(client.session.state(), State::Initial);
}

#[test]
fn paths_that_nobody_publishes_or_that_name_nothing_are_refused() {
    let mut client = Client::new();
    client.refused(404, "DESCRIBE", "/other", "", "");
    client.refused(404, "DESCRIBE", "/cam/below", "", "");
    client.refused(404, "SETUP", "/other/trackID=0", TCP, "");
    client.refused(404, "SETUP", "/cam/trackID=1", TCP, "");
    client.refused(400, "SETUP", "/cam/trackID=2", TCP, "");
    for path in ["/", "/a%00b", "/%2e%2e%2fetc", "/a//b", "/<script>", "/a=b"] {
        client.refused(400, "DESCRIBE", path, "", "");
    }
    client.refused(400, "DESCRIBE", "*", "", "");
    // The URL parser resolves these before anybody could be fooled by them.
    client.refused(404, "DESCRIBE", "/../etc/passwd", "", "");
    client.refused(406, "DESCRIBE", "/cam", "Accept: text/html\r\n", "");
}

#[test]
fn tcp_setup_and_play() {
    for path in ["/cam/trackID=0", "/cam/trackID=0/", "/cam", "/cam/", "/cam?x=y/trackID=0"] {
        let mut client = Client::new();
        client.host.newest = Some(MediaTime::from_ticks(4_711));
        let response = client.ok("SETUP", path, TCP, "");
        assert!(response.contains("Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"), "{response}");
        assert!(response.contains("Session: 0123456789abcdef;timeout=60\r\n"), "{response}");
        let response = client.ok("PLAY", "/cam/", &(client.session_header() + "Range: npt=0.000-\r\n"), "");
        assert!(response.contains("Range: npt=now-\r\n"), "{response}");
        assert!(response.contains("RTP-Info: url=rtsp://127.0.0.1:8554/cam/trackID=0;rtptime=4711\r\n"), "{response}");
        let Some(Output::Play(setup)) = client.session.poll_output() else { panic!("it plays") };
        assert_eq!(setup.tracks, [Some(TrackTransport::Tcp { rtp: 0, rtcp: 1 })]);
        assert_eq!(client.session.state(), State::Play);
    }
}

#[test]
fn the_audio_is_set_up_like_the_video_or_left_out() {
    let with_audio = format!("{SDP}m=audio 0 RTP/AVP 97\r\na=rtpmap:97 opus/48000/2\r\na=control:streamid=1\r\n");
    let described = |sdp: &str| Arc::new(Description::parse(sdp.as_bytes()).expect("good"));
    let mut client = Client::new();
    client.host.newest = Some(MediaTime::from_ticks(5));
    client.host.live.insert("cam".to_owned(), described(&with_audio));
    assert!(client.ok("DESCRIBE", "/cam", "", "").contains("a=control:trackID=1\r\n"));
    client.ok("SETUP", "/cam/trackID=0", TCP, "");
    let response = client.ok("SETUP", "/cam/trackID=1", "Transport: RTP/AVP/TCP;unicast;interleaved=2-3\r\n", "");
    assert!(response.contains("interleaved=2-3"), "{response}");
    let response = client.ok("PLAY", "/cam", &client.session_header(), "");
    assert!(
        response.contains("/cam/trackID=0;rtptime=5,url=rtsp://127.0.0.1:8554/cam/trackID=1;rtptime=5"),
        "{response}"
    );
    let Some(Output::Play(setup)) = client.session.poll_output() else { panic!("it plays") };
    let tcp = |rtp| Some(TrackTransport::Tcp { rtp, rtcp: rtp + 1 });
    assert_eq!(setup.tracks, [tcp(0), tcp(2)]);

    for (tracks, status) in [(&["0"][..], 200), (&["0", "1"], 404)] {
        let mut client = Client::new();
        client.host.live.insert("cam".to_owned(), described(&with_audio));
        for track in tracks {
            client.ok("SETUP", &format!("/cam/trackID={track}"), "Transport: RTP/AVP/TCP;unicast\r\n", "");
        }
        // Replaced by one without audio.
        client.host.live.insert("cam".to_owned(), described(SDP));
        let header = client.session_header();
        if status == 200 {
            drop(client.ok("PLAY", "/cam", &header, ""))
        } else {
            drop(client.refused(404, "PLAY", "/cam", &header, ""))
        }
    }
}

#[test]
fn udp_setup_and_play() {
    let mut client = Client::new();
    let response = client.ok("SETUP", "/cam/trackID=0", UDP, "");
    assert!(response.contains("client_port=5000-5001;server_port=6000-6001"), "{response}");
    assert_eq!(client.host.opened, [(0, (5000, 5001))]);
    client.ok("PLAY", "/cam", &client.session_header(), "");
    let Some(Output::Play(setup)) = client.session.poll_output() else { panic!("it plays") };
    let expected = TrackTransport::Udp { client: (5000, 5001), server: (6000, 6001) };
    assert_eq!(setup.tracks, [Some(expected)]);
}

#[test]
fn transports_are_taken_in_the_clients_order_and_bad_ones_refused() {
    let mut client = Client::new();
    let offer =
        "Transport: RTP/SAVP;unicast, RTP/AVP;multicast, RTP/AVP/TCP;unicast;interleaved=4-5, RTP/AVP;unicast\r\n";
    let response = client.ok("SETUP", "/cam", offer, "");
    assert!(response.contains("interleaved=4-5"), "{response}");

    let unsupported = ["RTP/AVP;multicast", "RTP/SAVP;unicast;client_port=1-2", "raw"];
    let bad = [
        "",
        " ",
        ";;;",
        "RTP/AVP;unicast",
        "RTP/AVP;unicast;client_port=0-1",
        "RTP/AVP;unicast;client_port=5000-5000",
        "RTP/AVP;unicast;client_port=70000-70001",
        "RTP/AVP;unicast;client_port=-1",
        "RTP/AVP/TCP;interleaved=300-301",
        "RTP/AVP/TCP;interleaved=3-3",
        "RTP/AVP/TCP;interleaved=",
    ];
    for transport in unsupported {
        Client::new().refused(461, "SETUP", "/cam", &format!("Transport: {transport}\r\n"), "");
    }
    for transport in bad {
        let mut client = Client::new();
        let response = client.ask("SETUP", "/cam", &format!("Transport: {transport}\r\n"), "");
        assert!(["400", "461"].contains(&&response[9..12]), "{transport:?}: {response}");
        assert_eq!(client.session.state(), State::Initial);
    }
    Client::new().refused(400, "SETUP", "/cam", "", "");
}

#[test]
fn without_free_udp_ports_nothing_is_set_up() {
    let mut client = Client::new();
    client.host.udp = None;
    client.refused(503, "SETUP", "/cam", UDP, "");
    client.ok("SETUP", "/cam", TCP, "");
}

#[test]
fn a_track_is_set_up_once() {
    for transport in [TCP, UDP] {
        let mut client = Client::pre_play(transport);
        let response = client.refused(455, "SETUP", "/cam/trackID=0", transport, "");
        assert!(response.contains("Allow: "), "{response}");
        client.refused(400, "SETUP", "/other", transport, "");
        client.ok("PLAY", "/cam", &client.session_header(), "");
    }
}

#[test]
fn a_stream_that_ended_since_setup_cannot_be_played() {
    let mut client = Client::pre_play(TCP);
    client.host.live.clear();
    client.refused(404, "PLAY", "/cam", &client.session_header(), "");
    let mut client = Client::pre_play(TCP);
    client.refused(404, "PLAY", "/camera", &client.session_header(), "");
    client.refused(400, "PLAY", "/cam", &(client.session_header() + "Range: bytes=1-2\r\n"), "");
}

#[test]
fn pause_stops_and_play_goes_on() {
    let mut client = Client::playing(TCP);
    client.ok("PLAY", "/cam", &client.session_header(), "");
    assert!(client.session.poll_output().is_none(), "it plays already");
    client.ok("PAUSE", "/cam", &client.session_header(), "");
    assert!(matches!(client.before[..], [Output::Pause]));
    assert_eq!(client.session.state(), State::PrePlay);
    assert_eq!(client.feed(&frame(1, b"late report")), Ok(()));
    client.ok("PLAY", "/cam", &client.session_header(), "");
    assert!(matches!(client.session.poll_output(), Some(Output::Play(_))));
}

#[test]
fn a_players_rtcp_comes_out_and_its_rtp_does_not() {
    let mut client = Client::playing(TCP);
    client.feed(&[frame(0, b"punch"), frame(1, b"report"), frame(1, b"")].concat()).expect("known channels");
    let Some(Output::Packet(packet)) = client.session.poll_output() else { panic!("a packet") };
    assert_eq!((packet.track, packet.kind, &packet.bytes[..]), (0, PacketKind::Rtcp, &b"report"[..]));
    assert!(client.session.poll_output().is_none());
}
