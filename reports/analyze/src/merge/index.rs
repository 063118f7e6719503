//! Whether a receiver's run is in several runs: each counts once, as itself, as a copy, or as a part of what it was joined into.

use std::collections::HashMap;

use report::run::Receiver;

/// Receivers that were seen, and in which run.
#[derive(Debug, Default)]
pub(crate) struct ReceiverIndex {
    by_identity: HashMap<String, usize>,
    /// With whether it says which run it is. Where one of two does not, they are told apart by their figures.
    by_figures: HashMap<String, (usize, bool)>,
}

impl ReceiverIndex {
    /// Adds the receivers of run `at`, unless one of them was seen before: then where.
    pub fn add(&mut self, receivers: &[Receiver], at: usize) -> Option<usize> {
        if let Some(first) = receivers.iter().filter_map(|receiver| self.has(receiver)).min() {
            return Some(first);
        }
        for receiver in receivers {
            if let Some(identity) = &receiver.identity {
                self.by_identity.entry(identity.clone()).or_insert(at);
            }
            // One without an identity is like all of these figures, and is not to be hidden by one that has it.
            let nameless = receiver.identity.is_none();
            let place = self.by_figures.entry(receiver.figures()).or_insert((at, !nameless));
            if nameless {
                *place = (at, false);
            }
        }
        None
    }

    /// In which run this receiver was seen.
    pub fn has(&self, receiver: &Receiver) -> Option<usize> {
        let by_identity = receiver.identity.as_ref().and_then(|identity| self.by_identity.get(identity)).copied();
        by_identity.or_else(|| {
            let (at, has_identity) = *self.by_figures.get(&receiver.figures())?;
            (receiver.identity.is_none() || !has_identity).then_some(at)
        })
    }
}
