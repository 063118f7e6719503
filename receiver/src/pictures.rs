//! Decoded pictures that are kept for a comparison with what was stamped: the file, and the copy into it.

use std::io;
use std::sync::Arc;

use common::host::files;
use common::host::pictures::Keeper;
use common::y4m::Header;

use crate::config::Pictures;
use crate::decode::Planes;
use crate::output::Output;

/// Makes the file, and the thread that writes it.
///
/// # Errors
/// If either cannot be had.
pub(crate) fn keep(wanted: &Pictures, output: &Output) -> io::Result<Arc<Keeper>> {
    let file = files::create(&wanted.file)?;
    // How many come per second, nobody says here.
    let header = |size| Header { size, rate: (0, 0), code: None, text: None };
    let (name, output) = (wanted.file.display().to_string(), output.clone());
    let failed = move |why: &io::Error| {
        output.warn(format_args!("--pictures {name}: {why}; measuring goes on without keeping pictures"));
    };
    Keeper::start(file, wanted.every, header, failed).map(Arc::new)
}

/// Writes what waits and ends it; `output` says how many pictures were dropped on the way, if any were. False where writing
/// failed, which was said when it happened; dropped pictures are no failure.
pub(crate) fn finish(keeper: &Keeper, output: &Output) -> bool {
    let kept = keeper.finish();
    if kept.dropped > 0 {
        output.warn(format_args!("--pictures: {kept}"));
    }
    kept.failure.is_none()
}

/// Keeps the decoded picture with number `sequence`, if it is one to keep.
pub(crate) fn put(keeper: &Keeper, sequence: u32, planes: &Planes<'_>) {
    if keeper.wants(sequence) {
        let mut picture = keeper.spare(planes.size);
        planes.copy_to(&mut picture);
        // Where it is dropped, it was counted.
        drop(keeper.put(sequence, picture));
    }
}
