//! Which delay is injected when.

use std::time::Duration;

use analyze::calibration::InjectedDelay;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

/// What is injected: delay and jitter in ms. The jitter is less than the time between two pictures: with more they would come in
/// bursts, and wait for each other in the decoder, which is latency but not injected.
const ROWS: [(u64, u64); 7] = [(0, 0), (5, 0), (20, 0), (100, 0), (500, 0), (20, 10), (100, 12)];

/// How often each is: every round has all of them, in an order of its own. So whatever the machine does meanwhile, it does to all.
pub const ROUNDS: u32 = 4;

/// Left out of each block, beside the longest delay of the block before it: frames that came in a burst wait for the decoder.
const SETTLES: Duration = Duration::from_millis(300);

/// A time with one delay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Block {
    /// In which round, counted from 0.
    pub round: u32,
    /// Everything takes so much longer.
    pub delay: Duration,
    /// And up to so much more.
    pub jitter: Duration,
    /// So much of its beginning is left out.
    pub settles: Duration,
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
        for (delay, jitter) in rows.map(|(delay, jitter)| (Duration::from_millis(delay), Duration::from_millis(jitter)))
        {
            blocks.push(Block { round, delay, jitter, settles: before + SETTLES });
            before = delay + jitter;
        }
    }
    blocks
}

/// How long all of them take where `each` is measured of a delay, less what they are late.
pub fn lasts(blocks: &[Block], each: Duration) -> Duration {
    blocks.iter().map(|block| block.settles + each / ROUNDS).sum()
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
        assert!(all.windows(2).all(|two| two[1].settles == two[0].delay + two[0].jitter + SETTLES));
        assert_eq!(blocks(1), all);
        let (measured, settles) = (Duration::from_secs(7 * 6), all.iter().map(|block| block.settles).sum::<Duration>());
        assert_eq!(lasts(&all, Duration::from_secs(6)), measured + settles);
    }
}
