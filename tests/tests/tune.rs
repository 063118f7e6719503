//! `framelag tune` with real processes: a sweep that is killed and goes on, cells that crash, plans that cannot be.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use common::host::process::ProcessStat;
use framelag_tests::process::{Builder, Finished, wait_until};
use framelag_tests::report::Report;
use framelag_tests::{binary, need, turn};
use serde_json::Value;

/// A sweep is several runs; what is measured takes seconds, and on a busy machine what is around it does too.
const LIMIT: Duration = framelag_tests::LIMIT.saturating_mul(5);

fn tune(plan: &Path, out: &Path) -> Builder {
    Builder::new(binary::path("framelag")).arg("tune").arg(plan).arg("--out").arg(out)
}

fn write_plan(folder: &Path, text: &str) -> PathBuf {
    let file = folder.join("plan.toml");
    fs::write(&file, text).expect("a test's folder can be written to");
    file
}

/// The lines of the journal after the first: the finished runs.
fn journal(out: &Path) -> Vec<Value> {
    let text = fs::read_to_string(out.join("journal.jsonl")).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().skip(1).map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}

fn says(ran: &Finished, words: &str) -> bool {
    ran.stdout.iter().chain(&ran.stderr).any(|line| line.contains(words))
}

/// What others make of a sweep's files: pandas of `tune.csv`, and a validator of JSON Schema of `tune.json`.
fn read_by_others(out: &Path) -> Finished {
    let repository = binary::repository();
    Builder::new(need::made("outsiders/python/bin/python"))
        .arg(repository.join("tests/peers/sweep_reader.py"))
        .arg(out)
        .arg(repository.join("docs/tune.schema.json"))
        .run(LIMIT)
}

/// The running processes that process `parent` started: number and command line.
fn children(parent: u32) -> Vec<(u32, String)> {
    let processes = fs::read_dir("/proc").expect("Linux has it").flatten();
    let numbers = processes.filter_map(|process| process.file_name().to_str()?.parse::<u32>().ok());
    let child = |number: u32| {
        let stat = ProcessStat::of(number)?;
        let command = fs::read(format!("/proc/{number}/cmdline")).ok()?;
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        (stat.parent == parent && stat.state != 'Z').then_some((number, command))
    };
    numbers.filter_map(child).collect()
}

fn runs(number: u32) -> bool {
    ProcessStat::of(number).is_some_and(|stat| stat.state != 'Z')
}

/// A run needs 30 pictures, and a busy machine shows a share of those that there are.
const SMALL: &str = "\
name = \"small\"
source = \"test\"
repeat = 2
warmup = \"0.2s\"
duration = \"4s\"

[fixed]
publisher.size = \"320x240\"
publisher.fps = 30

[axes]
publisher.gop = [10, 60]
";

#[test]
fn a_sweep_that_is_killed_loses_no_finished_run_and_goes_on_with_the_rest() {
    let _turn = turn::share();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let (plan, out) = (write_plan(folder.path(), SMALL), folder.path().join("out"));
    let mut first = tune(&plan, &out).spawn();
    first.wait_for_line("the first run", LIMIT, |line| line.contains("1/4").then_some(()));
    // Into the middle of the second.
    let started = wait_until("the second run", LIMIT, || {
        let children = children(first.id());
        children.iter().any(|(_, command)| command.contains("receiver")).then_some(children)
    });
    assert!(started.len() >= 2, "publisher and receiver: {started:?}");
    let server = started.iter().find(|(_, command)| command.contains("--rtsp=")).expect("the publisher has it");
    assert!(server.1.contains("--rtsp=127.0.0.1:0 --http=127.0.0.1:0 "), "it takes its ports itself: {server:?}");
    let all = journal(&out);
    first.kill();
    first.finish(LIMIT);
    wait_until("the end of its children", LIMIT, || (!started.iter().any(|(number, _)| runs(*number))).then_some(()));

    let second = tune(&plan, &out).arg("--json").run(LIMIT).expect_code(0);
    let lines: Vec<Value> =
        second.stdout.iter().map(|line| serde_json::from_str(line).expect("JSON lines alone")).collect();
    let done = lines[0]["done"].as_u64().expect("it says how many are done");
    assert!(done >= all.len() as u64 && done >= 1, "{}", lines[0]);
    let ran = lines.iter().filter(|line| line["event"] == "run").count() as u64;
    assert_eq!(done + ran, 4, "finished runs are not run again\n{second}");
    let rows = journal(&out);
    assert_eq!(rows[..all.len()], all, "what was finished is as it was");
    let mut turns: Vec<_> = rows.iter().map(|row| (row["repeat"].as_u64(), row["cell"].as_u64())).collect();
    turns.sort_unstable();
    assert_eq!(turns, [(Some(0), Some(0)), (Some(0), Some(1)), (Some(1), Some(0)), (Some(1), Some(1))]);
    for row in &rows {
        assert_eq!(row["outcome"], "ok", "{row:#}");
        assert!(row["figures"]["p50_ms"].as_f64() > Some(0.0), "{row:#}");
        let report = out.join(row["report"].as_str().expect("it has one"));
        assert!(report.join("run.json").is_file(), "{row:#}");
    }
    let sweep: Value =
        serde_json::from_str(&fs::read_to_string(out.join("tune.json")).expect("it is written")).expect("JSON");
    assert_eq!(sweep["complete"], true);
    let read = read_by_others(&out).expect_code(0);
    assert!(says(&read, "4 runs of 2 cells, 2 of them measured"), "{read}");

    // A third time there is nothing to do; another plan is another sweep.
    let third = tune(&plan, &out).run(LIMIT).expect_code(0);
    assert!(says(&third, "4 already done"), "{third}");
    let other = write_plan(folder.path(), &SMALL.replace("[10, 60]", "[10, 30]"));
    let refused = tune(&other, &out).run(LIMIT).expect_code(2);
    assert!(says(&refused, "axes.publisher.gop was \"10, 60\" and is \"10, 30\""), "{refused}");
    assert_eq!(journal(&out), rows);
}

#[test]
fn a_cell_that_crashes_is_written_down_and_the_others_are_measured() {
    let _turn = turn::share();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let text = SMALL.replace("repeat = 2", "repeat = 1");
    let text = text.replace("publisher.gop = [10, 60]", "server = [\"exec:ls /nowhere/at-all\", \"framelag\"]");
    let (plan, out) = (write_plan(folder.path(), &text), folder.path().join("out"));
    let ran = tune(&plan, &out).run(LIMIT).expect_code(3);
    assert!(says(&ran, "1 failed and 0 inconclusive"), "{ran}");
    let rows = journal(&out);
    let of = |cell: u64| rows.iter().find(|row| row["cell"] == cell).unwrap_or_else(|| panic!("{rows:#?}"));
    let (crashed, measured) = (of(0), of(1));
    assert_eq!(crashed["outcome"], "failed");
    let why = crashed["why"].as_str().expect("it says why");
    assert!(why.contains("the server ended early") && why.contains("/nowhere/at-all"), "{why}");
    assert!(crashed["figures"]["p50_ms"].is_null() && crashed["report"].is_null(), "{crashed:#}");
    assert_eq!(measured["outcome"], "ok", "{measured:#}");

    let read = read_by_others(&out).expect_code(0);
    assert!(says(&read, "2 runs of 2 cells, 1 of them measured"), "{read}");
    let table = out.join("tune.csv");
    let text = fs::read_to_string(&table).expect("it is written");
    fs::write(&table, text.replacen(",framelag,", ",embedded,", 1)).expect("the folder can be written");
    let refused = read_by_others(&out).expect_code(1);
    assert!(says(&refused, "server is 'embedded' in tune.csv and 'framelag' in tune.json"), "{refused}");
}

/// Makes `file` a program of a shell.
fn script(file: &Path, text: &str) {
    fs::write(file, format!("#!/bin/sh\n{text}\n")).expect("the folder can be written");
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).expect("it is ours");
}

#[test]
fn a_server_that_finds_its_port_taken_is_started_once_more_on_another() {
    let _turn = turn::share();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let (server, told) = (folder.path().join("server"), folder.path().join("ports"));
    let serve = format!("exec {} serve --rtsp 127.0.0.1:$1 --http 127.0.0.1:0", binary::path("framelag").display());
    // As MediaMTX says it.
    let taken = "echo \"ERR: listen tcp 127.0.0.1:$1: bind: address already in use\" >&2; exit 1";
    let told_twice = format!("[ $(wc -l <{told}) -gt 2 ]", told = told.display());
    script(&server, &format!("echo $1 >>{told}\n{told_twice} || {{ {taken}; }}\n{serve}", told = told.display()));
    let command = format!("server = \"exec:{} {{port}}\"\npublisher.fps = 30", server.display());
    let text = SMALL.replace("repeat = 2", "repeat = 1").replace("publisher.fps = 30", &command);
    let (plan, out) = (write_plan(folder.path(), &text.replace("[10, 60]", "[10]")), folder.path().join("out"));
    let ran = tune(&plan, &out).run(LIMIT).expect_code(0);
    assert_eq!(journal(&out)[0]["outcome"], "ok", "{ran}");
    let ports = fs::read_to_string(&told).expect("the server wrote it");
    let mut ports: Vec<u16> = ports.lines().map(|port| port.parse().expect("a port")).collect();
    assert!(ports.iter().all(|port| (1_024..32_768).contains(port)), "none that the system gives to others: {ports:?}");
    ports.dedup();
    assert_eq!(ports.len(), 3, "each time another");
}

#[test]
fn a_server_that_never_gets_its_port_is_a_failure_that_says_so() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let (server, tries) = (folder.path().join("server"), folder.path().join("tries"));
    script(&server, &format!("echo >>{}\necho 'Error: listen EADDRINUSE' >&2\nexit 1", tries.display()));
    let command = format!("server = \"exec:{} {{port}}\"\npublisher.fps = 30", server.display());
    let text = SMALL.replace("repeat = 2", "repeat = 1").replace("publisher.fps = 30", &command);
    let (plan, out) = (write_plan(folder.path(), &text.replace("[10, 60]", "[10]")), folder.path().join("out"));
    tune(&plan, &out).run(LIMIT).expect_code(3);
    let why = journal(&out)[0]["why"].to_string();
    assert!(why.contains("the server ended early") && why.contains("EADDRINUSE"), "{why}");
    assert_eq!(fs::read_to_string(&tries).map(|tries| tries.lines().count()).ok(), Some(5), "it is not tried for ever");
}

#[test]
fn ctrl_c_while_a_cell_starts_up_is_no_failure_of_the_cell() {
    let _turn = turn::share();
    let folder = tempfile::tempdir().expect("a folder for the test");
    // A server that never listens, and later one that does.
    let server = folder.path().join("server");
    let become_server = |command: &str| script(&server, &format!("exec {command}"));
    become_server("sleep 600");
    let command = format!("server = \"exec:{} {{port}}\"\npublisher.fps = 30", server.display());
    let text = SMALL.replace("repeat = 2", "repeat = 1").replace("publisher.fps = 30", &command);
    let (plan, out) = (write_plan(folder.path(), &text.replace("[10, 60]", "[10]")), folder.path().join("out"));
    let first = tune(&plan, &out).spawn();
    let started = wait_until("the server", LIMIT, || {
        let children = children(first.id());
        children.iter().any(|(_, command)| command.starts_with("sleep")).then_some(children)
    });
    first.interrupt();
    let interrupted = first.finish(LIMIT).expect_code(1);
    assert!(says(&interrupted, "interrupted after 0 of 1 runs"), "{interrupted}");
    assert_eq!(journal(&out), [] as [Value; 0], "it is no result");
    assert!(!started.iter().any(|(number, _)| runs(*number)), "what was started has ended: {started:?}");

    let framelag = binary::path("framelag");
    become_server(&format!("{} serve --rtsp 127.0.0.1:$1 --http 127.0.0.1:0", framelag.display()));
    tune(&plan, &out).run(LIMIT).expect_code(0);
    let rows = journal(&out);
    assert_eq!((rows.len(), &rows[0]["outcome"]), (1, &Value::from("ok")), "{rows:#?}");
}

#[test]
fn datagrams_cross_the_networks_that_a_plan_asks_for() {
    let _turn = turn::take();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let text = SMALL.replace("repeat = 2", "repeat = 1").replace(
        "publisher.fps = 30",
        "publisher.fps = 30\nserver = \"framelag\"\npublisher.transport = \"udp\"\nreceiver.transport = \"udp\"\nuplink.delay = \"20ms\"",
    );
    let text = text.replace("publisher.gop = [10, 60]", "downlink.delay = [\"0\", \"100ms\"]");
    let (plan, out) = (write_plan(folder.path(), &text), folder.path().join("out"));
    tune(&plan, &out).run(LIMIT).expect_code(0);
    let rows = journal(&out);
    // The least of all, which a busy machine makes no larger than it has to be.
    let least = |cell: u64| {
        let row = rows.iter().find(|row| row["cell"] == cell).unwrap_or_else(|| panic!("{rows:#?}"));
        Report::read(&out.join(row["report"].as_str().expect("it has one"))).number("latency_ms.min")
    };
    let (without, with) = (least(0), least(1));
    assert!((20.0..120.0).contains(&without), "20 ms on the way to the server: {without}\n{rows:#?}");
    assert!((120.0..220.0).contains(&with), "and 100 ms on the way to the receiver: {with}\n{rows:#?}");
}

/// What a browser plays of two servers' segments, or of one's.
fn in_browser(servers: &str) -> String {
    format!(
        "name = \"browser\"\nsource = \"test\"\nrepeat = 1\njoins = 1\nwarmup = \"1s\"\nduration = \"3s\"\n\
         [fixed]\nvia = \"ll-hls\"\nplayer = \"hls.js\"\npublisher.size = \"320x240\"\npart = \"100ms\"\nsegment = \"500ms\"\n\
         playlist = 7\nhls.js.maxBufferLength = 10\n[axes]\nserver = [{servers}]\n"
    )
}

#[test]
fn a_browser_plays_the_segments_that_a_plan_asks_for() {
    need::tool("chromium");
    let _turn = turn::take();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let mediamtx = need::mediamtx().is_some();
    let servers = if mediamtx { "\"framelag\", \"mediamtx\"" } else { "\"framelag\"" };
    let (plan, out) = (write_plan(folder.path(), &in_browser(servers)), folder.path().join("out"));
    let ran = tune(&plan, &out).run(LIMIT).expect_code(0);
    let rows = journal(&out);
    assert_eq!(rows.len(), if mediamtx { 2 } else { 1 }, "{ran}");
    for row in &rows {
        assert_eq!((&row["outcome"], &row["player"]), (&"ok".into(), &"hls.js".into()), "{row:#}\n{ran}");
        let joins = row["joins"].as_array().expect("a list");
        assert_eq!(joins.len(), 1, "{row:#}");
        for figure in ["p50_ms", "first_frame_ms", "claim_ms", "stalls", "stalled_percent"] {
            assert!(joins[0][figure].is_number(), "{figure}: {row:#}");
        }
        let report = Report::read(&out.join(row["report"].as_str().expect("it has one")));
        assert_eq!(report.value("config.player_options.maxBufferLength"), &Value::from(10));
    }
    let server = out.join(rows[0]["report"].as_str().expect("it has one")).join("server.log");
    assert!(server.is_file());
    let read = read_by_others(&out).expect_code(0);
    assert!(says(&read, &format!("{} runs of", rows.len())), "{read}");
    let page = fs::read_to_string(out.join("tune.html")).expect("it is written");
    assert!(page.contains("claim − truth, ms") && page.contains("stalled, %"));
}

#[test]
fn plans_that_cannot_be_are_refused_before_anything_runs() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let out = folder.path().join("out");
    for (text, words) in [
        (SMALL.replace("[10, 60]", "[10, 0]"), ["line 12: publisher.gop = 0", "1..=100000"]),
        (SMALL.replace("publisher.gop", "publisher.gob"), ["line 12: there is no setting", "publisher.gop?"]),
        (SMALL.replace("\"320x240\"", "\"321x240\""), ["line 8: the cell", "--size 322x240"]),
        (
            SMALL.replace("publisher.fps = 30", "publisher.fps = 30\nserver = \"exec:no-such-server\""),
            ["no-such-server", "line 10"],
        ),
        (SMALL.replace("\"test\"", "\"nowhere.mp4\""), ["line 2: the cell", "nowhere.mp4"]),
        (SMALL.replace("name =", "name"), ["line 1", "plan.toml"]),
    ] {
        let plan = write_plan(folder.path(), &text);
        for dry in [&[][..], &["--dry-run"]] {
            let ran = tune(&plan, &out).args(dry).run(LIMIT).expect_code(2);
            for word in words {
                assert!(says(&ran, word), "{word:?} is said\n{ran}");
            }
        }
    }
    let ran = tune(&folder.path().join("none.toml"), &out).run(LIMIT).expect_code(2);
    assert!(says(&ran, "none.toml"), "{ran}");
    assert!(!out.exists(), "nothing ran, and nothing was written");
}

#[test]
fn the_plans_that_come_along_can_be_run() {
    need::footage("bigbuckbunny.mp4");
    need::tool("ffmpeg");
    let plans = fs::read_dir(binary::repository().join("plans")).expect("they are there");
    let plans: Vec<PathBuf> = plans.map(|entry| entry.expect("a folder can be read").path()).collect();
    assert!(plans.len() >= 8, "{plans:?}");
    for plan in plans {
        let ran = Builder::new(binary::path("framelag"))
            .arg("tune")
            .arg(&plan)
            .args(["--dry-run", "--json"])
            .folder(binary::repository())
            .run(LIMIT)
            .expect_code(0);
        let lines: Vec<Value> = ran.stdout.iter().map(|line| serde_json::from_str(line).expect("JSON lines")).collect();
        let (last, cells) = lines.split_last().unwrap_or_else(|| panic!("{}\n{ran}", plan.display()));
        assert_eq!(last["cells"].as_u64(), Some(cells.len() as u64), "{}", plan.display());
        let text = fs::read_to_string(&plan).expect("it is there");
        assert!(text.starts_with("# ") && text.contains('?'), "{} says which question it answers", plan.display());
    }
}
