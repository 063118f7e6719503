//! Finds receivers whose run is in several runs: as itself, as a copy, or as a part of what it was joined into.

use std::collections::HashMap;

use report::run::Receiver;

/// Receivers by the run that they are in.
#[derive(Debug, Default)]
pub(crate) struct ReceiverIndex {
    by_identity: HashMap<String, usize>,
    /// With whether the receiver has an identity. If one of two has none, their figures decide.
    by_figures: HashMap<String, (usize, bool)>,
}

impl ReceiverIndex {
    /// Adds the receivers of run `at`, unless one of them is in an earlier run: then that run.
    pub fn add(&mut self, receivers: &[Receiver], at: usize) -> Option<usize> {
        if let Some(first) = receivers.iter().filter_map(|receiver| self.has(receiver)).min() {
            return Some(first);
        }
        for receiver in receivers {
            if let Some(identity) = &receiver.identity {
                self.by_identity.entry(identity.clone()).or_insert(at);
            }
            // A receiver without an identity equals any with these figures, and must not be hidden by one that has an identity.
            let nameless = receiver.identity.is_none();
            let place = self.by_figures.entry(receiver.figures()).or_insert((at, !nameless));
            if nameless {
                *place = (at, false);
            }
        }
        None
    }

    /// The earlier run with this receiver.
    pub fn has(&self, receiver: &Receiver) -> Option<usize> {
        let by_identity = receiver.identity.as_ref().and_then(|identity| self.by_identity.get(identity)).copied();
        by_identity.or_else(|| {
            let (at, has_identity) = *self.by_figures.get(&receiver.figures())?;
            (receiver.identity.is_none() || !has_identity).then_some(at)
        })
    }
}
