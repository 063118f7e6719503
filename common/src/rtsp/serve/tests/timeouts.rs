use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// Waits as the session asks to be woken, and gives how long it took to give up.
fn time_to_end(client: &mut Client) -> (Duration, Error) {
    let start = client.now;
    loop {
        let deadline = client.session.poll_timeout().expect("it does not wait for ever");
        assert!(deadline > client.now, "it would spin");
        client.now = deadline;
        if let Err(error) = client.session.handle_timeout(client.now) {
            return (client.now - start, error);
        }
    }
}

#[test]
fn a_connection_that_says_nothing_is_closed_after_ten_seconds() {
    let mut client = Client::new();
    assert_eq!(client.wait(FIRST_REQUEST_LIMIT - SECOND), Ok(()));
    assert_eq!(time_to_end(&mut client), (SECOND, Error::NoRequest));
}

#[test]
fn slow_headers_do_not_buy_time() {
    let request = b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nX: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    let drip = |mut client: Client| {
        for (fed, byte) in request.iter().enumerate() {
            client.feed(&[*byte]).expect("good so far");
            if let Err(error) = client.wait(SECOND) {
                return (fed + 1, error);
            }
        }
        panic!("it waited for all of it");
    };
    assert_eq!(drip(Client::new()), (10, Error::NoRequest));
    assert_eq!(drip(Client::playing(TCP)), (10, Error::Stalled));

    // Nor does saying nothing any more.
    let mut client = Client::playing(TCP);
    client.feed(b"OPTIONS ").expect("a beginning");
    assert_eq!(time_to_end(&mut client), (ITEM_LIMIT, Error::Stalled));
}

#[test]
fn a_frame_that_never_ends_is_not_waited_for() {
    let mut client = Client::recording(TCP);
    client.feed(&frame(0, &[0; 100])[..50]).expect("a beginning");
    client.wait(SECOND * 9).expect("not yet");
    client.feed(&frame(0, &[0; 100])[50..]).expect("the end");
    assert!(matches!(client.session.poll_output(), Some(Output::Packet(_))));
    client.feed(b"$").expect("another beginning");
    assert_eq!(time_to_end(&mut client), (ITEM_LIMIT, Error::Stalled));
}

#[test]
fn a_path_is_not_kept_for_who_does_not_record() {
    let mut client = Client::announced();
    client.wait(SECOND * 9).expect("not yet");
    client.ok("OPTIONS", "*", "", "");
    assert_eq!(time_to_end(&mut client), (SECOND, Error::NotRecording));
}

#[test]
fn silent_sessions_end_after_their_timeout_and_keep_alives_prevent_it() {
    let idle = |mut client: Client| time_to_end(&mut client);
    let mut paused = Client::playing(TCP);
    paused.ok("PAUSE", "/cam", &paused.session_header(), "");
    for client in [paused, Client::playing(UDP)] {
        assert_eq!(idle(client), (SESSION_TIMEOUT, Error::Idle(SESSION_TIMEOUT)));
    }
    for method in ["OPTIONS", "GET_PARAMETER", "SET_PARAMETER"] {
        let mut client = Client::playing(UDP);
        for _ in 0..5 {
            client.wait(SESSION_TIMEOUT - SECOND).expect("it lives");
            client.ok(method, "/cam", &client.session_header(), "");
        }
    }
}

#[test]
fn a_publisher_that_is_gone_frees_its_path_within_ten_seconds() {
    for client in [Client::recording(TCP), Client::recording(UDP)] {
        let mut client = client;
        assert_eq!(time_to_end(&mut client), (RECORD_LIMIT, Error::Idle(RECORD_LIMIT)));
    }
    // A source that pauses still sends reports, every five seconds.
    let mut client = Client::recording(TCP);
    for _ in 0..11 {
        client.wait(SECOND * 5).expect("it lives");
        client.feed(&frame(1, &[0; 28])).expect("a report");
    }
    let mut client = Client::recording(UDP);
    for _ in 0..11 {
        client.wait(SECOND * 5).expect("it lives");
        client.session.handle_activity(client.now, None);
    }
    let told = client.ok("GET_PARAMETER", "/new", &client.session_header(), "");
    assert!(told.contains(";timeout=10\r\n"), "{told}");
}

#[test]
fn connections_that_come_to_nothing_end_after_ten_seconds_unless_requests_keep_coming() {
    let mut greeted = Client::new();
    greeted.ok("OPTIONS", "*", "", "");
    for mut client in [greeted, Client::pre_play(TCP)] {
        client.wait(SECOND * 9).expect("not yet");
        client.ok("OPTIONS", "*", "", "");
        assert_eq!(time_to_end(&mut client), (IDLE_LIMIT, Error::Idle(IDLE_LIMIT)));
    }
}

#[test]
fn a_player_over_tcp_lives_by_what_it_takes() {
    let client = Client::playing(TCP);
    assert_eq!(client.session.poll_timeout(), None);
}

/// Does something once a second until the session ends.
fn time_kept_alive(client: &mut Client, mut act: impl FnMut(&mut Client)) -> (Duration, Error) {
    let start = client.now;
    for _ in 0..3_600 {
        if let Err(error) = client.wait(SECOND) {
            return (client.now - start, error);
        }
        act(client);
        while client.session.poll_output().is_some() {}
    }
    panic!("it is kept for ever");
}

#[test]
fn requests_do_not_keep_a_path_without_media() {
    let ask = |client: &mut Client| drop(client.ok("GET_PARAMETER", "/new", &client.session_header(), ""));
    for transport in [TCP, UDP] {
        let ended = time_kept_alive(&mut Client::recording(transport), ask);
        assert_eq!(ended, (RECORD_LIMIT, Error::Idle(RECORD_LIMIT)));
    }
    assert_eq!(time_kept_alive(&mut Client::pre_record(TCP), ask), (PREPARE_LIMIT, Error::NotRecording));
}

#[test]
fn neither_reports_nor_noise_nor_other_tracks_keep_a_path_without_video() {
    for bytes in [frame(1, &[0x80; 28]), frame(0, &[0; 28]), frame(0, &[0x80; 4])] {
        let mut client = Client::recording(TCP);
        let ended = time_kept_alive(&mut client, |client| client.feed(&bytes).expect("a frame"));
        assert_eq!(ended, (MEDIA_LIMIT, Error::NoMedia), "{bytes:?}");
    }
    let mut client = Client::recording(UDP);
    let ended = time_kept_alive(&mut client, |client| client.session.handle_activity(client.now, None));
    assert_eq!(ended, (MEDIA_LIMIT, Error::NoMedia));
    // Video does, over either.
    let (mut tcp, mut udp) = (Client::recording(TCP), Client::recording(UDP));
    for _ in 0..200 {
        tcp.wait(SECOND).expect("it lives");
        tcp.feed(&frame(0, &[0x80; 28])).expect("a packet");
        udp.wait(SECOND).expect("it lives");
        udp.session.handle_activity(udp.now, Some(udp.now));
    }
}

#[test]
fn requests_do_not_keep_a_connection_that_comes_to_nothing() {
    let options = |client: &mut Client| drop(client.ok("OPTIONS", "*", "", ""));
    for mut client in [Client::new(), Client::pre_play(TCP), Client::pre_play(UDP)] {
        assert_eq!(time_kept_alive(&mut client, options), (SETUP_LIMIT, Error::Useless(SETUP_LIMIT)));
    }
    // Nor does announcing again and again, recording or not.
    let again = |client: &mut Client, record: bool| {
        client.host.reserved.clear();
        client.ok("ANNOUNCE", "/new", "Content-Type: application/sdp\r\n", SDP);
        client.ok("SETUP", "/new/streamid=0", &TCP.replace("\r\n", ";mode=record\r\n"), "");
        if record {
            client.ok("RECORD", "/new", &client.session_header(), "");
        }
        client.ok("TEARDOWN", "/new", &client.session_header(), "");
    };
    for record in [true, false] {
        let ended = time_kept_alive(&mut Client::new(), |client| again(client, record));
        assert_eq!(ended, (SETUP_LIMIT, Error::Useless(SETUP_LIMIT)));
    }
}

#[test]
fn keep_alives_hold_a_player_and_a_pause_for_a_while() {
    let keep = |client: &mut Client| drop(client.ok("GET_PARAMETER", "/cam", &client.session_header(), ""));
    for transport in [TCP, UDP] {
        let mut client = Client::playing(transport);
        for _ in 0..1_000 {
            client.wait(SECOND * 50).expect("it plays");
            keep(&mut client);
        }
        client.ok("PAUSE", "/cam", &client.session_header(), "");
        assert_eq!(time_kept_alive(&mut client, keep), (PAUSE_LIMIT, Error::Useless(PAUSE_LIMIT)));
    }
}
