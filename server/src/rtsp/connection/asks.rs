//! What others in this process ask of a publisher, on its connection.

use std::collections::BTreeMap;

use common::rtsp::phase::{Phase, parse_answer};
use tokio::sync::{mpsc, oneshot};

/// Questions that wait to be sent at most.
const WAITING_MAX: usize = 4;

/// Asks to shift the publisher's pictures, and who wants to know by how much it did.
pub(super) struct Ask {
    pub(super) phase: Phase,
    answer: oneshot::Sender<Option<u64>>,
}

/// Where questions are put.
#[derive(Clone)]
pub(super) struct Asker(mpsc::Sender<Ask>);

/// The questions of one connection.
pub(super) struct Asks {
    asker: Asker,
    new: mpsc::Receiver<Ask>,
    /// Those that were sent, by their requests' numbers.
    sent: BTreeMap<u32, oneshot::Sender<Option<u64>>>,
}

impl Asker {
    /// `None` where too many wait.
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

    /// The next question. May be dropped at any time.
    pub(super) async fn next(&mut self) -> Ask {
        match self.new.recv().await {
            Some(ask) => ask,
            // There always is a sender.
            None => std::future::pending().await,
        }
    }

    /// The question went out as this request; `None`: it could not.
    pub(super) fn sent(&mut self, ask: Ask, cseq: Option<u32>) {
        // Who asked may have given up: of those nothing is kept.
        self.sent.retain(|_, answer| !answer.is_closed());
        cseq.into_iter().zip([ask.answer]).for_each(|(cseq, answer)| drop(self.sent.insert(cseq, answer)));
    }

    pub(super) fn answered(&mut self, cseq: u32, body: Option<&[u8]>) {
        if let Some(answer) = self.sent.remove(&cseq) {
            // Who asked may have given up.
            let _ = answer.send(body.and_then(parse_answer));
        }
    }
}
