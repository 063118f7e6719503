use super::*;

#[test]
fn users_and_what_they_may_do() {
    let users = Users::parse("# staff\nann:a:publish\n\nbob:b:play\r\ncy:c:all\ndi:d").expect("good");
    let may = |name| [Action::Publish, Action::Play].map(|action| users.may(name, action));
    assert_eq!(may("ann"), [true, false]);
    assert_eq!(may("bob"), [false, true]);
    assert_eq!([may("cy"), may("di")], [[true; 2]; 2]);
    assert_eq!(may("eve"), [false; 2]);
    assert_eq!(users.password("bob").as_deref(), Some("b"));
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_name() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("users.txt");
    std::fs::write(&path, "\u{feff}ann:a\r\n").expect("a file");
    assert_eq!(Users::load(&path).expect("good").password("ann").as_deref(), Some("a"));
    std::fs::write(&path, b"\xff\xfea\0:\0a\0\n\0").expect("a file");
    let error = Users::load(&path).expect_err("UTF-16").to_string();
    assert!(error.contains("users.txt: it is UTF-16: save it as UTF-8"), "{error}");
}

#[test]
fn no_password_is_printed() {
    let user = parse_line("ann:sesame").expect("good");
    assert!(!format!("{user:?} {:?}", Users::parse("ann:sesame")).contains("sesame"));
}

#[test]
fn errors_name_the_line_and_never_the_password() {
    for (text, line) in [("ann", 1), ("\n:secret", 2), ("ann:", 1), ("a:secret:x", 1), ("a:b:c:d", 1), ("a:b\na:c", 2)]
    {
        let (found, why) = Users::parse(text).expect_err(text).expect("a line");
        assert_eq!(found, line, "{text}");
        assert!(!why.contains("secret"));
    }
    assert_eq!(Users::parse("# nobody\n").err(), Some(None));
    let error = Users::load(Path::new("no/such/file")).expect_err("missing").to_string();
    assert!(error.contains("--auth no/such/file"), "{error}");
}

#[test]
fn http_knows_users_by_basic() {
    let users = Users::parse("ann:a").expect("good");
    // base64 of ann:a and of ann:b.
    let know = |authorization| users.authenticate([127, 0, 0, 1].into(), authorization, MonoTime::default());
    assert_eq!(know(Some("Basic YW5uOmE=")), Ok("ann".to_owned()));
    for _ in 0..100 {
        assert_eq!(know(None), Err(Refused::Denied(Denied::Missing)), "asking without a password is no try");
    }
    for _ in 0..tries::FREE {
        assert_eq!(know(Some("Basic YW5uOmI=")), Err(Refused::Denied(Denied::Wrong)));
    }
    for password in ["Basic YW5uOmI=", "Basic YW5uOmE="] {
        assert_eq!(know(Some(password)), Err(Refused::Later(tries::WAIT_FIRST)), "nothing is looked at");
    }
}

#[test]
fn a_guesser_waits_on_every_connection_and_by_either_scheme() {
    let users = Arc::new(Users::parse("ann:a").expect("good"));
    let (peer, now) = (IpAddr::from([127, 0, 0, 1]), MonoTime::default());
    let path = common::rtsp::serve::StreamPath::parse("cam").expect("a name");
    let url = "rtsp://127.0.0.1/cam".parse().expect("a URL");
    let ask = |authorization: Option<&str>, challenger: &mut Challenger| {
        let method = &"DESCRIBE".into();
        challenger.check(now, &Access { action: Action::Play, path: &path, method, url: &url, authorization })
    };
    for _ in 0..tries::FREE {
        let mut challenger = Challenger::new(users.clone(), peer);
        let Permission::Challenge(challenge) = ask(None, &mut challenger) else { panic!("asked for a password") };
        let mut client = common::rtsp::auth::Client::new(common::credentials::Credentials::new("ann", "wrong"));
        client.challenged(&challenge);
        let answer = client.authorization("DESCRIBE", "rtsp://127.0.0.1/cam");
        let Permission::Challenge(again) = ask(answer.as_deref(), &mut challenger) else { panic!("wrong") };
        assert!(!again.contains("stale"), "{again}");
        let Permission::Challenge(stale) = ask(answer.as_deref(), &mut challenger) else { panic!("old nonce") };
        assert!(stale.contains("stale=true"), "a nonce that is used up is no wrong password: {stale}");
    }
    let mut challenger = Challenger::new(users.clone(), peer);
    assert_eq!(ask(Some("Basic YW5uOmE="), &mut challenger), Permission::Later(tries::WAIT_FIRST));
    assert_eq!(users.authenticate(peer, Some("Basic YW5uOmE="), now), Err(Refused::Later(tries::WAIT_FIRST)));
    let mut elsewhere = Challenger::new(users, IpAddr::from([127, 0, 0, 2]));
    assert_eq!(ask(Some("Basic YW5uOmE="), &mut elsewhere), Permission::Granted);
}

#[test]
fn wrong_tokens_are_tries_and_right_ones_from_there_do_not_wait_for_them() {
    let users = Users::parse("ann:a").expect("good");
    let (peer, now) = (IpAddr::from([127, 0, 0, 1]), MonoTime::default());
    let token = users.issue_token(peer, "ann", None, now);
    let check = |text: &str, now| users.authenticate_token(peer, text, None, now);
    assert_eq!(check(&token, now), Ok("ann".to_owned()));
    let mut wrong = token.clone();
    wrong.replace_range(47.., if token.ends_with('0') { "1" } else { "0" });
    for _ in 0..tries::FREE {
        assert_eq!(check(&wrong, now), Err(Refused::Denied(Denied::Wrong)));
    }
    assert_eq!(check(&token, now), Err(Refused::Later(tries::WAIT_FIRST)), "its secret is being guessed");
    let other = users.issue_token(peer, "ann", None, now);
    for number in 0..100 {
        let guessed = check(&format!("{number:016x}{:032x}", 0), now);
        assert!(matches!(guessed, Err(Refused::Denied(Denied::Wrong) | Refused::Later(_))), "{guessed:?}");
    }
    assert!(matches!(check("x", now), Err(Refused::Later(_))), "the address has guessed too often");
    assert_eq!(check(&other, now), Ok("ann".to_owned()));
    let late = now + TOKEN_VALID;
    for _ in 0..100 {
        assert_eq!(check(&other, late), Err(Refused::Denied(Denied::Stale)), "it was right once");
    }
}
