//! One stream of a run: the account of what comes out of its threads.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use common::clock;
use common::time::{MonoTime, Now};
use reports::warning::Code;
use reports::{Assertion, Clocks, Mark, Recorder, Setup, Summary, Warning};

use crate::calibration::Found;
use crate::clock::Asking;
use crate::config::{Address, ClockChoice, Config, Input, Source};
use crate::measure::Meter;
use crate::queue::Dropped;
use crate::render::pixels::Label;
use crate::work::{Event, Seen};

/// How long access units may come without one that gives a picture: longer than the longest usual GOP.
const FIRST_PICTURE_LIMIT: Duration = Duration::from_secs(15);

/// An input that ends after less than this part of the duration that was asked for ended early. Its last picture is shown
/// some time before a live source of the same duration ends, and no figure hangs on a tenth of its frames.
const MIN_DURATION_SHARE: f64 = 0.9;

/// The account of one stream.
#[derive(Debug)]
pub struct Stream {
    /// Its short name.
    pub name: String,
    /// What it plays, without user info.
    pub url: String,
    meter: Meter,
    pending: VecDeque<Seen>,
    shown: Option<(u64, MonoTime)>,
    first_picture: Option<MonoTime>,
    /// From the first picture to the end that was asked for.
    duration: Option<Duration>,
    link: Link,
    ended: Option<End>,
    undecodable: Option<Undecodable>,
    dropped: u64,
    replaced: u64,
}

/// How far the input is from playing.
#[derive(Clone, Copy, Debug, Default)]
struct Link {
    /// When the last access unit was whole.
    last_unit: Option<MonoTime>,
    /// Lost, and nothing has come since.
    lost: bool,
    /// Pictures come, and the user was told so.
    plays: bool,
}

/// The end of an input.
#[derive(Clone, Debug)]
struct End {
    /// Of itself, or with what stopped it.
    how: Result<(), String>,
    at: Now,
}

/// Access units that gave no picture, before there was any picture.
#[derive(Clone, Copy, Debug)]
struct Undecodable {
    since: MonoTime,
    count: u64,
}

impl Stream {
    /// An account that is empty but for its report folder, which is made here.
    ///
    /// # Errors
    /// Where the report folder cannot be written.
    pub fn new(input: &Input, config: &Config, started: Now) -> Result<Self, reports::Error> {
        let recorder = Recorder::new(Setup {
            started,
            warmup: config.warmup,
            url: input.source.to_string(),
            clocks: match &input.source {
                _ if config.clock == ClockChoice::SameHost => Clocks::Said,
                Source::Rtsp(address) if !is_loopback(address) => Clocks::Unknown,
                Source::Rtsp(_) | Source::Stdin => Clocks::Assumed,
            },
            config: config.describe(input),
            host: reports::host::describe(),
            folder: config.report_folder(input),
        })?;
        Ok(Self {
            name: input.name.clone(),
            url: input.source.to_string(),
            meter: Meter::new(recorder, clock::host()),
            pending: VecDeque::new(),
            shown: None,
            first_picture: None,
            duration: config.duration,
            link: Link::default(),
            ended: None,
            undecodable: None,
            dropped: 0,
            replaced: 0,
        })
    }

    /// What is known of how far figures may be off here.
    pub fn calibrated(&mut self, found: &Found) {
        match found {
            Found::Nothing => {}
            Found::Quote(quote) => self.meter.recorder().calibration(quote.clone()),
            Found::Refused(why) => self.meter.recorder().warn(Warning::new(Code::Calibration, why)),
        }
    }

    /// What measures it.
    pub fn meter(&mut self) -> &mut Meter {
        &mut self.meter
    }

    /// Compares clocks by what `asking` finds out.
    pub fn compare(&mut self, asking: Asking) {
        self.meter.compare(asking);
    }

    /// When its first picture was read.
    pub const fn first_picture(&self) -> Option<MonoTime> {
        self.first_picture
    }

    /// Nothing more will come of it.
    pub const fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// Takes an event in. Pictures wait for [`Stream::settle`]. True with the first picture, and with the first one after
    /// the stream was lost: it plays from now on.
    pub fn event(&mut self, event: Event, now: Now) -> bool {
        match event {
            Event::Connected => self.meter.recorder().mark(Mark::Connected, now),
            Event::Disconnected(_) => {
                self.link.lost = true;
                self.link.plays = false;
                self.meter.recorder().disconnected(self.link.last_unit.unwrap_or(now.mono));
            }
            Event::Waiting(_) => {}
            Event::Ended(how) => self.end(how, now),
            Event::Undecodable { bytes } => {
                self.unit(now.mono);
                self.meter.recorder().undecodable(now, bytes);
                self.undecodable.get_or_insert(Undecodable { since: now.mono, count: 0 }).count += 1;
            }
            Event::Dropped(dropped) => self.drop_units(dropped, now),
            Event::Picture(seen) => {
                self.unit(seen.assembled);
                self.first_picture.get_or_insert(seen.read);
                self.pending.push_back(*seen);
                return !std::mem::replace(&mut self.link.plays, true);
            }
        }
        false
    }

    /// Time passes, until the input has ended. A stream of which nothing can be decoded ends, and says so.
    pub fn tick(&mut self, now: Now) {
        if self.has_ended() {
            return;
        }
        self.meter.recorder().tick(now);
        let Some(Undecodable { since, count }) = self.undecodable.filter(|_| self.first_picture.is_none()) else {
            return;
        };
        if now.mono - since > FIRST_PICTURE_LIMIT {
            let why = "H.264 of 8 bits in 4:2:0 can be decoded, without interlacing";
            let how = Err(format!("none of {count} access units from {} could be decoded: {why}", self.url));
            self.end(how, now);
        }
    }

    /// The host has slept for `total` since the receiver began, as [`Recorder::slept`] takes it.
    pub fn slept(&mut self, total: Duration, now: Now) {
        if !self.has_ended() {
            self.meter.recorder().slept(total, now);
        }
    }

    /// The texts for its picture of `label`, which is shown since `since`.
    pub fn caption(&mut self, label: &Label, since: MonoTime, now: Now) -> Vec<String> {
        self.meter.lines(label.stamp, since, now)
    }

    /// The picture with number `serial` was shown at `at`.
    pub fn shown(&mut self, serial: u64, at: MonoTime) {
        if self.shown.is_none_or(|(newest, _)| newest < serial) {
            self.shown = Some((serial, at));
        }
    }

    /// Measures the pictures that wait. With a window, a picture counts as presented when it or a newer one was shown;
    /// headless, when its code was read, because nothing would have kept it from being shown then.
    pub fn settle(&mut self, window: bool, now: Now) {
        while let Some(&seen) = self.pending.front() {
            let shown = match self.shown.filter(|&(newest, _)| newest >= seen.serial) {
                Some((newest, at)) => {
                    self.replaced += u64::from(newest > seen.serial);
                    Some(at.max(seen.read))
                }
                None if window => break,
                None => None,
            };
            self.pending.pop_front();
            self.meter.picture(&seen, shown, now);
        }
    }

    /// Ends the account and judges it. Pictures that a `window` has not taken were never shown: the range ends before them.
    pub fn finish(mut self, window: bool, assertions: &[Assertion], now: Now) -> Summary {
        self.settle(window, now);
        if self.dropped > 0 {
            let text = "pictures were dropped because this host decodes too slowly";
            self.warn(format!("{} {text}", self.dropped));
        }
        if self.replaced > 0 {
            let text = "pictures were replaced by a newer one before the window took them; their latency ends with it";
            self.warn(format!("{} {text}", self.replaced));
        }
        let (how, now) = match self.ended.take() {
            Some(End { how, at }) => (Some(how), at),
            None => (None, now),
        };
        if let Some(warning) = self.cut_short(how.as_ref(), now) {
            self.meter.recorder().warn(warning);
        }
        let mut recorder = self.meter.into_recorder();
        if let Some(Err(why)) = how {
            recorder.fail(why);
        }
        recorder.finish(now, assertions)
    }

    /// Why the figures, good as they may be, do not speak for the whole run.
    fn cut_short(&mut self, how: Option<&Result<(), String>>, now: Now) -> Option<Warning> {
        let first = self.first_picture?;
        let Some(how) = how else {
            let gap = self.meter.recorder().overdue(now.mono)?.as_secs_f64();
            let text = format!("the stream was gone when the run ended: no picture came for the last {gap:.1} s");
            return Some(Warning::new(Code::StreamStopped, text));
        };
        let (wanted, lasted) = (self.duration?, now.mono - first);
        let early = how.is_ok() && lasted < wanted.mul_f64(MIN_DURATION_SHARE);
        let text = format!("the input ended {:.1} s after its first picture, not {wanted:?}", lasted.as_secs_f64());
        early.then(|| Warning::new(Code::EndedEarly, text))
    }

    fn end(&mut self, how: Result<(), String>, at: Now) {
        self.ended.get_or_insert(End { how, at });
    }

    /// An access unit or picture came, whole at `at`.
    fn unit(&mut self, at: MonoTime) {
        self.link.last_unit = Some(at);
        if std::mem::take(&mut self.link.lost) {
            self.meter.recorder().reconnected(at);
        }
    }

    fn warn(&mut self, message: String) {
        self.meter.recorder().warn(Warning::new(Code::Input, message));
    }

    /// Each arrived and was not decoded, which is what the report calls undecodable.
    fn drop_units(&mut self, dropped: Dropped, now: Now) {
        self.dropped += u64::from(dropped.units);
        let mean = dropped.bytes / u64::from(dropped.units.max(1));
        let mean = u32::try_from(mean).unwrap_or(u32::MAX);
        (0..dropped.units).for_each(|_| self.meter.recorder().undecodable(now, mean));
    }
}

/// Warns where two streams come from two publishers that have the same stream id.
pub fn tell_apart(streams: &mut [Stream]) {
    let names: Vec<_> = streams.iter().map(|stream| (stream.name.clone(), stream.meter.publisher())).collect();
    for (index, stream) in streams.iter_mut().enumerate() {
        let Some((id, run)) = names[index].1 else { continue };
        let others =
            names.iter().filter(|(_, other)| other.is_some_and(|(theirs, other)| theirs == id && other != run));
        let others: Vec<_> = others.map(|(name, _)| name.as_str()).collect();
        if !others.is_empty() {
            let others = others.join(", ");
            stream.warn(format!(
                "the stream id is {id} here and, from another publisher, in {others}: publisher --stream-id tells them apart"
            ));
        }
    }
}

/// The address is one that only this host itself can be reached by.
fn is_loopback(address: &Address) -> bool {
    let host = address.url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use common::clock::{Clock, ManualClock};
    use common::code::Payload;
    use common::frame::CaptureClock;
    use common::sei::Origin;
    use common::time::WallTime;
    use reports::stamps::Sei;

    use super::*;
    use crate::args::Args;
    use crate::read::Reading;

    const START: WallTime = WallTime::from_micros(1_763_722_800_000_000);

    fn stream(clock: &ManualClock) -> Stream {
        let args = Args::try_parse_from(["receiver", "--warmup", "0s"]).expect("the flags parse");
        let config = Config::try_from(args).expect("the flags are good");
        Stream::new(&config.inputs[0], &config, clock.now()).expect("no report is written")
    }

    /// A picture that was read now, 5 ms after its stamp.
    fn picture(clock: &ManualClock, serial: u64) -> Event {
        let now = clock.now();
        let sequence = u32::try_from(serial).expect("small");
        let payload = Payload { stream_id: 0, sequence, time: now.wall.offset(-5_000) };
        let (sei, capture_clock) = (Sei::NoPlace, CaptureClock::None);
        let (publisher, origin, reference, code) = (None, None, None, None);
        let reading = Some(Reading { payload, publisher, origin, reference, code, sei, capture_clock });
        let at = now.mono;
        let (assembled, begun, decoded, read, converted) = (at, at, at, at, at);
        let (received, sampled, bytes, idr) = (None, None, 100, false);
        Event::Picture(Box::new(Seen {
            serial,
            reading,
            received,
            assembled,
            begun,
            decoded,
            read,
            converted,
            sampled,
            bytes,
            idr,
        }))
    }

    /// Pictures 1 to `count`, 10 ms apart.
    fn pictures(stream: &mut Stream, clock: &ManualClock, count: u64) {
        for serial in 1..=count {
            clock.advance(Duration::from_millis(10));
            stream.event(picture(clock, serial), clock.now());
        }
    }

    fn latencies(summary: &Summary) -> (u64, Option<f64>, Option<f64>) {
        let latency = summary.run.latency_ms;
        (latency.count, latency.min, latency.max)
    }

    fn said(summary: &Summary) -> String {
        summary.run.warnings.iter().map(|warning| format!("{}\n", warning.message)).collect()
    }

    #[test]
    fn headless_a_picture_is_presented_when_it_was_read() {
        let clock = ManualClock::new(START);
        let mut stream = stream(&clock);
        pictures(&mut stream, &clock, 40);
        clock.advance(Duration::from_millis(100));
        stream.settle(false, clock.now());
        let summary = stream.finish(false, &[], clock.now());
        assert_eq!((latencies(&summary), summary.exit_code), ((40, Some(5.0), Some(5.0)), 0));
    }

    #[test]
    fn with_a_window_a_picture_waits_for_it_or_a_newer_one() {
        let clock = ManualClock::new(START);
        let mut stream = stream(&clock);
        pictures(&mut stream, &clock, 3);
        clock.advance(Duration::from_millis(2));
        stream.settle(true, clock.now());
        assert_eq!(stream.pending.len(), 3, "nothing was shown yet");
        stream.shown(2, clock.now().mono);
        stream.settle(true, clock.now());
        assert_eq!((stream.pending.len(), stream.replaced), (1, 1));
        clock.advance(Duration::from_millis(1));
        stream.shown(3, clock.now().mono);
        stream.shown(3, clock.now().mono + Duration::from_secs(1));
        stream.settle(true, clock.now());
        let summary = stream.finish(false, &[], clock.now());
        assert_eq!(latencies(&summary), (3, Some(8.0), Some(27.0)), "5 + 3, 5 + 12 and 5 + 22 ms");
        assert!(said(&summary).contains("1 pictures were replaced"), "{}", said(&summary));
    }

    /// The whole way of a picture through the receiver, around a sleep of the machine.
    #[test]
    fn a_suspend_is_dated_and_ages_the_picture() {
        let clock = ManualClock::new(START);
        let mut stream = stream(&clock);
        pictures(&mut stream, &clock, 50);
        stream.settle(false, clock.now());
        clock.suspend(Duration::from_secs(30));
        for serial in 51..=400 {
            clock.advance(Duration::from_millis(10));
            stream.slept(clock.slept(), clock.now());
            stream.event(picture(&clock, serial), clock.now());
            stream.settle(false, clock.now());
        }
        let run = stream.finish(false, &[], clock.now()).run;
        assert_eq!((run.clock.suspends, run.clock.steps, run.clock.events[0].by_us), (1, 0, 30_000_000));
        assert_eq!((run.picture_age_ms.max, run.freezes.longest_ms), (Some(30_015.0), Some(30_010.0)));
        assert_eq!((run.latency_ms.max, run.frames.measured), (Some(5.0), Some(400)));
        assert_eq!(run.sections.len(), 2);
    }

    /// Two publishers that were given no stream id, or the same one, in two places of a grid.
    #[test]
    fn two_streams_with_one_id_are_told() {
        let clock = ManualClock::new(START);
        let runs = [Some(1), Some(2), Some(1), None];
        let mut streams: Vec<_> = runs.iter().map(|_| stream(&clock)).collect();
        for (n, (stream, run)) in streams.iter_mut().zip(runs).enumerate() {
            stream.name = format!("cam{n}");
            let Event::Picture(mut seen) = picture(&clock, 1) else { panic!("it is a picture") };
            let reading = seen.reading.expect("it has a code");
            seen.reading = Some(Reading { origin: run.map(|run| Origin { host: 7, run }), ..reading });
            stream.event(Event::Picture(seen), clock.now());
            stream.settle(false, clock.now());
        }
        tell_apart(&mut streams);
        let said: Vec<_> = streams.into_iter().map(|stream| said(&stream.finish(false, &[], clock.now()))).collect();
        assert!(said[0].contains("from another publisher, in cam1: publisher --stream-id"), "{}", said[0]);
        assert!(said[1].contains("in cam0, cam2:"), "{}", said[1]);
        assert!(!said[3].contains("--stream-id"), "{}", said[3]);
    }

    #[test]
    fn what_was_dropped_here_is_undecodable_and_not_lost() {
        let clock = ManualClock::new(START);
        let mut stream = stream(&clock);
        pictures(&mut stream, &clock, 3);
        stream.settle(false, clock.now());
        stream.event(Event::Dropped(Dropped { units: 2, bytes: 900 }), clock.now());
        clock.advance(Duration::from_millis(30));
        stream.event(picture(&clock, 6), clock.now());
        let summary = stream.finish(false, &[], clock.now());
        let frames = summary.run.frames;
        assert_eq!((frames.expected, frames.undecodable, frames.lost), (Some(6), Some(2), Some(0)));
        assert!(said(&summary).contains("2 pictures were dropped"), "{}", said(&summary));
    }

    #[test]
    fn a_stream_that_never_decodes_fails_after_a_while() {
        let clock = ManualClock::new(START);
        let mut stream = stream(&clock);
        stream.event(Event::Undecodable { bytes: 100 }, clock.now());
        clock.advance(FIRST_PICTURE_LIMIT);
        stream.tick(clock.now());
        assert!(!stream.has_ended());
        clock.advance(Duration::from_millis(20));
        stream.tick(clock.now());
        assert!(stream.has_ended());
        let summary = stream.finish(false, &[], clock.now());
        assert_eq!(summary.exit_code, 1);
        assert!(said(&summary).contains("none of 1 access units"), "{}", said(&summary));
    }

    #[test]
    fn an_input_that_ends_with_an_error_fails_before_the_first_picture_and_after_it() {
        let clock = ManualClock::new(START);
        let broken = || Event::Ended(Err("it broke".to_owned()));
        let mut early = stream(&clock);
        early.event(broken(), clock.now());
        assert_eq!(early.finish(false, &[], clock.now()).exit_code, 1);
        let mut late = stream(&clock);
        pictures(&mut late, &clock, 40);
        late.event(broken(), clock.now());
        let summary = late.finish(false, &[], clock.now());
        assert_eq!((summary.exit_code, summary.run.latency_ms.count), (1, 40));
        assert!(said(&summary).contains("it broke"), "{}", said(&summary));
    }

    #[test]
    fn a_stream_that_is_gone_at_the_end_proves_nothing() {
        let clock = ManualClock::new(START);
        let ends = |lost: bool, pause: u64| {
            let mut stream = stream(&clock);
            pictures(&mut stream, &clock, 40);
            stream.settle(false, clock.now());
            if lost {
                stream.event(Event::Disconnected("gone".to_owned()), clock.now());
                stream.event(Event::Connected, clock.now());
            }
            clock.advance(Duration::from_millis(pause));
            let summary = stream.finish(false, &["p50<1s".parse().expect("an assertion")], clock.now());
            (summary.exit_code, summary.run.warnings.iter().any(|warning| warning.code == Code::StreamStopped))
        };
        assert_eq!(ends(false, 1_900), (0, false));
        assert_eq!(ends(false, 2_100), (3, true));
        assert_eq!(ends(true, 100), (3, true));
    }

    #[test]
    fn an_input_that_ends_before_its_duration_proves_nothing() {
        let clock = ManualClock::new(START);
        let ends = |duration: Option<u64>| {
            let mut stream = stream(&clock);
            stream.duration = duration.map(Duration::from_millis);
            pictures(&mut stream, &clock, 40);
            stream.settle(false, clock.now());
            stream.event(Event::Ended(Ok(())), clock.now());
            clock.advance(Duration::from_secs(60));
            stream.tick(clock.now());
            let summary = stream.finish(false, &[], clock.now());
            assert_eq!(summary.run.freezes.count, Some(0), "the account ends with its input");
            (summary.exit_code, summary.run.warnings.iter().any(|warning| warning.code == Code::EndedEarly))
        };
        assert_eq!(ends(None), (0, false));
        assert_eq!(ends(Some(400)), (0, false));
        assert_eq!(ends(Some(4_000)), (3, true));
    }

    #[test]
    fn an_outage_lasts_from_the_last_picture_before_it_to_the_first_after_it() {
        let clock = ManualClock::new(START);
        let mut stream = stream(&clock);
        assert!(!stream.event(Event::Connected, clock.now()), "nothing plays before a picture comes");
        assert!(stream.event(picture(&clock, 1), clock.now()));
        assert!(!stream.event(picture(&clock, 2), clock.now()), "that it plays is said once");
        for _ in 0..3 {
            clock.advance(Duration::from_secs(5));
            assert!(!stream.event(Event::Disconnected("silence".to_owned()), clock.now()));
            assert!(!stream.event(Event::Connected, clock.now()));
        }
        clock.advance(Duration::from_secs(5));
        assert!(stream.event(picture(&clock, 3), clock.now()));
        let summary = stream.finish(false, &[], clock.now());
        let connection = summary.run.connection;
        assert_eq!((connection.disconnects, connection.disconnected_ms), (1, 20_000.0));
    }

    #[test]
    fn what_no_window_has_shown_at_the_end_is_not_in_the_range() {
        let clock = ManualClock::new(START);
        let mut stream = stream(&clock);
        pictures(&mut stream, &clock, 40);
        stream.shown(38, clock.now().mono);
        let summary = stream.finish(true, &[], clock.now());
        assert_eq!((summary.run.frames.expected, summary.run.frames.lost), (Some(38), Some(0)));
    }

    #[test]
    fn loopback_addresses_are_told_from_others() {
        let here = |host: &str| {
            let url = format!("rtsp://{host}/cam").parse().expect("a URL");
            is_loopback(&Address { url, credentials: None })
        };
        assert!(here("127.0.0.1") && here("localhost") && here("[::1]"));
        assert!(!here("192.0.2.1") && !here("example.org"));
    }
}
