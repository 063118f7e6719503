//! Segment settings in a plan, and the server that applies them: resolves `via`, `preset`, `segment`, `part`,
//! `playlist` and `variant`.

use std::time::Duration;

use clap::ValueEnum;
use receiver::via::Via;
use server::{PartLength, Preset, SegmentSettings, SettingsChange};

use super::server::Server;
use crate::mediamtx;

/// Segment settings of a plan. Missing ones use the server's defaults.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Segments {
    /// How the stream reaches a browser; `None` to play over RTSP.
    pub via: Option<Via>,
    change: SettingsChange,
    variant: Option<mediamtx::Variant>,
    /// The settings as typed, as flags of `framelag serve`.
    pub flags: Vec<String>,
}

impl Segments {
    /// Sets `name` from its text form.
    ///
    /// # Errors
    /// Describes valid values.
    pub(super) fn set(&mut self, name: &str, text: &str) -> Result<(), String> {
        match name {
            "via" => self.via = Some(Via::from_str(text, false).map_err(|_| one_of(Via::value_variants(), Via::name))?),
            "variant" => {
                self.variant = Some(
                    mediamtx::Variant::from_str(text, false)
                        .map_err(|_| one_of(mediamtx::Variant::value_variants(), mediamtx::Variant::name))?,
                );
                return Ok(());
            }
            _ => self.change.set(name, text).map_err(|error| error.right)?,
        }
        if name != "via" {
            self.flags.push(format!("--{name}={text}"));
        }
        Ok(())
    }

    /// Returns the settings as values, so that 1s and 1000ms compare equal.
    pub fn made(&self) -> impl std::fmt::Debug {
        (self.via, self.change, self.variant)
    }

    /// Returns the settings that the server uses.
    ///
    /// # Errors
    /// Fails if a setting is out of range.
    pub fn settings(&self) -> Result<SegmentSettings, String> {
        let settings = self.change.of(SegmentSettings::default());
        settings.check().map_err(|error| error.to_string().trim_start_matches("--").to_owned())?;
        Ok(settings)
    }

    /// Returns segment duration and length of the playlist that a browser plays; `None` without a playlist.
    ///
    /// # Errors
    /// Fails if the server does not support the settings.
    pub fn list(&self, server: &Server) -> Result<Option<(Duration, usize)>, String> {
        let Some(via) = self.via.filter(|via| *via != Via::Mse) else { return Ok(None) };
        Ok(Some(match server {
            Server::Mediamtx => {
                let hls = self.mediamtx(via)?;
                (hls.segment, hls.count)
            }
            _ => {
                let settings = self.settings()?;
                (settings.segment, settings.playlist)
            }
        }))
    }

    /// Returns the HLS configuration of MediaMTX.
    ///
    /// # Errors
    /// Fails if MediaMTX does not support the settings.
    pub fn mediamtx(&self, via: Via) -> Result<mediamtx::Hls, String> {
        let own = mediamtx::Hls::default();
        let variant = match (via, self.variant) {
            (Via::LlHls, None | Some(mediamtx::Variant::LowLatency)) => mediamtx::Variant::LowLatency,
            (Via::Hls, None) => mediamtx::Variant::Fmp4,
            (Via::Hls, Some(variant)) if variant != mediamtx::Variant::LowLatency => variant,
            (Via::LlHls | Via::Hls, Some(variant)) => {
                return Err(format!("variant = {:?} does not go with via = {:?}", variant.name(), via.name()));
            }
            (Via::Dash | Via::Mse, _) => {
                return Err(format!("MediaMTX has no {}: use via = \"hls\" or \"ll-hls\"", via.name()));
            }
        };
        let SettingsChange { preset, segment, part, playlist } = self.change;
        let preset = preset.map(Preset::settings);
        let part = match part.or(preset.map(|preset| preset.part)) {
            Some(PartLength::Frame) => {
                return Err("MediaMTX cuts parts by their length alone: use part = \"33ms\"".to_owned());
            }
            Some(PartLength::UpTo(part)) => part,
            None => own.part,
        };
        let count = playlist.or(preset.map(|preset| preset.playlist)).unwrap_or(own.count);
        // gohlslib refuses to start with fewer segments.
        let least = if variant == mediamtx::Variant::LowLatency { 7 } else { 3 };
        if count < least {
            return Err(format!(
                "MediaMTX lists at least {least} segments with {}: use playlist = {least}",
                via.name()
            ));
        }
        let segment = segment.or(preset.map(|preset| preset.segment)).unwrap_or(own.segment);
        Ok(mediamtx::Hls { variant, segment, part, count })
    }

    /// Checks whether `server` supports the settings.
    ///
    /// # Errors
    /// Names the unsupported setting and what to use instead.
    pub(super) fn check(&self, server: &Server) -> Result<(), String> {
        let Some(via) = self.via else {
            return match self.flags.first() {
                None if self.variant.is_none() => Ok(()),
                flag => {
                    let name = flag.and_then(|flag| flag.split_once('=')).map_or("variant", |(flag, _)| &flag[2..]);
                    Err(format!("{name} is of what browsers play: add via, as in via = \"hls\""))
                }
            };
        };
        match server {
            Server::Own if self.variant.is_some() => {
                Err("variant is MediaMTX's: the server framelag makes fMP4 segments alone".to_owned())
            }
            Server::Own => self.settings().map(drop),
            Server::Mediamtx => self.mediamtx(via).map(drop),
            Server::Embedded | Server::Command(_) | Server::Running(_) => Err(format!(
                "via = {:?} needs server = \"framelag\" (the default with via) or \"mediamtx\"",
                via.name()
            )),
        }
    }
}

fn one_of<T: Copy>(all: &[T], name: impl Fn(T) -> &'static str) -> String {
    format!("write one of {}", all.iter().map(|one| name(*one)).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(settings: &[(&str, &str)]) -> Segments {
        let mut segments = Segments::default();
        for (name, text) in settings {
            segments.set(name, text).unwrap_or_else(|why| panic!("{name}: {why}"));
        }
        segments
    }

    #[test]
    fn what_a_plan_says_goes_before_its_preset() {
        let segments = segments(&[("via", "hls"), ("preset", "real-time"), ("segment", "2s")]);
        assert_eq!(segments.flags, ["--preset=real-time", "--segment=2s"]);
        assert_eq!(segments.list(&Server::Own), Ok(Some((Duration::from_secs(2), 3))));
        let hls = segments.mediamtx(Via::Hls).expect("it can");
        assert_eq!((hls.variant, hls.segment, hls.count), (mediamtx::Variant::Fmp4, Duration::from_secs(2), 3));
    }

    #[test]
    fn what_a_server_cannot_do_is_refused_and_not_left_out() {
        let mediamtx = Server::Mediamtx;
        for (settings, server, word) in [
            (vec![("via", "dash")], &mediamtx, "no dash"),
            (vec![("via", "ll-hls"), ("part", "frame")], &mediamtx, "33ms"),
            (vec![("via", "ll-hls"), ("preset", "ultra")], &mediamtx, "playlist = 7"),
            (vec![("via", "ll-hls"), ("variant", "mpegts")], &mediamtx, "mpegts"),
            (vec![("via", "hls"), ("variant", "mpegts")], &Server::Own, "MediaMTX's"),
            (vec![("via", "hls")], &Server::Embedded, "framelag"),
            (vec![("segment", "1s")], &Server::Own, "segment is of what browsers play"),
            (vec![("variant", "mpegts")], &mediamtx, "variant is of what browsers play"),
            (vec![("via", "hls"), ("segment", "1ms")], &Server::Own, "100ms to 60s"),
            (vec![("via", "hls"), ("playlist", "2")], &Server::Own, "3 to 100"),
        ] {
            let why = segments(&settings).check(server).expect_err(word);
            assert!(why.contains(word), "{settings:?}: {why}");
        }
    }
}
