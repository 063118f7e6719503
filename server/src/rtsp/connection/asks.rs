//! Requests to a publisher from other tasks, sent on its connection.

use std::collections::BTreeMap;

use common::rtsp::phase::{Phase, parse_answer};
use tokio::sync::{mpsc, oneshot};

/// Most unsent requests.
const WAITING_MAX: usize = 4;

/// A request to shift the publisher's pictures, and where to send the answer.
pub(super) struct Ask {
    pub(super) phase: Phase,
    answer: oneshot::Sender<Option<u64>>,
}

/// The sending side.
#[derive(Clone)]
pub(super) struct Asker(mpsc::Sender<Ask>);

/// The requests of one connection.
pub(super) struct Asks {
    asker: Asker,
    new: mpsc::Receiver<Ask>,
    /// Sent requests by CSeq.
    sent: BTreeMap<u32, oneshot::Sender<Option<u64>>>,
}

impl Asker {
    /// Returns `None` if too many requests are queued.
    pub(super) fn ask(&self, phase: Phase) -> Option<oneshot::Receiver<Option<u64>>> {
        let (answer, answered) = oneshot::channel();
        self.0.try_send(Ask { phase, answer }).ok()?;
        Some(answered)
    }
}

impl Asks {
    pub(super) fn new() -> Self {
        let (sender, new) = mpsc::channel(WAITING_MAX);
        Self { asker: Asker(sender), new, sent: BTreeMap::new() }
    }

    pub(super) fn asker(&self) -> Asker {
        self.asker.clone()
    }

    /// Returns the next request. Cancel safe.
    pub(super) async fn next(&mut self) -> Ask {
        match self.new.recv().await {
            Some(ask) => ask,
            // Never closed: `self` holds a sender.
            None => std::future::pending().await,
        }
    }

    /// Notes the CSeq under which the request was sent; `None` if it could not be sent.
    pub(super) fn sent(&mut self, ask: Ask, cseq: Option<u32>) {
        // Forget requests whose sender has given up.
        self.sent.retain(|_, answer| !answer.is_closed());
        cseq.into_iter().zip([ask.answer]).for_each(|(cseq, answer)| drop(self.sent.insert(cseq, answer)));
    }

    pub(super) fn answered(&mut self, cseq: u32, body: Option<&[u8]>) {
        if let Some(answer) = self.sent.remove(&cseq) {
            // The sender may have given up.
            let _ = answer.send(body.and_then(parse_answer));
        }
    }
}
