use std::time::Instant;

use common::rtsp::serve::Description;
use common::time::WallTime;

use super::*;
use crate::relay::{Client, Paths, Publication, PublisherControl};

/// Longest wait of a test.
const LIMIT: Duration = Duration::from_secs(60);
const SDP: &[u8] =
    b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n";

struct Deaf;

impl PublisherControl for Deaf {
    fn request_idr(&self, _media_ssrc: u32) {}
}

fn name() -> StreamPath {
    StreamPath::parse("cam").expect("a name")
}

fn publish(paths: &Arc<Paths>) -> Publication {
    let client = Client {
        transport: "tcp",
        peer: "127.0.0.1:1".parse().expect("an address"),
        user_agent: String::new(),
        since: WallTime::default(),
    };
    let description = Description::parse(SDP).expect("a description");
    paths.reserve(&name()).expect("it is free").publish(description, client, Arc::new(Deaf))
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
        let (paths, idle) = (Arc::<Paths>::default(), Duration::from_millis(100));
        let mut lives = lives();
        Arc::get_mut(&mut lives.0).expect("it is new").idle = Some(idle);
        let publication = publish(&paths);
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
        let paths = Arc::<Paths>::default();
        let lives = lives();
        assert_eq!(lives.watch(&name(), None).err(), Some(Refused::NoStream));
        let first = publish(&paths);
        let live = lives.watch(&name(), Some(first.stream())).expect("it is there");
        first.stream().finish();
        drop(first);
        wait_until(|| live.read(Window::has_ended)).await;
        assert!(Arc::ptr_eq(&live, &lives.watch(&name(), None).expect("its last segments")));
        let second = publish(&paths);
        let other = lives.watch(&name(), Some(second.stream())).expect("it is there");
        assert!(!Arc::ptr_eq(&live, &other) && !other.read(Window::has_ended));
    });
}

#[test]
fn streams_are_limited() {
    block_on(async {
        let paths = Arc::<Paths>::default();
        let lives = lives();
        let publication = publish(&paths);
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
        let (paths, lives) = (Arc::<Paths>::default(), lives());
        let publication = publish(&paths);
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
        let (paths, lives) = (Arc::<Paths>::default(), lives());
        let publication = publish(&paths);
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
