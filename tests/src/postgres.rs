//! A PostgreSQL server of a test's own: a fresh cluster in a temporary folder, reached by a unix socket, ended with the
//! test.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::need;
use crate::process::{Builder, Finished, Process};
use crate::{LIMIT, process};

/// The server's user, and his password.
const USER: &str = "lag";
const PASSWORD: &str = "sesame-47";

/// Debian's user who owns nothing: a server refuses to run as root.
const NOBODY: u32 = 65_534;

/// A server that runs.
pub struct Postgres {
    process: Option<Process>,
    folder: tempfile::TempDir,
    programs: PathBuf,
}

impl Postgres {
    /// Starts one.
    ///
    /// # Panics
    ///
    /// Where PostgreSQL is not installed, or does not start.
    pub fn start() -> Self {
        let programs = programs();
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let password = folder.path().join("password");
        std::fs::write(&password, PASSWORD).expect("a temporary file can be written");
        if rustix::process::geteuid().is_root() {
            std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).expect("it is ours");
            for path in [folder.path(), &password] {
                chown(path, Some(NOBODY), Some(NOBODY)).expect("root may give files away");
            }
        }
        let data = folder.path().join("data");
        unprivileged(&programs.join("initdb"))
            .args(["--username", USER, "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync"])
            .arg("--pwfile")
            .arg(&password)
            .arg("--pgdata")
            .arg(&data)
            .run(LIMIT)
            .expect_code(0);
        let mut process = unprivileged(&programs.join("postgres"))
            .args(["-c", "listen_addresses=", "-c", "fsync=off", "-c"])
            .arg(format!("unix_socket_directories={}", folder.path().display()))
            .arg("-D")
            .arg(&data)
            .spawn();
        process.wait_for_line("the server's word that it is ready", LIMIT, |line| {
            line.contains("ready to accept connections").then_some(())
        });
        Self { process: Some(process), folder, programs }
    }

    /// A fresh database of this name, as a URL with the password in it.
    pub fn database(&self, name: &str) -> String {
        self.client("createdb").arg(name).run(LIMIT).expect_code(0);
        self.url(PASSWORD, name)
    }

    /// The URL of a database, with a password of the caller's.
    pub fn url(&self, password: &str, database: &str) -> String {
        let socket = self.folder.path().display().to_string().replace('/', "%2F");
        format!("postgres://{USER}:{password}@localhost/{database}?host={socket}")
    }

    /// What no message may hold.
    pub const fn password() -> &'static str {
        PASSWORD
    }

    /// Does something in a database.
    pub fn execute(&self, database: &str, sql: &str) -> Finished {
        self.client("psql").args(["-d", database, "-c", sql]).run(LIMIT).expect_code(0)
    }

    /// Does something in a transaction of a database that stays open until this is dropped.
    pub fn hold(&self, database: &str, sql: &str) -> Process {
        let steps = ["BEGIN", sql, r"\warn held"].into_iter().flat_map(|step| ["-c", step]);
        // What comes next it would read from us: nothing. The server sees that it is gone, as it would not in a statement.
        let psql = self.client("psql").args(["-d", database]).args(steps).args(["-f", "-"]);
        let mut holder = psql.stdin(Stdio::piped()).spawn();
        holder.wait_for_line("the lock", LIMIT, |line| (line == "held").then_some(()));
        holder
    }

    fn client(&self, name: &str) -> Builder {
        let socket = self.folder.path();
        Builder::new(self.programs.join(name)).env("PGPASSWORD", PASSWORD).env("PGUSER", USER).env("PGHOST", socket)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        // Killed, it would leave its children behind for a moment, in a folder that is gone.
        process.interrupt();
        if !std::thread::panicking() {
            process::wait_until("the server's end", LIMIT, || process.has_ended().then_some(()));
        }
    }
}

/// Where the server's programs are: Debian puts each version into a folder of its own, and not on `PATH`.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, programs)| programs.join("initdb").is_file())
        .collect();
    found.sort();
    found.pop().map_or_else(|| need::tool("initdb").parent().expect("a folder of PATH").to_owned(), |(_, path)| path)
}

/// A process without root's rights.
fn unprivileged(program: &Path) -> Builder {
    // A folder that only root can enter is no place to work in for anybody else.
    let builder = if rustix::process::geteuid().is_root() {
        let ids = [format!("--reuid={NOBODY}"), format!("--regid={NOBODY}"), "--clear-groups".to_owned()];
        Builder::new(need::tool("setpriv")).args(ids).arg(program)
    } else {
        Builder::new(program)
    };
    builder.folder(Path::new("/"))
}
