//! Programs on this host.

use std::env;
use std::path::{Path, PathBuf};

/// The first executable called `name` on `PATH`.
pub fn on_path(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|dir| dir.join(name)).find(|path| path.is_file())
}

/// Finds a program by name or path.
pub fn executable(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(Path::new(program).to_owned()).filter(|path| path.is_file());
    }
    on_path(program)
}
