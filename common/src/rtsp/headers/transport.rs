//! The Transport header (RFC 2326 section 12.39).

use std::fmt;

use super::{Error, LIST_MAX, number};

/// What carries the packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lower {
    /// `RTP/AVP/TCP`: interleaved in the RTSP connection.
    Tcp,
    /// `RTP/AVP` or `RTP/AVP/UDP`.
    Udp,
}

/// Which way the packets go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// From the server; what a header without a mode means.
    #[default]
    Play,
    /// To the server.
    Record,
}

/// One transport as offered by a client or chosen by a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transport {
    /// What carries the packets.
    pub lower: Lower,
    /// To a group instead of one receiver; framelag does not do it, but has to recognise it to say so.
    pub multicast: bool,
    /// Channels of RTP and RTCP on the RTSP connection.
    pub interleaved: Option<(u8, u8)>,
    /// The client's ports for RTP and RTCP.
    pub client_port: Option<(u16, u16)>,
    /// The server's ports for RTP and RTCP.
    pub server_port: Option<(u16, u16)>,
    /// Which way the packets go.
    pub mode: Mode,
}

impl Transport {
    /// Unicast over `lower`, nothing else said.
    pub const fn new(lower: Lower, mode: Mode) -> Self {
        Self { lower, multicast: false, interleaved: None, client_port: None, server_port: None, mode }
    }

    /// Parses a Transport header's value: one or more transports in order of preference. Those that are not RTP
    /// over AVP are left out, so the list may come back empty (461 Unsupported Transport).
    ///
    /// # Errors
    /// Where the header is empty, longer than `LIST_MAX` entries, or a parameter's value is malformed: a port of
    /// 0 or above 65535, a channel above 255.
    pub fn parse(value: &str) -> Result<Vec<Self>, Error> {
        if value.trim().is_empty() {
            return Err(Error::new("Transport", value, "it is empty"));
        }
        let specs: Vec<&str> = value.split(',').take(LIST_MAX + 1).collect();
        if specs.len() > LIST_MAX {
            return Err(Error::new("Transport", value, "more than 16 transports"));
        }
        // A quoted list of modes (`mode="PLAY,RECORD"`) is cut at its comma; its second half is no transport.
        specs.into_iter().filter_map(|spec| Self::parse_one(spec, value).transpose()).collect()
    }

    fn parse_one(spec: &str, whole: &str) -> Result<Option<Self>, Error> {
        let mut parts = spec.split(';').map(str::trim);
        let lower = match parts.next().unwrap_or_default().to_ascii_uppercase().as_str() {
            "RTP/AVP/TCP" | "RTP/AVPF/TCP" => Lower::Tcp,
            "RTP/AVP" | "RTP/AVP/UDP" | "RTP/AVPF" | "RTP/AVPF/UDP" => Lower::Udp,
            _ => return Ok(None),
        };
        let mut transport = Self::new(lower, Mode::Play);
        for part in parts {
            let (name, value) = part.split_once('=').map_or((part, ""), |(n, v)| (n.trim_end(), v.trim()));
            transport.set(&name.to_ascii_lowercase(), value).map_err(|why| Error::new("Transport", whole, why))?;
        }
        Ok(Some(transport))
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), &'static str> {
        match name {
            "multicast" => self.multicast = true,
            "interleaved" => {
                self.interleaved = Some(pair(value, u8::checked_add).ok_or("interleaved is not two channels")?);
            }
            "client_port" => self.client_port = Some(ports(value).ok_or("client_port is not two ports from 1")?),
            // Some servers say 0-0 here when they record and will never send.
            "server_port" => self.server_port = ports(value),
            "mode" => {
                let record = value.trim_matches('"').split(',').any(|m| m.trim().eq_ignore_ascii_case("record"));
                self.mode = if record { Mode::Record } else { Mode::Play };
            }
            _ => {}
        }
        Ok(())
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.lower {
            Lower::Tcp => "RTP/AVP/TCP",
            Lower::Udp => "RTP/AVP",
        })?;
        f.write_str(if self.multicast { ";multicast" } else { ";unicast" })?;
        if let Some((rtp, rtcp)) = self.interleaved {
            write!(f, ";interleaved={rtp}-{rtcp}")?;
        }
        if let Some((rtp, rtcp)) = self.client_port {
            write!(f, ";client_port={rtp}-{rtcp}")?;
        }
        if let Some((rtp, rtcp)) = self.server_port {
            write!(f, ";server_port={rtp}-{rtcp}")?;
        }
        match self.mode {
            Mode::Play => Ok(()),
            Mode::Record => f.write_str(";mode=record"),
        }
    }
}

fn ports(value: &str) -> Option<(u16, u16)> {
    pair(value, u16::checked_add).filter(|&(rtp, rtcp)| rtp > 0 && rtcp > 0)
}

/// `A-B`, or `A` alone, which means A and the next.
fn pair<T: Copy + std::str::FromStr + From<u8>>(value: &str, add: fn(T, T) -> Option<T>) -> Option<(T, T)> {
    match value.split_once('-') {
        Some((first, second)) => Some((number(first)?, number(second)?)),
        None => {
            let first = number(value)?;
            Some((first, add(first, T::from(1))?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(value: &str) -> Transport {
        let mut list = Transport::parse(value).expect(value);
        assert_eq!(list.len(), 1, "{value}");
        list.remove(0)
    }

    #[test]
    fn transports_round_trip() {
        let tcp = Transport { interleaved: Some((0, 1)), ..Transport::new(Lower::Tcp, Mode::Record) };
        assert_eq!(tcp.to_string(), "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record");
        let udp = Transport {
            client_port: Some((5000, 5001)),
            server_port: Some((6000, 6001)),
            ..Transport::new(Lower::Udp, Mode::Play)
        };
        for transport in [tcp, udp] {
            assert_eq!(one(&transport.to_string()), transport);
        }
    }

    #[test]
    fn what_devices_send_is_understood() {
        assert_eq!(one("RTP/AVP/TCP;unicast;interleaved=2").interleaved, Some((2, 3)));
        assert_eq!(one("RTP/AVP/UDP;unicast;client_port=14186-14187;mode=\"PLAY\"").client_port, Some((14186, 14187)));
        assert_eq!(one("RTP/AVP/TCP;unicast;mode=RECORD").mode, Mode::Record);
        assert_eq!(one("RTP/AVP;unicast;client_port=5000-5001;server_port=0-0").server_port, None);
        let list = Transport::parse("RTP/SAVP;unicast,RTP/AVP;multicast , RTP/AVP/TCP;interleaved=0-1").expect("three");
        assert_eq!(list.len(), 2);
        assert!(list[0].multicast);
        assert_eq!(Transport::parse("RAW/RAW/UDP;unicast"), Ok(vec![]));
    }

    #[test]
    fn malformed_parameters_are_refused() {
        for bad in [
            "",
            "  ",
            "RTP/AVP;client_port=0-1",
            "RTP/AVP;client_port=65535",
            "RTP/AVP;client_port=5000-99999",
            "RTP/AVP;client_port=",
            "RTP/AVP/TCP;interleaved=255",
            "RTP/AVP/TCP;interleaved=256-257",
            "RTP/AVP/TCP;interleaved=-1",
        ] {
            assert!(Transport::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Transport::parse(&"RTP/AVP,".repeat(LIST_MAX)).is_err());
        assert_eq!(Transport::parse("\""), Ok(vec![]));
    }
}
