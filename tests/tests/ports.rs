//! Ports are taken by whoever needs them, and told: a port that was bound to see whether it is free, and let go of, is
//! anybody's until it is used.

use std::ffi::OsStr;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use framelag_tests::namespaces::{Pair, Side};
use framelag_tests::process::Builder;
use framelag_tests::rtsp::http_get;
use framelag_tests::{LIMIT, binary, need, serving, turn};
use serde_json::Value;

/// What `framelag serve --json` says first, with more arguments, and what it said in all when it is told to end.
fn served(arguments: &[&str]) -> (Value, Vec<String>) {
    let mut server = Builder::new(binary::path("framelag")).words("serve --json").args(arguments).spawn();
    let report = server.wait_for_line("where it listens", LIMIT, |line| {
        serde_json::from_str(line).ok().filter(|line: &Value| line["event"] == "serving")
    });
    let address = |name: &str| -> SocketAddr {
        report[name].as_str().and_then(|at| at.parse().ok()).unwrap_or_else(|| panic!("{name}: {report}"))
    };
    let url = format!("rtsp://{}/cam", address("rtsp"));
    assert_eq!(framelag_tests::rtsp::describe(address("rtsp"), &url), Some(404), "RTSP is there by then");
    assert_eq!(http_get(address("http"), "/health").expect("and HTTP").status, 200);
    server.interrupt();
    (report, server.finish(LIMIT).expect_code(0).stdout)
}

#[test]
fn a_server_says_which_ports_the_system_gave_it() {
    let (report, stdout) = served(&["--rtsp", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
    assert!(report["rtsp"] != report["http"], "{report}");
    assert_eq!(stdout.len(), 1, "JSON lines, and nothing else: {stdout:?}");
}

#[test]
fn a_server_that_may_listen_anywhere_gives_up_only_the_port_that_is_taken() {
    let holder = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let taken = holder.local_addr().expect("it is bound").to_string();
    let wanted = serving::lasting_address().to_string();
    let (report, _) = served(&["--or-any-port", "--rtsp", &wanted, "--http", &taken]);
    assert_eq!(report["rtsp"], wanted, "it was free");
    assert_ne!(report["http"], taken);
    let (report, _) = served(&["--or-any-port", "--rtsp", &taken, "--http", &taken]);
    assert!(report["rtsp"] != report["http"] && report["rtsp"] != taken, "{report}");
}

#[test]
fn a_proxy_says_which_port_the_system_gave_it() {
    let nobody = serving::nobody();
    for protocol in ["tcp", "udp"] {
        let to = format!("{protocol}://{}", nobody.address);
        let mut proxy = Builder::new(binary::path("framelag"))
            .args(["impair", "--to", &to, "--listen", &format!("{protocol}://127.0.0.1:0")])
            .spawn();
        let at = proxy.wait_for_line("where it listens", LIMIT, |line| {
            line.contains(&format!(" to {to};")).then(|| serving::address_in(line, protocol))?
        });
        assert!(at.port() != 0 && at != nobody.address, "{at}");
    }
}

/// Cells whose server has to be started: in the publisher, and as a process of its own.
const PLAN: &str = "\
name = \"ports\"
source = \"test\"
repeat = 3
warmup = \"0.1s\"
duration = \"1s\"
fixed.publisher.size = \"320x240\"
axes.server = [\"embedded\", \"framelag\"]
";

/// In a network where a port that is let go of is another's at once, nothing that we start needs one.
#[test]
fn nothing_that_is_started_needs_a_port_that_was_let_go_of() {
    let _turn = turn::take();
    let (host, folder) = (Pair::new(), tempfile::tempdir().expect("a folder for the test"));
    let mut hog = host
        .program(Side::Near, &need::python())
        .arg(binary::repository().join("tests/peers/port_hog.py"))
        .words("40000-40399 350 8554 8080")
        .spawn();
    hog.wait_for_line("that it holds most ports", LIMIT, |line| (line == "holding").then_some(()));

    let (plan, out) = (folder.path().join("plan.toml"), folder.path().join("out"));
    fs::write(&plan, PLAN).expect("a test's folder can be written to");
    let tune = host.binary(Side::Near, "framelag").arg("tune").arg(&plan).arg("--out").arg(&out).arg("--json");
    let swept = tune.run(LIMIT * 5);
    let end: Value = serde_json::from_str(swept.stdout.last().expect("it says how it ended")).expect("JSON lines");
    // A busy machine may leave a run with too few frames, which is no failure.
    assert_eq!((&end["runs"], &end["failed"]), (&6.into(), &0.into()), "{swept}");

    let demo = host.binary(Side::Near, "framelag").words("demo --headless --source test --duration 4s --report");
    let shown = demo.arg(folder.path().join("demo")).run(LIMIT);
    assert!(matches!(shown.code, Some(0 | 3)), "{shown}");
}

/// The sources in `folder` and below, but for what was built or fetched.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the repository can be read").map(|entry| entry.expect("an entry").path())
    {
        let name = entry.file_name().and_then(OsStr::to_str).unwrap_or_default();
        if entry.is_dir() && !name.starts_with(['.', '_']) && !["target", "footage"].contains(&name) {
            found.extend(sources(&entry));
        }
        if [".rs", ".py", ".go", ".sh"].iter().any(|end| name.ends_with(end)) {
            found.push(entry);
        }
    }
    found
}

/// What in `text` lets go of a port in the statement that bound it. Only that can be seen without understanding the rest.
fn let_go(text: &str) -> Vec<&str> {
    let code = text.split(';');
    code.filter(|statement| {
        let bound = ["TcpListener::bind(", "UdpSocket::bind("].iter().find_map(|bind| statement.find(bind));
        bound.is_some_and(|at| statement[at..].contains("local_addr()"))
    })
    .collect()
}

#[test]
fn no_source_binds_a_port_to_let_go_of_it() {
    let helpers =
        ["free", "unused", "pick"].map(|verb| ["port", "tcp_port", "udp_port"].map(|what| format!("{verb}_{what}(")));
    let sources = sources(binary::repository());
    assert!(sources.len() > 300, "{}", sources.len());
    for path in sources {
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for helper in helpers.iter().flatten() {
            assert!(!text.contains(helper.as_str()), "{}: {helper}: let who needs the port bind it", path.display());
        }
        let own = path.ends_with(Path::new("tests/tests/ports.rs"));
        let found = if own { Vec::new() } else { let_go(&text) };
        assert!(found.is_empty(), "{}: bound and let go of: {found:#?}", path.display());
    }
}

#[test]
fn what_is_let_go_of_at_once_is_seen() {
    for text in [
        "let port = UdpSocket::bind(\"127.0.0.1:0\")?.local_addr()?.port();",
        "let bind = |port| TcpListener::bind((LOCALHOST, port)).and_then(|listener| listener.local_addr());",
        "let unused = TcpListener::bind(\"127.0.0.1:0\").expect(\"a port\").local_addr().expect(\"bound\");",
    ] {
        assert_eq!(let_go(text).len(), 1, "{text}");
    }
    let held = "let listener = TcpListener::bind(\"127.0.0.1:0\")?; let at = listener.local_addr()?;";
    assert!(let_go(held).is_empty());
}
