//! What has come of a stream and is not accounted for yet, in the order in which it came.

use std::collections::VecDeque;

use crate::decoding::DecodedPicture;
use crate::queue::Dropped;

/// Pictures that a window may have to take first, and what gave none between them: the report needs to know in which gap.
#[derive(Debug, Default)]
pub(super) struct Pending {
    items: VecDeque<Item>,
}

#[derive(Debug)]
pub(super) enum Item {
    Picture(Box<DecodedPicture>),
    /// Access units without a picture, and whether this receiver refused or dropped them.
    Undecoded {
        dropped: Dropped,
        refused: bool,
    },
}

impl Pending {
    pub(super) fn picture(&mut self, picture: Box<DecodedPicture>) {
        self.items.push_back(Item::Picture(picture));
    }

    /// Takes one entry however many come in a row.
    pub(super) fn undecoded(&mut self, more: Dropped, refused: bool) {
        match self.items.back_mut() {
            Some(Item::Undecoded { dropped, refused: before }) if *before == refused => dropped.add(more),
            _ => self.items.push_back(Item::Undecoded { dropped: more, refused }),
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
