//! Messages between the measuring page and the receiver; see `web/PROTOCOL.md`.
//!
//! Parsing is lenient: unknown types and fields are ignored, and malformed lines are counted.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::args::{Preset, Via};
use super::config::Config;
use super::options;

/// The version of this protocol, as [`Hello`] states it.
pub(super) const PROTOCOL: u32 = 1;

/// Messages to the page.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum ToPage<'a> {
    Start(Start<'a>),
    Probe { nonce: &'a str },
    Stop,
    Reload,
}

/// What to play.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Start<'a> {
    pub(super) player: &'a str,
    pub(super) url: &'a str,
    pub(super) preset: Option<&'a str>,
    pub(super) options: Map<String, Value>,
}

impl<'a> Start<'a> {
    /// Tells what `config` plays from `url`. Options that were typed come last: they override.
    pub(super) fn of(config: &Config, url: &'a str) -> Self {
        let cushion = config.cushion_ms.map(|cushion| ("cushionMs".to_owned(), Value::from(cushion)));
        let mut options = cushion.into_iter().collect::<Map<_, _>>();
        // Both follow the parts of a playlist unless told otherwise.
        if config.via == Via::Hls {
            options.insert("wholeSegments".to_owned(), Value::from(true));
            options.insert("hlsjs".to_owned(), json!({ "lowLatencyMode": false }));
        }
        options::add(&config.options, &mut options);
        Self { player: config.page_player(), url, preset: config.preset.map(Preset::name), options }
    }
}

impl ToPage<'_> {
    pub(super) fn to_text(&self) -> String {
        serde_json::to_string(self).expect("string keys only")
    }
}

/// Messages from the page. Times are µs of its clock; media times are µs of the element's timeline.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum FromPage {
    Hello(Hello),
    Answer(Answer),
    Frame(Frame),
    Media(Media),
    Stall {
        at_us: i64,
        length_us: i64,
    },
    Seek(Seek),
    State(State),
    Claim(Claim),
    End {
        at_us: i64,
        error: EndError,
    },
    #[serde(other)]
    Unknown,
}

/// Sent before playback.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Hello {
    pub(super) protocol: u32,
    pub(super) browser: String,
    pub(super) version: String,
    /// The reference for the time to the first picture.
    pub(super) started_us: i64,
}

/// Answers a probe.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Answer {
    pub(super) nonce: String,
    pub(super) in_us: i64,
    pub(super) out_us: i64,
    /// Steps of the page's timer.
    pub(super) step_us: u32,
}

/// A frame callback.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Frame {
    pub(super) presented_us: i64,
    pub(super) callback_us: Option<i64>,
    pub(super) media_us: Option<i64>,
    /// Wall-clock time of the frame, as stated by the stream.
    pub(super) date_us: Option<i64>,
    /// Frames presented since the previous callback without one of their own.
    pub(super) missed: u32,
    pub(super) code: Option<PageCode>,
    /// Media time of the frame whose pixels were read.
    pub(super) pixels_us: Option<i64>,
    pub(super) grab_us: Option<u32>,
    pub(super) read_us: Option<u32>,
}

/// A corner code as the page read it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct PageCode {
    pub(super) stream: u8,
    pub(super) sequence: u32,
    pub(super) pub_us: i64,
}

/// A piece of media that arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Media {
    pub(super) from_us: i64,
    pub(super) to_us: i64,
    pub(super) requested_us: Option<i64>,
    pub(super) first_byte_us: Option<i64>,
    pub(super) received_us: Option<i64>,
    pub(super) appended_us: Option<i64>,
}

/// A completed seek.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Seek {
    pub(super) at_us: i64,
    /// `start`, `live-edge`, `gap` or `player`.
    pub(super) why: String,
}

/// Sent four times per second and at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct State {
    pub(super) at_us: i64,
    pub(super) playback_rate: Option<f64>,
    pub(super) ahead_us: Option<i64>,
    /// Pictures that the browser decoded but did not show.
    pub(super) dropped: u64,
    pub(super) hidden: bool,
    pub(super) messages_dropped: u64,
}

/// The player's claim about its own latency.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Claim {
    pub(super) at_us: i64,
    pub(super) name: String,
    pub(super) value_ms: f64,
}

/// Why a join ended.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct EndError {
    pub(super) kind: String,
    #[serde(default)]
    pub(super) message: String,
    #[serde(default)]
    pub(super) status: Option<u16>,
}

impl FromPage {
    /// Parses one line; `None` if it is malformed.
    pub(super) fn parse(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_page_says_is_read_and_what_is_unknown_is_passed_over() {
        let line = r#"{"type":"frame","presented_us":1763722800000000,"expected_display_us":5,"media_us":33333,"missed":1,
            "code":{"stream":1,"sequence":7,"pub_us":1763722799950000},"pixels_us":33333,"read_by":"copy","note":"x"}"#;
        let Some(FromPage::Frame(frame)) = FromPage::parse(line) else { panic!("a frame") };
        assert_eq!(frame.code.map(|code| code.sequence), Some(7));
        assert_eq!((frame.missed, frame.grab_us, frame.callback_us), (1, None, None));
        assert_eq!(FromPage::parse(r#"{"type":"mood","of":"the day"}"#), Some(FromPage::Unknown));
        let end =
            FromPage::parse(r#"{"type":"end","at_us":1,"error":{"kind":"http-status","message":"m","status":404}}"#);
        let error = EndError { kind: "http-status".into(), message: "m".into(), status: Some(404) };
        assert_eq!(end, Some(FromPage::End { at_us: 1, error }));
        for none in ["", "{}", "[1]", r#"{"type":"claim"}"#, r#"{"type":"frame","presented_us":"now"}"#] {
            assert_eq!(FromPage::parse(none), None, "{none}");
        }
    }

    #[test]
    fn with_hls_a_player_is_told_to_leave_parts_alone() {
        use clap::Parser;
        let options = |words: &str| {
            let args = crate::args::Args::try_parse_from(words.split(' ')).expect("the flags parse");
            let config = Config::new(args.via.via.expect("--via"), &args, false).expect("they fit");
            let start = Start::of(&config, "http://h/x");
            (Value::Object(start.options), config.loads())
        };
        let whole = json!({ "wholeSegments": true, "hlsjs": { "lowLatencyMode": false } });
        assert_eq!(options("receiver --via hls http://h/x"), (whole.clone(), Some(Via::Hls)));
        assert_eq!(options("receiver --via hls --player own http://h/x"), (whole.clone(), Some(Via::Hls)));
        assert_eq!(options("receiver --via hls --player native http://h/x"), (whole, None));
        assert_eq!(options("receiver --via ll-hls http://h/x"), (json!({}), Some(Via::LlHls)));
        let (told, loads) = options("receiver --via hls --player-option lowLatencyMode=true http://h/x");
        assert_eq!((told["hlsjs"]["lowLatencyMode"].clone(), loads), (json!(true), Some(Via::LlHls)));
        let loads = |words| options(words).1;
        assert_eq!(loads("receiver --via ll-hls --preset safe http://h/x"), Some(Via::Hls));
        assert_eq!(loads("receiver --via ll-hls --player-option lowLatencyMode=false http://h/x"), Some(Via::Hls));
        assert_eq!(loads("receiver --via ll-hls --preset real-time http://h/x"), Some(Via::LlHls));
    }

    #[test]
    fn what_the_page_is_told_has_the_shape_of_the_protocol() {
        let options = [("cushionMs".to_owned(), Value::from(60))].into_iter().collect();
        let start = Start { player: "own", url: "http://h/x", preset: None, options };
        let text = r#"{"type":"start","player":"own","url":"http://h/x","preset":null,"options":{"cushionMs":60}}"#;
        assert_eq!(ToPage::Start(start).to_text(), text);
        assert_eq!(ToPage::Probe { nonce: "5" }.to_text(), r#"{"type":"probe","nonce":"5"}"#);
        assert_eq!(ToPage::Reload.to_text(), r#"{"type":"reload"}"#);
    }
}
