//! The end of a run: what is written then, and what it comes to.

use std::path::Path;

use common::clock::Clock;
use measure::live::Named;

use super::Run;
use super::tell::{FAILED, tell};
use crate::pictures;
use crate::render::snapshot;
use crate::stream::warn_of_shared_stream_ids;

impl Run<'_> {
    /// Whether the picture that was asked for is on the disk.
    fn save(&mut self, path: &Path) -> bool {
        let Self { streams, screen, clock, .. } = self;
        let mut captions = |index: usize, label: &_, since| streams[index].caption(label, since, clock.now());
        let now = clock.now().mono;
        match screen.picture(now, &mut captions).map(|canvas| snapshot::save(canvas, path)) {
            Some(Ok(())) => {
                self.output.saved(path);
                return true;
            }
            Some(Err(error)) => self.output.warn(error),
            None => self.output.warn("no picture to save"),
        }
        false
    }

    /// Writes and tells what came of it. The worst stream decides.
    pub(super) fn finish(mut self) -> u8 {
        // First: what a slow disk takes from here on is no part of the measurement.
        let (window, now) = (self.screen.is_wanted(), self.clocks());
        self.saving.finish();
        let saved = self.config.snapshot.as_deref().is_none_or(|path| self.save(path));
        let saved = self.keeper.as_ref().is_none_or(|keeper| pictures::finish(keeper, &self.output)) && saved;
        warn_of_shared_stream_ids(&mut self.streams);
        let mut codes = if saved { Vec::new() } else { vec![FAILED] };
        let mut last = Vec::new();
        for mut stream in self.streams {
            super::print_notices(&self.output, &mut stream);
            let (name, url, transport) = (stream.name.clone(), stream.url.clone(), stream.transport);
            let summary = stream.finish(window, &self.config.assertions, now);
            codes.push(tell(&self.output, &name, &url, &summary));
            last.extend(summary.metrics.map(|metrics| Named { stream: name, transport, metrics }));
        }
        if let Some(exporter) = self.exporter {
            exporter.finish(last);
        }
        if !self.output.is_written() {
            codes.push(FAILED);
        }
        worst(&codes)
    }
}

/// The exit code of a run whose streams ended with `codes`: a failure before a broken assertion before an inconclusive
/// stream.
fn worst(codes: &[u8]) -> u8 {
    const ORDER: [u8; 3] = [FAILED, 99, 3];
    ORDER.into_iter().find(|code| codes.contains(code)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_stream_decides() {
        for (codes, code) in [(&[][..], 0), (&[0, 0], 0), (&[0, 3], 3), (&[3, 99, 0], 99), (&[99, 1, 3], 1)] {
            assert_eq!(worst(codes), code, "{codes:?}");
        }
    }
}
