//! What to say of a stream that brings no video, access units and no pictures, or pictures and no code; and what helps.

use std::time::Duration;

use common::time::MonoTime;

use crate::decode::{Missing, Undecodable};
use crate::decoding::DecodedPicture;

/// How long it may last before the user is told: longer than a usual GOP of two seconds.
const NOTICE_AFTER: Duration = Duration::from_secs(3);

/// What helps a player that waits for a key frame.
const SHORTER_GOP: &str = "shorten the encoder's GOP, its key frame interval (publisher --gop, ffmpeg -g, x264 keyint), as this \
    player cannot ask for a key frame";

/// What it costs that `depth` pictures are decoded before one is shown, and how to encode without.
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
pub(super) struct Undecoded {
    /// When the first came.
    pub(super) since: MonoTime,
    units: u64,
    bytes: u64,
    cause: Option<Undecodable>,
    notified: bool,
}

impl Undecoded {
    pub(super) const fn new(since: MonoTime) -> Self {
        Self { since, units: 0, bytes: 0, cause: None, notified: false }
    }

    /// One more.
    pub(super) fn add(&mut self, bytes: u32, cause: Undecodable) {
        self.units += 1;
        self.bytes += u64::from(bytes);
        // That a picture which was complete is not supported explains more than that later ones lack it.
        let unsupported = self.cause.as_ref().is_some_and(|cause| cause.missing == Missing::Support);
        if !(unsupported && cause.missing == Missing::EntryPoint) {
            self.cause = Some(cause);
        }
    }

    /// What to tell the user, once.
    pub(super) fn notice(&mut self, now: MonoTime) -> Option<String> {
        let due = !self.notified && now - self.since > NOTICE_AFTER;
        self.notified |= due;
        due.then(|| self.explain(now))
    }

    /// What came, for how long, and what would help.
    pub(super) fn explain(&self, now: MonoTime) -> String {
        let Self { units, bytes, .. } = self;
        let (seconds, plural) = ((now - self.since).as_secs_f64(), if *units == 1 { "" } else { "s" });
        let (why, help) = match &self.cause {
            Some(cause) if cause.missing == Missing::EntryPoint => (cause.clause(), format!(": {SHORTER_GOP}")),
            Some(cause) => (cause.clause(), String::new()),
            None => ("and no picture yet".to_owned(), String::new()),
        };
        format!("no picture for {seconds:.1} s: {units} access unit{plural} came ({} kB), {why}{help}", bytes / 1_000)
    }
}

/// A session that plays and has brought no access unit yet.
#[derive(Clone, Debug)]
pub(super) struct NoVideo {
    /// Why that may be; `None` if it needs no words.
    hint: Option<String>,
    /// When the server answered PLAY.
    since: Option<MonoTime>,
    notified: bool,
}

impl NoVideo {
    pub(super) const fn new(hint: Option<String>) -> Self {
        Self { hint, since: None, notified: false }
    }

    /// A session plays from now on.
    pub(super) fn begin(&mut self, now: MonoTime) {
        self.since = Some(now);
    }

    /// The session ended. The next one is not told of again before something came.
    pub(super) fn pause(&mut self) {
        self.since = None;
    }

    /// Video came.
    pub(super) fn ended(&mut self) {
        (self.since, self.notified) = (None, false);
    }

    /// What to tell the user, once.
    pub(super) fn notice(&mut self, now: MonoTime) -> Option<String> {
        let due = !self.notified && self.since.is_some_and(|since| now - since > NOTICE_AFTER);
        self.notified |= due;
        due.then(|| self.explain(now))?
    }

    /// What did not come, since when, and what would help.
    pub(super) fn explain(&self, now: MonoTime) -> Option<String> {
        let seconds = (now - self.since?).as_secs_f64();
        let hint = self.hint.as_ref()?;
        Some(format!("no video since the server answered PLAY {seconds:.1} s ago: {hint}; if so, {SHORTER_GOP}"))
    }
}

/// Pictures without a code, before the first with one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct NoCode {
    since: Option<MonoTime>,
    pictures: u64,
    /// A code was read, or the user was told that none is.
    done: bool,
}

impl NoCode {
    pub(super) fn picture(&mut self, picture: &DecodedPicture) {
        self.done |= picture.reading.is_some();
        self.since.get_or_insert(picture.read);
        self.pictures += 1;
    }

    /// What to tell the user, once.
    pub(super) fn notice(&mut self, now: MonoTime) -> Option<String> {
        let waited = now.saturating_since(self.since?);
        if self.done || waited <= NOTICE_AFTER {
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
