//! Where an OpenTelemetry collector is, from its URL.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::redact;
use percent_encoding::percent_decode_str;
use url::Url;

/// What OTLP over HTTP puts behind the path of an endpoint, for metrics.
const PATH: &str = "/v1/metrics";

/// The port of OTLP over HTTP.
const DEFAULT_PORT: u16 = 4318;

/// An OpenTelemetry collector. What is shown of it has no password.
#[derive(Clone, PartialEq, Eq)]
pub struct Collector {
    /// Name or address, without the brackets of an IPv6 address.
    pub(crate) host: String,
    /// TCP port.
    pub(crate) port: u16,
    /// Path and query of its metrics.
    pub(crate) target: String,
    /// The `Host` header.
    pub(crate) authority: String,
    /// The `Authorization` header, where the URL has user info.
    pub(crate) authorization: Option<String>,
    shown: String,
}

/// A URL that no metrics can be sent to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("--otlp {shown} is not a collector to send to{why}: write http://HOST[:PORT], as in http://127.0.0.1:4318")]
pub struct NotACollector {
    shown: String,
    why: &'static str,
}

impl Collector {
    /// Takes a URL apart. A path is the endpoint's, as in `OTEL_EXPORTER_OTLP_ENDPOINT`, or the whole one.
    ///
    /// # Errors
    /// If it is no `http://` URL with a host.
    pub(crate) fn parse(text: &str) -> Result<Self, NotACollector> {
        let wrong = |why| NotACollector { shown: redact::url(text), why };
        let url = Url::parse(text).map_err(|_| wrong(""))?;
        match url.scheme() {
            "http" => {}
            "https" => return Err(wrong(" (TLS is left to a collector on this host)")),
            _ => return Err(wrong("")),
        }
        let authority = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| wrong(""))?;
        let port = port_of(text, &url);
        let path = url.path().trim_end_matches('/');
        let path = if path.ends_with(PATH) { path.to_owned() } else { format!("{path}{PATH}") };
        let decode = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
        let authorization = (!url.username().is_empty() || url.password().is_some()).then(|| {
            let user_info = format!("{}:{}", decode(url.username()), decode(url.password().unwrap_or_default()));
            format!("Basic {}", STANDARD.encode(user_info))
        });
        Ok(Self {
            host: authority.trim_matches(['[', ']']).to_owned(),
            port,
            authority: format!("{authority}:{port}"),
            shown: format!("http://{authority}:{port}{path}"),
            target: url.query().map_or(path.clone(), |query| format!("{path}?{query}")),
            authorization,
        })
    }
}

/// The URL's port. The parser drops one that is written as `:80`, which is not the default here.
fn port_of(text: &str, url: &Url) -> u16 {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let written = authority.ends_with(":80");
    url.port().unwrap_or(if written { 80 } else { DEFAULT_PORT })
}

impl fmt::Display for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Collector({})", self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_gets_the_path_of_metrics() {
        for (typed, shown, target) in [
            ("http://host", "http://host:4318/v1/metrics", "/v1/metrics"),
            ("http://host:80/", "http://host:80/v1/metrics", "/v1/metrics"),
            ("http://[::1]:4318/otlp/?tenant=a", "http://[::1]:4318/otlp/v1/metrics", "/otlp/v1/metrics?tenant=a"),
            ("http://host:9/x/v1/metrics", "http://host:9/x/v1/metrics", "/x/v1/metrics"),
        ] {
            let collector = Collector::parse(typed).expect(typed);
            assert_eq!((collector.to_string().as_str(), collector.target.as_str()), (shown, target), "{typed}");
        }
        assert_eq!(Collector::parse("http://[::1]:9").expect("an address").host, "::1");
    }

    #[test]
    fn user_info_is_sent_and_never_shown() {
        let collector = Collector::parse("http://us%40er:secret@host:4318?key=secret").expect("a good URL");
        assert_eq!(collector.authorization.as_deref(), Some("Basic dXNAZXI6c2VjcmV0"));
        assert_eq!(collector.authority, "host:4318");
        let shown = format!("{collector} {collector:?}");
        assert!(!shown.contains("secret") && !shown.contains("us@er"), "{shown}");
    }

    #[test]
    fn what_is_no_collector_is_named_without_its_password() {
        for typed in
            ["host:4318", "https://ann:secret@host", "grpc://ann:secret@host", "ann:secret@host", "http://", ""]
        {
            let error = Collector::parse(typed).expect_err(typed).to_string();
            assert!(error.contains("--otlp") && error.contains("http://127.0.0.1:4318"), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
