//! Options of hls.js and dash.js that can be set by name: those that the presets use, and related ones.

use common::nearest::nearest;
use serde_json::{Map, Value};

/// A library with options of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    /// hls.js.
    HlsJs,
    /// dash.js.
    DashJs,
}

/// An option and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct PlayerOption {
    known: &'static Known,
    value: Value,
}

/// A supported option.
#[derive(Debug, PartialEq, Eq)]
struct Known {
    library: Library,
    /// Name in the library's documentation.
    name: &'static str,
    /// Whether the value is a boolean rather than a number.
    is_switch: bool,
}

static KNOWN: [Known; 26] = [
    hls_js("lowLatencyMode", true),
    hls_js("startPosition", false),
    hls_js("maxBufferLength", false),
    hls_js("maxBufferSize", false),
    hls_js("backBufferLength", false),
    hls_js("liveSyncDuration", false),
    hls_js("liveSyncDurationCount", false),
    hls_js("liveSyncOnStallIncrease", false),
    hls_js("liveMaxLatencyDuration", false),
    hls_js("liveMaxLatencyDurationCount", false),
    hls_js("maxLiveSyncPlaybackRate", false),
    hls_js("manifestLoadingTimeOut", false),
    hls_js("levelLoadingTimeOut", false),
    hls_js("fragLoadingTimeOut", false),
    hls_js("manifestLoadingRetryDelay", false),
    hls_js("levelLoadingRetryDelay", false),
    hls_js("fragLoadingRetryDelay", false),
    dash_js("streaming.delay.liveDelay", false),
    dash_js("streaming.delay.liveDelayFragmentCount", false),
    dash_js("streaming.buffer.lowLatencyStallThreshold", false),
    dash_js("streaming.buffer.bufferTimeDefault", false),
    dash_js("streaming.buffer.bufferTimeAtTopQuality", false),
    dash_js("streaming.liveCatchup.enabled", true),
    dash_js("streaming.liveCatchup.maxDrift", false),
    dash_js("streaming.liveCatchup.playbackRate.min", false),
    dash_js("streaming.liveCatchup.playbackRate.max", false),
];

const fn hls_js(name: &'static str, is_switch: bool) -> Known {
    Known { library: Library::HlsJs, name, is_switch }
}

const fn dash_js(name: &'static str, is_switch: bool) -> Known {
    Known { library: Library::DashJs, name, is_switch }
}

/// Returns the supported options of `library`.
pub fn names(library: Library) -> impl Iterator<Item = &'static str> {
    KNOWN.iter().filter(move |known| known.library == library).map(|known| known.name)
}

impl Library {
    /// Returns the name used on command lines.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HlsJs => "hls.js",
            Self::DashJs => "dash.js",
        }
    }
}

impl PlayerOption {
    /// Parses `NAME=VALUE`.
    ///
    /// # Errors
    /// Fails if there is no such option or the value has the wrong type; the message lists valid options.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("write NAME=VALUE, as in maxBufferLength=2")?;
        let known = KNOWN.iter().find(|known| known.name == name).ok_or_else(|| unknown(name))?;
        let value = match known.is_switch {
            true => value.parse().map(Value::Bool).map_err(|_| format!("{name} is true or false"))?,
            false => number(value).ok_or_else(|| format!("{name} is a number"))?,
        };
        Ok(Self { known, value })
    }

    /// Returns the library that the option belongs to.
    pub(super) const fn library(&self) -> Library {
        self.known.library
    }

    pub(super) const fn name(&self) -> &'static str {
        self.known.name
    }

    pub(super) const fn value(&self) -> &Value {
        &self.value
    }
}

/// Says which options there are: of one library, where the name is close to one of its options.
fn unknown(name: &str) -> String {
    let of = |library: Library| format!("{} has {}", library.name(), names(library).collect::<Vec<_>>().join(", "));
    let near = nearest(name, KNOWN.iter().map(|known| known.name));
    match near.and_then(|near| KNOWN.iter().find(|known| known.name == near)) {
        Some(near) => format!("there is no option {name}: did you mean {}? {}", near.name, of(near.library)),
        None => format!("there is no option {name}: {}; {}", of(Library::HlsJs), of(Library::DashJs)),
    }
}

/// Keeps whole numbers whole.
fn number(text: &str) -> Option<Value> {
    let whole = text.parse::<i64>().ok().map(Value::from);
    whole.or_else(|| text.parse::<f64>().ok().filter(|value| value.is_finite()).map(Value::from))
}

/// Adds `options` to the play message, nested as in the library: under `hlsjs` or `dashjs`.
pub(super) fn add(options: &[PlayerOption], to: &mut Map<String, Value>) {
    for option in options {
        let library = if option.known.library == Library::DashJs { "dashjs" } else { "hlsjs" };
        let mut at = &mut *to;
        let names: Vec<&str> = std::iter::once(library).chain(option.name().split('.')).collect();
        let Some((last, tables)) = names.split_last() else { continue };
        for name in tables {
            let table = at.entry(*name).or_insert_with(|| Value::Object(Map::new()));
            let Value::Object(table) = table else { return };
            at = table;
        }
        at.insert((*last).to_owned(), option.value.clone());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn options_are_nested_as_the_libraries_have_them() {
        let texts = [
            "liveSyncDurationCount=3",
            "lowLatencyMode=false",
            "maxLiveSyncPlaybackRate=1.5",
            "streaming.delay.liveDelay=0.2",
            "streaming.liveCatchup.playbackRate.min=-0.1",
        ];
        let options = texts.map(|text| PlayerOption::parse(text).expect(text));
        let mut map = Map::from_iter([("cushionMs".to_owned(), json!(60))]);
        add(&options, &mut map);
        let expected = json!({
            "cushionMs": 60,
            "hlsjs": { "liveSyncDurationCount": 3, "lowLatencyMode": false, "maxLiveSyncPlaybackRate": 1.5 },
            "dashjs": { "streaming": { "delay": { "liveDelay": 0.2 }, "liveCatchup": { "playbackRate": { "min": -0.1 } } } },
        });
        assert_eq!(Value::Object(map), expected);
    }

    #[test]
    fn what_is_no_option_is_named_with_those_there_are() {
        for (text, word) in [
            ("lowLatencyMod=true", "did you mean lowLatencyMode? hls.js has lowLatencyMode, startPosition, "),
            ("liveSync=3", "liveSyncDurationCount"),
            ("liveDelay=1", "did you mean streaming.delay.liveDelay? dash.js has "),
            ("debug=true", "fragLoadingRetryDelay; dash.js has streaming.delay.liveDelay, "),
            ("maxBufferLength", "NAME=VALUE"),
            ("maxBufferLength=long", "number"),
            ("maxBufferLength=inf", "number"),
            ("lowLatencyMode=1", "true or false"),
        ] {
            let why = PlayerOption::parse(text).expect_err(text);
            assert!(why.contains(word), "{text}: {why}");
        }
    }
}
