//! Why an answer is not believed, and how often.

/// Why an answer is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// It came from another address or port than was asked.
    Address,
    /// Too short or too long to be an answer.
    Length,
    /// Not of this protocol, or no answer.
    Format,
    /// A version that is not known here.
    Version,
    /// It answers no request of ours, or one that was answered before.
    Nonce,
    /// It came too long after its request.
    Late,
    /// Its times are out of range, in the wrong order, or further apart than the round trip.
    Times,
    /// Its clock contradicts the answers before and after it.
    Jump,
    /// An NTP server asks to be left alone (stratum 0).
    KissOfDeath,
    /// An NTP server that is not synchronised: stratum above 15, leap indicator 3, or further than 16 s from its source.
    Unsynchronised,
}

impl Refusal {
    /// All reasons.
    pub const ALL: [Self; 10] = [
        Self::Address,
        Self::Length,
        Self::Format,
        Self::Version,
        Self::Nonce,
        Self::Late,
        Self::Times,
        Self::Jump,
        Self::KissOfDeath,
        Self::Unsynchronised,
    ];

    /// What was wrong, as in "3 times …".
    pub const fn text(self) -> &'static str {
        match self {
            Self::Address => "another address answered",
            Self::Length => "an answer had the wrong length",
            Self::Format => "an answer was of no known kind",
            Self::Version => "an answer was of an unknown version",
            Self::Nonce => "an answer belonged to no request",
            Self::Late => "an answer came too late",
            Self::Times => "an answer had impossible times",
            Self::Jump => "an answer contradicted those around it",
            Self::KissOfDeath => "the server asked to be left alone",
            Self::Unsynchronised => "the server was not synchronised itself",
        }
    }
}

/// What became of requests and answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests sent.
    pub sent: u64,
    /// Answers that were believed.
    pub answered: u64,
    refused: [u64; Refusal::ALL.len()],
}

impl Counts {
    /// Answers that were not believed, for this reason.
    pub const fn of(&self, why: Refusal) -> u64 {
        self.refused[why as usize]
    }

    /// Answers that were not believed.
    pub fn refused(&self) -> u64 {
        self.refused.iter().sum()
    }

    /// The reasons that occurred, as in "2 times another address answered, 1 times an answer came too late".
    pub fn reasons(&self) -> String {
        let occurred = Refusal::ALL.into_iter().filter(|why| self.of(*why) > 0);
        occurred.map(|why| format!("{} times {}", self.of(why), why.text())).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn refuse(&mut self, why: Refusal) {
        self.refused[why as usize] += 1;
    }
}
