use proptest::prelude::*;

use super::*;

const OPTIONS: &[u8] = b"OPTIONS rtsp://127.0.0.1/cam RTSP/1.0\r\nCSeq: 1\r\n\r\n";

fn all(bytes: &[u8]) -> Result<Vec<Item>, Error> {
    let mut framer = Framer::default();
    framer.push(bytes);
    drain(&mut framer)
}

fn drain(framer: &mut Framer) -> Result<Vec<Item>, Error> {
    let mut items = Vec::new();
    while let Some(item) = framer.next_item()? {
        items.push(item);
    }
    Ok(items)
}

/// The one request in `bytes`.
pub(in crate::rtsp) fn request(bytes: &[u8]) -> Request<Vec<u8>> {
    match all(bytes).expect("a good request").remove(0) {
        Item::Request(request) => request,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_first_line_is_looked_for_only_in_what_is_new() {
    let mut framer = Framer::default();
    for &byte in b"\r\nOPTIONS * RTSP/1.0\r" {
        framer.push(&[byte]);
        assert!(framer.first_line().is_none_or(<[u8]>::is_empty), "not complete");
        assert_eq!(framer.next_item(), Ok(None));
        assert_eq!(framer.head.searched, framer.buffer.len(), "what was looked at is not looked at again");
    }
    framer.push(b"\nCSeq");
    assert_eq!(framer.first_line(), Some(&b"OPTIONS * RTSP/1.0"[..]));
    assert_eq!(framer.next_item(), Ok(None));
    framer.push(b": 1\r\n");
    assert_eq!(framer.first_line(), None, "once");
    let mut data = Framer::default();
    data.push(b"$\0\xff\xff\n");
    assert_eq!(data.first_line(), None, "a frame has no lines");
}

fn with_header(header: &str) -> Vec<u8> {
    format!("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n{header}\r\n\r\n").into_bytes()
}

#[test]
fn a_pipelined_stream_comes_out_the_same_however_it_is_cut() {
    let mut stream = OPTIONS.to_vec();
    stream.extend(b"\r\n\r\n$\x00\x00\x00$\x01\x00\x03abc");
    stream.extend(b"ANNOUNCE rtsp://h/cam RTSP/1.0\r\ncontent-length:  5 \r\nCSeq: 2\r\n\r\nv=0\r\n");
    stream.extend(b"$\x02\xff\xff");
    stream.extend(std::iter::repeat_n(b'$', 65_535));
    stream.extend(b"RTSP/1.0 200 OK\r\nCSeq: 9\r\n\r\n");
    let whole = all(&stream).expect("the stream is good");
    assert_eq!(whole.len(), 6);
    let Item::Request(announce) = &whole[3] else { panic!("{:?}", whole[3]) };
    assert_eq!(announce.body(), b"v=0\r\n");
    assert!(matches!(&whole[1], Item::Data { channel: 0, payload } if payload.is_empty()));
    assert!(matches!(&whole[4], Item::Data { channel: 2, payload } if payload.len() == 65_535));
    for step in [1, 2, 3, 7, 1000] {
        let mut framer = Framer::default();
        let mut items = Vec::new();
        for piece in stream.chunks(step) {
            framer.push(piece);
            items.extend(drain(&mut framer).expect("the stream is good"));
        }
        assert_eq!(items, whole, "in pieces of {step}");
        assert!(!framer.is_mid_item());
    }
}

#[test]
fn a_payload_holds_nothing_but_itself() {
    let mut framer = Framer::default();
    framer.push(&[&[b'$', 0, 0xff, 0xff][..], &[1; 65_535], b"$\x01\x00\x03abc$\x01\x00\x03abc"].concat());
    let payloads: Vec<Bytes> = std::iter::from_fn(|| framer.next_item().expect("good"))
        .map(|item| match item {
            Item::Data { payload, .. } => payload,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(payloads.len(), 3);
    assert!(payloads.iter().all(Bytes::is_unique), "neither with the others, nor with what was read");
}

#[test]
fn content_lengths_that_two_parties_could_read_differently_are_refused() {
    for bad in ["-1", "+5", "5, 5", "5 5", "0x5", "", "5;", "٥"] {
        let error = all(&with_header(&format!("Content-Length: {bad}"))).expect_err(bad);
        assert!(matches!(error, Error::ContentLength(_)), "{bad}: {error}");
    }
    for twice in ["5\r\nContent-Length: 6", "5\r\ncontent-length: 5"] {
        let error = all(&with_header(&format!("Content-Length: {twice}"))).expect_err(twice);
        assert!(error.to_string().contains("twice"), "{error}");
    }
    for huge in ["131073", "4294967296", "99999999999999999999999999"] {
        let error = all(&with_header(&format!("Content-Length: {huge}"))).expect_err(huge);
        assert_eq!(error, Error::TooLong { part: "the body", limit: BODY_MAX });
    }
    assert_eq!(all(&with_header("Content-Length: 131072")), Ok(vec![]));
}

#[test]
fn every_limit_holds_and_one_less_passes() {
    let request = |method: usize, url: usize| {
        format!("{} rtsp://h/{} RTSP/1.0\r\n\r\n", "M".repeat(method), "u".repeat(url - 9)).into_bytes()
    };
    assert!(all(&request(METHOD_MAX, URL_MAX)).is_ok());
    assert_eq!(all(&request(METHOD_MAX + 1, 20)), Err(Error::TooLong { part: "the method", limit: METHOD_MAX }));
    assert_eq!(all(&request(5, URL_MAX + 1)), Err(Error::TooLong { part: "the URL", limit: URL_MAX }));
    let name_and_value =
        |name: usize, value: usize| with_header(&format!("{}: {}", "n".repeat(name), "v".repeat(value)));
    assert!(all(&name_and_value(HEADER_NAME_MAX, HEADER_VALUE_MAX)).is_ok());
    assert!(all(&name_and_value(HEADER_NAME_MAX + 1, 5)).is_err());
    assert!(all(&name_and_value(5, HEADER_VALUE_MAX + 1)).is_err());
    let headers = |n: usize| format!("OPTIONS * RTSP/1.0\r\n{}\r\n", "A: b\r\n".repeat(n)).into_bytes();
    assert!(all(&headers(HEADERS_MAX)).is_ok());
    assert_eq!(all(&headers(HEADERS_MAX + 1)), Err(Error::TooManyHeaders));
    let long = format!("OPTIONS * RTSP/1.0\r\n{}\r\n", format!("A: {}\r\n", "b".repeat(2000)).repeat(40));
    assert_eq!(all(long.as_bytes()), Err(Error::TooLong { part: "the head of the message", limit: HEAD_MAX }));
}

#[test]
fn a_line_that_never_ends_is_refused_before_its_end() {
    for start in [&b"OPTIONS rtsp://h/"[..], b"OPTIONS * RTSP/1.0\r\nA: "] {
        let mut framer = Framer::default();
        framer.push(start);
        let refused = (0..100).any(|_| {
            framer.push(&[b'x'; 100]);
            framer.next_item().is_err()
        });
        assert!(refused);
        assert!(!framer.is_mid_item(), "a refused stream is not kept");
    }
}

#[test]
fn what_is_not_rtsp_is_named() {
    let http = all(b"HTTP/1.1 400 Bad Request\r\n\r\n").expect_err("HTTP is not RTSP");
    assert_eq!(http.to_string(), "the peer does not speak RTSP: it sent \"HTTP/1.1 400 Bad Request\"");
    for bytes in
        [&b"\x16\x03\x01\x02\x00\x01"[..], b"GET / HTTP/1.1\r\n", b"SSH-2.0-x\r\n", b"options * RTSP/1.0\r\n", b"A\n"]
    {
        assert!(matches!(all(bytes), Err(Error::NotRtsp(_))), "{}", bytes.escape_ascii());
    }
}

#[test]
fn control_characters_and_broken_lines_are_refused() {
    let bad: [&[u8]; 9] = [
        b"OPT\0IONS * RTSP/1.0\r\n\r\n",
        b"OPTIONS rtsp://h/\0 RTSP/1.0\r\n\r\n",
        b"OPTIONS * RTSP/1.0\r\nCSeq: 1\0\r\n\r\n",
        b"OPTIONS * RTSP/1.0\r\nCSeq: 1\n\r\n",
        b"OPTIONS * RTSP/1.0\r\nCSeq\r\n\r\n",
        b"OPTIONS * RTSP/1.0\r\n: 1\r\n\r\n",
        b"OPTIONS * RTSP/1.0\r\nA: 1\r\n folded\r\n\r\n",
        b"OPTIONS * RTSP/1.0\r\nA: \xff\xfe\r\n\r\n",
        b"OPTIONS not-a-url RTSP/1.0\r\n\r\n",
    ];
    for bytes in bad {
        assert!(all(bytes).is_err(), "{}", bytes.escape_ascii());
    }
}

#[test]
fn a_password_in_a_refused_request_is_not_told() {
    let error = all(b"ANNOUNCE rtsp://u:secret@[::1/cam RTSP/1.0\r\n\r\n").expect_err("the URL is broken");
    assert!(!error.to_string().contains("secret"), "{error}");
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic_and_are_never_hoarded(pieces in proptest::collection::vec(any::<Vec<u8>>(), 0..50)) {
        let mut framer = Framer::default();
        for piece in &pieces {
            framer.push(piece);
            let _ = drain(&mut framer);
            prop_assert!(framer.buffer.len() <= HEAD_MAX + BODY_MAX + 65_540 + piece.len());
        }
    }

    #[test]
    fn a_damaged_message_never_panics(at in 0..OPTIONS.len(), with in any::<u8>(), cut in 0..OPTIONS.len()) {
        let mut bytes = OPTIONS.to_vec();
        bytes[at] = with;
        bytes.truncate(OPTIONS.len() - cut);
        let _ = all(&bytes);
    }
}
