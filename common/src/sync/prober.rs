//! The asking end: when to ask, what answers are believed, and what they come to.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::drift::Drift;
use super::endpoint::Protocol;
use super::estimator::{Estimator, Restarts, Sample, Verdict};
use super::fix::Fix;
use super::refusal::{Counts, Refusal};
use super::{ntp, wire};
use crate::time::MonoTime;

/// An answer that takes longer is not used: what it would tell is within ± a second.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// Requests that are remembered, so that a late answer is known for what it is.
const MAX_REMEMBERED: usize = 64;

/// The host was suspended when it has slept longer than this: shorter is what reading two clocks may differ by.
const NAP: Duration = Duration::from_millis(1);

/// How often a clock is asked.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// Requests of the burst at the start, and how far they are apart.
    burst: u64,
    apart: Duration,
    /// From one request to the next after that.
    every: Duration,
    /// Asked so often in vain, it is asked at its next address.
    tries: u64,
    /// Asked so often in vain, it is asked more seldom.
    patience: u64,
}

/// The fix grows by 175 µs from one answer to the next.
const FRAMELAG: Pace =
    Pace { burst: 8, apart: Duration::from_millis(40), every: Duration::from_millis(250), tries: 8, patience: 40 };

/// What servers allow everybody by default (ntpd: 2 s apart at least, 8 s in the mean).
const NTP: Pace =
    Pace { burst: 4, apart: Duration::from_secs(2), every: Duration::from_secs(8), tries: 4, patience: 8 };

/// A clock that does not answer, or asks for less, is asked this seldom at last.
const SLOWEST: Duration = Duration::from_secs(32);

/// Asks one clock.
#[derive(Debug)]
pub struct Prober {
    protocol: Protocol,
    /// Of one name. The first is asked; where it does not answer it is put last.
    targets: VecDeque<SocketAddr>,
    pace: Pace,
    /// The burst is over when so many requests were sent.
    burst_end: u64,
    rng: StdRng,
    asked: VecDeque<Request>,
    /// `None` where the server wants to be left alone.
    next: Option<MonoTime>,
    /// Requests since the last answer that was believed.
    in_vain: u64,
    /// How long this host has slept, as far as is known here.
    slept: Duration,
    host: Option<u32>,
    estimator: Estimator,
    counts: Counts,
}

#[derive(Clone, Copy, Debug)]
struct Request {
    nonce: u64,
    sent: MonoTime,
    answered: bool,
}

/// What a prober has found out.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct View {
    /// The clock, where it is known.
    pub fix: Option<Fix>,
    /// [`crate::sei::host_id`] of who answers; NTP servers have none.
    pub host: Option<u32>,
    /// How fast it runs away from ours, once that can be told.
    pub drift: Option<Drift>,
    /// Requests and answers.
    pub counts: Counts,
    /// Times that the estimate started over.
    pub restarts: Restarts,
    slept: Duration,
}

impl View {
    /// What of it holds on a host that has been suspended for `slept` by now ([`crate::clock::Clock::slept`]): a fix is
    /// kept against monotonic time, and that stood still while the other clock went on.
    pub fn awake(self, slept: Duration) -> Self {
        if slept.saturating_sub(self.slept) > NAP { Self { fix: None, drift: None, ..self } } else { self }
    }
}

impl Prober {
    /// Asks `target`. `seed` is to be unpredictable: nonces come of it.
    pub fn new(protocol: Protocol, target: SocketAddr, seed: u64) -> Self {
        let pace = match protocol {
            Protocol::Framelag => FRAMELAG,
            Protocol::Ntp => NTP,
        };
        Self {
            protocol,
            targets: VecDeque::from([target]),
            pace,
            burst_end: pace.burst,
            rng: StdRng::seed_from_u64(seed),
            asked: VecDeque::new(),
            next: Some(MonoTime::default()),
            in_vain: 0,
            slept: Duration::ZERO,
            host: None,
            estimator: Estimator::default(),
            counts: Counts::default(),
        }
    }

    /// Asks `others`, too, where its target does not answer: they are addresses of the same name.
    pub fn or(mut self, others: impl IntoIterator<Item = SocketAddr>) -> Self {
        self.targets.extend(others);
        self
    }

    /// Where the request goes that [`Self::poll_transmit`] returned last.
    pub fn target(&self) -> SocketAddr {
        *self.targets.front().expect("there is one from the start, and none is taken away")
    }

    /// The next request, where one is due. It counts as sent at `now`, so read the clock right before and send it right
    /// after, to [`Self::target`].
    pub fn poll_transmit(&mut self, now: MonoTime) -> Option<Vec<u8>> {
        self.next.filter(|next| *next <= now)?;
        let tried = self.in_vain > 0 && self.in_vain.is_multiple_of(self.pace.tries);
        // One that is asked seldom may not keep the others waiting for minutes.
        if tried || self.in_vain >= self.pace.patience {
            self.targets.rotate_left(1);
        }
        let nonce = self.rng.random();
        self.asked.truncate(MAX_REMEMBERED - 1);
        self.asked.push_front(Request { nonce, sent: now, answered: false });
        self.counts.sent += 1;
        self.in_vain += 1;
        self.next = Some(now + self.interval());
        Some(match self.protocol {
            Protocol::Framelag => wire::request(nonce).to_vec(),
            Protocol::Ntp => ntp::request(nonce).to_vec(),
        })
    }

    /// When the next request is due; never again where the server wants to be left alone.
    pub fn poll_timeout(&self) -> Option<MonoTime> {
        self.next
    }

    /// A datagram came in from `from`; the clock was read at `now`, right after.
    pub fn handle_datagram(&mut self, now: MonoTime, from: SocketAddr, bytes: &[u8]) {
        match self.take(now, from, bytes) {
            Ok(()) => {
                self.counts.answered += 1;
                self.in_vain = 0;
            }
            Err(why) => self.counts.refuse(why),
        }
    }

    /// This host has been suspended for `slept` in all by `now`, of which [`crate::clock::Clock::slept`] knows. To be told
    /// before each datagram. After a suspend nothing holds any more, and answers to requests from before it tell nothing.
    pub fn handle_slept(&mut self, now: MonoTime, slept: Duration) {
        let suspended = slept.saturating_sub(self.slept) > NAP;
        self.slept = self.slept.max(slept);
        if suspended {
            self.estimator.forget();
            self.asked.clear();
            self.burst_end = self.counts.sent + self.pace.burst;
            // A server that asked for less is not asked sooner.
            self.next = self.next.map(|next| if self.pace.burst > 0 { next.min(now) } else { next });
        }
    }

    /// What is known so far.
    pub fn view(&self) -> View {
        View {
            fix: self.estimator.fix(),
            host: self.host,
            drift: self.estimator.drift(),
            counts: self.counts,
            restarts: self.estimator.restarts(),
            slept: self.slept,
        }
    }

    fn interval(&self) -> Duration {
        if self.counts.sent < self.burst_end {
            return self.pace.apart;
        }
        let doublings = u32::try_from(self.in_vain / self.pace.patience).unwrap_or(u32::MAX).min(16);
        (self.pace.every * (1 << doublings)).min(SLOWEST)
    }

    fn take(&mut self, now: MonoTime, from: SocketAddr, bytes: &[u8]) -> Result<(), Refusal> {
        let target = self.target();
        if (from.ip().to_canonical(), from.port()) != (target.ip().to_canonical(), target.port()) {
            return Err(Refusal::Address);
        }
        let sample = match self.protocol {
            Protocol::Framelag => {
                let answer = wire::parse_answer(bytes)?;
                let sent = self.answered(answer.nonce, now)?;
                self.answered_by(answer.host);
                let (there_in, there_out) = (answer.there_in, answer.there_out);
                Sample { sent, there_in, there_out, received: now, distance_us: 0 }
            }
            Protocol::Ntp => {
                let answer = ntp::parse_answer(bytes)?;
                let sent = self.answered(answer.nonce, now)?;
                if answer.said == Err(Refusal::KissOfDeath) {
                    self.leave_alone(now, answer.slower);
                }
                let ntp::Times { there_in, there_out, distance_us } = answer.said?;
                Sample { sent, there_in, there_out, received: now, distance_us }
            }
        };
        match self.estimator.handle_sample(sample) {
            Verdict::Taken | Verdict::Restarted(_) => Ok(()),
            Verdict::Cleared(wrong) => {
                self.counts.answered = self.counts.answered.saturating_sub(wrong);
                (0..wrong).for_each(|_| self.counts.refuse(Refusal::Jump));
                Ok(())
            }
            Verdict::Doubted => {
                // Who is right is wanted soon: pictures are not measured until then.
                self.next = self.next.map(|next| next.min(now + self.pace.apart));
                Ok(())
            }
            Verdict::Impossible => Err(Refusal::Times),
        }
    }

    /// When the request with `nonce` went out, if it waits for an answer.
    fn answered(&mut self, nonce: u64, now: MonoTime) -> Result<MonoTime, Refusal> {
        let request = self.asked.iter_mut().find(|request| request.nonce == nonce && !request.answered);
        let request = request.ok_or(Refusal::Nonce)?;
        request.answered = true;
        if now - request.sent > ANSWER_LIMIT { Err(Refusal::Late) } else { Ok(request.sent) }
    }

    /// Another host's clock is another clock.
    fn answered_by(&mut self, host: u32) {
        if self.host.replace(host).is_some_and(|before| before != host) {
            self.estimator.forget();
        }
    }

    /// RFC 5905 section 7.4: at RATE the interval grows, at every other code the server is not asked again.
    fn leave_alone(&mut self, now: MonoTime, slower: bool) {
        self.pace.every = (self.pace.every * 2).min(SLOWEST);
        (self.pace.burst, self.burst_end) = (0, 0);
        self.next = slower.then_some(now + self.pace.every);
    }
}

#[cfg(test)]
mod tests;
