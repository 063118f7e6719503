//! `framelag with-parent`: a child that ends with its parent, see [`common::host::parent_death`].

use std::ffi::OsString;
use std::path::PathBuf;

use common::host::parent_death;

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
    Err(parent_death::run(args.parent, &args.program, &args.arguments).into())
}
