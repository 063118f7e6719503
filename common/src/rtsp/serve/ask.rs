//! Requests from the server to a publisher: in RTSP either side may send requests (RFC 2326 section 10).

use std::fmt::Write as _;
use std::net::SocketAddr;

use bytes::Bytes;
use rtsp_types::Response;
use rtsp_types::headers::CSEQ;

use super::host::Output;
use super::{Error, Session, State};
use crate::rtsp::headers::parse_cseq;
use crate::rtsp::phase::{CONTENT_TYPE, Phase};

/// Most unanswered requests: a publisher that never answers is no longer asked.
const UNANSWERED_MAX: usize = 4;

impl Session {
    /// Asks the publisher on this connection, whose local address is `local`, to shift its pictures. Returns the
    /// request's CSeq, repeated by [`Output::Answer`]; `None` if there is no publisher or too many requests are
    /// unanswered.
    pub fn ask_phase(&mut self, local: SocketAddr, phase: Phase) -> Option<u32> {
        let setup = self.setup.as_ref().filter(|_| self.state == State::Record)?;
        if self.unanswered.len() >= UNANSWERED_MAX {
            return None;
        }
        self.last_cseq += 1;
        let (cseq, body) = (self.last_cseq, phase.to_body());
        let mut text = format!("SET_PARAMETER rtsp://{local}/{} RTSP/1.0\r\nCSeq: {cseq}\r\n", setup.path);
        write!(
            text,
            "Session: {}\r\nContent-Type: {CONTENT_TYPE}\r\nContent-Length: {}\r\n\r\n{body}",
            self.id,
            body.len()
        )
        .expect("writing to a String does not fail");
        self.outputs.push_back(Output::Send(Bytes::from(text)));
        self.unanswered.push(cseq);
        Some(cseq)
    }

    pub(super) fn handle_response(&mut self, response: &Response<Vec<u8>>) -> Result<(), Error> {
        let cseq = response.header(&CSEQ).and_then(|cseq| parse_cseq(cseq.as_str()).ok());
        let asked = self.unanswered.iter().position(|asked| Some(*asked) == cseq);
        let cseq = asked.map(|at| self.unanswered.swap_remove(at)).ok_or(Error::UnexpectedResponse)?;
        let body = Some(response.body().clone()).filter(|_| response.status().is_success());
        self.outputs.push_back(Output::Answer { cseq, body });
        Ok(())
    }
}
