//! Builds again when the libraries of the measuring page were added: rust-embed sees changes of known files only.

use std::path::Path;

fn main() {
    let vendor = "../web/vendor";
    // A path that is missing would have everything built again each time.
    let watched = if Path::new(vendor).exists() { vendor } else { "../web" };
    println!("cargo:rerun-if-changed={watched}");
}
