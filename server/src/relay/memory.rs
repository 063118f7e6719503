//! What all queues of a server hold together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Bytes in all queues at which memory is short, and long queues are cut for the sake of short ones.
const TOTAL_MAX: usize = 256 << 20;

/// The bytes that all queues hold, overheads included. A packet that waits for several readers counts for each of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory(Arc<AtomicUsize>);

/// One queue's part of them; given back when dropped.
#[derive(Debug, Default)]
pub(super) struct Share {
    memory: Memory,
    /// What the memory counts of this queue.
    counted: usize,
}

impl Share {
    pub(super) fn of(memory: Memory) -> Self {
        Self { memory, counted: 0 }
    }

    /// Counts this queue with `held` bytes. A packet that went straight through has changed nothing, and costs nothing
    /// here.
    pub(super) fn settle(&mut self, held: usize) {
        let all = &self.memory.0;
        if held > self.counted {
            all.fetch_add(held - self.counted, Relaxed);
        } else if held < self.counted {
            all.fetch_sub(self.counted - held, Relaxed);
        }
        self.counted = held;
    }

    pub(super) fn memory_is_short(&self) -> bool {
        self.memory.0.load(Relaxed) >= TOTAL_MAX
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.settle(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_all_hold_is_counted_and_given_back() {
        let memory = Memory::default();
        let mut shares: Vec<_> = (0..3).map(|_| Share::of(memory.clone())).collect();
        for held in [100, 70, 100] {
            shares.iter_mut().for_each(|share| share.settle(held));
            assert_eq!(memory.0.load(Relaxed), 3 * held);
        }
        shares[0].settle(TOTAL_MAX);
        assert!(shares[1].memory_is_short());
        shares.remove(0);
        assert!(!shares[0].memory_is_short());
        assert_eq!(memory.0.load(Relaxed), 200);
    }
}
