//! Media presentation descriptions (ISO/IEC 23009-1) for low-latency DASH, where segments load while they grow. The only
//! module that uses quick-xml.

use std::io;

use common::time::WallTime;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, Event};

use super::names::{File, Tracks, date_time, grid_name};
use super::pieces::{Init, Separate};
use super::settings::TICKS_PER_SECOND;
use super::window::Window;

const NAMESPACE: &str = "urn:mpeg:dash:schema:mpd:2011";
const PROFILES: &str = "urn:mpeg:dash:profile:isoff-live:2011,http://www.dashif.org/guidelines/low-latency-live-v5";
/// UTC timing over a plain HTTP GET.
const UTC_SCHEME: &str = "urn:mpeg:dash:utc:http-xsdate:2014";
/// Channel configuration by channel count.
const CHANNELS_SCHEME: &str = "urn:mpeg:dash:23003:3:audio_channel_configuration:2011";
/// Default target latency for players, in ms.
const LATENCY_TARGET_MS: &str = "200";
/// How often a player checks whether the stream has ended.
const UPDATE_PERIOD: &str = "PT2S";

type Xml = Writer<Vec<u8>>;

/// Writes the manifest for `now`; `None` before the first segment. `time_url` returns the server's time.
pub(crate) fn manifest(window: &Window, now: WallTime, time_url: &str) -> Option<String> {
    let newest = window.segments().next_back()?;
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    // Writing to memory cannot fail.
    write_mpd(&mut xml, window, &newest.init, now, time_url).ok()?;
    String::from_utf8(xml.into_inner()).ok()
}

fn write_mpd(xml: &mut Xml, window: &Window, init: &Init, now: WallTime, time_url: &str) -> io::Result<()> {
    let settings = window.settings();
    let end = window.segments().next_back().map_or(0, |last| last.start + last.duration());
    let first = window.segments().next().map_or(0, |first| first.start);
    let start = date_time(window.epoch());
    let published = date_time(now);
    // List only existing segments: for a young stream, ffmpeg would request segments from before its start.
    let listed = settings.playlist as u64 * window.segment_ticks();
    let depth = seconds(listed.min((end - first).max(window.segment_ticks())) as f64 / TICKS_PER_SECOND as f64);
    let buffer = seconds(window.interval() as f64 / TICKS_PER_SECOND as f64);
    let held = end.saturating_sub(first_place(window) * window.segment_ticks());
    let duration = seconds(held as f64 / TICKS_PER_SECOND as f64);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("utf-8"), None)))?;
    let mpd = xml.create_element("MPD").with_attributes([
        ("xmlns", NAMESPACE),
        ("profiles", PROFILES),
        ("minBufferTime", &buffer),
        ("availabilityStartTime", &start),
        ("publishTime", &published),
    ]);
    let mpd = if window.has_ended() {
        mpd.with_attributes([("type", "static"), ("mediaPresentationDuration", &*duration)])
    } else {
        mpd.with_attributes([
            ("type", "dynamic"),
            ("minimumUpdatePeriod", UPDATE_PERIOD),
            ("timeShiftBufferDepth", &*depth),
            ("maxSegmentDuration", &*seconds(window.target() as f64)),
        ])
    };
    mpd.write_inner_content(|xml| {
        xml.create_element("ServiceDescription").with_attribute(("id", "0")).write_inner_content(|xml| {
            let latency = [("target", LATENCY_TARGET_MS), ("referenceId", "0")];
            xml.create_element("Latency").with_attributes(latency).write_empty()?;
            let rates = [("min", "0.9"), ("max", "1.1")];
            xml.create_element("PlaybackRate").with_attributes(rates).write_empty().map(drop)
        })?;
        let period = [("id", "0"), ("start", "PT0S")];
        xml.create_element("Period").with_attributes(period).write_inner_content(|xml| {
            write_video(xml, window, init, time_url)?;
            init.separate.as_ref().map_or(Ok(()), |separate| write_audio(xml, window, init.number, separate))
        })?;
        write_utc_timing(xml, time_url)
    })
    .map(drop)
}

/// Writes the video, or both tracks if they are muxed.
fn write_video(xml: &mut Xml, window: &Window, init: &Init, time_url: &str) -> io::Result<()> {
    let set = [("id", "0"), ("contentType", "video"), ("mimeType", "video/mp4"), ("segmentAlignment", "true")];
    let (tracks, codecs) = match &init.separate {
        Some(separate) => (Tracks::Video, &separate.video.1),
        None => (Tracks::Both, &init.codecs),
    };
    xml.create_element("AdaptationSet")
        .with_attributes(set)
        .with_attribute(("startWithSAP", "1"))
        .write_inner_content(|xml| {
            let start = date_time(window.epoch());
            // The time that `prft` carries for each frame: when its picture entered the encoder.
            let reference = [
                ("id", "0"),
                ("inband", "true"),
                ("type", "encoder"),
                ("wallClockTime", &*start),
                ("presentationTime", "0"),
            ];
            xml.create_element("ProducerReferenceTime")
                .with_attributes(reference)
                .write_inner_content(|xml| write_utc_timing(xml, time_url))?;
            write_template(xml, window, init.number, tracks)?;
            let (width, height) = (init.width.to_string(), init.height.to_string());
            let (bandwidth, rate) =
                (window.bit_rate(tracks).to_string(), format!("{TICKS_PER_SECOND}/{}", window.interval()));
            let representation = [
                ("id", "0"),
                ("codecs", &**codecs),
                ("width", &*width),
                ("height", &*height),
                ("frameRate", &*rate),
                ("bandwidth", &*bandwidth),
            ];
            xml.create_element("Representation").with_attributes(representation).write_empty().map(drop)
        })
        .map(drop)
}

fn write_audio(xml: &mut Xml, window: &Window, number: u64, separate: &Separate) -> io::Result<()> {
    let set = [("id", "1"), ("contentType", "audio"), ("mimeType", "audio/mp4"), ("segmentAlignment", "true")];
    xml.create_element("AdaptationSet")
        .with_attributes(set)
        .with_attribute(("startWithSAP", "1"))
        .write_inner_content(|xml| {
            write_template(xml, window, number, Tracks::Audio)?;
            let (rate, bandwidth) = (separate.sample_rate.to_string(), window.bit_rate(Tracks::Audio).to_string());
            let representation = [
                ("id", "1"),
                ("codecs", &*separate.audio.1),
                ("audioSamplingRate", &*rate),
                ("bandwidth", &*bandwidth),
            ];
            let channels = separate.channels.to_string();
            xml.create_element("Representation")
                .with_attributes(representation)
                .write_inner_content(|xml| {
                    let configuration = [("schemeIdUri", CHANNELS_SCHEME), ("value", &*channels)];
                    xml.create_element("AudioChannelConfiguration")
                        .with_attributes(configuration)
                        .write_empty()
                        .map(drop)
                })
                .map(drop)
        })
        .map(drop)
}

/// Number of the first segment of the presentation: those before the first held are gone once the stream has ended.
fn first_place(window: &Window) -> u64 {
    window.segments().next().filter(|_| window.has_ended()).map_or(0, |first| first.grid)
}

/// Segments are named by their position on the duration grid. Each is available from its first frame on.
fn write_template(xml: &mut Xml, window: &Window, init: u64, tracks: Tracks) -> io::Result<()> {
    let segment = window.segment_ticks();
    let offset = segment.saturating_sub(window.interval()) as f64 / TICKS_PER_SECOND as f64;
    let (duration, offset) = (segment.to_string(), format!("{offset:.3}"));
    let (initialization, media) = (File::Init(tracks, init).to_string(), grid_name(tracks, "$Number$"));
    let first = first_place(window);
    let (number, before) = (first.to_string(), (first * segment).to_string());
    let before = (first > 0).then_some(("presentationTimeOffset", &*before));
    let template = [
        ("timescale", "90000"),
        ("duration", &*duration),
        ("startNumber", &*number),
        ("availabilityTimeOffset", &*offset),
        ("availabilityTimeComplete", "false"),
        ("initialization", &*initialization),
        ("media", &*media),
    ];
    xml.create_element("SegmentTemplate").with_attributes(template).with_attributes(before).write_empty().map(drop)
}

fn write_utc_timing(xml: &mut Xml, time_url: &str) -> io::Result<()> {
    let timing = [("schemeIdUri", UTC_SCHEME), ("value", time_url)];
    xml.create_element("UTCTiming").with_attributes(timing).write_empty().map(drop)
}

/// Formats seconds as an XML Schema duration.
fn seconds(seconds: f64) -> String {
    format!("PT{seconds:.3}S")
}

#[cfg(test)]
mod tests {
    use quick_xml::Reader;

    use super::super::segmenter::tests::Feed;
    use super::super::settings::SegmentSettings;
    use super::*;

    const NOW: WallTime = WallTime::from_micros(1_763_722_801_500_000);

    #[test]
    fn a_low_latency_manifest() {
        let feed = Feed::of(1_000).frames(45, 30);
        let text = manifest(feed.window(), NOW, "http://localhost/time").expect("there are frames");
        let expected = r#"<?xml version="1.0" encoding="utf-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011,http://www.dashif.org/guidelines/low-latency-live-v5" minBufferTime="PT0.033S" availabilityStartTime="2025-11-21T11:00:00.000Z" publishTime="2025-11-21T11:00:01.500Z" type="dynamic" minimumUpdatePeriod="PT2S" timeShiftBufferDepth="PT1.500S" maxSegmentDuration="PT1.000S">
  <ServiceDescription id="0">
    <Latency target="200" referenceId="0"/>
    <PlaybackRate min="0.9" max="1.1"/>
  </ServiceDescription>
  <Period id="0" start="PT0S">
    <AdaptationSet id="0" contentType="video" mimeType="video/mp4" segmentAlignment="true" startWithSAP="1">
      <ProducerReferenceTime id="0" inband="true" type="encoder" wallClockTime="2025-11-21T11:00:00.000Z" presentationTime="0">
        <UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-xsdate:2014" value="http://localhost/time"/>
      </ProducerReferenceTime>
      <SegmentTemplate timescale="90000" duration="90000" startNumber="0" availabilityTimeOffset="0.967" availabilityTimeComplete="false" initialization="init.mp4" media="dash-$Number$.m4s"/>
      <Representation id="0" codecs="avc1.42C01E" width="640" height="480" frameRate="90000/3000" bandwidth="BANDWIDTH"/>
    </AdaptationSet>
  </Period>
  <UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-xsdate:2014" value="http://localhost/time"/>
</MPD>"#;
        let bandwidth = feed.window().bit_rate(Tracks::Both).to_string();
        assert_eq!(text, expected.replace("BANDWIDTH", &bandwidth));
    }

    #[test]
    fn audio_is_an_adaptation_set_of_its_own() {
        let feed = Feed::with_opus(SegmentSettings::default(), 45, 30, 0..45);
        let text = manifest(feed.window(), NOW, "/time").expect("there are frames");
        let video = r#"initialization="init-video-0.mp4" media="dash-video-$Number$.m4s"/>
      <Representation id="0" codecs="avc1.42C01E" "#;
        assert!(text.contains(video), "{text}");
        let audio = r#"
    <AdaptationSet id="1" contentType="audio" mimeType="audio/mp4" segmentAlignment="true" startWithSAP="1">
      <SegmentTemplate timescale="90000" duration="90000" startNumber="0" availabilityTimeOffset="0.967" availabilityTimeComplete="false" initialization="init-audio-0.mp4" media="dash-audio-$Number$.m4s"/>
      <Representation id="1" codecs="opus" audioSamplingRate="48000" bandwidth="BANDWIDTH">
        <AudioChannelConfiguration schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" value="2"/>
      </Representation>
    </AdaptationSet>
"#;
        let bandwidth = feed.window().bit_rate(Tracks::Audio).to_string();
        assert!(text.contains(&audio.replace("BANDWIDTH", &bandwidth)), "{text}");
    }

    #[test]
    fn before_the_first_frame_there_is_none_and_after_the_last_it_is_static() {
        let mut feed = Feed::of(1_000);
        assert_eq!(manifest(feed.window(), NOW, "/time"), None);
        feed = feed.frames(45, 30);
        feed.segmenter.end();
        let text = manifest(feed.window(), NOW, "/time").expect("there are frames");
        assert!(text.contains("type=\"static\" mediaPresentationDuration=\"PT1.500S\""), "{text}");
    }

    #[test]
    fn what_has_ended_begins_with_the_first_segment_held() {
        let mut feed = Feed::of(1_000).frames(20 * 30 + 15, 30);
        feed.segmenter.end();
        let first = feed.window().segments().next().expect("it").grid;
        assert_eq!(first, 12);
        let text = manifest(feed.window(), NOW, "/time").expect("there are frames");
        assert!(text.contains("mediaPresentationDuration=\"PT8.500S\""), "{text}");
        assert!(text.contains("startNumber=\"12\"") && text.contains("presentationTimeOffset=\"1080000\""), "{text}");
    }

    #[test]
    fn a_url_with_markup_is_escaped() {
        let feed = Feed::of(1_000).frames(45, 30);
        let text = manifest(feed.window(), NOW, "\"><x y='&").expect("there are frames");
        let mut reader = Reader::from_str(&text);
        while !matches!(reader.read_event().expect("it is well-formed"), Event::Eof) {}
        assert!(!text.contains("<x"), "{text}");
    }
}
