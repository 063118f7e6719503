use proptest::prelude::*;

use super::*;

#[test]
fn requests_without_a_good_cseq_are_refused() {
    for cseq in ["", "CSeq: \r\n", "CSeq: x\r\n", "CSeq: -1\r\n", "CSeq: 99999999999\r\n", "CSeq: 1\r\nCSeq: 2\r\n"] {
        let mut client = Client::new();
        client.feed(format!("OPTIONS * RTSP/1.0\r\n{cseq}\r\n").as_bytes()).expect("the connection goes on");
        let response = client.sent().expect("a response");
        assert!(response.starts_with("RTSP/1.0 400 "), "{cseq:?}: {response}");
        client.ok("OPTIONS", "*", "", "");
    }
}

#[test]
fn features_versions_and_methods_that_are_not_there() {
    let mut client = Client::new();
    let response = client.refused(551, "OPTIONS", "*", "Require: play.scale\r\n", "");
    assert!(response.contains("Unsupported: play.scale\r\n"), "{response}");
    client.refused(551, "SETUP", "/cam", &format!("{TCP}Proxy-Require: x\r\n"), "");
    for method in ["REDIRECT", "PLAY_NOTIFY", "GET", "FLY"] {
        client.refused(501, method, "/cam", "", "");
    }
    client.refused(451, "SET_PARAMETER", "/cam", "Content-Type: text/parameters\r\n", "volume: 11\r\n");
    client.feed(b"OPTIONS * RTSP/2.0\r\nCSeq: 5\r\n\r\n").expect("the connection goes on");
    assert!(client.sent().expect("a response").starts_with("RTSP/1.0 505 "));
}

#[test]
fn broken_framing_is_answered_and_the_connection_closed() {
    let long = "x".repeat(3_000);
    let many = "A: b\r\n".repeat(300);
    let cases: Vec<(String, &str)> = vec![
        ("hello\r\n\r\n".to_owned(), "400"),
        ("OPTIONS * RTSP/1.0\r\nCSeq: 1\0\r\n\r\n".to_owned(), "400"),
        ("OPTIONS \0 RTSP/1.0\r\nCSeq: 1\r\n\r\n".to_owned(), "400"),
        ("OPTIONS rtsp://[ RTSP/1.0\r\nCSeq: 1\r\n\r\n".to_owned(), "400"),
        ("OPTIONS * RTSP/1.0\r\nno colon\r\n\r\n".to_owned(), "400"),
        (format!("OPTIONS rtsp://h/{long} RTSP/1.0\r\n\r\n"), "414"),
        (format!("OPTIONS * RTSP/1.0\r\nX: {long}\r\n\r\n"), "400"),
        (format!("OPTIONS * RTSP/1.0\r\n{many}\r\n"), "400"),
        ("OPTIONS * RTSP/1.0\r\nContent-Length: -1\r\n\r\n".to_owned(), "400"),
        ("OPTIONS * RTSP/1.0\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n".to_owned(), "400"),
        ("OPTIONS * RTSP/1.0\r\nContent-Length: 131073\r\n\r\n".to_owned(), "413"),
        ("OPTIONS * RTSP/1.0\r\nContent-Length: 99999999999999999999\r\n\r\n".to_owned(), "413"),
    ];
    for (input, status) in cases {
        let mut client = Client::new();
        let error = client.feed(input.as_bytes()).expect_err(&input);
        assert!(matches!(error, Error::Message(_)), "{input:.80?}: {error:?}");
        let response = client.sent().expect("a response");
        assert_eq!(&response[9..12], status, "{input:.80?}: {response}");
        assert_eq!(client.feed(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"), Err(error), "it stays closed");
        assert!(client.session.poll_output().is_none());
    }
}

#[test]
fn a_turn_ends_however_much_has_come() {
    for (item, each) in [(frame(0, b"x"), 1), (b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n".to_vec(), 32)] {
        let mut client = Client::recording(TCP);
        client.session.input().extend_from_slice(&item.repeat(10 * TURN));
        let mut handled = 0;
        loop {
            let work = client.session.handle_turn(client.now, &mut client.host).expect("good input");
            let outputs = std::iter::from_fn(|| client.session.poll_output()).count();
            handled += outputs;
            assert_eq!(outputs, work / each);
            assert!(work < TURN + each);
            if work < TURN {
                break;
            }
        }
        assert_eq!(handled, 10 * TURN, "and in the end everything is handled");
        assert_eq!(client.session.partial, None);
    }
}

#[test]
fn other_protocols_are_told_by_name() {
    let mut client = Client::new();
    assert_eq!(client.feed(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), Err(Error::Tls));
    assert!(client.session.poll_output().is_none(), "nothing that a TLS client would understand");
    for line in ["GET /cam HTTP/1.0\r\nx-sessioncookie: 1\r\n\r\n", "POST / HTTP/1.1\r\n\r\n"] {
        let mut client = Client::new();
        assert_eq!(client.feed(line.as_bytes()), Err(Error::Http));
        assert!(client.sent().expect("a response").starts_with("HTTP/1.1 501 "));
        let mut client = Client::new();
        let told = line.as_bytes().chunks(1).map(|byte| client.feed(byte)).find(Result::is_err);
        assert_eq!(told, Some(Err(Error::Http)), "byte by byte");
    }
    assert_eq!(Client::new().feed(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n"), Err(Error::UnexpectedResponse));
}

#[test]
fn interleaved_data_counts_only_in_play_and_record_and_on_channels_set_up() {
    let error = |channel, state| Err(Error::DataInState { channel, state });
    let clients = [
        (Client::new(), State::Initial),
        (Client::pre_play(TCP), State::PrePlay),
        (Client::announced(), State::PreRecord),
        (Client::pre_record(TCP), State::PreRecord),
    ];
    for (mut client, state) in clients {
        assert_eq!(client.feed(&frame(0, b"x")), error(0, state));
        assert!(client.session.poll_output().is_none());
    }
    for mut client in [Client::playing(TCP), Client::recording(TCP)] {
        assert_eq!(client.feed(&frame(2, b"x")), Err(Error::UnknownChannel(2)));
    }
    assert_eq!(Client::playing(UDP).feed(&frame(0, b"x")), Err(Error::UnknownChannel(0)));
    let mut client = Client::recording(TCP);
    client.ok("TEARDOWN", "/new", &client.session_header(), "");
    assert_eq!(client.feed(&frame(0, b"x")), error(0, State::Initial));
}

#[test]
fn frames_of_any_length_are_cut_out_wherever_they_were_split() {
    let mut client = Client::recording(TCP);
    let stream = [frame(0, &[7; 65_535]), frame(0, b""), frame(1, b"r")].concat();
    for piece in stream.chunks(1_313) {
        client.feed(piece).expect("good frames");
    }
    let lengths: Vec<usize> = std::iter::from_fn(|| match client.session.poll_output()? {
        Output::Packet(packet) => Some(packet.bytes.len()),
        other => panic!("not a packet: {other:?}"),
    })
    .collect();
    assert_eq!(lengths, [65_535, 1], "empty frames hold no packet");
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let mut client = Client::new();
    let requests = "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\nDESCRIBE rtsp://h/cam RTSP/1.0\r\nCSeq: 2\r\n\r\n\
        DESCRIBE rtsp://h/no RTSP/1.0\r\nCSeq: 3\r\nContent-Length: 4\r\n\r\nbodyOPTIONS * RTSP/1.0\r\nCSeq: 4\r\n\r\n";
    client.feed(requests.as_bytes()).expect("good");
    for (cseq, status) in [(1, 200), (2, 200), (3, 404), (4, 200)] {
        let response = client.sent().expect("a response");
        assert!(response.starts_with(&format!("RTSP/1.0 {status} ")), "{response}");
        assert!(response.contains(&format!("CSeq: {cseq}\r\n")), "{response}");
    }
}

#[test]
fn a_user_agent_cannot_write_into_the_log() {
    let mut client = Client::new();
    let agent = format!("User-Agent: x\u{1b}[31m\u{202e}<b>{}\r\n", "y".repeat(500));
    let _ = client.feed(format!("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n{agent}\r\n").as_bytes());
    assert_eq!(client.session.user_agent(), None, "control characters are refused by the framer");
    let mut client = Client::new();
    client.ok("OPTIONS", "*", &agent.replace('\u{1b}', ""), "");
    let kept = client.session.user_agent().expect("an agent");
    assert!(kept.starts_with("x[31m<b>yy") && kept.len() <= 100, "{kept}");
}

#[test]
fn a_list_without_end_of_commas_is_no_list() {
    let transports = format!("Transport: {}\r\n", ",".repeat(2_000));
    Client::new().refused(400, "SETUP", "/cam", &transports, "");
}

/// Pieces of conversations, so that random input gets past the first byte.
fn fragment() -> impl Strategy<Value = Vec<u8>> {
    let pieces = [
        "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n",
        "DESCRIBE rtsp://h/cam RTSP/1.0\r\nCSeq: 2\r\n\r\n",
        "SETUP rtsp://h/cam/trackID=0 RTSP/1.0\r\nCSeq: 3\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n\r\n",
        "SETUP rtsp://h/new RTSP/1.0\r\nCSeq: 3\r\nTransport: RTP/AVP;client_port=5-6\r\n\r\n",
        "PLAY rtsp://h/cam RTSP/1.0\r\nCSeq: 4\r\nSession: 0123456789abcdef\r\n\r\n",
        "PAUSE rtsp://h/cam RTSP/1.0\r\nCSeq: 4\r\nSession: 0123456789abcdef\r\n\r\n",
        "RECORD rtsp://h/new RTSP/1.0\r\nCSeq: 4\r\nSession: 0123456789abcdef\r\n\r\n",
        "TEARDOWN rtsp://h/cam RTSP/1.0\r\nCSeq: 5\r\nSession: 0123456789abcdef\r\n\r\n",
        "$\0\0\u{4}abcd",
        "$\u{1}\0\0",
        "Transport: ",
        "\r\n",
    ];
    let announce = format!(
        "ANNOUNCE rtsp://h/new RTSP/1.0\r\nCSeq: 9\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{SDP}",
        SDP.len()
    );
    prop_oneof![
        8 => proptest::sample::select(pieces.to_vec()).prop_map(|piece| piece.as_bytes().to_vec()),
        2 => Just(announce.into_bytes()),
        1 => proptest::collection::vec(any::<u8>(), 0..40),
    ]
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in any::<Vec<u8>>()) {
        let mut client = Client::new();
        let _ = client.feed(&bytes);
        while client.session.poll_output().is_some() {}
    }

    #[test]
    fn arbitrary_conversations_never_panic_and_end_once(
        fragments in proptest::collection::vec(fragment(), 0..20),
        cut in 1usize..200,
        seconds in 0u64..100,
    ) {
        let mut client = Client::new();
        let mut ended = None;
        for piece in fragments.concat().chunks(cut) {
            let result = client.feed(piece);
            if let Some(error) = ended {
                prop_assert_eq!(result, Err(error));
                return Ok(());
            }
            ended = result.err();
            while client.session.poll_output().is_some() {}
        }
        let _ = client.wait(Duration::from_secs(seconds));
    }
}
