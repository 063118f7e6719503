//! What the server's answers lead to.

use rtsp_types::headers::{CSEQ, LOCATION, PUBLIC, SESSION, TRANSPORT, WWW_AUTHENTICATE};
use rtsp_types::{Method, Response, StatusCode};

use super::error::name;
use super::{ATTEMPTS_MAX, Delivery, Error, Output, Pending, RENEWALS_MAX, RESPONSE_TIMEOUT, Route, Session, State};
use crate::rtsp::auth::{Challenged, Client};
use crate::rtsp::headers::{self, Lower, Transport, parse_cseq};
use crate::rtsp::redirect::is_redirect;
use crate::time::Now;

impl Session {
    pub(super) fn handle_response(&mut self, now: Now, response: &Response<Vec<u8>>) -> Result<(), Error> {
        let Some(pending) = self.pending.take() else {
            return Err(Error::unusable("an answer", "nothing was asked"));
        };
        let request = name(pending.request.method());
        if let Some(value) = response.header(&CSEQ) {
            let cseq = parse_cseq(value.as_str()).map_err(|error| Error::unusable(request, &error.to_string()))?;
            if cseq < pending.cseq {
                // The answer to a sign of life, which TEARDOWN has overtaken.
                self.pending = Some(pending);
                return Ok(());
            }
            if cseq > pending.cseq {
                return Err(Error::unusable(request, &format!("it has CSeq {cseq} instead of {}", pending.cseq)));
            }
        }
        match response.status() {
            status if status.is_informational() => {
                let renewals = pending.renewals + 1;
                let deadline = if renewals > RENEWALS_MAX { pending.deadline } else { now.mono + RESPONSE_TIMEOUT };
                self.pending = Some(Pending { deadline, renewals, ..pending });
                Ok(())
            }
            StatusCode::Unauthorized => self.authenticate(now, pending, response),
            status if status.is_success() => {
                self.auth.iter_mut().for_each(Client::accepted);
                self.take_session(response, request)?;
                self.advance(now, response, request)
            }
            _ if self.state == State::Ending => {
                self.close();
                Ok(())
            }
            status if self.state == State::Recording && status != StatusCode::SessionNotFound => {
                // The stream flows; a server that dislikes one sign of life may like the other.
                self.keep_alive.method = Method::Options;
                self.schedule_keep_alive(now);
                Ok(())
            }
            status if is_redirect(status.into()) => {
                let location = response.header(&LOCATION).map(|value| value.as_str().to_owned().into());
                Err(Error::Redirected { request, status: status.into(), location })
            }
            status => Err(Error::refused(request, status.into(), response.reason_phrase())),
        }
    }

    fn authenticate(&mut self, now: Now, pending: Pending, response: &Response<Vec<u8>>) -> Result<(), Error> {
        let request = name(pending.request.method());
        let Some(client) = &mut self.auth else { return Err(Error::CredentialsNeeded { request }) };
        let challenge = response.header(&WWW_AUTHENTICATE).map(|value| value.as_str()).unwrap_or_default();
        match client.challenged(challenge) {
            Challenged::TryAgain if pending.attempts < ATTEMPTS_MAX => {
                self.send_request(now, pending.request, pending.attempts + 1);
                Ok(())
            }
            Challenged::TryAgain | Challenged::Rejected => Err(Error::CredentialsRejected { request }),
            Challenged::Unknown(schemes) => Err(Error::UnknownScheme { schemes }),
        }
    }

    /// Goes on after a good answer.
    fn advance(&mut self, now: Now, response: &Response<Vec<u8>>, request: &'static str) -> Result<(), Error> {
        match self.state {
            State::Greeting => {
                let public = response.header(&PUBLIC).map(|value| value.as_str()).unwrap_or_default();
                if public.split(',').any(|method| method.trim() == "GET_PARAMETER") {
                    self.keep_alive.method = Method::GetParameter;
                }
                self.state = State::Announcing;
                self.announce(now);
            }
            State::Announcing => {
                self.state = State::SettingUp;
                self.setup(now)?;
            }
            State::SettingUp => {
                let route = self.route(response, request)?;
                if self.session.is_none() {
                    return Err(Error::unusable(request, "it names no session"));
                }
                self.state = State::Starting(route);
                self.record(now);
            }
            State::Starting(route) => {
                self.state = State::Recording;
                self.schedule_keep_alive(now);
                self.outputs.push_back(Output::Recording(route));
            }
            State::Recording => self.schedule_keep_alive(now),
            State::Ending | State::Closed => self.close(),
        }
        Ok(())
    }

    /// Where the server wants the packets, from its answer to SETUP.
    fn route(&mut self, response: &Response<Vec<u8>>, request: &'static str) -> Result<Route, Error> {
        let value = response.header(&TRANSPORT).ok_or_else(|| Error::unusable(request, "it names no transport"))?;
        let offers = Transport::parse(value.as_str()).map_err(|error| Error::unusable(request, &error.to_string()))?;
        let transport =
            offers.first().ok_or_else(|| Error::unusable(request, "it names a transport that is not RTP"))?;
        match (self.config.delivery, transport.lower) {
            (Delivery::Tcp, Lower::Tcp) => {
                self.channels = transport.interleaved.unwrap_or(self.channels);
                Ok(Route::Interleaved(self.channels.0))
            }
            (Delivery::Udp(..), Lower::Udp) => {
                let (rtp, rtcp) =
                    transport.server_port.ok_or_else(|| Error::unusable(request, "it names no server_port"))?;
                // A `source` is not looked at: a server could aim the stream at somebody else with it.
                Ok(Route::Udp { rtp, rtcp })
            }
            (Delivery::Tcp, Lower::Udp) => Err(Error::unusable(request, "it wants UDP: try --transport udp")),
            (Delivery::Udp(..), Lower::Tcp) => Err(Error::unusable(request, "it wants TCP: try --transport tcp")),
        }
    }

    fn take_session(&mut self, response: &Response<Vec<u8>>, request: &'static str) -> Result<(), Error> {
        if let Some(value) = response.header(&SESSION) {
            let session = headers::Session::parse(value.as_str());
            self.session = Some(session.map_err(|error| Error::unusable(request, &error.to_string()))?);
        }
        Ok(())
    }
}
