//! Makes the test vectors of `docs/corner-code.md` anew: `cargo run -p framelag-tests --example corner_code_vectors`.

use anyhow::Result;
use framelag_tests::corner_code::vectors::{VECTORS, folder, frames, vectors};

fn main() -> Result<()> {
    let folder = folder();
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join(VECTORS), serde_json::to_string_pretty(&vectors())? + "\n")?;
    for frame in frames() {
        frame.luma.save(folder.join(frame.file))?;
    }
    Ok(())
}
