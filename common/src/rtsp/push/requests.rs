//! The requests that a session makes.

use std::net::IpAddr;

use rtsp_types::headers::{AUTHORIZATION, CONTENT_TYPE, CSEQ, RANGE, SESSION, TRANSPORT, USER_AGENT};
use rtsp_types::{Method, Request, RequestBuilder, Version};
use url::Url;

use super::error::name;
use super::{Delivery, Error, Output, Pending, RESPONSE_TIMEOUT, Session};
use crate::rtsp::headers::{self, Lower, Mode, Transport};
use crate::rtsp::sdp::control_url;
use crate::time::Now;

const AGENT: &str = concat!("framelag/", env!("CARGO_PKG_VERSION"));

impl Session {
    pub(super) fn announce(&mut self, now: Now) {
        let host = self.config.url.host_str().and_then(|host| host.trim_matches(['[', ']']).parse().ok());
        let description = self.config.video.describe(host.unwrap_or(IpAddr::from([127, 0, 0, 1])), None);
        let request = self.build(Method::Announce).header(CONTENT_TYPE, "application/sdp").build(description);
        self.request(now, request);
    }

    pub(super) fn setup(&mut self, now: Now) -> Result<(), Error> {
        let mut transport = Transport::new(Lower::Tcp, Mode::Record);
        match self.config.delivery {
            Delivery::Tcp => transport.interleaved = Some(self.channels),
            Delivery::Udp(rtp, rtcp) => {
                transport.lower = Lower::Udp;
                transport.client_port = Some((rtp, rtcp));
            }
        }
        let track = control_url(self.config.url.as_str(), self.config.video.control.as_deref());
        let track = Url::parse(&track).map_err(|_| Error::unusable("SETUP", "its track has no URL"))?;
        let request = self.build(Method::Setup).request_uri(track).header(TRANSPORT, transport.to_string());
        self.request(now, request.build(Vec::new()));
        Ok(())
    }

    pub(super) fn record(&mut self, now: Now) {
        self.request(now, self.build(Method::Record).header(RANGE, "npt=0.000-").build(Vec::new()));
    }

    /// A sign of life at half the time after which the server would give up (RFC 2326 section 12.37).
    pub(super) fn schedule_keep_alive(&mut self, now: Now) {
        let timeout = self.session.as_ref().map_or(headers::SESSION_TIMEOUT_DEFAULT, |session| session.timeout);
        self.keep_alive.due = Some(now.mono + timeout / 2);
    }

    pub(super) fn build(&self, method: Method) -> RequestBuilder {
        let request =
            Request::builder(method, Version::V1_0).request_uri(self.config.url.clone()).header(USER_AGENT, AGENT);
        match &self.session {
            Some(session) => request.header(SESSION, session.id.as_str()),
            None => request,
        }
    }

    pub(super) fn request(&mut self, now: Now, request: Request<Vec<u8>>) {
        self.send_request(now, request, 1);
    }

    pub(super) fn send_request(&mut self, now: Now, mut request: Request<Vec<u8>>, attempts: u32) {
        self.last_cseq += 1;
        request.insert_header(CSEQ, self.last_cseq.to_string());
        let uri = request.request_uri().map(Url::as_str).unwrap_or("*");
        let answer = self.auth.as_mut().and_then(|auth| auth.authorization(name(request.method()), uri));
        if let Some(answer) = answer {
            request.insert_header(AUTHORIZATION, answer);
        }
        let mut bytes = Vec::new();
        request.write(&mut bytes).expect("writing to memory does not fail");
        self.outputs.push_back(Output::Send(bytes));
        let deadline = now.mono + RESPONSE_TIMEOUT;
        self.pending = Some(Pending { request, cseq: self.last_cseq, deadline, attempts, renewals: 0 });
    }
}
