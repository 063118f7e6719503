//! PLAY, PAUSE and RECORD: when packets flow (RFC 2326 sections 10.5, 10.6 and 10.11).

use rtsp_types::headers as names;
use rtsp_types::{Request, StatusCode};

use super::{Answer, base_url, live, text, url};
use crate::rtsp::headers::check_range;
use crate::rtsp::serve::description::Description;
use crate::rtsp::serve::host::{Host, Output};
use crate::rtsp::serve::path::{AUDIO_CONTROL, CONTROL};
use crate::rtsp::serve::reply::Reply;
use crate::rtsp::serve::{Session, State};
use crate::time::MonoTime;

impl Session {
    pub(super) fn play(&mut self, request: &Request<Vec<u8>>, host: &mut dyn Host) -> Result<Answer, Reply> {
        let url = url(request)?;
        let setup = self.own_setup(url)?.clone();
        if let Some(range) = text(request, &names::RANGE) {
            check_range(range).map_err(|e| Reply::refusal(StatusCode::BadRequest, e.to_string()))?;
        }
        let (live, known) = (live(&setup.path, host)?, &setup.description);
        let wants_audio = setup.tracks.get(Description::AUDIO).is_some_and(Option::is_some);
        if live.video().payload_type != known.video().payload_type || wants_audio && live.audio() != known.audio() {
            return Err(Reply::refusal(StatusCode::NotFound, "the stream was replaced by another since it was set up"));
        }
        let mut reply = Reply::ok().with("Range", "npt=now-");
        // Where the first packet's sequence number is not known yet (it will be an IDR's), none is better than a
        // wrong one; the media time that "now" stands for is known once the publisher has sent a packet.
        let base = base_url(url, &setup.path);
        let infos: Vec<String> = [CONTROL, AUDIO_CONTROL]
            .iter()
            .zip(&setup.tracks)
            .enumerate()
            .filter(|(_, (_, transport))| transport.is_some())
            .filter_map(|(track, (control, _))| {
                let time = host.newest_time(&setup.path, track)?;
                Some(format!("url={base}{control};rtptime={}", time.ticks()))
            })
            .collect();
        if !infos.is_empty() {
            reply = reply.with("RTP-Info", infos.join(","));
        }
        let reply = self.with_session(reply);
        let starts = self.state != State::Play;
        self.state = State::Play;
        Ok(Answer { reply, then: starts.then_some(Output::Play(setup)) })
    }

    pub(super) fn pause(&mut self, now: MonoTime, request: &Request<Vec<u8>>) -> Result<Answer, Reply> {
        self.own_setup(url(request)?)?;
        self.state = State::PrePlay;
        self.paused = true;
        self.useful = now;
        Ok(Answer { reply: self.with_session(Reply::ok()), then: Some(Output::Pause) })
    }

    pub(super) fn record(&mut self, request: &Request<Vec<u8>>) -> Result<Answer, Reply> {
        let setup = self.own_setup(url(request)?)?.clone();
        if setup.tracks[Description::VIDEO].is_none() {
            return Err(self.wrong_state("set up the video before RECORD"));
        }
        self.state = State::Record;
        Ok(Answer { reply: self.with_session(Reply::ok()), then: Some(Output::Record(setup)) })
    }
}
