//! What only an insider can try: other versions and strangers' files. The rest is in `tests/tests/store.rs`, where
//! PostgreSQL has its turn too.

use std::path::{Path, PathBuf};

use super::*;

fn file(folder: &tempfile::TempDir) -> Place {
    Place::File(folder.path().join("runs.sqlite"))
}

fn path(place: &Place) -> &PathBuf {
    match place {
        Place::File(path) => path,
        Place::Server(_) => unreachable!("tests here use files"),
    }
}

fn execute(store: &mut Store, sql: &'static str) {
    store.wait(async |connection| sqlx::query(sql).execute(connection).await).expect(sql);
}

#[test]
fn a_store_of_a_newer_version_is_refused_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = file(&folder);
    execute(&mut Store::open(&place).expect("a store"), "UPDATE framelag_store SET version = 7");
    let error = Store::open(&place).expect_err("newer");
    assert!(error.to_string().contains("is a store of version 7, and this framelag knows"), "{error}");
    assert_eq!(error.exit_code(), 2);
}

#[test]
fn an_older_store_is_brought_up_to_date_and_keeps_what_it_has() {
    const NEXT: &[&str] = &["ALTER TABLE framelag_labels ADD COLUMN later TEXT"];
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = Store::open(&file(&folder)).expect("a store");
    execute(&mut store, "INSERT INTO framelag_baselines (name, saved, runs) VALUES ('kept', 't', 'r')");
    let migrations = [schema::MIGRATIONS, &[NEXT]].concat();
    for _ in 0..2 {
        store
            .wait(async |connection| schema::migrate(connection, Dialect::Sqlite, &migrations).await)
            .expect("the second time there is nothing to do");
    }
    execute(&mut store, "SELECT later FROM framelag_labels");
    assert_eq!(store.baselines().expect("names"), ["kept"]);
    let found = store.wait(async |connection| schema::contents(connection, Dialect::Sqlite).await);
    assert_eq!(found.expect("a version"), Contents::Version(migrations.len() as i64));
}

#[test]
fn what_fails_half_way_leaves_the_store_as_it_was() {
    const BROKEN: &[&str] = &["CREATE TABLE framelag_half (id TEXT)", "no statement"];
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = Store::open(&file(&folder)).expect("a store");
    let migrations = [schema::MIGRATIONS, &[BROKEN]].concat();
    let failed = store.wait(async |connection| schema::migrate(connection, Dialect::Sqlite, &migrations).await);
    assert!(failed.expect_err("no statement").to_string().contains("is a damaged store"));
    execute(&mut store, "CREATE TABLE framelag_half (id TEXT)");
}

#[test]
fn files_that_are_no_store_are_refused_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = file(&folder);
    std::fs::write(path(&place), "seq,outcome\n".repeat(100)).expect("a file");
    let error = Store::open(&place).expect_err("no database");
    assert!(error.to_string().contains("is no SQLite database"), "{error}");
    assert_eq!(std::fs::read(path(&place)).expect("a file"), "seq,outcome\n".repeat(100).as_bytes());

    let other = Place::File(folder.path().join("other.sqlite"));
    let mut store = Store::open(&other).expect("a store");
    for table in ["store", "labels", "runs", "baselines"] {
        store
            .wait(async |connection| sqlx::query(&format!("DROP TABLE framelag_{table}")).execute(connection).await)
            .expect(table);
    }
    execute(&mut store, "CREATE TABLE songs (id TEXT)");
    drop(store);
    let error = Store::open(&other).expect_err("another program's");
    assert!(error.to_string().contains("is a database of another program"), "{error}");
    let error = Store::open(&Place::File(folder.path().to_owned())).expect_err("a folder");
    assert!(error.to_string().contains("it is a folder"), "{error}");
    assert_eq!(error.exit_code(), 2, "{error:?}");
}

#[test]
fn a_damaged_store_is_said_to_be_one() {
    for (sql, said) in [
        ("DELETE FROM framelag_store", "its version is missing"),
        ("UPDATE framelag_store SET version = 0", "less than 1"),
        ("UPDATE framelag_store SET version = -1", "less than 1"),
        ("DROP TABLE framelag_store", "no table framelag_store"),
        ("DROP TABLE framelag_runs", "no such table: framelag_runs"),
        ("ALTER TABLE framelag_runs DROP COLUMN outcome", "outcome"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let place = file(&folder);
        execute(&mut Store::open(&place).expect("a store"), sql);
        let before = std::fs::read(path(&place)).expect("a file");
        let error = Store::open(&place).and_then(|mut store| store.list(&Filter::default())).expect_err(sql);
        let text = error.to_string();
        assert!(text.contains("is a damaged store") && text.contains(said), "{sql}: {text}");
        assert_eq!(error.exit_code(), 2);
        assert_eq!(std::fs::read(path(&place)).expect("a file"), before, "{sql}: it is left alone");
    }
}

#[test]
fn a_run_that_was_tampered_with_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = Store::open(&file(&folder)).expect("a store");
    execute(
        &mut store,
        "INSERT INTO framelag_runs (id, added, started, url, machine, settings, outcome, partial, frames, run) \
         VALUES ('00000000000000aa', '', '', '', '', '', '', 0, 0, '{}')",
    );
    let id = store.find("00000000").expect("the run");
    let error = store.run(&id).expect_err("no run");
    assert!(error.to_string().starts_with("run 00000000000000aa in "), "{error}");
    assert_eq!(error.exit_code(), 1);
    assert!(!Path::new("run.json").exists());
}

/// A database of somebody else's making: its views and virtual tables are asked nothing.
#[test]
fn what_is_called_like_our_tables_and_is_none_is_never_read() {
    const ENDLESS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
                           SELECT i AS id, i AS name, i AS value, i AS run, 1 AS version FROM n";
    for name in ["framelag_runs", "framelag_labels", "framelag_baselines", "framelag_store", "FRAMELAG_RUNS"] {
        let folder = tempfile::tempdir().expect("a folder");
        let place = file(&folder);
        let mut store = Store::open(&place).expect("a store");
        for statement in [format!("DROP TABLE {name}"), format!("CREATE VIEW {name} AS {ENDLESS}")] {
            store.wait(async |connection| sqlx::query(&statement).execute(connection).await).expect("it is ours");
        }
        drop(store);
        for opened in [Store::open(&place), Store::open_existing(&place)] {
            let error = opened.expect_err(name);
            let text = error.to_string();
            assert!(text.contains("is a damaged store") && text.contains("view"), "{name}: {text}");
        }
    }
}

#[test]
fn a_trigger_of_somebody_else_is_never_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = file(&folder);
    let mut store = Store::open(&place).expect("a store");
    let trigger = "CREATE TRIGGER t BEFORE INSERT ON Framelag_Runs BEGIN SELECT 1; END";
    store.wait(async |connection| sqlx::query(trigger).execute(connection).await).expect("it is ours");
    drop(store);
    for opened in [Store::open(&place), Store::open_existing(&place)] {
        let error = opened.expect_err("it has a trigger");
        let text = error.to_string();
        assert!(text.contains("is a damaged store") && text.contains("trigger"), "{text}");
    }
}

#[test]
fn what_others_put_into_a_store_reaches_a_terminal_as_text() {
    const EVIL: &str = "x\u{1b}]0;owned\u{7}\u{9b}2J\u{202e}\u{200b}\ny";
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = Store::open(&file(&folder)).expect("a store");
    for statement in [
        "INSERT INTO framelag_runs (id, added, started, url, machine, settings, outcome, partial, frames, run) \
         VALUES ($1, $1, $1, $1, $1, $1, $1, 0, 0, $1)",
        "INSERT INTO framelag_labels (run, name, value) VALUES ($1, $1, $1)",
        "INSERT INTO framelag_baselines (name, saved, runs) VALUES ($1, $1, $1)",
    ] {
        let bound = sqlx::query(statement).bind(EVIL.to_owned());
        store.wait(async |connection| bound.execute(connection).await).expect("it is ours");
    }
    let listed = store.list(&Filter::default()).expect("a list");
    let labels = store.labels(&RunId(EVIL.to_owned())).expect("labels");
    let unreadable = store.comparable(&Filter::default(), 9, true).expect_err("its run is none").to_string();
    let baselines = store.baselines().expect("names").join(",");
    let missing = store.baseline("other").expect_err("there is none").to_string();
    let told = serde_json::to_string(&listed).expect("JSON");
    for text in [told, serde_json::to_string(&labels).expect("JSON"), unreadable, baselines, missing] {
        assert!(text.contains("owned") && !text.contains(common::printable::is_obeyed), "{text:?}");
    }
    assert_eq!(listed[0].labels.len(), 1);
}
