//! Addresses for programs that have to be told where to listen and cannot report a port that the system chose.
//!
//! A port that was bound to see whether it is free, and released, is anybody's until it is used. So nothing is bound here: the program
//! is told a port that the system does not hand out by itself, best on an address that nobody else uses, and is the first to bind
//! it. If another program was faster, it says so ([`is_taken`]) and is started again elsewhere.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::ops::Range;
use std::time::Duration;

/// Below the ports that the system hands out by itself (`net.ipv4.ip_local_port_range`: from 32768 on by default), above those that
/// programs use by default.
const PORTS: Range<u16> = 16_384..32_766;

/// Ports to try. If all of them are taken, something else is wrong, which the program will say.
const TRIES: u32 = 20;

/// How long a program on this host may take to accept.
const ANSWER_LIMIT: Duration = Duration::from_millis(200);

/// A random one of the loopback addresses (RFC 1122 section 3.2.1.3).
pub fn random_host() -> Ipv4Addr {
    let [high, middle, low] = [(); 3].map(|()| rand::random_range(1..=254));
    Ipv4Addr::new(127, high, middle, low)
}

/// A random address on `host` where nobody answers, with an even port (RTP's, RFC 3550 section 11). Nothing is bound.
pub fn unused_address(host: Ipv4Addr) -> SocketAddr {
    let draw = || SocketAddr::from((host, rand::random_range(PORTS) & !1));
    // Whoever waits for a server to answer would take another's answer for it.
    let quiet = |at: &SocketAddr| TcpStream::connect_timeout(at, ANSWER_LIMIT).is_err();
    (0..TRIES).map(|_| draw()).find(quiet).unwrap_or_else(draw)
}

/// Whether the last words of a program say that its address is taken.
pub fn is_taken(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    // The system's words (EADDRINUSE), those of runtimes that give only its name, and framelag's.
    ["already in use", "eaddrinuse", "is taken"].iter().any(|words| message.contains(words))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn places_are_of_this_host_and_even_and_not_those_that_the_system_gives_out() {
        for _ in 0..1_000 {
            let host = random_host();
            assert!(host.is_loopback() && host != Ipv4Addr::LOCALHOST, "{host}");
        }
        let at = unused_address(random_host());
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
