//! Tests of serving to other hosts: TLS, a single load of the page, and the stream at the page's origin.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use common::host::SystemClock;
use common::lock::lock;
use common::stream_url::StreamUrl;
use sha2::{Digest, Sha256};
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned,
};

use super::Server;

/// Accepts every certificate with a valid signature and records it, like a person who checks the fingerprint.
#[derive(Debug)]
struct Person {
    seen: Mutex<Vec<u8>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Person {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *lock(&self.seen) = certificate.to_vec();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Starts a server of the page that plays `stream`; returns it with its address and its page's path and query.
fn listening(stream: &str) -> (Server, SocketAddr, String) {
    let url = StreamUrl::typed(stream, &["http"], |_| None).expect("a URL");
    let server = Server::start(SystemClock::new(), &url, Some(([127, 0, 0, 1], 0).into())).expect("a free port");
    let (address, path) = server.page["https://".len()..].split_once('/').expect("a path");
    let (address, path) = (address.parse().expect("an address"), format!("/{path}"));
    (server, address, path)
}

/// Asks for `path` with these further headers. Returns the connection, and the person who saw its certificate.
fn ask(address: SocketAddr, path: &str, headers: &str) -> (StreamOwned<ClientConnection, TcpStream>, Arc<Person>) {
    let provider = Arc::new(ring::default_provider());
    let person = Arc::new(Person { seen: Mutex::default(), algorithms: provider.signature_verification_algorithms });
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("TLS")
        .dangerous()
        .with_custom_certificate_verifier(person.clone())
        .with_no_client_auth();
    let name = ServerName::from(address.ip());
    let connection = ClientConnection::new(Arc::new(config), name).expect("a client");
    let mut stream = StreamOwned::new(connection, TcpStream::connect(address).expect("it listens"));
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n").expect("it reads");
    (stream, person)
}

/// Opens the page's socket; returns the status line.
fn open_socket(address: SocketAddr, page: &str, cookie: &str) -> String {
    let query = page.split_once('?').expect("a token").1;
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let (stream, _) = ask(address, &format!("/measure/socket?{query}"), &format!("Cookie: {cookie}\r\n{upgrade}"));
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).expect("a status line");
    line
}

/// Loads the page; returns the pair of its cookie, and the certificate's fingerprint.
fn load(address: SocketAddr, page: &str) -> (String, String) {
    let (answer, fingerprint) = get(address, page, "");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect("a cookie");
    (cookie.split(';').next().expect("a pair").to_owned(), fingerprint)
}

/// Returns the response to a request for `path`, and the certificate's fingerprint.
fn get(address: SocketAddr, path: &str, cookie: &str) -> (String, String) {
    let (mut stream, person) = ask(address, path, &format!("Cookie: {cookie}\r\nConnection: close\r\n"));
    let mut answer = Vec::new();
    // A server that closes without a TLS close_notify has sent all it had.
    let _ = stream.read_to_end(&mut answer);
    let digits: Vec<_> = Sha256::digest(&*lock(&person.seen)).iter().map(|byte| format!("{byte:02X}")).collect();
    (String::from_utf8_lossy(&answer).into_owned(), digits.join(":"))
}

#[test]
fn one_browser_runs_the_page_and_its_certificate_is_the_one_that_was_shown() {
    let (server, address, page) = listening("http://127.0.0.1:9/cam/mse");
    let bare = page.split('?').next().expect("a path");
    for path in [bare, &format!("{page}0"), "/players/own.js", "/measure/socket", "/media/cam/mse"] {
        let (answer, _) = get(address, path, "");
        assert!(answer.starts_with("HTTP/1.1 403"), "{path}: {answer}");
    }
    assert!(open_socket(address, &page, "").starts_with("HTTP/1.1 403"));
    let (preview, _) = load(address, &page);
    let (viewer, fingerprint) = load(address, &page);
    assert_eq!(server.fingerprint.as_deref(), Some(&*fingerprint));
    for cookie in [&preview, &viewer] {
        assert!(get(address, "/players/own.js", cookie).0.starts_with("HTTP/1.1 200"));
        assert!(get(address, "/media/cam/mse", cookie).0.starts_with("HTTP/1.1 403"), "before it runs");
        // Not a WebSocket: nobody runs the page by that.
        assert!(get(address, "/measure/socket", cookie).0.starts_with("HTTP/1.1 4"));
    }
    assert!(open_socket(address, &page, &viewer).starts_with("HTTP/1.1 101"));
    assert!(open_socket(address, &page, &preview).starts_with("HTTP/1.1 403"));
    for (path, cookie) in [(&*page, ""), (&page, &preview), ("/players/own.js", &preview), ("/media/x", &preview)] {
        assert!(get(address, path, cookie).0.starts_with("HTTP/1.1 403"), "{path}");
    }
    for path in [&*page, "/players/own.js"] {
        assert!(get(address, path, &viewer).0.starts_with("HTTP/1.1 200"), "{path}");
    }
    assert!(!get(address, &page, &viewer).0.contains("set-cookie"), "it has it");
    // Nothing listens at the stream's port: the request got through to there.
    assert!(get(address, "/media/cam/mse", &viewer).0.starts_with("HTTP/1.1 502"));
    assert!(open_socket(address, &page, &viewer).starts_with("HTTP/1.1 101"), "it may load again");
}

#[test]
fn the_stream_lies_under_the_pages_origin_and_nothing_else_does() {
    let upstream = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let stream = format!("http://{}/cam/index.m3u8", upstream.local_addr().expect("it is bound"));
    let (server, address, page) = listening(&stream);
    assert_eq!(server.media, format!("https://{address}/media/cam/index.m3u8"));
    let asked = thread::spawn(move || {
        let (mut connection, _) = upstream.accept().expect("it is asked");
        let mut request = [0; 4_096];
        let length = connection.read(&mut request).expect("a request");
        let answer =
            "HTTP/1.1 200 OK\r\nContent-Type: application/x\r\nSet-Cookie: a=b\r\nContent-Length: 5\r\n\r\nhello";
        connection.write_all(answer.as_bytes()).expect("it listens");
        String::from_utf8_lossy(&request[..length]).into_owned()
    });
    let (cookie, _) = load(address, &page);
    assert!(open_socket(address, &page, &cookie).starts_with("HTTP/1.1 101"));
    let (answer, _) = get(address, "/media/cam/part-1-2.m4s?x=1", &cookie);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("hello"), "{answer}");
    assert!(answer.contains("content-security-policy: sandbox\r\n"), "{answer}");
    assert!(answer.contains("content-type: application/x") && !answer.contains("a=b"), "{answer}");
    let request = asked.join().expect("no panic").to_lowercase();
    assert!(request.starts_with("get /cam/part-1-2.m4s?x=1 http/1.1"), "{request}");
    assert!(!request.contains("framelag=") && request.contains("host: 127.0.0.1:"), "{request}");
}

#[test]
fn who_does_not_shake_hands_holds_nobody_up() {
    let (_server, address, page) = listening("http://127.0.0.1:9/cam/mse");
    let mut silent: Vec<_> = (0..40).map(|_| TcpStream::connect(address).expect("it listens")).collect();
    let mut plain = TcpStream::connect(address).expect("it listens");
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("it reads");
    assert!(get(address, &page, "").0.starts_with("HTTP/1.1 200"));
    // The oldest made room. None had to run out of time: the others are still there.
    assert!(silent[0].read(&mut [0]).unwrap_or(0) == 0);
    silent[20].set_nonblocking(true).expect("a socket");
    let waits = silent[20].read(&mut [0]).expect_err("it is open");
    assert_eq!(waits.kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn the_default_port_may_be_left_out_and_no_other() {
    let hosts = |address: &str, scheme| super::hosts(address.parse().expect("an address"), scheme);
    assert_eq!(hosts("192.168.1.20:443", "https"), ["192.168.1.20:443", "192.168.1.20"]);
    assert_eq!(hosts("[::1]:443", "https"), ["[::1]:443", "[::1]"]);
    assert_eq!(hosts("192.168.1.20:80", "https"), ["192.168.1.20:80"]);
    assert_eq!(hosts("127.0.0.1:80", "http"), ["127.0.0.1:80", "127.0.0.1"]);
}
