//! SETUP: which track, and how it travels (RFC 2326 section 10.4).

use rtsp_types::headers as names;
use rtsp_types::{Request, StatusCode, Url};

use super::{Answer, admit, bad_path, live, text, url};
use crate::rtsp::headers::Mode;
use crate::rtsp::serve::host::{Action, Host, Setup};
use crate::rtsp::serve::path::{announced_track, played_track};
use crate::rtsp::serve::reply::Reply;
use crate::rtsp::serve::transport::{self, Wanted};
use crate::rtsp::serve::{Session, State};
use crate::time::MonoTime;

impl Session {
    pub(super) fn set_up(
        &mut self,
        now: MonoTime,
        request: &Request<Vec<u8>>,
        host: &mut dyn Host,
    ) -> Result<Answer, Reply> {
        let url = url(request)?;
        let offered = text(request, &names::TRANSPORT);
        let (mode, track) = if self.state == State::PreRecord {
            (Mode::Record, self.announced_track(url)?)
        } else {
            (Mode::Play, self.played_track(now, request, url, host)?)
        };
        let setup = self.setup.as_ref().ok_or_else(|| self.wrong_state("nothing to set up"))?;
        let chosen = if setup.tracks[track].is_some() {
            // RFC 2326 section 10.4 lets a server refuse a change of transport, with just this status.
            Err(self.wrong_state("this track is set up already"))
        } else {
            let wanted = Wanted { track, is_relayed: track < setup.description.relayed() };
            transport::choose(offered, mode, wanted, &setup.tracks, host)
        };
        // A refused first SETUP leaves no session behind.
        let (chosen, answer) = chosen.inspect_err(|_| self.forget_empty_setup())?;
        if let Some(setup) = &mut self.setup {
            setup.tracks[track] = Some(chosen);
        }
        if self.state == State::Initial {
            self.state = State::PrePlay;
        }
        Ok(self.with_session(Reply::ok().with("Transport", answer.to_string())).into())
    }

    fn forget_empty_setup(&mut self) {
        if self.state == State::Initial {
            self.setup = None;
        }
    }

    fn announced_track(&self, url: &Url) -> Result<usize, Reply> {
        let found =
            self.setup.as_ref().and_then(|setup| announced_track(url, &setup.path, &setup.description.controls()));
        found.ok_or_else(|| Reply::refusal(StatusCode::NotFound, "no track with this URL was announced"))
    }

    /// Returns the track to play and, on the first SETUP, the stream.
    fn played_track(
        &mut self,
        now: MonoTime,
        request: &Request<Vec<u8>>,
        url: &Url,
        host: &mut dyn Host,
    ) -> Result<usize, Reply> {
        let (path, track) = played_track(url).map_err(bad_path)?;
        self.permit(now, request, url, Action::Play, &path, host)?;
        match &self.setup {
            Some(setup) if setup.path != path => {
                return Err(Reply::refusal(StatusCode::BadRequest, "a session plays one stream only"));
            }
            Some(_) => {}
            None => {
                let description = live(&path, host)?;
                admit(Action::Play, &path, host)?;
                let tracks = vec![None; description.relayed()];
                self.setup = Some(Setup { description, path, tracks });
            }
        }
        if self.setup.as_ref().is_some_and(|setup| track < setup.tracks.len()) {
            return Ok(track);
        }
        self.forget_empty_setup();
        Err(Reply::refusal(StatusCode::NotFound, "the stream has no audio"))
    }
}
