//! The store, by SQLite and by a real PostgreSQL: the same test for both.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use analyze::store::{Added, Filter, Labels, Place, Store};
use framelag_tests::postgres::Postgres;
use framelag_tests::process::{Builder, Finished};
use framelag_tests::{LIMIT, binary, kept, need};
use report::saved::Saved;
use report::{Outcome, Run};
use serde_json::Value;

/// Takes the name of a store that is not there yet.
type Trial = fn(&str);

/// What both databases are put through, each in a store of its own.
const TRIALS: [(&str, Trial); 6] = [
    ("once", a_run_is_kept_once_and_comes_back_whole),
    ("merged", runs_that_were_joined_are_kept_beside_their_parts),
    ("baselines", baselines_are_kept_by_name),
    ("comparable", runs_that_can_be_compared_are_found_and_the_others_counted),
    ("writers", writers_at_once_lose_nothing),
    ("commands", the_commands_list_show_and_plot),
];

#[test]
fn sqlite_keeps_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, trial) in TRIALS {
        trial(&folder.path().join(format!("{name} %20?.sqlite")).display().to_string());
    }
}

#[test]
fn postgresql_keeps_runs() {
    let server = Postgres::start();
    for (name, trial) in TRIALS {
        trial(&server.database(name));
    }
    servers_that_do_not_let_us_in_are_told_apart(&server);
}

fn place(text: &str) -> Place {
    text.parse().expect("a place")
}

fn framelag(arguments: &[&str]) -> Builder {
    let builder = Builder::new(binary::path("framelag")).args(arguments);
    // A test may itself be a job of a CI service.
    ["GITHUB_SHA", "GITHUB_REF_NAME", "CI_COMMIT_SHA", "CI_COMMIT_REF_NAME"]
        .into_iter()
        .fold(builder, |builder, name| builder.without_env(name))
}

fn made(folder: &Path, name: &str, hour: u32, latency_ms: f64) -> PathBuf {
    let path = folder.join(name);
    kept::report(&path, hour, latency_ms);
    path
}

fn a_run_is_kept_once_and_comes_back_whole(store: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut saved = Saved::open(&made(folder.path(), "a", 0, 20.0)).expect("a report");
    let store_name = place(store);
    let mut store = Store::open(&store_name).expect("a store");

    // First as a run that goes on.
    let whole = saved.run.clone();
    saved.run.partial = true;
    saved.run.latency_ms.count = 7;
    let Added { id, is_new } = store.add(&saved).expect("kept");
    assert!(is_new);
    let added = |is_new| Added { id: id.clone(), is_new };
    assert!(store.list(&Filter::default()).expect("a list")[0].partial);
    saved.run = whole.clone();
    assert_eq!(store.add(&saved).expect("kept again"), added(true), "the same run is the same id");
    saved.run.partial = true;
    assert_eq!(store.add(&saved).expect("and again"), added(false), "one that ended stays as it is");

    let listed = store.list(&Filter::default()).expect("a list");
    let [one] = listed.as_slice() else { panic!("one run: {listed:?}") };
    assert_eq!((one.partial, one.frames, one.p99_ms), (false, u64::from(kept::FRAMES), whole.latency_ms.p99));
    assert_eq!(serde_json::json!(store.run(&id).expect("the run")), serde_json::json!(whole));
    let histogram =
        store.comparable(&Filter::default(), 9, true).expect("runs").runs[0].histogram.clone().expect("a histogram");
    let histogram = measure::latency::Distribution::decoded(&histogram).expect("ours");
    assert_eq!(histogram.count(), u64::from(kept::FRAMES));

    let labels = |value: &str| Labels::from([("branch".to_owned(), value.to_owned())]);
    store.label(&id, &labels("it's \"ü\"")).expect("a label");
    store.label(&id, &labels("main")).expect("another value");
    assert_eq!(store.labels(&id).expect("labels"), labels("main"));
    let count = |store: &mut Store, branch| {
        store.list(&Filter { labels: labels(branch), last: Some(3), ..Filter::default() }).expect("a list").len()
    };
    assert_eq!((count(&mut store, "main"), count(&mut store, "other")), (1, 0));
    assert_eq!(store.find(&id.as_str()[..6]).expect("by its first digits"), id);
    for unknown in ["", "abc", "%", "00000000000000000"] {
        let error = store.find(unknown).expect_err(unknown);
        assert!(error.to_string().contains("is no run ID: give at least the first 4 of its 16"), "{error}");
    }
    let error = store.find("0000000000000000").expect_err("no run").to_string();
    assert!(error.contains(&format!("`framelag report list --store {store_name}`")), "{error}");

    saved.run.url.push('\0');
    let error = store.add(&saved).expect_err("one of the two databases would keep it");
    assert!(error.to_string().starts_with("the run's URL has a NUL character"), "{error}");
}

fn runs_that_were_joined_are_kept_beside_their_parts(store: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let [a, b, c] = [("a", 0), ("b", 1), ("c", 2)].map(|(name, hour)| made(folder.path(), name, hour, 20.0));
    let join = |out: &str, parts: &[&PathBuf]| {
        let out = folder.path().join(out);
        framelag(&["report", "merge", "--out"]).arg(&out).args(parts).run(LIMIT).expect_code(0);
        out
    };
    let kept = |folder: &Path, words: &str| {
        let ran = framelag(&["report", "--store", store]).arg(folder).run(LIMIT).expect_code(0);
        assert!(ran.stderr.iter().any(|line| line.contains(words)), "{words}: {ran}");
    };
    kept(&a, "stored ");
    kept(&join("ab", &[&a, &b]), "stored ");
    kept(&join("ac", &[&a, &c]), "stored ");
    kept(&join("ba", &[&b, &a]), " is already in ");
    kept(&a, " is already in ");
    let runs = Store::open(&place(store)).expect("a store").list(&Filter::default()).expect("a list");
    assert_eq!(runs.len(), 3, "{runs:?}");
}

fn baselines_are_kept_by_name(store: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = Store::open(&place(store)).expect("a store");
    let mut add = |name: &str, hour| {
        store.add(&Saved::open(&made(folder.path(), name, hour, 20.0)).expect("a report")).expect("kept").id
    };
    let (first, second) = (add("a", 0), add("b", 1));
    let none = store.baseline("main").expect_err("no baseline").to_string();
    assert!(none.contains("no baseline \"main\"") && none.contains("none at all"), "{none}");

    store.save_baseline("main", std::slice::from_ref(&first)).expect("saved");
    store.save_baseline("main", &[second.clone(), first.clone()]).expect("replaced");
    let ids: Vec<_> = store.baseline("main").expect("there").into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, [second, first]);
    let error = store.baseline("mian").expect_err("no such baseline");
    assert!(error.to_string().contains("there are main"), "{error}");
    assert_eq!(error.exit_code(), 2);
    let error = store.save_baseline("empty", &[]).expect_err("no run");
    assert_eq!((error.to_string().as_str(), error.exit_code()), ("a baseline takes a name and at least one run", 2));
}

fn runs_that_can_be_compared_are_found_and_the_others_counted(store: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = Store::open(&place(store)).expect("a store");
    let two = |text: &str| Labels::from(["a", "b"].map(|name| (name.to_owned(), text.to_owned())));
    let change: [fn(&mut Run); 6] = [
        |_| {},
        |run| run.partial = true,
        |run| run.outcome = Outcome::Inconclusive,
        |run| run.host.cpu = Some(Some("another".to_owned())),
        |run| run.config.transport = Some("udp".to_owned()),
        |_| {},
    ];
    let mut ids = Vec::new();
    for (hour, change) in (0..).zip(change) {
        let mut saved = Saved::open(&made(folder.path(), &hour.to_string(), hour, 20.0)).expect("a report");
        change(&mut saved.run);
        ids.push(store.add(&saved).expect("kept").id);
        if hour != 1 {
            store.label(&ids[hour as usize], &two(&hour.to_string())).expect("labels");
        }
    }
    let listed = store.list(&Filter::default()).expect("a list");
    assert_eq!(listed.iter().map(|run| &run.id).collect::<Vec<_>>(), ids.iter().collect::<Vec<_>>());
    assert_eq!((&listed[1].labels, &listed[5].labels), (&Labels::new(), &two("5")));

    let mut found = |filter: Filter, limit: usize, all: bool| {
        let found = store.comparable(&filter, limit, all).expect("runs");
        let hours: Vec<usize> =
            found.runs.iter().filter_map(|kept| ids.iter().position(|id| *id == kept.listed.id)).collect();
        let labels = found.runs.iter().all(|kept| kept.listed.labels.len() == 2 && kept.histogram.is_some());
        assert!(labels, "{:?}", found.runs);
        (hours, found.left_out.into_iter().map(|those| format!("{} {}", those.runs, those.why)).collect::<Vec<_>>())
    };
    let never = ["1 that did not end", "1 that were inconclusive"].map(str::to_owned).to_vec();
    let unlike = ["1 of other machines", "1 with other settings"].map(str::to_owned).to_vec();
    assert_eq!(found(Filter::default(), 9, false), (vec![0, 5], [never.clone(), unlike.clone()].concat()));
    assert_eq!(found(Filter::default(), 9, true), (vec![0, 3, 4, 5], never));
    let last = |count| Filter { last: Some(count), ..Filter::default() };
    assert_eq!(found(last(3), 9, false), (vec![5], unlike));
    assert_eq!(found(last(1), 9, false), (vec![5], vec![]));
    assert_eq!(found(Filter::default(), 1, false).1.last().map(String::as_str), Some("1 before the latest 1"));
    assert_eq!(found(Filter { labels: two("3"), ..Filter::default() }, 9, false), (vec![3], vec![]));
    assert_eq!(found(Filter { labels: two("none"), ..Filter::default() }, 9, false), (vec![], vec![]));
}

/// Six processes begin at once on a store that is not there yet, each with three runs of its own and one that all have.
fn writers_at_once_lose_nothing(store: &str) {
    const WRITERS: u32 = 6;
    let folder = tempfile::tempdir().expect("a folder");
    let shared = made(folder.path(), "shared", 999, 20.0);
    let runs = |writer: u32| -> Vec<PathBuf> {
        let own = (0..3).map(|run| made(folder.path(), &format!("{writer}-{run}"), writer * 3 + run, 20.0));
        own.chain([shared.clone()]).collect()
    };
    let runs: Vec<_> = (0..WRITERS).map(runs).collect();
    let writers: Vec<_> = runs
        .iter()
        .enumerate()
        .map(|(n, runs)| {
            let label = format!("writer-{n}=yes");
            framelag(&["report", "--store", store, "--label", &label]).args(runs).spawn()
        })
        .collect();
    for writer in writers {
        writer.finish(LIMIT).expect_code(0);
    }
    let runs = Store::open_existing(&place(store)).expect("a store").list(&Filter::default()).expect("a list");
    assert_eq!(runs.len(), WRITERS as usize * 3 + 1);
    assert!(runs.windows(2).all(|pair| pair[0].started < pair[1].started), "in order");
    assert_eq!(runs.iter().map(|run| run.labels.len()).sum::<usize>(), WRITERS as usize * 4);
    assert_eq!(runs.last().map(|run| run.labels.len()), Some(WRITERS as usize), "the shared one has all labels");
}

fn the_commands_list_show_and_plot(store: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    // 12 runs of 20 ms, then 8 of 24.
    let latency = |hour: u32| if hour < 12 { 20.0 } else { 24.0 } + f64::from(hour * 5 % 7) * 0.1;
    let runs: Vec<_> = (0..20).map(|hour| made(folder.path(), &hour.to_string(), hour, latency(hour))).collect();
    framelag(&["report", "--store", store, "--label", "branch=main"])
        .args(runs)
        .env("GITHUB_SHA", "0123456789abcdef")
        .run(LIMIT)
        .expect_code(0);

    let list = framelag(&["report", "list", "--store", store, "--last", "2", "--json"]).run(LIMIT).expect_code(0);
    let listed: Vec<Value> = list.stdout.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[1]["labels"], serde_json::json!({ "branch": "main", "commit": "0123456789abcdef" }));
    let id = listed[1]["id"].as_str().expect("an id");
    let table = framelag(&["report", "list", "--store", store, "--label", "branch=main"]).run(LIMIT).expect_code(0);
    assert_eq!(table.stdout.len(), 21, "{table}");

    let shown = framelag(&["report", "show", id, "--store", store]).run(LIMIT).expect_code(0).stdout.join("\n");
    assert!(shown.contains("outcome    ok") && shown.contains("settings   transport=tcp"), "{shown}");
    let json = framelag(&["report", "show", &id[..8], "--store", store, "--json"]).run(LIMIT).expect_code(0);
    let json: Value = serde_json::from_str(&json.stdout.join("\n")).expect("JSON");
    assert_eq!(json["schema"], "framelag/run/1");
    framelag(&["report", "show", "feed", "--store", store]).run(LIMIT).expect_code(2);

    let page = folder.path().join("trend.html");
    let trend =
        framelag(&["report", "trend", "--store", store, "--json", "--out"]).arg(&page).run(LIMIT).expect_code(0);
    let trend: Value = serde_json::from_str(&trend.stdout.join("\n")).expect("one object");
    for series in trend["series"].as_array().expect("series") {
        let changes: Vec<_> = series["changes"].as_array().expect("changes").iter().map(|c| &c["at"]).collect();
        assert_eq!(changes, [12], "{series}");
    }
    let page = std::fs::read_to_string(page).expect("the page");
    assert!(page.contains("after (8 runs)") && page.contains("01234567"), "{page}");
    framelag(&["report", "trend", "--store", store, "--label", "branch=none"]).run(LIMIT).expect_code(3);
    let unknown = framelag(&["report", "trend", "--store", store, "--metric", "p42"]).run(LIMIT).expect_code(2);
    assert!(unknown.to_string().contains("no metric \"p42\""), "{unknown}");
}

fn servers_that_do_not_let_us_in_are_told_apart(server: &Postgres) {
    let list = |url: &str| framelag(&["report", "list", "--store", url]).run(LIMIT);
    let said = |finished: Finished, code: i32, words: &str| {
        let text = finished.expect_code(code).stderr.join("\n");
        assert!(text.contains(words), "{text}");
        for secret in [Postgres::password(), "wrong-99"] {
            assert!(!text.contains(secret), "{text}");
        }
    };
    let url = server.database("locked_out");
    said(list(&url), 2, "there is no store");
    said(list(&server.url("wrong-99", "locked_out")), 1, "password authentication failed");
    said(list(&server.url(Postgres::password(), "nowhere")), 2, "createdb");
    said(list(&format!("{url}&sslmode=require")), 1, "TLS");
    said(list("postgres://lag:wrong-99@localhost/lag?host=%2Fnowhere"), 1, "cannot reach");
    said(list("postgres://lag:wrong-99@127.0.0.1:1/lag"), 1, "cannot reach");

    Store::open(&place(&url)).expect("a store");
    let holder = server.hold("locked_out", "LOCK TABLE framelag_store");
    said(list(&url), 1, "is locked by another process");
    drop(holder);
    server.execute("locked_out", "UPDATE framelag_store SET version = 99");
    said(list(&url), 2, "is a store of version 99, and this framelag knows versions up to 1");
    server.execute("locked_out", "DELETE FROM framelag_store");
    said(list(&url), 2, "is a damaged store, or another program's (its version is missing)");
    server.execute("locked_out", "DROP TABLE framelag_store");
    said(list(&url), 2, "no table framelag_store");
}

#[test]
fn wrong_usage_is_found_before_a_page_is_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let report = made(folder.path(), "a", 0, 20.0);
    let page = report.join("report.html");
    std::fs::remove_file(&page).expect("it was made");
    let refused = |flags: &[&str], words: &str| {
        let ran = framelag(&["report"]).arg(&report).args(flags).run(LIMIT).expect_code(2);
        assert!(ran.stderr.join("\n").contains(words) && ran.stdout.is_empty() && !page.exists(), "{ran}");
    };
    refused(&["--label", "q=1"], "add --store PLACE or --keep");
    let store = folder.path().join("s.sqlite").display().to_string();
    refused(&["--store", &store, "--label", "d=1", "--label", "d=2"], "--label d is given twice");
    for command in ["list", "trend"] {
        let twice = ["report", command, "--store", &store, "--label", "d=1", "--label", "d=1"];
        let ran = framelag(&twice).run(LIMIT).expect_code(2);
        assert!(ran.stderr.join("\n").contains("--label d is given twice"), "{ran}");
    }
    assert!(!Path::new(&store).exists());
}

/// SQLite waits for another process that writes, and then says so.
#[test]
fn a_locked_file_is_waited_for_and_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("runs.sqlite").display().to_string();
    let report = made(folder.path(), "a", 0, 20.0);
    drop(Store::open(&place(&file)).expect("a store"));
    const HOLD: &str = "import sqlite3, sys\n\
                        store = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
                        store.execute('BEGIN EXCLUSIVE')\n\
                        print('held', flush=True)\n\
                        sys.stdin.read()\n";
    let mut holder = Builder::new(need::python()).args(["-c", HOLD]).arg(&file).stdin(Stdio::piped()).spawn();
    holder.wait_for_line("the lock", LIMIT, |line| (line == "held").then_some(()));
    let keep = || framelag(&["report", "--store", &file]).arg(&report).spawn();
    let refused = keep().finish(LIMIT).expect_code(1);
    assert!(refused.stderr.join("\n").contains("is locked by another process"), "{refused}");

    let waiting = keep();
    holder.kill();
    waiting.finish(LIMIT).expect_code(0);
}
