//! Why a stream shows no picture, or not all that came: what the user is told while it runs, and the report in the end.

use std::sync::Arc;
use std::time::Duration;

use common::time::MonoTime;
use report::Recorder;
use report::warning::Code;

use super::no_picture::{self, NoCode, NoVideo, Undecoded};
use crate::decode::{Missing, Undecodable};
use crate::decoding::DecodedPicture;

/// How long access units may come without one that gives a picture: longer than the longest usual GOP, x264's 250 pictures at
/// 10 per second.
pub(super) const FIRST_PICTURE_LIMIT: Duration = Duration::from_secs(30);

/// What is known of missing pictures.
#[derive(Debug)]
pub(super) struct Diagnosis {
    /// The session plays, and no access unit has come yet.
    no_video: NoVideo,
    /// Access units came since the newest picture, and gave none.
    undecoded: Option<Undecoded>,
    /// Why the decoder refused the newest access unit that it should have taken.
    refusal: Option<Arc<str>>,
    /// Pictures came before any code was read.
    no_code: NoCode,
    /// The most that are decoded before one is shown.
    reorder_depth: usize,
}

impl Diagnosis {
    /// Nothing came yet; `no_video_hint` says why that may be.
    pub(super) fn new(no_video_hint: Option<String>) -> Self {
        Self {
            no_video: NoVideo::new(no_video_hint),
            undecoded: None,
            refusal: None,
            no_code: NoCode::default(),
            reorder_depth: 0,
        }
    }

    /// A session plays.
    pub(super) fn connected(&mut self, now: MonoTime) {
        self.no_video.begin(now);
    }

    /// The session ended.
    pub(super) fn disconnected(&mut self) {
        self.no_video.pause();
        // Time without a stream is not time without a picture of it.
        self.undecoded = None;
    }

    /// The input waits for something else.
    pub(super) fn waiting(&mut self) {
        self.no_video.pause();
    }

    /// An access unit or bare picture came.
    pub(super) fn unit(&mut self) {
        self.no_video.ended();
    }

    /// An access unit of so many bytes gave no picture, which the decoder `refused` or which follows a loss.
    pub(super) fn undecodable(&mut self, bytes: u32, refused: bool, cause: Undecodable, now: MonoTime) {
        if refused && cause.missing == Missing::Support {
            self.refusal = Some(Arc::clone(&cause.why));
        }
        self.undecoded.get_or_insert_with(|| Undecoded::new(now)).add(bytes, cause);
    }

    /// A picture came.
    pub(super) fn picture(&mut self, picture: &DecodedPicture) {
        self.undecoded = None;
        self.no_code.picture(picture);
    }

    /// So many pictures are decoded before one is shown. Returns what to tell the user, once.
    pub(super) fn reordered(&mut self, depth: usize) -> Option<String> {
        let is_new = self.reorder_depth == 0 && depth > 0;
        self.reorder_depth = self.reorder_depth.max(depth);
        is_new.then(|| no_picture::reordered(depth))
    }

    /// What to tell the user of a wait for a code, once.
    pub(super) fn no_code_notice(&mut self, now: MonoTime) -> Option<String> {
        self.no_code.notice(now)
    }

    /// What to tell the user of a wait for a picture, once for each.
    pub(super) fn no_picture_notice(&mut self, now: MonoTime) -> Option<String> {
        let undecoded = self.undecoded.as_mut().and_then(|undecoded| undecoded.notice(now));
        undecoded.or_else(|| self.no_video.notice(now))
    }

    /// What came and gave no picture for longer than any stream takes to its first one.
    pub(super) fn first_picture_overdue(&self, now: MonoTime) -> Option<String> {
        let undecoded = self.undecoded.as_ref().filter(|undecoded| now - undecoded.since > FIRST_PICTURE_LIMIT);
        undecoded.map(|undecoded| undecoded.explain(now))
    }

    /// What came since the newest picture and gave none.
    pub(super) fn undecoded(&self, now: MonoTime) -> Option<String> {
        self.undecoded.as_ref().map(|undecoded| undecoded.explain(now))
    }

    /// Has the report say why there is no picture, or why the decoder refused some: lines of a run that is over are gone.
    pub(super) fn explain(&self, recorder: &mut Recorder, has_picture: bool, now: MonoTime) {
        let why = self.undecoded(now).or_else(|| self.no_video.explain(now));
        if let Some(why) = why.filter(|_| !has_picture) {
            recorder.explain(Code::NoPicture, why);
        }
        if let Some(why) = &self.refusal {
            recorder.explain(Code::Undecoded, why.to_string());
        }
    }

    /// What it costs that pictures are not shown in the order of decoding.
    pub(super) fn reordering(&self) -> Option<String> {
        (self.reorder_depth > 0).then(|| no_picture::reordered(self.reorder_depth))
    }
}
