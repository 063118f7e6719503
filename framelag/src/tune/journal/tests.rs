use std::fs::OpenOptions;

use analyze::sweep::{Figures, Outcome};

use super::*;

fn row(cell: usize) -> Row {
    Row {
        cell,
        repeat: 0,
        order: cell,
        started: "2020-01-02T03:04:05Z".to_owned(),
        values: vec![cell],
        outcome: Outcome::Ok,
        why: None,
        figures: Figures { p50_ms: Some(1.5), ..Figures::default() },
        joins: Vec::new(),
        player: None,
        report: Some(format!("runs/{cell}")),
    }
}

fn identity(gop: &str) -> Vec<(String, String)> {
    vec![("seed".to_owned(), "1".to_owned()), ("axes.publisher.gop".to_owned(), gop.to_owned())]
}

fn is_locked(error: &Error) -> bool {
    matches!(error, Error::Failed(why) if why.starts_with("another tune"))
}

fn is_damaged(error: &Error, line: usize) -> bool {
    matches!(error, Error::Usage(why) if why.contains(&format!("line {line}: not a journal")))
}

fn open(folder: &Path, gop: &str) -> Result<Journal, Error> {
    Journal::open(folder, identity(gop), "now".to_owned())
}

#[test]
fn what_was_kept_is_there_again_and_a_line_that_was_cut_off_is_not() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let mut journal = open(folder.path(), "10, 20").expect("it begins");
    (0..3).for_each(|cell| journal.append(row(cell)).expect("there is room"));
    drop(journal);
    let path = folder.path().join(NAME);
    let whole = fs::read(&path).expect("it is there");
    let last = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').expect("many lines") + 1;
    for cut in last..whole.len() {
        fs::write(&path, &whole[..cut]).expect("the folder is ours");
        let mut journal = open(folder.path(), "10, 20").expect("it goes on");
        assert_eq!(journal.rows(), [row(0), row(1)], "cut at {cut}");
        journal.append(row(2)).expect("there is room");
        drop(journal);
        assert_eq!(fs::read(&path).expect("it is there"), whole, "cut at {cut}");
    }
    fs::write(&path, [&whole[..last], &[0; 50], b"\n"].concat()).expect("the folder is ours");
    assert_eq!(open(folder.path(), "10, 20").expect("it goes on").rows().len(), 2);
}

#[test]
fn a_folder_with_something_else_in_it_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    fs::write(folder.path().join("passwd"), "root").expect("the folder is ours");
    let error = open(folder.path(), "10").expect_err("it is somebody's");
    let told = error.to_string();
    assert!(
        matches!(error, Error::Usage(_)) && told.contains("--out") && told.contains(&*folder.path().to_string_lossy()),
        "{told}"
    );
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing was written");
    assert!(open(&folder.path().join("new"), "10").is_ok());
}

#[test]
fn a_pipe_in_the_journals_place_is_refused_and_not_waited_for() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join(NAME);
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RWXU).expect("a pipe");
    let told = open(folder.path(), "10").expect_err("a pipe").to_string();
    assert!(told.contains(NAME) && told.contains("named pipe"), "{told}");
    assert!(move_aside(folder.path()).is_err());
}

#[test]
fn a_head_that_was_cut_off_begins_again() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    drop(open(folder.path(), "10").expect("it begins"));
    let path = folder.path().join(NAME);
    let whole = fs::read(&path).expect("it is there");
    fs::write(&path, &whole[..whole.len() / 2]).expect("the folder is ours");
    drop(open(folder.path(), "10").expect("it begins again"));
    assert_eq!(fs::read(&path).expect("it is there"), whole);
}

#[test]
fn another_plan_is_refused_by_what_changed() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    drop(open(folder.path(), "10, 20").expect("it begins"));
    let error = open(folder.path(), "10, 30").expect_err("it is another plan");
    assert!(matches!(error, Error::Usage(_)));
    let text = error.to_string();
    assert!(text.contains("axes.publisher.gop was \"10, 20\" and is \"10, 30\"") && text.contains("--out"), "{text}");
    assert!(!text.contains("seed"), "{text}");
}

#[test]
fn a_sweep_is_move_aside_beside_itself_and_not_while_it_runs() {
    let parent = tempfile::tempdir().expect("a folder for the test");
    let folder = parent.path().join("night");
    assert_eq!(move_aside(&folder).expect("nothing is there"), None);
    let journal = open(&folder, "10").expect("it begins");
    let error = move_aside(&folder).expect_err("it runs");
    assert!(is_locked(&error), "{error}");
    drop(journal);
    for (number, typed) in ["night", "night/", "night/."].into_iter().enumerate() {
        drop(open(&folder, "10").expect("it begins"));
        let aside = move_aside(&parent.path().join(typed)).expect("it can be moved").expect("there was one");
        let number = (number + 1).to_string();
        assert!(aside.ends_with(format!("night.{number}")), "{typed}: {}", aside.display());
        assert!(aside.join(NAME).is_file() && !folder.exists(), "{typed}");
    }
}

#[test]
fn damage_in_the_middle_and_a_second_writer_are_named() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let mut journal = open(folder.path(), "10").expect("it begins");
    (0..2).for_each(|cell| journal.append(row(cell)).expect("there is room"));
    assert!(is_locked(&open(folder.path(), "10").expect_err("it is open")));
    drop(journal);
    let path = folder.path().join(NAME);
    let text = fs::read_to_string(&path).expect("it is there");
    fs::write(&path, text.replacen("\"cell\":0", "\"cell\":-1", 1)).expect("the folder is ours");
    assert!(is_damaged(&open(folder.path(), "10").expect_err("no cell"), 2));
    fs::write(&path, text.replacen("journal/1", "journal/2", 1)).expect("the folder is ours");
    assert!(is_damaged(&open(folder.path(), "10").expect_err("another version"), 1));
    fs::write(&path, text.replacen("\"ok\"", "\"\\u001b[2J\"", 1)).expect("the folder is ours");
    let told = open(folder.path(), "10").expect_err("no outcome").to_string();
    assert!(told.contains("u{1b}") && !told.contains(char::is_control), "{told}");
}

#[test]
fn a_full_disk_is_said_and_nothing_before_is_lost() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let mut journal = open(folder.path(), "10").expect("it begins");
    journal.append(row(0)).expect("there is room");
    let before = fs::read(folder.path().join(NAME)).expect("it is there");
    // /dev/full takes a write as a full disk does.
    let disk = OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
    journal.file = disk;
    let error = journal.append(row(1)).expect_err("no room");
    assert!(error.to_string().contains("kept") && matches!(error, Error::Failed(_)), "{error}");
    assert_eq!(journal.rows().len(), 1);
    assert_eq!(fs::read(folder.path().join(NAME)).expect("it is there"), before);
}

/// What goes on in place would go on in another file.
#[test]
fn a_link_in_the_journals_place_is_refused() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let (out, victim) = (folder.path().join("out"), folder.path().join("victim"));
    fs::create_dir(&out).expect("a folder");
    fs::write(&victim, "precious").expect("the folder is ours");
    std::os::unix::fs::symlink(&victim, out.join(NAME)).expect("a link");
    let told = open(&out, "10").expect_err("it is a link").to_string();
    assert!(told.contains(NAME) && told.contains("link"), "{told}");
    fs::remove_file(out.join(NAME)).expect("it is ours");
    fs::hard_link(&victim, out.join(NAME)).expect("a second name");
    assert!(open(&out, "10").is_err());
    assert_eq!(fs::read_to_string(&victim).expect("it is there"), "precious");
}
