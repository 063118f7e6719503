use common::media::Codec;
use common::time::MediaTime;

use super::*;

fn unit(number: u8, idr: bool) -> Unit {
    Unit::new(Body::Encoded(frame(vec![number; 10], idr)), MonoTime::default())
}

fn frame(data: Vec<u8>, is_key: bool) -> EncodedFrame {
    EncodedFrame { codec: Codec::H264, data, is_key, time: MediaTime::default() }
}

fn take(receiver: &Receiver) -> (u8, Dropped) {
    match receiver.next() {
        Some(Arrival::Unit(Unit { body: Body::Encoded(frame), dropped, .. })) => (frame.data[0], dropped),
        other => panic!("not an encoded picture: {other:?}"),
    }
}

#[test]
fn a_full_queue_drops_up_to_the_next_idr_and_counts() {
    let (mut sender, receiver) = queue();
    (0..CAPACITY).for_each(|n| sender.push(unit(n as u8, n == 0)));
    sender.push(unit(100, false));
    sender.push(unit(101, true));
    assert_eq!(take(&receiver), (0, Dropped::default()));
    sender.push(unit(102, false));
    sender.push(unit(103, true));
    sender.push(unit(104, false));
    drop(sender);
    (1..CAPACITY).for_each(|n| assert_eq!(take(&receiver), (n as u8, Dropped::default())));
    assert_eq!(take(&receiver), (103, Dropped { units: 3, bytes: 30 }));
    assert!(receiver.next().is_none());
}

#[test]
fn bytes_are_bounded_too() {
    let (mut sender, receiver) = queue();
    let large = || Unit { body: Body::Encoded(frame(vec![0; CAPACITY_BYTES / 2 + 1], true)), ..unit(0, true) };
    sender.push(large());
    sender.push(large());
    take(&receiver);
    sender.push(large());
    assert_eq!(take(&receiver).1.units, 1);
}

#[test]
fn a_pipe_is_held_back_instead() {
    let (mut sender, receiver) = queue();
    let writer = std::thread::spawn(move || (0..100).for_each(|n| sender.push_blocking(unit(n, true))));
    (0..100).for_each(|n| assert_eq!(take(&receiver), (n, Dropped::default())));
    assert!(receiver.next().is_none());
    writer.join().expect("everything was handed on");
}

#[test]
fn the_sender_sees_that_nobody_listens() {
    let (sender, receiver) = queue();
    assert!(!sender.is_closed());
    drop(receiver);
    assert!(sender.is_closed());
}
