//! Sends metrics to an OpenTelemetry collector, by OTLP over HTTP.
//!
//! Every figure counts from the start of the run (or of measuring), so nothing is lost with a message that did not arrive:
//! the next has it all. That is why nothing is sent twice, and why a collector that is away for a while is no failure. Only
//! the last message is missed if nobody takes it; `run.json` has its figures.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::metrics::board::Board;
use crate::metrics::collector::Collector;
use crate::metrics::otlp;
use crate::output::Output;

/// How often metrics are sent.
const EVERY: Duration = Duration::from_secs(5);
/// A message is answered within this, or given up. The end of a run waits for at most two.
const LIMIT: Duration = Duration::from_secs(3);
/// Bytes of an answer that are read.
const ANSWER_MAX: usize = 64 << 10;

/// Why a message did not arrive.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{0}")]
    Connect(#[from] io::Error),
    #[error("{0}")]
    Http(#[from] hyper::Error),
    #[error("{0}")]
    Request(#[from] hyper::http::Error),
    #[error("no answer within {LIMIT:?}")]
    Slow,
    #[error("it answers {0}")]
    Refused(StatusCode),
    #[error("it left out {0} values: {1:?}")]
    Partial(i64, String),
}

/// Sends what is on `board` every few seconds and, when the run is over, its last figures. The first failure is told.
pub(super) async fn run(collector: Collector, mut board: watch::Receiver<Board>, output: Output) {
    let instance = otlp::new_instance_id();
    let mut told = false;
    loop {
        // Where the sender is gone there are no last figures, and nobody to send more.
        let over = match tokio::time::timeout(EVERY, board.wait_for(|board| board.over)).await {
            Ok(Ok(_)) => true,
            Ok(Err(_)) => return,
            Err(_) => false,
        };
        let streams = Arc::clone(&board.borrow().streams);
        let sent = tokio::time::timeout(LIMIT, post(&collector, otlp::request(&instance, &streams))).await;
        if let Err(error) = sent.unwrap_or(Err(Error::Slow))
            && !std::mem::replace(&mut told, true)
        {
            output.warn(format_args!("metrics did not reach {collector} ({error}); measuring goes on"));
        }
        if over {
            return;
        }
    }
}

/// On a connection of its own: an idle one may be closed at any time, by whatever lies in between.
async fn post(collector: &Collector, message: Vec<u8>) -> Result<(), Error> {
    let stream = TcpStream::connect((collector.host.as_str(), collector.port)).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::post(&collector.target)
        .header(HOST, &collector.authority)
        .header(USER_AGENT, concat!("framelag-receiver/", env!("CARGO_PKG_VERSION")))
        .header(CONTENT_TYPE, "application/x-protobuf");
    let request = collector.authorization.iter().fold(request, |request, value| request.header(AUTHORIZATION, value));
    let exchange = async {
        let response = sender.send_request(request.body(Full::new(Bytes::from(message)))?).await?;
        let status = response.status();
        let answer = Limited::new(response.into_body(), ANSWER_MAX).collect().await;
        Ok::<_, Error>((status, answer.map(|answer| answer.to_bytes()).unwrap_or_default()))
    };
    let (status, answer) = tokio::select! {
        exchanged = exchange => exchanged?,
        Err(error) = connection => return Err(error.into()),
    };
    if !status.is_success() {
        return Err(Error::Refused(status));
    }
    match otlp::left_out(&answer) {
        Some((values, why)) => Err(Error::Partial(values, why)),
        None => Ok(()),
    }
}
