//! Which delay is injected when.

use std::time::Duration;

use analyze::calibration::InjectedDelay;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

/// Delay and jitter in ms. The jitter is less than the time between two pictures: with more, they would come in bursts and wait for
/// each other in the decoder, which is latency that was not injected.
const ROWS: [(u64, u64); 7] = [(0, 0), (5, 0), (20, 0), (100, 0), (500, 0), (20, 10), (100, 12)];

/// Every round has all delays, in an order of its own: whatever the machine does meanwhile, it does to all.
pub const ROUNDS: u32 = 4;

/// Left out of each block after the longest delay of the block before it: frames that came in a burst wait for the decoder.
const MARGIN: Duration = Duration::from_millis(300);

/// A time with one delay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Block {
    /// In which round, counted from 0.
    pub round: u32,
    /// Added to everything.
    pub delay: Duration,
    /// Up to this much more, at random.
    pub jitter: Duration,
    /// How much of its beginning is left out.
    pub skipped: Duration,
}

impl Block {
    /// As the file has it.
    pub fn injected_delay(&self) -> InjectedDelay {
        InjectedDelay { delay_ms: self.delay.as_secs_f64() * 1e3, jitter_ms: self.jitter.as_secs_f64() * 1e3 }
    }
}

/// All blocks, in the order that `seed` decides.
pub fn blocks(seed: u64) -> Vec<Block> {
    let mut random = StdRng::seed_from_u64(seed);
    let (mut blocks, mut before) = (Vec::new(), Duration::ZERO);
    for round in 0..ROUNDS {
        let mut rows = ROWS;
        rows.shuffle(&mut random);
        for row in rows {
            let (delay, jitter) = (Duration::from_millis(row.0), Duration::from_millis(row.1));
            blocks.push(Block { round, delay, jitter, skipped: before + MARGIN });
            before = delay + jitter;
        }
    }
    blocks
}

/// How long all blocks take if each delay is measured for `each`.
pub fn lasts(blocks: &[Block], each: Duration) -> Duration {
    blocks.iter().map(|block| block.skipped + each / ROUNDS).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_round_has_every_delay_and_leaves_out_what_the_one_before_holds() {
        let all = blocks(1);
        let mut orders = Vec::new();
        for round in all.chunks(ROWS.len()) {
            let mut asked: Vec<(u128, u128)> =
                round.iter().map(|block| (block.delay.as_millis(), block.jitter.as_millis())).collect();
            orders.push(asked.clone());
            asked.sort();
            assert_eq!(asked, [(0, 0), (5, 0), (20, 0), (20, 10), (100, 0), (100, 12), (500, 0)]);
        }
        orders.dedup();
        assert_eq!(orders.len(), ROUNDS as usize, "each in an order of its own");
        assert!(all.windows(2).all(|two| two[1].skipped == two[0].delay + two[0].jitter + MARGIN));
        assert_eq!(blocks(1), all);
        let (measured, skipped) = (Duration::from_secs(7 * 6), all.iter().map(|block| block.skipped).sum::<Duration>());
        assert_eq!(lasts(&all, Duration::from_secs(6)), measured + skipped);
    }
}
