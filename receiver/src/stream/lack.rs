//! What a stream lacks that brings nothing, access units and no pictures, or pictures and no code; and what would help.

use std::time::Duration;

use common::h264::{Format, Sps};
use common::time::MonoTime;

use crate::decoding::{Lack, Seen, Undecodable};

/// So long nothing is said: longer than a usual GOP of two seconds.
const PATIENCE: Duration = Duration::from_secs(3);

/// profile_idc of High 4:4:4 Predictive, the one that can be lossless.
const PREDICTIVE: u8 = 244;

/// What helps a player that waits for a key frame.
const SHORTER_GOP: &str = "shorten the encoder's GOP, its key frame interval (publisher --gop, ffmpeg -g, x264 keyint), as this \
    player cannot ask for a key frame";

/// Of a stream of which `depth` pictures are decoded before one is shown: what that costs, and what to set against it.
pub(super) fn reordered(depth: usize) -> String {
    let pictures = if depth == 1 { "one more has".to_owned() } else { format!("{depth} more have") };
    format!(
        "the stream is encoded for B-frames: a picture is shown once {pictures} been decoded, here as in any player, and that wait \
         is part of LAT; to do without it: x264 with -tune zerolatency or -bf 0, GStreamer's x264enc with tune=zerolatency or \
         bframes=0, other encoders of ffmpeg with -bf 0, cameras with profile Baseline or no B-frames"
    )
}

/// Access units that gave no picture, since the newest picture or the beginning.
#[derive(Clone, Debug)]
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
        if unit.sps.is_some() {
            self.sps.clone_from(&unit.sps);
        }
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
        let (seconds, plural) = ((now - self.since).as_secs_f64(), if *units == 1 { "" } else { "s" });
        let why = match self.lack {
            Lack::ParameterSets => {
                "without parameter sets (SPS, PPS), which are not in the session description (sprop-parameter-sets) either: make \
                 the encoder repeat them before key frames (x264: repeat-headers=1, GStreamer: h264parse config-interval=-1)"
                    .to_owned()
            }
            Lack::Start => format!("but no key frame (IDR picture) or recovery point to start decoding at: {SHORTER_GOP}"),
            Lack::Decoder => format!("but {}", refusal(self.sps.as_ref())),
        };
        format!("no picture for {seconds:.1} s: {units} access unit{plural} came ({} kB), {why}", bytes / 1_000)
    }
}

/// Of what the decoder refuses, with the newest parameter set: why.
pub(super) fn refusal(sps: Option<&Sps>) -> String {
    let what = sps.map(what).unwrap_or_default();
    format!("the decoder refuses them{what}: it decodes 8-bit 4:2:0 H.264 without interlacing")
}

/// A session that plays and has brought no access unit yet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Silence {
    /// When the server answered PLAY.
    since: Option<MonoTime>,
    told: bool,
}

impl Silence {
    /// A session plays from now on.
    pub(super) fn begin(&mut self, now: MonoTime) {
        self.since = Some(now);
    }

    /// The session ended. The next one is not told of again before something came.
    pub(super) fn pause(&mut self) {
        self.since = None;
    }

    /// What to tell the user, once.
    pub(super) fn notice(&mut self, transport: &str, now: MonoTime) -> Option<String> {
        let due = !self.told && self.since.is_some_and(|since| now - since > PATIENCE);
        self.told |= due;
        due.then(|| self.explain(transport, now))?
    }

    /// What did not come, since when, and what would help.
    pub(super) fn explain(&self, transport: &str, now: MonoTime) -> Option<String> {
        let seconds = (now - self.since?).as_secs_f64();
        let firewall = if transport == "udp" { ", or a firewall drops its packets (try --transport tcp)" } else { "" };
        Some(format!(
            "no video since the server answered PLAY {seconds:.1} s ago: its publisher sends none{firewall}, or the server \
             holds it back until the publisher's next key frame (IDR picture); if so, {SHORTER_GOP}"
        ))
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
