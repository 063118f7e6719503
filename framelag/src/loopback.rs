//! Where a program of somebody else's listens that has to be told its port and cannot say which one the system gave it.
//!
//! A port that was bound to see whether it is free, and let go of, is anybody's until it is used: the system may give it to the
//! next program that asks for any. So the program itself is the first to bind what it is told, and what it is told are ports that
//! the system gives to nobody, best on an address that nobody else uses. Where another one was there first all the same, the
//! program says so ([`is_taken`]) and is started anew elsewhere.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::ops::Range;
use std::time::Duration;

/// Below those that the system gives out by itself (`net.ipv4.ip_local_port_range`: from 32768 on unless told otherwise), above
/// those that programs have by default.
const PORTS: Range<u16> = 16_384..32_766;

/// Places that are looked at. Of so many one is free, or something else is wrong, which the program will say.
const TRIES: u32 = 20;

/// How long somebody who listens on this host may take to accept.
const ANSWER_LIMIT: Duration = Duration::from_millis(200);

/// One of the sixteen million addresses of this host (RFC 1122 section 3.2.1.3), drawn: for programs that can be told which.
pub fn host() -> Ipv4Addr {
    let [high, middle, low] = [(); 3].map(|()| rand::random_range(1..=254));
    Ipv4Addr::new(127, high, middle, low)
}

/// A place on `host` where nobody answers now, with an even port (RTP's, RFC 3550 section 11), drawn. Nothing is bound.
pub fn place(host: Ipv4Addr) -> SocketAddr {
    let draw = || SocketAddr::from((host, rand::random_range(PORTS) & !1));
    // One who waits for a server to answer would take another's answer for it.
    let quiet = |at: &SocketAddr| TcpStream::connect_timeout(at, ANSWER_LIMIT).is_err();
    (0..TRIES).map(|_| draw()).find(quiet).unwrap_or_else(draw)
}

/// Whether what a program said as it ended is that somebody else has its address.
pub fn is_taken(said: &str) -> bool {
    let said = said.to_ascii_lowercase();
    // The system's words (EADDRINUSE), those of runtimes that give only its name, and framelag's.
    ["already in use", "eaddrinuse", "is taken"].iter().any(|words| said.contains(words))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn places_are_of_this_host_and_even_and_not_those_that_the_system_gives_out() {
        for _ in 0..1_000 {
            let host = host();
            assert!(host.is_loopback() && host != Ipv4Addr::LOCALHOST, "{host}");
        }
        let at = place(host());
        assert!(at.port().is_multiple_of(2) && PORTS.contains(&at.port()), "{at}");
        TcpListener::bind(at).expect("any address of 127.0.0.0/8 can be listened on");
    }

    #[test]
    fn what_programs_say_of_a_taken_address_is_known() {
        let held = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let taken = held.local_addr().expect("it is bound");
        let system = TcpListener::bind(taken).expect_err("it is taken");
        for said in [
            system.to_string().as_str(),
            "ERR: listen tcp 127.0.0.1:8554: bind: address already in use",
            "Error: listen EADDRINUSE: address already in use",
            "error: port 37805 is taken: stop the program that listens on 127.0.0.1:37805",
        ] {
            assert!(is_taken(said), "{said}");
        }
        assert!(!is_taken("ls: cannot access '/nowhere/at-all': No such file or directory"));
    }
}
