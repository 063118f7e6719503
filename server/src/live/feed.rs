//! Feeds a stream's frames to its segmenter and requests key frames.

use std::sync::Mutex;
use std::time::Duration;

use common::clock::Clock;
use common::lock::lock;
use common::rtsp::serve::StreamPath;
use common::sei::Stamp;
use common::time::{MonoTime, WallTime};

use super::entry::Live;
use crate::relay::{Frames, Share, Unit};
use crate::segment::Window;

/// Interval between key frame requests: framelag's publisher sends at most one requested key frame per second.
const KEY_RETRY: Duration = Duration::from_millis(250);
/// Time after which a publisher is assumed not to support key frame requests.
const KEY_LIMIT: Duration = Duration::from_millis(1_500);
/// Consecutive overlong segments after which key frames are reported as too rare.
const OVERLONG: usize = 3;
/// Time a lost publisher has to reconnect before its stream counts as ended.
const COME_BACK: Duration = Duration::from_secs(10);
/// Largest plausible difference between a stamp and the frame's arrival.
const STAMP_OFF_MAX: Duration = Duration::from_secs(3_600);

/// Feeds frames until the stream ends, then keeps its last segments available.
pub(super) async fn feed(live: &Live, mut frames: Frames, path: &StreamPath, share: &Mutex<Share>) {
    // Time of the first and of the most recent key frame request.
    let mut asked: Option<(MonoTime, Option<MonoTime>)> = None;
    let (mut unusable, mut warned) = (false, false);
    while let Some(unit) = frames.next_unit().await {
        let frame = match unit {
            Unit::Video(frame) => frame,
            Unit::Audio(unit) => {
                live.push_audio(&unit.frame, unit.time);
                continue;
            }
        };
        let now = live.clock().now();
        let arrived = now.wall_at(frame.arrived);
        let stamp = frame.encoded.codec.find_stamp(&frame.encoded.data);
        let wall = stamp.and_then(|stamp| stamp_time(&stamp, arrived)).unwrap_or(arrived);
        let wants_key = live.change(|segmenter| {
            segmenter.push(&frame, wall, arrived).unwrap_or_else(|error| {
                if !unusable {
                    tracing::warn!("cannot serve /{path} over HTTP: {error}");
                }
                unusable = true;
                false
            })
        });
        stamp.iter().for_each(|stamp| live.mark(stamp, arrived));
        lock(share).update(live.read(Window::held));
        if wants_key {
            let (since, last) = *asked.get_or_insert((now.mono, None));
            if last.is_none_or(|last| now.mono - last >= KEY_RETRY) {
                asked = Some((since, Some(now.mono)));
                frames.request_idr(now.mono);
            }
        } else {
            asked = None;
        }
        // Without an open segment, the first key frame after others were dropped is waited for.
        let is_open = live.read(|window| window.open().is_some());
        let never = is_open && asked.is_some_and(|(since, _)| now.mono - since >= KEY_LIMIT);
        if !warned && (never || live.read(|window| window.are_overlong(OVERLONG))) {
            warned = true;
            let gop = live.read(Window::frames_per_segment);
            tracing::warn!(
                "the publisher of /{path} sends key frames too rarely, so that segments are longer than wanted: publish with \
                 a key frame every {gop} frames (--gop {gop})"
            );
        }
    }
    if !frames.is_finished() {
        tokio::time::sleep(COME_BACK).await;
    }
    live.end();
    // Never returns: the caller drops this future once the stream is idle.
    std::future::pending::<()>().await;
}

/// Returns PUB, unless it is implausible.
fn stamp_time(stamp: &Stamp, arrived: WallTime) -> Option<WallTime> {
    let stamp = stamp.times.stamp;
    (stamp.micros_since(arrived).unsigned_abs() <= STAMP_OFF_MAX.as_micros() as u64).then_some(stamp)
}
