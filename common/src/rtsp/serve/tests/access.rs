use super::*;

#[test]
fn denied_requests_are_challenged_and_leave_no_trace() {
    let mut client = Client::new();
    client.host.denies = true;
    let requests = [("DESCRIBE", "/cam", ""), ("SETUP", "/cam/trackID=0", TCP), ("ANNOUNCE", "/new", "")];
    for (method, path, headers) in requests {
        let response = client.refused(401, method, path, headers, "");
        assert!(response.contains("WWW-Authenticate: Digest realm=\"x\"\r\n"), "{response}");
    }
    assert!(client.host.reserved.is_empty());
    assert_eq!(
        client.host.asked.iter().map(|(a, _)| *a).collect::<Vec<_>>(),
        [Action::Play, Action::Play, Action::Publish]
    );
    client.ok("OPTIONS", "*", "", "");
}

#[test]
fn whether_a_path_exists_is_told_only_to_those_who_may_know() {
    let mut client = Client::new();
    client.host.denies = true;
    client.refused(401, "DESCRIBE", "/nobody", "", "");
    client.host.denies = false;
    client.host.forbids = true;
    client.refused(403, "DESCRIBE", "/nobody", "", "");
    client.refused(403, "ANNOUNCE", "/new", "Content-Type: application/sdp\r\n", SDP);
}

#[test]
fn permission_holds_for_the_connection_its_path_and_its_purpose() {
    let mut client = Client::new();
    client.ok("DESCRIBE", "/cam", "Authorization: x\r\n", "");
    client.ok("SETUP", "/cam", TCP, "");
    assert_eq!(client.host.asked.len(), 1, "the second request needed no new permission");

    let mut client = Client::new();
    client.ok("DESCRIBE", "/cam", "Authorization: x\r\n", "");
    client.host.denies = true;
    client.refused(401, "DESCRIBE", "/other", "", "");
    client.refused(401, "ANNOUNCE", "/cam", "", "");
    client.refused(401, "DESCRIBE", "/cam", "Authorization: another\r\n", "");
}

#[test]
fn guessing_ends_the_connection() {
    let mut client = Client::new();
    client.host.denies = true;
    for _ in 0..DENIALS_MAX {
        client.ask("DESCRIBE", "/cam", "Authorization: Basic eDp5\r\n", "");
    }
    assert_eq!(client.feed(b"OPTIONS * RTSP/1.0\r\nCSeq: 99\r\n\r\n"), Err(Error::Denied));
    assert!(client.session.poll_output().is_none());
}

#[test]
fn a_session_of_another_connection_is_worth_nothing() {
    let mut other = Client::pre_play(TCP);
    let mut client = Client::new();
    client.session = Session::new("another".to_owned(), client.now);
    for method in ["PLAY", "TEARDOWN", "PAUSE", "RECORD", "OPTIONS", "GET_PARAMETER", "SETUP"] {
        client.refused(454, method, "/cam", &(other.session_header() + TCP), "");
    }
    // Also not its own, before it was given one.
    client.refused(454, "PLAY", "/cam", "Session: another\r\n", "");
    client.ok("SETUP", "/cam", TCP, "");
    client.refused(454, "PLAY", "/cam", &other.session_header(), "");
    client.refused(454, "PLAY", "/cam", "", "");
    client.refused(400, "PLAY", "/cam", "Session: a b\r\n", "");
    client.ok("PLAY", "/cam", "Session: another;timeout=5\r\n", "");
    other.ok("PLAY", "/cam", &other.session_header(), "");
}
