//! The files of `web/` embedded in this executable: the measuring page, the players, and the libraries packed by `npm
//! run vendor`.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

/// How to add the libraries to a build.
pub(super) const REMEDY: &str = "scripts/web.sh (or, in web/, npm ci && npm run vendor), then build again";

/// Path of the page.
pub(super) const PAGE: &str = "measure/index.html";

macro_rules! folders {
    ($($folder:literal: $Name:ident),+) => {
        $(
            #[derive(RustEmbed)]
            #[folder = $folder]
            #[allow_missing = true]
            struct $Name;
        )+
    };
}

folders!("../web/code": Code, "../web/measure": Measure, "../web/players": Players, "../web/vendor": Vendor);

/// A file with its HTTP metadata.
#[derive(Clone, Debug)]
pub(super) struct Asset {
    pub(super) bytes: Cow<'static, [u8]>,
    pub(super) content_type: &'static str,
    pub(super) is_gzipped: bool,
}

/// Returns the file at this path, such as `players/own.js`.
pub(super) fn find(path: &str) -> Option<Asset> {
    let (folder, name) = path.split_once('/')?;
    let content_type = match name.rsplit_once('.')?.1 {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        _ => return None,
    };
    let file = match folder {
        "code" => Code::get(name),
        "measure" => Measure::get(name),
        "players" => Players::get(name),
        "vendor" => Vendor::get(&format!("{name}.gz")),
        _ => None,
    };
    Some(Asset { bytes: file?.data, content_type, is_gzipped: folder == "vendor" })
}

/// The page's content security policy. It only runs scripts from its own server, but loads media from any origin,
/// because the pieces of a stream may lie anywhere.
pub(super) fn policy() -> String {
    let page = find(PAGE).map(|asset| String::from_utf8_lossy(&asset.bytes).into_owned()).unwrap_or_default();
    let map = page.split_once("<script type=\"importmap\">").and_then(|(_, rest)| rest.split_once("</script>"));
    let hash = STANDARD.encode(Sha256::digest(map.map_or("", |(map, _)| map)));
    format!(
        "default-src 'none'; script-src 'self' 'sha256-{hash}'; style-src 'unsafe-inline'; img-src data:; \
         connect-src 'self' http: https: ws:; media-src blob: http: https:; worker-src 'self' blob:; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_and_what_it_imports_are_there_and_nothing_else() {
        for (path, kind) in [(PAGE, "text/html"), ("players/own.js", "text/javascript"), ("code/reader.js", "text/")] {
            assert!(find(path).expect(path).content_type.starts_with(kind));
        }
        for path in ["", "measure", "measure/../Cargo.toml", "/etc/passwd", "vendor/hls.mjs.gz", "test/smoke/live.js"] {
            assert!(find(path).is_none(), "{path}");
        }
        assert!(policy().contains("script-src 'self' 'sha256-"));
    }
}
