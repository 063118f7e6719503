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
    for _ in 0..20 {
        client.wait(SECOND * 5).expect("it lives");
        client.feed(&frame(1, &[0; 28])).expect("a report");
    }
    let mut client = Client::recording(UDP);
    for _ in 0..20 {
        client.wait(SECOND * 5).expect("it lives");
        client.session.handle_activity(client.now);
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
