use std::net::Ipv4Addr;
use std::time::Instant;

use common::clock::Clock;

use super::*;
use crate::relay::{Account, IDR, Path, Publication, SLICE, Share};

/// Longest wait of a test.
const LIMIT: Duration = Duration::from_secs(60);
/// Bytes of a key frame.
const LARGE: usize = 200_000;

fn name() -> StreamPath {
    Path::name()
}

fn lives() -> Lives {
    Lives::new(SegmentSettings::default(), BTreeMap::new(), SystemClock::new(), Memory::default())
}

fn block_on(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(test);
}

async fn wait_until(condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < LIMIT, "it never came");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[test]
fn a_stream_is_cut_only_while_somebody_asks() {
    block_on(async {
        let idle = Duration::from_millis(100);
        let mut lives = lives();
        Arc::get_mut(&mut lives.0).expect("it is new").idle = Some(idle);
        let publication = Path::new().publish();
        let stream = publication.stream();
        assert!(!stream.has_frame_sinks());
        let live = lives.watch(&name(), Some(stream)).expect("it is there");
        assert!(stream.has_frame_sinks());
        assert!(Arc::ptr_eq(&live, &lives.watch(&name(), Some(stream)).expect("it is there")));
        wait_until(|| !stream.has_frame_sinks()).await;
        assert!(live.read(Window::has_ended));
        let again = lives.watch(&name(), Some(stream)).expect("it is there");
        assert!(!Arc::ptr_eq(&live, &again) && stream.has_frame_sinks());
    });
}

#[test]
fn a_stream_that_has_ended_is_there_until_another_comes() {
    block_on(async {
        let path = Path::new();
        let lives = lives();
        assert_eq!(lives.watch(&name(), None).err(), Some(Refused::NoStream));
        let first = path.publish();
        let live = lives.watch(&name(), Some(first.stream())).expect("it is there");
        first.stream().finish();
        drop(first);
        wait_until(|| live.read(Window::has_ended)).await;
        assert!(Arc::ptr_eq(&live, &lives.watch(&name(), None).expect("its last segments")));
        let second = path.publish();
        let other = lives.watch(&name(), Some(second.stream())).expect("it is there");
        assert!(!Arc::ptr_eq(&live, &other) && !other.read(Window::has_ended));
    });
}

#[test]
fn streams_are_limited() {
    block_on(async {
        let lives = lives();
        let publication = Path::new().publish();
        let path = |number: usize| StreamPath::parse(&format!("cam{number}")).expect("a name");
        for number in 0..LIVES_MAX {
            assert!(lives.watch(&path(number), Some(publication.stream())).is_ok());
        }
        assert_eq!(lives.watch(&path(LIVES_MAX), Some(publication.stream())).err(), Some(Refused::Full));
        assert!(lives.watch(&path(0), Some(publication.stream())).is_ok());
    });
}

#[test]
fn other_settings_have_the_stream_cut_anew_and_nobody_waits_for_the_old_one() {
    block_on(async {
        let lives = lives();
        let publication = Path::new().publish();
        let stream = Some(publication.stream());
        let change = SettingsChange { playlist: Some(9), ..SettingsChange::default() };
        assert_eq!(lives.settings(&name(), false), None);
        assert!(lives.set(&name(), stream, change).is_ok());
        assert_eq!(lives.settings(&name(), false).map(|settings| settings.playlist), Some(9));
        let first = lives.watch(&name(), stream).expect("it is there");
        assert_eq!(first.settings().playlist, 9);
        let waiting = first.wait(LIMIT, |window| window.has_ended().then_some(()));
        let set = async {
            let set = lives.set(&name(), stream, SettingsChange::default());
            // As its own task does, possibly before the request goes on.
            first.end();
            set
        };
        let (waited, set) = futures::join!(waiting, set);
        assert!(waited.is_none() && set.is_ok() && first.is_replaced());
        let second = lives.watch(&name(), stream).expect("it is there");
        assert_eq!((second.settings().playlist, second.is_replaced()), (6, false));
        wait_until(|| first.read(Window::has_ended)).await;
        assert!(!second.read(Window::has_ended));
    });
}

#[test]
fn only_what_has_replaced_a_stream_succeeds_it() {
    block_on(async {
        let lives = lives();
        let publication = Path::new().publish();
        let stream = Some(publication.stream());
        let first = lives.watch(&name(), stream).expect("it is there");
        assert!(lives.successor(&first, &name(), stream).is_none(), "it goes on itself");
        let change = SettingsChange { playlist: Some(9), ..SettingsChange::default() };
        assert!(lives.set(&name(), stream, change).is_ok());
        let second = lives.watch(&name(), stream).expect("it is there");
        let successor = lives.successor(&first, &name(), stream).expect("its settings have changed");
        assert!(Arc::ptr_eq(&successor, &second));

        // As where nobody has asked for long.
        lives.0.remove(&name(), &second);
        assert!(lives.successor(&second, &name(), stream).is_none(), "nobody else asks for it");
        let third = lives.watch(&name(), stream).expect("it is there");
        assert!(lives.successor(&second, &name(), stream).is_none(), "its media time begins anew");
        assert!(lives.successor(&third, &name(), stream).is_none());
    });
}

/// Publishes at [`name`] a key frame of `LARGE` bytes, and waits until a segment holds it.
async fn with_segment(lives: &Lives) -> (Path, Publication, Arc<Live>) {
    let mut path = Path::new();
    let publication = path.publish();
    let stream = publication.stream();
    let live = lives.watch(&name(), Some(stream)).expect("it is there");
    stream.forward(lives.0.clock.now().mono, &mut path.frame(&[IDR, &[0x55; LARGE]].concat()));
    wait_until(|| live.read(Window::held) >= LARGE && lives.0.memory.held() >= LARGE).await;
    (path, publication, live)
}

/// Has as many others as fit hold half of `LARGE` each, so that whoever holds more has to give way.
fn fill(memory: &Memory) -> Vec<(Arc<Account>, Share)> {
    let mut others = Vec::new();
    while memory.times_short() == 0 {
        assert!(others.len() < 10_000, "memory never gets short");
        let account = memory.open(Ipv4Addr::from_bits(0x0a00_0000 + others.len() as u32).into());
        let mut share = account.share();
        share.update(LARGE / 2);
        others.push((account, share));
    }
    others
}

#[test]
fn where_memory_is_short_the_segments_go_and_the_stream_goes_on() {
    block_on(async {
        let lives = lives();
        let (mut path, publication, live) = with_segment(&lives).await;
        let first = live.read(Window::next_number);
        let others = fill(&lives.0.memory);
        wait_until(|| live.read(Window::held) == 0).await;
        assert!(others.iter().all(|(_, share)| !share.gives_way()), "who holds less keeps it");

        let waiting = live.wait(LIMIT, |window| {
            let open = window.open()?;
            Some((open.number, open.fragments().first()?.sync))
        });
        let next = async {
            for data in [SLICE, IDR] {
                publication.stream().forward(lives.0.clock.now().mono, &mut path.frame(data));
            }
        };
        assert_eq!(futures::join!(waiting, next).0, Some((first + 1, true)), "the numbers go on, at a key frame");
        assert!(!live.read(Window::has_ended) && !live.is_replaced());
    });
}

#[test]
fn where_memory_is_short_what_has_ended_is_gone() {
    block_on(async {
        let lives = lives();
        let (_path, publication, live) = with_segment(&lives).await;
        publication.stream().finish();
        drop(publication);
        wait_until(|| live.read(Window::has_ended)).await;
        assert!(lives.watch(&name(), None).is_ok());
        let _others = fill(&lives.0.memory);
        wait_until(|| lives.watch(&name(), None).err() == Some(Refused::NoStream)).await;
    });
}
