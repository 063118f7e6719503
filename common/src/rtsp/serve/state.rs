//! The five states of a session, and what may be asked in each (RFC 2326 appendix A.2).

use std::fmt;

use rtsp_types::Method;

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Nothing is set up.
    Initial,
    /// At least one track is set up for playing.
    PrePlay,
    /// Packets go to the client.
    Play,
    /// A stream is announced.
    PreRecord,
    /// Packets come from the client.
    Record,
}

impl State {
    /// What may be asked in this state.
    pub(super) fn allowed(self) -> &'static [Method] {
        use Method::{Announce, Describe, GetParameter, Options, Pause, Play, Record, SetParameter, Setup, Teardown};
        match self {
            Self::Initial => &[Options, Describe, Announce, Setup, GetParameter, SetParameter],
            Self::PrePlay => &[Options, Describe, Setup, Play, GetParameter, SetParameter, Teardown],
            Self::Play => &[Options, Describe, Play, Pause, GetParameter, SetParameter, Teardown],
            Self::PreRecord => &[Options, Setup, Record, GetParameter, SetParameter, Teardown],
            Self::Record => &[Options, GetParameter, SetParameter, Teardown],
        }
    }
}

/// Everything that is implemented, for the Public header of OPTIONS.
pub(super) const PUBLIC: &[Method] = &[
    Method::Options,
    Method::Describe,
    Method::Announce,
    Method::Setup,
    Method::Play,
    Method::Pause,
    Method::Record,
    Method::GetParameter,
    Method::SetParameter,
    Method::Teardown,
];

/// `methods` as in an Allow or Public header.
pub(super) fn list(methods: &[Method]) -> String {
    methods.iter().map(<&str>::from).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Initial => "initial",
            Self::PrePlay => "pre-play",
            Self::Play => "play",
            Self::PreRecord => "pre-record",
            Self::Record => "record",
        })
    }
}
