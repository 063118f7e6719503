//! Requests from the server to the publisher (RFC 2326 section 10).

use rtsp_types::headers::{CONTENT_TYPE, CSEQ, LOCATION};
use rtsp_types::{Method, Request, Response, StatusCode, Version};

use super::{Error, Output, Session};
use crate::rtsp::headers::parse_cseq;
use crate::rtsp::phase::{self, Phase};

impl Session {
    /// Handles a keep-alive, phase or teardown request.
    pub(super) fn handle_request(&mut self, request: &Request<Vec<u8>>) -> Result<(), Error> {
        let answer = match request.method() {
            Method::Teardown => return Err(Error::EndedByServer),
            Method::Redirect => {
                // A redirect is answered by reconnecting (RFC 2326 section 10.10).
                let location = request.header(&LOCATION).map(|value| value.as_str().to_owned().into());
                return Err(Error::Redirected { request: "REDIRECT", status: 302, location });
            }
            Method::SetParameter if !request.body().trim_ascii().is_empty() => self.set_parameter(request.body()),
            Method::Options | Method::GetParameter | Method::SetParameter => Ok(String::new()),
            _ => Err(StatusCode::NotImplemented),
        };
        let status = answer.as_ref().err().copied().unwrap_or(StatusCode::Ok);
        let mut response = Response::builder(Version::V1_0, status);
        if let Some(cseq) = request.header(&CSEQ).and_then(|value| parse_cseq(value.as_str()).ok()) {
            response = response.header(CSEQ, cseq.to_string());
        }
        let body = answer.unwrap_or_default();
        if !body.is_empty() {
            response = response.header(CONTENT_TYPE, phase::CONTENT_TYPE);
        }
        let mut bytes = Vec::new();
        response.build(body.into_bytes()).write(&mut bytes).expect("writing to memory does not fail");
        self.outputs.push_back(Output::Send(bytes));
        Ok(())
    }

    /// Builds the body of the answer.
    fn set_parameter(&mut self, body: &[u8]) -> Result<String, StatusCode> {
        let phase = Phase::parse(body).ok_or(StatusCode::ParameterNotUnderstood)?;
        let interval = self.config.interval.ok_or(StatusCode::ParameterIsReadOnly)?;
        let shift = phase.of(interval);
        self.outputs.push_back(Output::Shift(shift));
        Ok(phase::answer(shift))
    }
}
