//! What has come of a stream and is not accounted for yet, in the order in which it came.

use std::collections::VecDeque;

use crate::decoding::Seen;
use crate::queue::Dropped;

/// Pictures that a window may have to take first, and what gave none between them: the report needs to know in which gap.
#[derive(Debug, Default)]
pub(super) struct Pending {
    items: VecDeque<Item>,
}

#[derive(Debug)]
pub(super) enum Item {
    Picture(Box<Seen>),
    /// Access units without a picture, and whether they fell to this receiver.
    Nothing {
        units: Dropped,
        refused: bool,
    },
}

impl Pending {
    pub(super) fn picture(&mut self, seen: Box<Seen>) {
        self.items.push_back(Item::Picture(seen));
    }

    /// Takes one entry however many come in a row.
    pub(super) fn nothing(&mut self, more: Dropped, refused: bool) {
        match self.items.back_mut() {
            Some(Item::Nothing { units, refused: before }) if *before == refused => {
                units.units = units.units.saturating_add(more.units);
                units.bytes = units.bytes.saturating_add(more.bytes);
            }
            _ => self.items.push_back(Item::Nothing { units: more, refused }),
        }
    }

    pub(super) fn front(&self) -> Option<&Item> {
        self.items.front()
    }

    pub(super) fn pop(&mut self) {
        self.items.pop_front();
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }
}
