//! Sequence numbers (RFC 3550 section 5.1): what was lost, what is late.

/// A larger step, either way, is a restart of the sequence (RFC 3550 appendix A.1).
const STEP_MAX: u16 = 3_000;

/// Follows the sequence numbers of one source.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sequence {
    last: Option<u16>,
}

/// How a packet follows those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing is missing.
    Next,
    /// This many packets before it did not arrive, or not yet.
    Gap(u16),
    /// It was counted as lost before, or is a copy.
    Late,
    /// The source counts anew.
    Restart,
}

impl Sequence {
    /// Takes the number of the packet that has just arrived. Only a late one does not count as the newest from now on.
    pub fn advance(&mut self, number: u16) -> Step {
        let step = match self.last.map(|last| number.wrapping_sub(last)) {
            None | Some(1) => Step::Next,
            Some(forward @ 2..STEP_MAX) => Step::Gap(forward - 1),
            Some(back) if back == 0 || back > u16::MAX - STEP_MAX => return Step::Late,
            Some(_) => Step::Restart,
        };
        self.last = Some(number);
        step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_wrap_and_gaps_late_packets_and_restarts_are_told_apart() {
        let mut sequence = Sequence::default();
        let steps = [65_534, 65_535, 0, 3, 2, 3, 4, 30_000, 30_001, 100].map(|number| sequence.advance(number));
        use Step::{Gap, Late, Next, Restart};
        assert_eq!(steps, [Next, Next, Next, Gap(2), Late, Late, Next, Restart, Next, Restart]);
    }
}
