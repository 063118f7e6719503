//! The binaries under test, as cargo built them.

use std::path::{Path, PathBuf};

/// The path of binary `name` (`publisher`, `receiver` or `framelag`), from the same build as the running test.
///
/// # Panics
///
/// Where it is not there: tests of a package build no other package's binaries.
pub fn path(name: &str) -> PathBuf {
    let path = profile_dir().join(name);
    assert!(path.is_file(), "no {}: run `cargo build --workspace` first (or `make test`)", path.display());
    path
}

/// Cargo's target folder: `target`, or `$CARGO_TARGET_DIR`.
pub fn target_dir() -> PathBuf {
    profile_dir().parent().expect("the profile's folder lies in the target folder").to_owned()
}

/// The repository's root.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the repository")
}

/// `target/debug` or `target/release`: test executables lie in its `deps`.
fn profile_dir() -> PathBuf {
    let test = std::env::current_exe().expect("the system knows the path of a running process");
    let deps = test.parent().expect("an executable lies in a folder");
    deps.parent().expect("cargo puts tests into target/<profile>/deps").to_owned()
}
