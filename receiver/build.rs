//! Builds again when files of the measuring page come or go, where rust-embed sees changes of known files only; and says what a
//! build without the libraries from npm lacks.

use std::path::Path;

/// The library of each player that is not ours, as `npm run vendor` packs it.
const LIBRARIES: [&str; 2] = ["hls.mjs.gz", "dash.mjs.gz"];

fn main() {
    let vendor = Path::new("../web/vendor");
    for folder in ["../web/code", "../web/measure", "../web/players"] {
        println!("cargo:rerun-if-changed={folder}");
    }
    // A path that is missing would have everything built again each time.
    let watched = if vendor.exists() { vendor } else { Path::new("../web") };
    println!("cargo:rerun-if-changed={}", watched.display());
    if !LIBRARIES.iter().all(|library| vendor.join(library).exists()) {
        println!(
            "cargo:warning=hls.js and dash.js are not in this build, which cannot play --via ll-hls, hls and dash with them: \
             run scripts/web.sh, then build again"
        );
    }
}
