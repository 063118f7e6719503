//! The stream's server, if it is framelag's: reports timestamps of frames and asks the publisher to shift its
//! pictures.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use common::rtsp::phase::Phase;
use common::served::{PhaseAnswer, PhaseRequest, ServedFrames, TOKEN_PARAMETER};
use common::stream_url::StreamUrl;
use crossbeam_channel::{Receiver, Sender, bounded};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

/// Time limit for an answer about frames.
const MARKS_LIMIT: Duration = Duration::from_secs(1);
/// Time limit for a phase shift: the server has to ask its publisher.
const SHIFT_LIMIT: Duration = Duration::from_secs(4);
/// Largest answer, in bytes: a thousand frames take a quarter of that.
const ANSWER_MAX: usize = 1 << 20;
/// Most answers waiting to be taken.
const WAITING_MAX: usize = 4;

/// A server that may be framelag's.
#[derive(Debug)]
pub(super) struct Origin {
    /// `None` if the URL cannot belong to framelag's server.
    place: Option<Place>,
    runtime: Runtime,
    answers: (Sender<ServedFrames>, Receiver<ServedFrames>),
    is_asked: Arc<AtomicBool>,
}

#[derive(Clone, Debug)]
struct Place {
    host: String,
    port: u16,
    /// The stream's name with a leading slash.
    stream: String,
    /// The token in the URL's query, if the server has users: `access_token=…` (RFC 6750).
    token: Option<String>,
    /// Whether an answer was that the token or the user is missing.
    is_refused: Arc<AtomicBool>,
}

impl Origin {
    /// Creates the origin of `url` without contacting it.
    ///
    /// # Errors
    /// Fails if the thread cannot be started.
    pub(super) fn of(url: &StreamUrl) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("origin").enable_all().build()?;
        Ok(Self { place: Place::of(url), runtime, answers: bounded(WAITING_MAX), is_asked: Arc::default() })
    }

    /// Whether the server has refused to tell of the stream without a valid token.
    pub(super) fn is_refused(&self) -> bool {
        self.place.as_ref().is_some_and(|place| place.is_refused.load(Ordering::Acquire))
    }

    /// Waits for the marks of the frames from number `from` on; `None` if the server is not framelag's.
    pub(super) fn marks(&self, from: Option<u32>) -> Option<ServedFrames> {
        let place = self.place.as_ref()?;
        self.runtime.block_on(place.marks(from))
    }

    /// Requests the same without waiting, unless a request is pending.
    pub(super) fn ask(&self, from: Option<u32>) {
        let Some(place) = self.place.clone().filter(|_| !self.is_asked.swap(true, Ordering::AcqRel)) else { return };
        let (answers, is_asked) = (self.answers.0.clone(), Arc::clone(&self.is_asked));
        self.runtime.spawn(async move {
            // If the run is too busy to take the answer, the next one will do.
            place.marks(from).await.into_iter().for_each(|answer| drop(answers.try_send(answer)));
            is_asked.store(false, Ordering::Release);
        });
    }

    /// Returns an answer to [`Origin::ask`].
    pub(super) fn take(&self) -> Option<ServedFrames> {
        self.answers.1.try_recv().ok()
    }

    /// Asks the publisher to shift its pictures and returns the shift in µs; `None` if it cannot.
    pub(super) fn shift(&self, phase: Phase) -> Option<u64> {
        let place = self.place.as_ref()?;
        let path = format!("/api/streams/phase{}", place.stream);
        let body = json!(PhaseRequest { fraction: phase.fraction() }).to_string();
        let shifted = place.ask::<PhaseAnswer>(Method::POST, &path, body, SHIFT_LIMIT);
        self.runtime.block_on(shifted).map(|shifted| shifted.phase_us)
    }
}

impl Place {
    /// Framelag's URLs end in one of these names after the stream's.
    fn of(url: &StreamUrl) -> Option<Self> {
        let url = url.url();
        let (stream, file) = url.path().rsplit_once('/')?;
        let is_like_ours =
            url.scheme() == "http" && stream.len() > 1 && ["index.m3u8", "manifest.mpd", "mse"].contains(&file);
        let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
        let is_token = |pair: &&str| pair.split_once('=').is_some_and(|(name, _)| name == TOKEN_PARAMETER);
        let token = url.query().unwrap_or_default().split('&').find(is_token);
        is_like_ours.then(|| Self {
            host,
            port: url.port_or_known_default().unwrap_or(80),
            stream: stream.to_owned(),
            token: token.map(str::to_owned),
            is_refused: Arc::default(),
        })
    }

    async fn marks(&self, from: Option<u32>) -> Option<ServedFrames> {
        let from = from.map(|from| format!("from={from}"));
        let query = from.into_iter().chain(self.token.clone()).collect::<Vec<_>>().join("&");
        let from = if query.is_empty() { query } else { format!("?{query}") };
        self.ask(Method::GET, &format!("{}/marks{from}", self.stream), String::new(), MARKS_LIMIT).await
    }

    /// Opens a new connection for each request: the server may close an idle one at any time.
    async fn ask<T: DeserializeOwned>(&self, method: Method, path: &str, body: String, limit: Duration) -> Option<T> {
        let is_marks = method == Method::GET;
        let exchange = async {
            let stream = TcpStream::connect((self.host.as_str(), self.port)).await.ok()?;
            let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
            let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
            let request = Request::builder()
                .method(method)
                .uri(path)
                .header(HOST, format!("{host}:{}", self.port))
                .header(CONTENT_TYPE, "application/json")
                .body(Full::new(Bytes::from(body)));
            let answer = async {
                let response = sender.send_request(request.ok()?).await.ok()?;
                let is_granted = response.status() == StatusCode::OK;
                // Tokens grant playing only: that a shift is refused is no fault of the token.
                let is_refused = is_marks && response.status() == StatusCode::UNAUTHORIZED;
                self.is_refused.fetch_or(is_refused, Ordering::AcqRel);
                let bytes = Limited::new(response.into_body(), ANSWER_MAX).collect().await.ok()?.to_bytes();
                serde_json::from_slice(&bytes).ok().filter(|_| is_granted)
            };
            tokio::select! {
                answer = answer => answer,
                Err(_) = connection => None,
            }
        };
        tokio::time::timeout(limit, exchange).await.ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    fn url(text: &str) -> StreamUrl {
        StreamUrl::typed(text, &["http", "https"], |_| None).expect("a URL")
    }

    #[test]
    fn only_urls_like_ours_are_asked() {
        for (text, stream) in [
            ("http://h:8080/cam/index.m3u8", Some("/cam")),
            ("http://[::1]:8080/a/b/mse", Some("/a/b")),
            ("http://h/cam/manifest.mpd?x=1", Some("/cam")),
            ("https://h/cam/mse", None),
            ("http://h/index.m3u8", None),
            ("http://h/cam/other.m3u8", None),
        ] {
            assert_eq!(Place::of(&url(text)).map(|place| place.stream).as_deref(), stream, "{text}");
        }
    }

    #[test]
    fn the_urls_token_is_shown_and_a_refusal_noted() {
        for (answer, is_refused) in [("401 Unauthorized", true), ("404 Not Found", false)] {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
            let address = listener.local_addr().expect("it is bound");
            let server = std::thread::spawn(move || {
                let (mut stream, _) = listener.accept().expect("it is asked");
                let mut request = [0; 4_096];
                let length = stream.read(&mut request).expect("a request");
                let _ = write!(stream, "HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n");
                String::from_utf8_lossy(&request[..length]).into_owned()
            });
            let stream = format!("http://{address}/cam/mse?x=1&access_token=abc");
            let origin = Origin::of(&url(&stream)).expect("a thread");
            assert!(origin.marks(Some(7)).is_none());
            let request = server.join().expect("no panic");
            assert!(request.starts_with("GET /cam/marks?from=7&access_token=abc HTTP/1.1\r\n"), "{request}");
            assert_eq!(origin.is_refused(), is_refused, "{answer}");
        }
    }

    #[test]
    fn a_server_that_is_not_ours_answers_nothing_of_use() {
        for answer in
            ["HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}", "HTTP/1.1 200 OK\r\n\r\n<html>", "220 hello\r\n"]
        {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
            let address = listener.local_addr().expect("it is bound");
            let server = std::thread::spawn(move || {
                let (mut stream, _) = listener.accept().expect("it is asked");
                let _ = stream.read(&mut [0; 4_096]);
                // The client may have given up.
                let _ = stream.write_all(answer.as_bytes());
            });
            let origin = Origin::of(&url(&format!("http://{address}/cam/mse"))).expect("a thread");
            assert!(origin.marks(None).is_none(), "{answer}");
            server.join().expect("no panic");
        }
    }
}
