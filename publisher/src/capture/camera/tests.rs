//! The camera against a driver that does what the test says.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use common::clock::ManualClock;
use common::frame::Size;
use common::time::WallTime;
use crossbeam_channel::{Receiver, Sender, unbounded};

use super::driver::{Age, Failure, Raw, Stream};
use super::mode::{Mode, Rates, Sizes};
use super::*;
use crate::capture::{Captured, Frame, Source as _};
use crate::rate::FrameRate;

/// Real time that anything here may take.
const LIMIT: Duration = Duration::from_secs(60);
const SIZE: Size = Size::new(4, 2);

/// What the camera does next.
enum Act {
    Picture(Vec<u8>, Age),
    Fail(Failure),
    /// Unwinds out of the driver's call.
    Crash,
}

/// Cameras that are plugged in by the test; each opening of one takes the next answer.
#[derive(Default)]
struct Fake {
    found: Mutex<Vec<CameraInfo>>,
    openings: Mutex<std::collections::VecDeque<Result<Mode, Error>>>,
    opened: Mutex<Vec<u32>>,
    acts: Mutex<Option<Receiver<Act>>>,
    /// Calls of `read`.
    reads: Arc<AtomicUsize>,
}

struct FakeStream {
    mode: Mode,
    reads: Arc<AtomicUsize>,
    acts: Receiver<Act>,
}

impl Driver for Fake {
    fn find(&self) -> Vec<CameraInfo> {
        self.found.lock().expect("no panic").clone()
    }

    fn offers(&self, number: u32, _wanted: TargetMode) -> Result<Vec<Offer>, Error> {
        match number {
            7 => Err(Error::Busy { number }),
            8 => Ok(Vec::new()),
            _ => Ok(vec![Offer {
                layout: Layout::Yuyv,
                sizes: Sizes::One(Size::new(640, 480)),
                rates: vec![Rates::One(FrameRate::THIRTY), Rates::One("7.5".parse().expect("a rate"))],
            }]),
        }
    }

    fn open(&self, number: u32, _wanted: TargetMode) -> Result<Box<dyn Stream>, Error> {
        let answer = self.openings.lock().expect("no panic").pop_front();
        let mode = answer.unwrap_or(Err(Error::Missing { number }))?;
        self.opened.lock().expect("no panic").push(number);
        let acts = self.acts.lock().expect("no panic").clone().expect("the test has set it");
        Ok(Box::new(FakeStream { mode, acts, reads: self.reads.clone() }))
    }
}

impl Stream for FakeStream {
    fn mode(&self) -> Mode {
        self.mode
    }

    fn read(&mut self, _limit: Duration, take: &mut dyn FnMut(Raw<'_>)) -> Result<(), Failure> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        // Without an act it hangs, whatever the limit says, until the test is over.
        match self.acts.recv() {
            Ok(Act::Picture(bytes, age)) => {
                take(Raw { bytes: &bytes, stride: 8, age, skipped: 0 });
                Ok(())
            }
            Ok(Act::Fail(failure)) => Err(failure),
            Ok(Act::Crash) => panic!("on purpose"),
            Err(_) => Err(Failure::Broken("the test is over".to_owned())),
        }
    }
}

/// A source on a fake driver, with a clock that is moved by hand.
struct Bench {
    fake: Arc<Fake>,
    clock: ManualClock,
    acts: Sender<Act>,
    source: Source,
}

fn mode(size: Size) -> Mode {
    Mode { layout: Layout::Yuyv, size, rate: FrameRate::THIRTY }
}

fn picture(luma: u8) -> Act {
    Act::Picture([luma, 128].repeat(8), Age::Known(Duration::from_millis(20)))
}

fn unplugged() -> Act {
    Act::Fail(Failure::Unplugged)
}

fn bench(openings: impl IntoIterator<Item = Result<Mode, Error>>) -> Result<Bench, crate::capture::Error> {
    let (acts, receiver) = unbounded();
    let fake = Arc::new(Fake { acts: Mutex::new(Some(receiver)), ..Fake::default() });
    fake.openings.lock().expect("no panic").extend(openings);
    plug(&fake, 0);
    let clock = ManualClock::new(WallTime::from_micros(1_000_000));
    let source = Source::with(fake.clone(), 0, RequestedFormat::default(), Arc::new(clock.clone()), Log::new(false))?;
    Ok(Bench { fake, clock, acts, source })
}

fn plug(fake: &Fake, number: u32) {
    *fake.found.lock().expect("no panic") = vec![CameraInfo { number, name: "webcam".to_owned() }];
}

impl Bench {
    fn act(&self, act: Act) {
        self.acts.send(act).expect("the driver listens");
    }

    /// Asks for pictures until `found` has an answer.
    fn until<T>(&mut self, what: &str, found: impl Fn(&Source, Result<Next, String>) -> Option<T>) -> T {
        let end = Instant::now() + LIMIT;
        while Instant::now() < end {
            let next = self.source.next(Duration::from_millis(10)).map_err(|error| error.to_string());
            if let Some(answer) = found(&self.source, next) {
                return answer;
            }
        }
        panic!("in vain: {what}");
    }

    fn frame(&mut self) -> Frame {
        self.until("a picture", |_, next| match next {
            Ok(Next::Frame(frame)) => Some(frame),
            _ => None,
        })
    }

    fn luma(&mut self) -> u8 {
        self.frame().picture.data()[0]
    }

    fn fault(&mut self) -> String {
        self.until("a loss", |source, _| source.fault()).to_string()
    }
}

#[test]
fn pictures_are_converted_and_keep_the_drivers_time() {
    let mut bench = bench([Ok(mode(SIZE))]).expect("a camera");
    assert_eq!(bench.source.format(), Format { size: SIZE, rate: FrameRate::THIRTY });
    assert_eq!(
        bench.source.describe(),
        "camera 0 (webcam): 4x2 YUYV at 30 fps, nearest to the 640x480 at 30 asked for"
    );
    bench.act(picture(77));
    let frame = bench.frame();
    assert_eq!(frame.picture.data(), [[77; 8].as_slice(), &[128; 4]].concat());
    assert_eq!(frame.captured, Captured::At(WallTime::from_micros(980_000)));

    for (age, captured) in [(Age::Unknown, Captured::Unknown), (Age::Implausible, Captured::Implausible)] {
        bench.act(Act::Picture([1, 128].repeat(8), age));
        let frame = bench.frame();
        assert_eq!((frame.captured, frame.captured.time()), (captured, None));
    }
}

#[test]
fn an_unplugged_camera_is_lost_and_comes_back_at_another_number() {
    let mut bench = bench([Ok(mode(SIZE)), Ok(mode(SIZE))]).expect("a camera");
    bench.act(picture(1));
    assert_eq!(bench.luma(), 1);
    assert!(bench.source.fault().is_none());

    plug(&bench.fake, 5);
    bench.act(unplugged());
    assert_eq!(bench.fault(), "camera 0 was lost and did not come back: it is unplugged");
    bench.act(picture(2));
    assert_eq!(bench.luma(), 2);
    assert!(bench.source.fault().is_none());
    assert_eq!(*bench.fake.opened.lock().expect("no panic"), [0, 5]);
}

#[test]
fn a_silent_camera_is_lost_and_goes_on() {
    let mut bench = bench([Ok(mode(SIZE))]).expect("a camera");
    bench.act(picture(1));
    assert_eq!(bench.luma(), 1);
    bench.clock.advance(Duration::from_millis(1_400));
    assert!(matches!(bench.source.next(Duration::ZERO), Ok(Next::Nothing)) && bench.source.fault().is_none());
    bench.clock.advance(Duration::from_millis(100));
    assert_eq!(bench.fault(), "camera 0 was lost and did not come back: it is silent");
    bench.act(picture(2));
    assert_eq!(bench.luma(), 2);
}

#[test]
fn pictures_that_cannot_be_shown_are_counted_and_are_the_reason_of_a_loss() {
    let mut bench = bench([Ok(mode(SIZE))]).expect("a camera");
    for _ in 0..3 {
        bench.act(Act::Picture(vec![0; 15], Age::Unknown));
    }
    bench.until("three cut pictures", |source, _| (source.dropped() == 3).then_some(()));
    bench.clock.advance(watch::FIRST);
    assert!(bench.fault().ends_with("its picture is cut: 15 of 16 bytes"));
}

#[test]
fn a_thread_that_hangs_or_dies_is_replaced_a_bounded_number_of_times() {
    let mut bench = bench((0..=MAX_HUNG).map(|_| Ok(mode(SIZE)))).expect("a camera");
    bench.act(Act::Crash);
    let reads = bench.fake.reads.clone();
    let opened = |bench: &Bench| bench.fake.opened.lock().expect("no panic").len() as u32;
    for hung in 1..=MAX_HUNG {
        // A thread that came by after the clock moved would not hang yet.
        bench.until("a call of the driver", |_, _| (reads.load(Ordering::SeqCst) >= hung as usize).then_some(()));
        bench.clock.advance(HUNG);
        let end = Instant::now() + LIMIT;
        while opened(&bench) <= hung {
            assert!(Instant::now() < end, "thread {hung} was not replaced");
            bench.source.next(Duration::from_millis(10)).expect("not yet given up");
        }
        assert!(bench.source.fault().is_some());
    }
    bench.until("the last call", |_, _| (reads.load(Ordering::SeqCst) > MAX_HUNG as usize).then_some(()));
    bench.clock.advance(HUNG);
    let error = bench.until("the end", |_, next| next.err());
    assert_eq!(error, "camera 0 does not answer: unplug it and plug it in again");
}

#[test]
fn a_camera_that_comes_back_with_another_size_ends_the_run() {
    let mut bench = bench([Ok(mode(SIZE)), Ok(mode(Size::new(8, 4)))]).expect("a camera");
    bench.act(unplugged());
    let error = bench.until("the end", |_, next| next.err());
    assert_eq!(error, "camera 0 came back with pictures of 8x4: the stream has 4x2; start the publisher again");
}

#[test]
fn a_camera_that_is_busy_when_it_comes_back_is_tried_again() {
    let busy = Err(Error::Busy { number: 0 });
    let mut bench = bench([Ok(mode(SIZE)), busy, Ok(mode(SIZE))]).expect("a camera");
    bench.act(unplugged());
    bench.until("the reason", |source, _| source.last_reason.contains("fuser -v /dev/video0").then_some(()));
    bench.act(picture(3));
    assert_eq!(bench.luma(), 3);
}

#[test]
fn refusals_at_the_start_say_what_to_do_and_are_no_wrong_usage() {
    for (error, advice) in [
        (Error::Missing { number: 9 }, "there is no camera 9 (/dev/video9): publisher --list-cameras"),
        (Error::Busy { number: 9 }, "fuser -v /dev/video9"),
        (Error::Denied { number: 9 }, "usermod -aG video"),
        (Error::NoMode { number: 9 }, "YUYV"),
    ] {
        let refused = bench([Err(error)]).err().expect("refused");
        let text = refused.to_string();
        assert!(text.contains(advice) && !text.contains('\n'), "{text}");
        assert!(!refused.is_usage(), "{text}");
    }
}

#[test]
fn the_list_has_each_camera_with_its_modes() {
    let fake = Fake::default();
    assert_eq!(list_of(&fake), "no camera found: plug one in, or use the test pattern with --source test\n");
    let camera = |number, name: &str| CameraInfo { number, name: name.to_owned() };
    *fake.found.lock().expect("no panic") = vec![camera(0, "webcam"), camera(7, "other"), camera(8, "webcam")];
    assert_eq!(
        list_of(&fake),
        "camera:0  webcam (/dev/video0)\n    YUYV  640x480     at 30, 7.5 fps\n\
         camera:7  other (/dev/video7)\n    camera 7 is in use by another program: fuser -v /dev/video7 shows which\n"
    );
}
