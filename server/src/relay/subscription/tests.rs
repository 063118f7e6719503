use common::h264::nals;
use common::rtp::FRAME_MAX;

use super::*;
use crate::relay::frames::{BYTES_MAX, FRAMES_MAX};
use crate::relay::stream::tests::{IDR, Path, SLICE, at};

fn frames(path: &Path) -> Frames {
    frames_in(path, &Memory::default())
}

fn frames_in(path: &Path, memory: &Memory) -> Frames {
    let stream = path.paths.find(&Path::name()).expect("it is live");
    Frames::of(stream, memory, at(0)).expect("it has not ended")
}

/// What waits, without waiting for more.
async fn waiting(frames: &mut Frames) -> Vec<Arc<Frame>> {
    let mut all = Vec::new();
    while frames.queue.held().0 > 0 {
        all.extend(frames.next().await);
    }
    all
}

#[tokio::test]
async fn whole_frames_come_from_the_first_key_frame_on_and_are_shared() {
    let mut path = Path::new();
    let publication = path.publish();
    let stream = publication.stream().clone();
    let mut subscribers = [frames(&path), frames(&path)];
    let (before, key, delta) = (path.frame(SLICE), path.frame(IDR), path.frame(SLICE));
    let (front, rest) = key.split_at(1);
    stream.forward(at(1), &mut [&before[..], front].concat());
    stream.forward(at(2), &mut [rest, &delta].concat());
    drop(publication);
    let mut first = None;
    for subscriber in &mut subscribers {
        let key = subscriber.next().await.expect("the key frame");
        assert_eq!(nals(&key.encoded.data).collect::<Vec<_>>(), nals(IDR).collect::<Vec<_>>());
        assert_eq!((key.encoded.is_key, key.starts_decoding, key.arrived), (true, true, at(1)));
        let delta = subscriber.next().await.expect("the frame after it");
        assert_eq!((&delta.encoded.data[..], delta.encoded.is_key, delta.arrived), (SLICE, false, at(2)));
        assert_eq!(subscriber.next().await, None, "the stream has ended");
        assert_eq!(subscriber.drops(), FrameDrops::default(), "frames before the first are not drops");
        assert!(Arc::ptr_eq(first.get_or_insert(key.clone()), &key), "no copy per subscriber");
    }
    assert!(Frames::of(stream, &Memory::default(), at(3)).is_none());
}

#[tokio::test]
async fn a_slow_subscriber_loses_whole_frames_up_to_the_next_key_frame_and_is_told_how_many() {
    let mut path = Path::new();
    let publication = path.publish();
    let (mut slow, mut fast) = (frames(&path), frames(&path));
    publication.stream().forward(at(0), &mut path.frame(IDR));
    for _ in 0..FRAMES_MAX + 9 {
        publication.stream().forward(at(0), &mut path.frame(SLICE));
        assert!(!waiting(&mut fast).await.is_empty(), "nobody else notices");
    }
    assert!(waiting(&mut slow).await.is_empty(), "what is old is of no use");
    publication.stream().forward(at(0), &mut path.frame(IDR));
    assert!(waiting(&mut slow).await.iter().all(|frame| frame.encoded.is_key));
    assert_eq!(slow.drops(), FrameDrops { slow: FRAMES_MAX as u64 + 10, broken: 0 });
    assert_eq!(fast.drops(), FrameDrops::default());
}

#[tokio::test]
async fn large_frames_are_bounded_by_their_bytes() {
    let mut path = Path::new();
    let publication = path.publish();
    let slow = frames(&path);
    let large = [IDR, &vec![0xab; FRAME_MAX / 3]].concat();
    for _ in 0..20 {
        publication.stream().forward(at(0), &mut path.frame(&large));
        assert!(slow.queue.held().1 <= BYTES_MAX);
    }
    assert_eq!(slow.drops(), FrameDrops { slow: 15, broken: 0 });
}

#[tokio::test]
async fn what_waits_for_subscribers_counts_as_held_and_the_most_gives_way() {
    let (mut path, memory) = (Path::new(), Memory::default());
    let publication = path.publish();
    let large = [IDR, &vec![0xab; FRAME_MAX / 3]].concat();
    let mut reads = frames_in(&path, &memory);
    publication.stream().forward(at(0), &mut path.frame(&large));
    assert!(memory.held().abs_diff(large.len()) < 16 << 10, "{}", memory.held());
    assert_eq!(waiting(&mut reads).await.len(), 1);
    assert!(memory.held() < 16 << 10, "it was taken");

    // Each holds less than it may, all of them more than there is.
    let slow: Vec<Frames> = (0..100).map(|_| frames_in(&path, &memory)).collect();
    for _ in 0..4 {
        publication.stream().forward(at(0), &mut path.frame(&large));
        assert_eq!(waiting(&mut reads).await.len(), 1, "who reads loses nothing");
    }
    assert!(memory.held() <= 256 << 20 && memory.times_short() > 0, "{}", memory.held());
    assert!(slow.iter().any(|slow| slow.drops().slow > 0));
    assert_eq!(reads.drops(), FrameDrops::default());
    drop((slow, reads));
    assert_eq!(memory.held(), 0, "all is given back");
}

#[tokio::test]
async fn a_frame_that_lost_a_packet_is_dropped_and_a_key_frame_asked_for() {
    let mut path = Path::new();
    let publication = path.publish();
    let mut subscriber = frames(&path);
    publication.stream().forward(at(0), &mut path.frame(IDR));
    let broken = path.frame(&[SLICE, &[0xab; 4_000]].concat());
    publication.stream().forward(at(3_000), &mut broken[1..].to_vec());
    assert_eq!(path.requests(), 1);
    publication.stream().forward(at(3_100), &mut path.frame(SLICE));
    publication.stream().forward(at(3_200), &mut path.frame(IDR));
    let keys: Vec<bool> = waiting(&mut subscriber).await.iter().map(|frame| frame.encoded.is_key).collect();
    assert_eq!((keys, subscriber.drops()), (vec![true, true], FrameDrops { slow: 0, broken: 2 }));
}

#[test]
fn who_leaves_costs_nothing_any_more() {
    let path = Path::new();
    let publication = path.publish();
    let both = [frames(&path), frames(&path)];
    let subscribed = || publication.stream().has_frame_sinks();
    assert!(subscribed());
    let [one, other] = both;
    drop(one);
    assert!(subscribed());
    drop(other);
    assert!(!subscribed());
}

#[tokio::test]
async fn audio_comes_to_who_wants_it_on_the_clock_of_the_video() {
    let mut path = Path::new();
    let publication = path.publish_with_opus();
    let stream = publication.stream();
    let mut both = Frames::with_audio(stream.clone(), &Memory::default(), at(0)).expect("it has not ended");
    let mut video = frames(&path);
    stream.forward(at(0), &mut vec![Path::opus(0, 48_000)]);
    stream.forward(at(0), &mut path.frame(IDR));
    let time = both.next().await.expect("the picture").encoded.time;
    // The report of either track, kept from before: audio 48,960 is as old as the picture.
    let reports = [(0, time.ticks()), (1, 48_960)].map(|(track, ticks)| Path::report(track, ticks));
    stream.forward(at(1), &mut reports.to_vec());
    stream.forward(at(30), &mut vec![Path::opus(1, 48_960), Path::opus(2, 48_960 + 960)]);
    for ticks in [0, 1_800] {
        let Some(Unit::Audio(unit)) = both.next_unit().await else { panic!("audio") };
        assert_eq!(
            (unit.time.ticks_since(time), &unit.frame.data[..], unit.frame.arrived),
            (ticks, &[0xfc, 1][..], at(30))
        );
    }
    stream.forward(at(33), &mut path.frame(SLICE));
    assert!(matches!(both.next_unit().await, Some(Unit::Video(_))));
    assert_eq!(waiting(&mut video).await.len(), 2, "pictures alone");
    let counts = stream.counts().audio.expect("it is counted");
    assert_eq!((counts.packets, counts.frames, counts.lost_packets, stream.counts().frames), (3, 3, 0, 2));
}

#[tokio::test]
async fn audio_that_waits_is_bounded() {
    let mut path = Path::new();
    let publication = path.publish_with_opus();
    let stream = publication.stream();
    let slow = Frames::with_audio(stream.clone(), &Memory::default(), at(0)).expect("it has not ended");
    stream.forward(at(0), &mut path.frame(IDR));
    for number in 0..FRAMES_MAX as u16 + 9 {
        stream.forward(at(0), &mut vec![Path::opus(number, u32::from(number) * 960)]);
        assert!(slow.queue.held().0 <= FRAMES_MAX);
    }
    assert_eq!(slow.drops(), FrameDrops { slow: 1, broken: 0 }, "of pictures");
}
