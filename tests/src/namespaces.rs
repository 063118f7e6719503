//! Two hosts on one machine: network namespaces joined by a pair of virtual Ethernet devices.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::binary;
use crate::need;
use crate::process::Builder;

/// Two namespaces that reach each other. Dropping them removes them and their devices.
pub struct Pair {
    names: [String; 2],
}

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// At [`NEAR`].
    Near,
    /// At [`FAR`].
    Far,
}

/// Address of the near side, as the far side sees it.
pub const NEAR: &str = "198.18.77.1";
/// Address of the far side.
pub const FAR: &str = "198.18.77.2";

impl Pair {
    /// Makes them.
    ///
    /// # Panics
    ///
    /// Where this process may not, or `ip` is missing: said by name.
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        assert!(
            rustix::process::geteuid().is_root(),
            "this test needs root, to make network namespaces: run `sudo -E env PATH=\"$PATH\" cargo test -p framelag-tests \
             --test clock_hosts --test ports`"
        );
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let id = std::process::id();
        let pair = Self { names: ["n", "f"].map(|side| format!("fl{side}{number}-{id}")) };
        let [near, far] = &pair.names;
        for name in [near, far] {
            ip(&format!("netns add {name}"));
            ip(&format!("-n {name} link set lo up"));
        }
        ip(&format!("-n {near} link add veth0 type veth peer name veth0 netns {far}"));
        for (name, address) in [(near, NEAR), (far, FAR)] {
            ip(&format!("-n {name} address add {address}/24 dev veth0"));
            ip(&format!("-n {name} link set veth0 up"));
        }
        pair
    }

    /// A process of the binary `name` under test in one of them.
    pub fn binary(&self, side: Side, name: &str) -> Builder {
        self.program(side, &binary::path(name))
    }

    /// A process of any program in one of them.
    pub fn program(&self, side: Side, program: &Path) -> Builder {
        let space = &self.names[side as usize];
        Builder::new(need::tool("ip")).args(["netns", "exec", space]).arg(program)
    }
}

impl Default for Pair {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        for name in &self.names {
            // Its devices go with it. One that was never made is not missed.
            let _ = Command::new(need::tool("ip")).args(["netns", "delete", name]).output();
        }
    }
}

fn ip(line: &str) {
    let run = Command::new(need::tool("ip")).args(line.split_whitespace()).output().expect("ip starts");
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "ip {line}: {said}(are network namespaces allowed here?)");
}
