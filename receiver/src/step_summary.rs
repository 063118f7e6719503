//! The summary of a run on the page of a CI job: GitHub shows what a step appends to the file that `$GITHUB_STEP_SUMMARY` names.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use render::markdown;
use report::Run;

/// The file of this job's step, if there is one.
pub(crate) fn file() -> Option<PathBuf> {
    std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// Appends what came of `run`: other steps, and other streams of this run, have their part in the file too.
///
/// # Errors
/// If the file cannot be written.
pub(crate) fn append(file: &Path, run: &Run) -> io::Result<()> {
    let mut file = File::options().append(true).create(true).open(file)?;
    file.write_all(format!("{}\n", markdown::summary(run)).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_appended_and_a_file_that_cannot_be_written_is_an_error() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("summary.md");
        let text = r#"{"schema":"framelag/run/1","started":"2026-11-21T10:56:00Z","url":"rtsp://h/cam","warmup_s":2,
                       "config":{},"host":{},"frames":{},"latency_ms":{},"outcome":"ok"}"#;
        let (run, _) = report::saved::parse(text.as_bytes(), Path::new("run.json")).expect("a run");
        append(&file, &run).expect("it can be made");
        append(&file, &run).expect("it can be appended to");
        let text = std::fs::read_to_string(&file).expect("it is there");
        assert_eq!(text.matches("### ✅ Latency: ok").count(), 2);
        append(folder.path(), &run).expect_err("a folder is no file");
    }
}
