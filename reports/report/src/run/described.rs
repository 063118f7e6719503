//! The receiver's settings and its machine.
//!
//! Whatever a report says is read. What this framelag does not know, and what is not of its field's type, stays as it is: a
//! list, where receivers that were joined differ.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The receiver's settings: those that change what is measured.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(from = "Value", into = "Value")]
pub struct Settings {
    /// How the clocks of two hosts are compared.
    pub clock: Option<String>,
    /// Seconds from the first picture to the end; none for ever.
    pub duration_s: Option<Option<f64>>,
    /// No window.
    pub headless: Option<bool>,
    /// How pictures came: `tcp`, `udp` or `pipe`.
    pub transport: Option<String>,
    /// What was played, without secrets.
    pub url: Option<String>,
    /// Seconds from the first picture to the first that counts.
    pub warmup_s: Option<f64>,
    /// What else is said.
    pub other: Map<String, Value>,
}

/// A machine. What could not be found out is none in the inner option.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(from = "Value", into = "Value")]
pub struct Host {
    /// Its architecture.
    pub arch: Option<String>,
    /// What its CPU is called.
    pub cpu: Option<Option<String>>,
    /// CPUs that a process may use.
    pub cpus: Option<Option<u64>>,
    /// Framelag's version.
    pub framelag: Option<String>,
    /// Its kernel's release.
    pub kernel: Option<Option<String>>,
    /// Its operating system.
    pub os: Option<String>,
    /// What else is said.
    pub other: Map<String, Value>,
}

macro_rules! fields {
    ($described:ident: $($name:ident)+) => {
        impl From<Value> for $described {
            fn from(value: Value) -> Self {
                let Value::Object(mut other) = value else { return Self::default() };
                Self { $($name: take(&mut other, stringify!($name)),)+ other }
            }
        }

        impl From<$described> for Value {
            fn from(described: $described) -> Self {
                let mut fields = described.other;
                $(put(&mut fields, stringify!($name), described.$name);)+
                Self::Object(fields)
            }
        }

        impl $described {
            /// As in `run.json`: an object.
            pub fn to_json(&self) -> Value {
                self.clone().into()
            }
        }
    };
}

fields!(Settings: clock duration_s headless transport url warmup_s);
fields!(Host: arch cpu cpus framelag kernel os);

/// Takes a field out of `fields`, if it is of its type.
fn take<T: DeserializeOwned>(fields: &mut Map<String, Value>, name: &str) -> Option<T> {
    let found = T::deserialize(fields.get(name)?).ok()?;
    fields.remove(name);
    Some(found)
}

fn put(fields: &mut Map<String, Value>, name: &str, value: Option<impl Serialize>) {
    if let Some(value) = value.and_then(|value| serde_json::to_value(value).ok()) {
        fields.insert(name.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_read_is_written_again_whatever_it_is() {
        for value in [
            json!({}),
            json!({ "transport": "tcp", "duration_s": null, "warmup_s": 2.0, "headless": true, "clock": "auto", "url": "x" }),
            json!({ "transport": ["tcp", "udp"], "warmup_s": "long", "new": { "deep": [1] } }),
            json!({ "os": "linux", "cpus": 2, "cpu": null, "kernel": 7, "hostname": "here" }),
        ] {
            assert_eq!(Settings::from(value.clone()).to_json(), value);
            assert_eq!(Host::from(value.clone()).to_json(), value);
            let text = serde_json::to_string(&Settings::from(value.clone())).expect("string keys only");
            assert_eq!(text, value.to_string(), "in the same order");
        }
        let host = Host::from(json!({ "cpus": 2, "cpu": null, "kernel": 7 }));
        assert_eq!((host.cpus, host.cpu, host.kernel), (Some(Some(2)), Some(None), None));
        assert_eq!(Settings::from(json!("none")), Settings::default());
    }
}
