//! Starts children that die with their parent, even if the parent is killed. The executable starts itself with
//! [`WORD`] as its first argument, asks the kernel for a signal on its parent's death (`PR_SET_PDEATHSIG`, preserved
//! by `exec`), and then executes the actual child. Setting this between fork and exec would take unsafe code.
//!
//! The signal is sent when the thread that started the child exits, so start children from a long-lived thread.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use rustix::process::{Signal, getppid, set_parent_process_death_signal};

/// First argument of a process that is to become another program.
pub const WORD: &str = "with-parent";

/// Builds a command for `program` that goes through this executable, which must call [`run_if_asked`] before parsing
/// its arguments.
pub fn command(program: &Path) -> Command {
    // Without /proc, start the program directly: it then survives a killed parent.
    let Ok(own) = std::env::current_exe() else { return Command::new(program) };
    let mut command = Command::new(own);
    command.args([WORD, &std::process::id().to_string()]).arg(program);
    command
}

/// Executes another program if this process's arguments ask for it. Returns the error if that fails.
pub fn run_if_asked() -> Option<String> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != WORD {
        return None;
    }
    let parent = arguments.next()?.to_str()?.parse().ok()?;
    let program = arguments.next()?;
    Some(run(parent, Path::new(&program), &arguments.collect::<Vec<_>>()))
}

/// Executes `program` as a child of `parent`, or returns the error.
pub fn run(parent: i32, program: &Path, arguments: &[OsString]) -> String {
    if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
        return format!("this system cannot end a process with its parent: {error}");
    }
    // If the parent exited before the prctl call, no signal is sent.
    if getppid().is_none_or(|now| now.as_raw_nonzero().get() != parent) {
        return format!("its parent {parent} has ended");
    }
    let error = Command::new(program).args(arguments).exec();
    format!("cannot start {}: {error}", program.display())
}
