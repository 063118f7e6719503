//! Rebuilds when files of the measuring page are added or removed, since rust-embed only tracks changes of known
//! files. Also warns about missing libraries from npm.

use std::path::Path;

/// The vendored library of each third-party player.
const LIBRARIES: [&str; 2] = ["hls.mjs.gz", "dash.mjs.gz"];

fn main() {
    let vendor = Path::new("../web/vendor");
    for folder in ["../web/code", "../web/measure", "../web/players"] {
        println!("cargo:rerun-if-changed={folder}");
    }
    // A missing path would trigger a rebuild every time.
    let watched = if vendor.exists() { vendor } else { Path::new("../web") };
    println!("cargo:rerun-if-changed={}", watched.display());
    if !LIBRARIES.iter().all(|library| vendor.join(library).exists()) {
        println!(
            "cargo:warning=hls.js and dash.js are not in this build, which cannot play --via ll-hls, hls and dash with them: \
             run scripts/web.sh, then build again"
        );
    }
}
