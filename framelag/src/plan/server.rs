//! The server of a cell, between publisher and receiver.

use std::fmt;
use std::str::FromStr;

use common::redact;
use common::rtsp;
use common::secret::Secret;
use common::stream_url::{Error as UrlError, StreamUrl};

use crate::mediamtx;
use crate::programs::executable;

/// A server by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Server {
    /// In the publisher's process.
    #[default]
    Embedded,
    /// `framelag serve`, a process of its own.
    Own,
    /// MediaMTX, from `$MEDIAMTX` or `PATH`.
    Mediamtx,
    /// Started by this command.
    Command(Secret<Vec<String>>),
    /// Already running.
    Running(StreamUrl),
}

/// Stands for the port in a command.
pub const PORT: &str = "{port}";

/// Stands for the run's folder in a command.
pub const FOLDER: &str = "{dir}";

impl Server {
    /// All of it, secrets too: unique to this server.
    pub fn whole(&self) -> Secret {
        match self {
            Self::Running(url) => url.to_variable(),
            // Its words have no line breaks.
            Self::Command(words) => words.reveal().join("\n").into(),
            Self::Embedded | Self::Own | Self::Mediamtx => self.to_string().into(),
        }
    }
}

impl FromStr for Server {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "embedded" => return Ok(Self::Embedded),
            "framelag" => return Ok(Self::Own),
            "mediamtx" => return Ok(Self::Mediamtx),
            _ => {}
        }
        if let Some(command) = text.strip_prefix("exec:") {
            let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
            return if words.is_empty() { Err(wrong(text)) } else { Ok(Self::Command(words.into())) };
        }
        let url =
            StreamUrl::typed(text, &[rtsp::SCHEME], |name| std::env::var_os(name)).map_err(|error| match error {
                UrlError::Ambiguous { .. } | UrlError::NoVariable(_) => error.to_string(),
                _ => wrong(text),
            })?;
        if url.has_path() { Ok(Self::Running(url)) } else { Err(wrong(text)) }
    }
}

fn wrong(text: &str) -> String {
    format!(
        "{:?} is not a server: write embedded, framelag, mediamtx, exec:COMMAND with {PORT} where its RTSP port goes, \
         rtsp://HOST:PORT/PATH of a running server, or env:NAME for such a URL in an environment variable",
        redact::url(text)
    )
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded => f.write_str("embedded"),
            Self::Own => f.write_str("framelag"),
            Self::Mediamtx => f.write_str("mediamtx"),
            Self::Command(words) => write!(f, "exec:{}", words.reveal().join(" ")),
            Self::Running(url) => url.fmt(f),
        }
    }
}

impl Server {
    /// Whether its program is installed. A running server is not contacted.
    pub(super) fn check(&self) -> Result<(), String> {
        match self {
            Self::Mediamtx => mediamtx::find().map(drop).ok_or_else(|| {
                "mediamtx not found: put it on PATH, or set $MEDIAMTX to its path (https://mediamtx.org)".to_owned()
            }),
            Self::Command(words) => {
                let program = words.reveal().first().map_or("", String::as_str);
                executable(program)
                    .map(drop)
                    .ok_or_else(|| format!("program {program} not found: install it, or give its path"))
            }
            Self::Embedded | Self::Own | Self::Running(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_read_and_told_without_passwords() {
        for text in ["embedded", "framelag", "mediamtx", "exec:sh -c {port}", "rtsp://127.0.0.1:8554/cam"] {
            assert_eq!(text.parse::<Server>().expect(text).to_string(), text);
        }
        let told = "rtsp://ann:secret@h/cam?token=secret".parse::<Server>().expect("a URL").to_string();
        assert!(!told.contains("secret"), "{told}");
        for text in ["rtsp://ann:secret@h/cam", "exec:server --password secret"] {
            let shown = format!("{:?}", text.parse::<Server>().expect(text));
            assert!(!shown.contains("secret"), "{shown}");
        }
        for bad in ["", "exec:", "http://h/cam", "rtsp://h", "rtsp://ann:secret@/cam", "nginx"] {
            let why = bad.parse::<Server>().expect_err(bad);
            assert!(why.contains("embedded") && !why.contains("secret"), "{why}");
        }
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let missing = Server::Command(vec!["/nowhere/server".to_owned()].into());
        assert!(missing.check().expect_err("it is not there").contains("/nowhere/server"));
        assert_eq!(Server::Command(vec!["sh".to_owned()].into()).check(), Ok(()));
    }
}
