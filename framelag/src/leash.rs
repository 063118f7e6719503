//! `framelag leash`: how a child ends with its parent even where that is killed. The kernel is asked to kill this process
//! when its parent ends (`PR_SET_PDEATHSIG`), which `exec` leaves as it is; then it becomes the program that it is to start.
//! Asking between fork and exec, as is usual, would take unsafe code.
//!
//! The signal comes when the thread that started the child ends: start children from a thread that lives as long.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use rustix::process::{Signal, getppid, set_parent_process_death_signal};

/// What to become.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The process that it ends with.
    parent: i32,
    /// The program.
    program: PathBuf,
    /// Its arguments.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Becomes the program. Comes back only where that cannot be.
pub fn run(args: &Args) -> ExitCode {
    if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
        eprintln!("error: this system cannot end a process with its parent: {error}");
        return ExitCode::FAILURE;
    }
    // Where the parent ended before the kernel was asked, nothing will tell.
    if getppid().is_none_or(|parent| parent.as_raw_nonzero().get() != args.parent) {
        return ExitCode::FAILURE;
    }
    let error = Command::new(&args.program).args(&args.arguments).exec();
    eprintln!("error: cannot start {}: {error}", args.program.display());
    ExitCode::FAILURE
}
