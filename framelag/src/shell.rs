//! Shell completions and man pages, generated from the flags themselves.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap_complete::Shell;
use report::dir::Dir;

use crate::exit::Error;

#[derive(Debug, clap::Args)]
pub struct CompletionsArgs {
    /// Shell to print completions for.
    shell: Shell,
}

#[derive(Debug, clap::Args)]
pub struct ManArgs {
    /// Write the pages to this folder; created if missing.
    dir: PathBuf,
}

/// Prints completions of all `commands` to standard output.
pub fn completions(args: &CompletionsArgs, commands: &mut [clap::Command]) -> u8 {
    let mut script = Vec::new();
    for command in commands {
        let name = command.get_name().to_owned();
        clap_complete::generate(args.shell, command, name, &mut script);
    }
    // A reader that closes the pipe early, such as head, is not an error.
    let _ = io::stdout().write_all(&script);
    0
}

/// Writes one page per command (and per subcommand) into the folder.
pub fn man(args: &ManArgs, commands: &[clap::Command]) -> Result<u8, Error> {
    let written = write_pages(&args.dir, commands);
    written.map_err(|error| format!("cannot write man pages to {}: {error}", args.dir.display()))?;
    Ok(0)
}

fn write_pages(dir: &Path, commands: &[clap::Command]) -> io::Result<()> {
    let dir = Dir::make(dir)?;
    let made = tempfile::tempdir()?;
    for command in commands {
        clap_mangen::generate_to(command.clone(), made.path())?;
    }
    for page in fs::read_dir(made.path())? {
        let page = page?;
        dir.replace(&page.file_name().to_string_lossy(), &fs::read_to_string(page.path())?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_written_for_the_command_and_its_subcommand() {
        let home = tempfile::tempdir().expect("a temporary folder can be made");
        let dir = home.path().join("man");
        let command = clap::Command::new("tool").subcommand(clap::Command::new("part"));
        write_pages(&dir, &[command]).expect("a temporary folder can be written");
        let names: Vec<_> = ["tool.1", "tool-part.1"].iter().filter(|name| dir.join(name).is_file()).collect();
        assert_eq!(names, [&"tool.1", &"tool-part.1"]);
    }
}
