//! A run counts once: as itself, as a copy, or as a part of what it was joined into.

use super::*;

/// How long a folder's thread may take to write; on a busy machine, too.
const LIMIT: Duration = Duration::from_secs(60);

/// Copies a report, be it one that is being written: of the files that come and go there only those that stay.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a new folder");
    for name in ["frames.csv", "intervals.csv", "latency.hgrm", "latency.hlog", "run.json"] {
        fs::copy(from.join(name), to.join(name)).expect(name);
    }
}

/// What is said of `folders`, none of which may be joined; `out` stays as it is.
fn twice(folders: &[&Path], out: &Path) -> String {
    let folders: Vec<PathBuf> = folders.iter().map(|folder| folder.to_path_buf()).collect();
    let error = merge(&folders, out, &[]).expect_err("a run would count twice");
    assert!(error.is_usage() && !out.exists(), "{error}");
    folders.iter().for_each(|folder| assert!(error.to_string().contains(&folder.display().to_string()), "{error}"));
    error.to_string()
}

#[test]
fn a_copy_that_was_made_while_the_run_went_on_is_the_same_run() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let [whole, early, out] = ["whole", "early", "out"].map(|name| home.path().join(name));
    let given = Given::default();
    let mut recorder = given.recorder(&whole);
    given.play(&mut recorder);
    // The folder's thread writes once a second of the run: that which is there has to have a picture.
    let has_picture = || Saved::open(&whole).is_ok_and(|saved| saved.run.startup.first_reading_ms.is_some());
    let begun = std::time::Instant::now();
    while !has_picture() {
        let waited = begun.elapsed();
        assert!(waited < LIMIT, "no picture in the report at {} after {waited:?}", whole.display());
        std::thread::sleep(Duration::from_millis(5));
    }
    copy(&whole, &early);
    recorder.finish(now(FRAMES * 40), &[]);
    assert!(Saved::open(&early).expect("a report").run.partial);
    for folders in [[whole.as_path(), early.as_path()], [early.as_path(), whole.as_path()]] {
        let said = twice(&folders, &out);
        assert!(said.ends_with(&format!("name it once, as {}", whole.display())), "{said}");
    }
}

#[test]
fn a_run_and_what_it_was_joined_into_are_not_joined() {
    let (rig, _) = Rig::new(&two());
    rig.merge(&[]);
    let (part, all) = (rig.folders[1].as_path(), rig.out());
    let [out, third, other, fourth] = ["out", "third", "other", "fourth"].map(|name| rig.home.path().join(name));
    for folders in [[part, all.as_path()], [all.as_path(), part]] {
        let said = twice(&folders, &out);
        assert!(said.ends_with(&format!("leave out {}", part.display())), "{said}");
    }
    Given { began: 7_000, ..Given::default() }.report(&third);
    merge(&[third, part.to_owned()], &other, &[]).expect("they can be joined");
    let said = twice(&[&all, &other], &out);
    assert!(said.contains(&format!("both have the run of {} in them", part.display())), "{said}");
    // Joined twice over, it is still known.
    Given { began: 9_000, ..Given::default() }.report(&fourth);
    let twofold = rig.home.path().join("twofold");
    merge(&[fourth, all.clone()], &twofold, &[]).expect("they can be joined");
    assert!(twice(&[part, &twofold], &out).contains("in it, which would count twice"));
}

#[test]
fn what_an_earlier_version_joined_is_known_by_its_figures() {
    let (rig, _) = Rig::new(&two());
    rig.merge(&[]);
    let path = rig.out().join("run.json");
    let mut run: serde_json::Value = serde_json::from_slice(&fs::read(&path).expect("run.json")).expect("JSON");
    for receiver in run["merged"]["receivers"].as_array_mut().expect("receivers") {
        receiver.as_object_mut().expect("an object").remove("identity").expect("it is there");
    }
    fs::write(&path, run.to_string()).expect("the folder can be written");
    let out = rig.home.path().join("out");
    assert!(twice(&[&rig.out(), &rig.folders[0]], &out).contains("leave out"));
}
