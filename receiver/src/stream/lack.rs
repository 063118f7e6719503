//! What a stream lacks that brings access units and no pictures, or pictures and no code; and what would help.

use std::time::Duration;

use common::h264::{Format, Sps};
use common::time::MonoTime;

use crate::work::{Lack, Seen, Undecodable};

/// So long nothing is said: longer than a usual GOP of two seconds.
const PATIENCE: Duration = Duration::from_secs(3);

/// profile_idc of High 4:4:4 Predictive, the one that can be lossless.
const PREDICTIVE: u8 = 244;

/// Of B-frames, and what to set against them.
pub(super) const REORDERED: &str = "the stream has B-frames: pictures come in another order than they are shown in, and this \
    receiver takes each as it comes, so that its latencies are not those of a player; encode without them: x264 with -tune \
    zerolatency or -bf 0, GStreamer's x264enc with tune=zerolatency or bframes=0, other encoders of ffmpeg with -bf 0, \
    cameras with profile Baseline or no B-frames";

/// Access units that gave no picture, since the newest picture or the beginning.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    since: MonoTime,
    units: u64,
    bytes: u64,
    lack: Lack,
    sps: Option<Sps>,
    told: bool,
}

impl Waiting {
    pub(super) const fn new(since: MonoTime) -> Self {
        Self { since, units: 0, bytes: 0, lack: Lack::Start, sps: None, told: false }
    }

    /// One more.
    pub(super) fn add(&mut self, unit: &Undecodable) {
        self.units += 1;
        self.bytes += u64::from(unit.bytes);
        // That the decoder refuses a picture which was complete explains more than what it refuses in its wake.
        if self.lack != Lack::Decoder || unit.lack == Lack::ParameterSets {
            self.lack = unit.lack;
        }
        self.sps = unit.sps.or(self.sps);
    }

    /// When the first came.
    pub(super) const fn since(&self) -> MonoTime {
        self.since
    }

    /// What to tell the user, once.
    pub(super) fn notice(&mut self, now: MonoTime) -> Option<String> {
        let due = !self.told && now - self.since > PATIENCE;
        self.told |= due;
        due.then(|| self.explain(now))
    }

    /// What came, for how long, and what would help.
    pub(super) fn explain(&self, now: MonoTime) -> String {
        let Self { units, bytes, .. } = self;
        let came =
            format!("no picture for {:.1} s, though {units} access units came", (now - self.since).as_secs_f64());
        let why = match self.lack {
            Lack::ParameterSets => {
                "without parameter sets (SPS, PPS), which the session description (sprop-parameter-sets) does not have \
                 either: let the encoder repeat them before key frames (x264: repeat-headers=1, GStreamer: h264parse \
                 config-interval=-1)"
                    .to_owned()
            }
            Lack::Start => {
                "and no key frame (IDR picture) or recovery point to begin with, which this player cannot ask for: \
                            shorten the encoder's GOP, its key frame interval"
                    .to_owned()
            }
            Lack::Decoder => {
                let what = self.sps.map(|sps| what(&sps)).unwrap_or_default();
                format!(
                    "and the decoder refuses them{what}: H.264 of 8 bits in 4:2:0 can be decoded, without interlacing"
                )
            }
        };
        format!("{came} ({} kB), {why}", bytes / 1_000)
    }
}

/// In what a stream differs from what can be decoded, and its profile.
fn what(sps: &Sps) -> String {
    let Format { chroma, bits, interlaced, .. } = sps.format;
    let mut odd = Vec::new();
    if bits != 8 {
        odd.push(format!("{bits} bits"));
    }
    match chroma {
        0 => odd.push("luma alone (4:0:0)".to_owned()),
        2 => odd.push("4:2:2".to_owned()),
        3 => odd.push("4:4:4".to_owned()),
        _ => {}
    }
    if interlaced {
        odd.push("interlaced".to_owned());
    }
    if sps.profile_level_id[0] == PREDICTIVE && odd.is_empty() {
        odd.push("maybe lossless (x264 with -qp 0)".to_owned());
    }
    let odd = if odd.is_empty() { String::new() } else { format!(": {}", odd.join(", ")) };
    format!("{odd} (profile {}, {})", sps.profile_level_id[0], sps.size)
}

/// Pictures without a code, before the first with one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Unread {
    since: Option<MonoTime>,
    pictures: u64,
    /// A code was read, or the user was told that none is.
    done: bool,
}

impl Unread {
    pub(super) fn picture(&mut self, seen: &Seen) {
        self.done |= seen.reading.is_some();
        self.since.get_or_insert(seen.read);
        self.pictures += 1;
    }

    /// What to tell the user, once.
    pub(super) fn notice(&mut self, now: MonoTime) -> Option<String> {
        let waited = now.saturating_since(self.since?);
        if self.done || waited <= PATIENCE {
            return None;
        }
        self.done = true;
        Some(format!(
            "no corner code in any of {} pictures for {:.1} s: it has to be uncropped, not covered by a text of the camera's, \
             and not scaled below 0.4x; does a framelag publisher send this stream?",
            self.pictures,
            waited.as_secs_f64()
        ))
    }
}
