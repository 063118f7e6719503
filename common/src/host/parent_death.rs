//! A child that ends with its parent, even if that is killed: a program of ours starts itself with [`WORD`], asks the kernel to be
//! killed when its parent ends (`PR_SET_PDEATHSIG`), which `exec` preserves, and becomes the child. The usual way, to ask between
//! fork and exec, takes unsafe code.
//!
//! The signal comes when the thread that started the child ends: start children from a thread that lives as long.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use rustix::process::{Signal, getppid, set_parent_process_death_signal};

/// The first argument of a program that is to become another.
pub const WORD: &str = "with-parent";

/// A command for `program`, by way of this executable, which has to call [`run_if_asked`] before it looks at its arguments.
pub fn command(program: &Path) -> Command {
    // Without /proc the program is started directly: then it survives a receiver that is killed.
    let Ok(own) = std::env::current_exe() else { return Command::new(program) };
    let mut command = Command::new(own);
    command.args([WORD, &std::process::id().to_string()]).arg(program);
    command
}

/// Becomes another program where the arguments of this process say so. Returns why it cannot.
pub fn run_if_asked() -> Option<String> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != WORD {
        return None;
    }
    let parent = arguments.next()?.to_str()?.parse().ok()?;
    let program = arguments.next()?;
    Some(run(parent, Path::new(&program), &arguments.collect::<Vec<_>>()))
}

/// Becomes `program` as a child of `parent`, or returns why it cannot.
pub fn run(parent: i32, program: &Path, arguments: &[OsString]) -> String {
    if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
        return format!("this system cannot end a process with its parent: {error}");
    }
    // If the parent ended before the kernel was asked, no signal comes.
    if getppid().is_none_or(|now| now.as_raw_nonzero().get() != parent) {
        return format!("its parent {parent} has ended");
    }
    let error = Command::new(program).args(arguments).exec();
    format!("cannot start {}: {error}", program.display())
}
