use std::os::unix::fs::symlink;

use super::*;

/// A folder with `victim` beside the one that is opened.
fn there() -> (tempfile::TempDir, Dir, PathBuf) {
    let home = tempfile::tempdir().expect("a temporary folder");
    let dir = Dir::make(&home.path().join("a/b")).expect("it can be made");
    let victim = home.path().join("victim");
    fs::write(&victim, "precious").expect("a file");
    (home, dir, victim)
}

fn names(dir: &Dir) -> Vec<String> {
    let entries = fs::read_dir(dir.path()).expect("it is there").flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_link_is_not_written_through_and_what_is_in_the_way_is_named() {
    let (_home, dir, victim) = there();
    symlink(&victim, dir.path().join("linked")).expect("a link");
    symlink(victim.with_file_name("missing"), dir.path().join("dangling")).expect("a link");
    fs::create_dir(dir.path().join("folder")).expect("a folder");
    for (name, what) in [("linked", "link"), ("dangling", "link"), ("folder", "folder")] {
        for error in [dir.replace(name, "x").expect_err(name), dir.resume(name).expect_err(name)] {
            assert!(error.to_string().contains(&format!("there is a {what}")), "{error}");
        }
    }
    assert_eq!(fs::read_to_string(&victim).expect("it is there"), "precious");
    assert!(!victim.with_file_name("missing").exists());
    assert_eq!(names(&dir), ["dangling", "folder", "linked"], "nothing is left of what was tried");
}

#[test]
fn a_file_with_a_second_name_keeps_its_content_there() {
    let (_home, dir, victim) = there();
    fs::hard_link(&victim, dir.path().join("twice")).expect("a second name");
    let error = dir.resume("twice").expect_err("to write on in it would write there").to_string();
    assert!(error.contains("hard link"), "{error}");
    dir.replace("twice", "ours").expect("a new file takes its place");
    assert_eq!(fs::read_to_string(dir.path().join("twice")).expect("it is there"), "ours");
    assert_eq!(fs::read_to_string(&victim).expect("it is there"), "precious");
    assert!(dir.resume("twice").is_ok());
}

/// The name of the new file cannot be foreseen: what a process of this id would once have written to is somebody else's.
#[test]
fn a_file_is_made_under_a_name_that_nobody_has() {
    let (_home, dir, victim) = there();
    let foreseen = format!("page.{}.new", std::process::id());
    symlink(&victim, dir.path().join(&foreseen)).expect("a link");
    dir.replace("page.html", "whole").expect("it can be written");
    assert_eq!(fs::read_to_string(&victim).expect("it is there"), "precious");
    let half = dir.fresh("half").expect("it can be begun");
    assert_eq!(names(&dir).len(), 3);
    drop(half);
    assert_eq!(names(&dir), [foreseen, "page.html".to_owned()]);
}

#[test]
fn a_folder_is_not_entered_through_a_link_but_where_the_user_named_it() {
    let (home, dir, victim) = there();
    let outside = home.path().join("outside");
    fs::create_dir_all(outside.join("run")).expect("a folder");
    fs::write(outside.join("run/kept"), "").expect("a file");
    symlink(&outside, dir.path().join("runs")).expect("a link");
    let error = dir.inside("runs").expect_err("it is a link").to_string();
    assert!(error.contains("there is a link"), "{error}");
    assert!(Dir::open(&dir.path().join("runs")).expect("the user says so").inside("run").is_ok());

    let anew = dir.anew("runs").expect("the link is in nobody's way");
    assert!(names(&anew).is_empty() && outside.join("run/kept").exists() && victim.exists());
}

#[test]
fn a_folder_is_made_anew_in_the_one_that_is_open_and_not_in_one_that_took_its_place() {
    let (folder, dir, _victim) = there();
    let (ours, moved) = (dir.path().to_owned(), folder.path().join("moved"));
    dir.inside("run").expect("nothing is in the way");
    fs::rename(&ours, &moved).expect("it is ours");
    fs::create_dir_all(ours.join("run/theirs")).expect("it is ours");
    dir.anew("run").expect("it is empty");
    assert!(ours.join("run/theirs").exists() && moved.join("run").exists());
}

#[test]
fn a_folder_that_is_another_one_now_is_told_with_where_it_went() {
    let (home, dir, _victim) = there();
    assert!(dir.check().is_ok());
    let (moved, link) = (home.path().join("moved"), home.path().join("link"));
    symlink(dir.path(), &link).expect("a link");
    assert!(Dir::open(&link).expect("it leads there").check().is_ok());
    fs::rename(dir.path(), &moved).expect("it is ours");
    fs::create_dir(dir.path()).expect("a folder");
    let told = dir.check().expect_err("another folder has its name").to_string();
    assert!(told.contains(&moved.display().to_string()), "{told}");
    dir.replace("x", "y").expect("it is still written");
    assert!(moved.join("x").exists() && names(&dir).is_empty());
}

#[test]
fn a_log_goes_into_a_file_of_its_own() {
    let (_home, dir, victim) = there();
    let log = dir.path().join("server.log");
    fs::hard_link(&victim, &log).expect("a second name");
    create(&log).expect("it can be made").write_all(b"said").expect("it can be written");
    assert_eq!(fs::read_to_string(&log).expect("it is there"), "said");
    fs::remove_file(&log).expect("it is ours");
    symlink(&victim, &log).expect("a link");
    assert!(create(&log).is_err());
    assert_eq!(fs::read_to_string(&victim).expect("it is there"), "precious");
}
