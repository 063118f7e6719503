//! `framelag with-parent`: a child that ends with its parent, even if that is killed. This process asks the kernel to kill it when
//! its parent ends (`PR_SET_PDEATHSIG`), which `exec` preserves, and becomes the program. The usual way, to ask between fork and
//! exec, takes unsafe code.
//!
//! The signal comes when the thread that started the child ends: start children from a thread that lives as long.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use rustix::process::{Signal, getppid, set_parent_process_death_signal};

use crate::exit::Error;

#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Process ID of the parent.
    parent: i32,
    /// The program to become.
    program: PathBuf,
    /// Its arguments.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Becomes the program, or returns why it cannot.
pub fn run(args: &Args) -> Result<u8, Error> {
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| format!("this system cannot end a process with its parent: {error}"))?;
    // If the parent ended before the kernel was asked, no signal comes.
    if getppid().is_none_or(|parent| parent.as_raw_nonzero().get() != args.parent) {
        return Ok(1);
    }
    let error = Command::new(&args.program).args(&args.arguments).exec();
    Err(format!("cannot start {}: {error}", args.program.display()).into())
}
