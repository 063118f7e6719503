//! What of RTSP (RFC 2326) somebody in between has to understand: where a message ends, and the ports in its `Transport`
//! header. Everything else passes as it is, also what [`super::message`] would refuse. Pure: bytes in, pieces out.

use super::interleaved;

/// The longest head that is looked at; what has a longer one passes as it is, to its end.
pub const MAX_HEAD: usize = 64 << 10;

/// The end of a head.
const END: &[u8] = b"\r\n\r\n";

/// A part of one direction of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// The start line and headers of a message, with the blank line.
    Head(String),
    /// Anything else: bodies, interleaved data, and what is no RTSP.
    Bytes(Vec<u8>),
}

/// One direction of a connection, cut into pieces.
#[derive(Debug, Default)]
pub struct Messages {
    buffer: Vec<u8>,
    /// Bytes of a body or interleaved packet that are still to come.
    rest: usize,
    /// It is no RTSP, or none that can be followed.
    opaque: bool,
}

impl Messages {
    /// What `bytes` completes. Together the pieces are all that came, in order, but for a head that is not whole yet.
    pub fn take(&mut self, bytes: &[u8]) -> Vec<Piece> {
        self.buffer.extend_from_slice(bytes);
        let mut pieces = Vec::new();
        while !self.buffer.is_empty() {
            let Some(piece) = self.next() else { break };
            pieces.push(piece);
        }
        pieces
    }

    fn next(&mut self) -> Option<Piece> {
        if self.opaque {
            return Some(Piece::Bytes(std::mem::take(&mut self.buffer)));
        }
        if self.rest > 0 {
            let count = self.rest.min(self.buffer.len());
            self.rest -= count;
            return Some(Piece::Bytes(self.buffer.drain(..count).collect()));
        }
        // An interleaved packet: `$`, channel, length (section 10.12).
        if self.buffer[0] == interleaved::MAGIC {
            let (_, length) = interleaved::parse_header(&self.buffer)?;
            self.rest = interleaved::HEADER_LEN + usize::from(length);
            return self.next();
        }
        // Empty lines before a message are passed over, as RFC 9112 section 2.2 has it for HTTP.
        if self.buffer.starts_with(b"\r\n") {
            return Some(Piece::Bytes(self.buffer.drain(..2).collect()));
        }
        let Some(end) = self.buffer.windows(END.len()).position(|four| four == END) else {
            self.opaque = self.buffer.len() > MAX_HEAD;
            return if self.opaque { self.next() } else { None };
        };
        let head: Vec<u8> = self.buffer.drain(..end + END.len()).collect();
        let head = match String::from_utf8(head) {
            Ok(head) => head,
            // It may have a body, whose length is not known.
            Err(bytes) => {
                self.opaque = true;
                return Some(Piece::Bytes(bytes.into_bytes()));
            }
        };
        match header(&head, "Content-Length").map(|length| length.trim().parse()) {
            None => {}
            Some(Ok(length)) => self.rest = length,
            Some(Err(_)) => self.opaque = true,
        }
        Some(Piece::Head(head))
    }
}

/// The value of a header.
pub fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines().skip(1).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// Whether it asks for a transport.
pub fn is_setup(head: &str) -> bool {
    head.starts_with("SETUP ")
}

/// The status code of a response.
pub fn status(head: &str) -> Option<u16> {
    head.strip_prefix("RTSP/")?.split_whitespace().nth(1)?.parse().ok()
}

/// Two ports of the `Transport` header, as in `client_port=5000-5001`; where there is one alone the second is the next.
pub fn ports(head: &str, parameter: &str) -> Option<[u16; 2]> {
    let value = header(head, "Transport")?.split([';', ',']).find_map(|part| value_of(part, parameter))?;
    let (first, second) = match value.split_once('-') {
        Some((first, second)) => (first.parse().ok()?, second.parse().ok()?),
        None => (value.parse::<u16>().ok()?, value.parse::<u16>().ok()?.checked_add(1)?),
    };
    Some([first, second])
}

/// The head with these ports in the place of its own. Addresses go out of the header: they are not those of the proxy.
pub fn with_ports(head: &str, parameter: &str, [first, second]: [u16; 2]) -> String {
    let offer = |offer: &str| {
        let others = |part: &&str| value_of(part, "source").is_none() && value_of(part, "destination").is_none();
        let parts = offer.split(';').filter(others).map(|part| match value_of(part, parameter) {
            Some(_) => format!("{parameter}={first}-{second}"),
            None => part.to_owned(),
        });
        parts.collect::<Vec<_>>().join(";")
    };
    let line = |(number, line): (usize, &str)| {
        let content = line.trim_end_matches(['\r', '\n']);
        match content.split_once(':') {
            Some((name, value)) if number > 0 && name.trim().eq_ignore_ascii_case("Transport") => {
                let offers: Vec<String> = value.split(',').map(offer).collect();
                format!("{name}:{}{}", offers.join(","), &line[content.len()..])
            }
            _ => line.to_owned(),
        }
    };
    // The lines that `header` looks at: also one that ends with a line feed alone.
    head.split_inclusive('\n').enumerate().map(line).collect()
}

fn value_of<'p>(part: &'p str, parameter: &str) -> Option<&'p str> {
    part.trim().strip_prefix(parameter)?.strip_prefix('=')
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETUP: &str = "SETUP rtsp://h/cam/0 RTSP/1.0\r\nCSeq: 3\r\n\
                         transport: RTP/AVP;unicast;client_port=5000-5001;mode=record\r\n\r\n";
    const ANSWER: &str = "RTSP/1.0 200 OK\r\nCSeq: 3\r\nContent-Length: 4\r\n\
                          Transport: RTP/AVP;unicast;source=10.0.0.1;client_port=6000-6001;server_port=7000-7001\r\n\r\n";

    #[test]
    fn empty_lines_before_a_message_are_passed_over() {
        let answer = "RTSP/1.0 503 Busy\r\nCSeq: 2\r\n\r\n";
        let pieces = Messages::default().take(format!("\r\n{answer}").as_bytes());
        assert_eq!(pieces, [Piece::Bytes(b"\r\n".to_vec()), Piece::Head(answer.to_owned())]);
    }

    #[test]
    fn messages_are_cut_wherever_their_bytes_are_parted() {
        let packet = b"$\x00\x00\x05\r\n\r\n!";
        let all = [ANSWER.as_bytes(), b"body", packet, SETUP.as_bytes()].concat();
        for at in 0..=all.len() {
            let mut messages = Messages::default();
            let mut pieces = messages.take(&all[..at]);
            pieces.extend(messages.take(&all[at..]));
            let heads: Vec<&str> = pieces
                .iter()
                .filter_map(|piece| match piece {
                    Piece::Head(head) => Some(head.as_str()),
                    Piece::Bytes(_) => None,
                })
                .collect();
            assert_eq!(heads, [ANSWER, SETUP], "parted at {at}");
            let again: Vec<u8> = pieces
                .into_iter()
                .flat_map(|piece| match piece {
                    Piece::Head(head) => head.into_bytes(),
                    Piece::Bytes(bytes) => bytes,
                })
                .collect();
            assert_eq!(again, all, "parted at {at}");
        }
    }

    #[test]
    fn what_cannot_be_followed_passes_as_it_is() {
        let mut messages = Messages::default();
        let long = vec![b'x'; MAX_HEAD + 1];
        assert_eq!(messages.take(&long), [Piece::Bytes(long.clone())]);
        assert_eq!(messages.take(SETUP.as_bytes()), [Piece::Bytes(SETUP.as_bytes().to_vec())]);
        let mut messages = Messages::default();
        let odd = "RTSP/1.0 200 OK\r\nContent-Length: many\r\n\r\n";
        assert_eq!(messages.take(odd.as_bytes()), [Piece::Head(odd.to_owned())]);
        assert_eq!(messages.take(b"a"), [Piece::Bytes(b"a".to_vec())]);
        let mut messages = Messages::default();
        let latin = b"ANNOUNCE rtsp://h/caf\xe9 RTSP/1.0\r\nContent-Length: 4\r\n\r\n".to_vec();
        assert_eq!(messages.take(&latin), [Piece::Bytes(latin.clone())]);
        assert_eq!(messages.take(SETUP.as_bytes()), [Piece::Bytes(SETUP.as_bytes().to_vec())]);
    }

    #[test]
    fn ports_are_found_and_replaced_and_nothing_else_is() {
        assert_eq!((ports(SETUP, "client_port"), ports(SETUP, "server_port")), (Some([5000, 5001]), None));
        assert_eq!((status(ANSWER), status(SETUP), is_setup(SETUP)), (Some(200), None, true));
        let asked = with_ports(SETUP, "client_port", [9000, 9001]);
        assert_eq!(asked, SETUP.replace("5000-5001", "9000-9001"));
        let answered = with_ports(&with_ports(ANSWER, "client_port", [5000, 5001]), "server_port", [8000, 8001]);
        let expected = ANSWER.replace("source=10.0.0.1;", "").replace("6000-6001", "5000-5001");
        assert_eq!(answered, expected.replace("7000-7001", "8000-8001"));
        assert_eq!(ports("S\r\nTransport: RTP/AVP;client_port=8\r\n\r\n", "client_port"), Some([8, 9]));
        let odd = "S\r\nCSeq: 1\nTransport:client_port=1-2;source=h\r\n\r\n";
        assert_eq!(
            with_ports(odd, "client_port", [9000, 9001]),
            "S\r\nCSeq: 1\nTransport:client_port=9000-9001\r\n\r\n",
            "no port passes by its place"
        );
        for bad in ["client_port=65535", "client_port=1-x", "client_port", "interleaved=0-1"] {
            assert_eq!(ports(&format!("S\r\nTransport: {bad}\r\n\r\n"), "client_port"), None, "{bad}");
        }
    }
}
