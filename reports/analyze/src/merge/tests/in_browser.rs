//! Runs in browsers.

use measure::figures::browser::Viewed;

use super::*;

/// Writes the report of a run of two joins in `browser`, whose frames are `latency_ms` old, 10 ms more in the second.
fn report(folder: &Path, browser: &str, latency_ms: u64) {
    let setup = Setup { folder: Some(report::Place::Folder(folder.to_owned())), ..about(Duration::from_secs(1)) };
    let mut recorder = Recorder::in_browser(setup, "ll-hls", "hls.js").expect("a temporary folder can be written");
    for join in 0..2 {
        // No two runs begin at once.
        let begins = latency_ms + join * 10_000;
        recorder.begin_join(now(begins));
        for frame in 0..100 {
            let shown = begins + 200 + frame * 40;
            let sequence = join * 1_000 + frame;
            recorder.observe(&Observation::frame(sample(sequence, shown - latency_ms - 10 * join, shown)));
            recorder.tick(now(shown));
        }
        let mut viewed = Viewed::default();
        viewed.stall(80_000);
        viewed.state(Some(1.0 + join as f64 / 100.0), Some(60_000), 0);
        viewed.claim("hls_latency_ms", 50_000, Some(1_000 * latency_ms as i64));
        recorder.viewed(Some((browser.to_owned(), "1".to_owned())), viewed);
        recorder.end_join(now(begins + 4_200));
    }
    recorder.finish(now(20_000), &[]).with_pages(render::pages_of);
}

#[test]
fn their_joins_are_counted_through_and_what_they_showed_is_there() {
    let home = tempfile::tempdir().expect("a folder");
    let folders = [("one", "Chromium", 60), ("two", "Firefox", 80)].map(|(name, browser, latency)| {
        let folder = home.path().join(name);
        report(&folder, browser, latency);
        folder
    });
    let run = merge(&folders, &home.path().join("both"), &[]).expect("they can be joined").run;
    let browser = run.browser.expect("both were in browsers");
    assert_eq!(browser.browser.name.as_deref(), Some("Chromium, Firefox"));
    assert_eq!(browser.joins.iter().map(|join| join.number).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let medians: Vec<_> = browser.joins.iter().filter_map(|join| join.latency_ms.p50).collect();
    assert_eq!(medians, [60.0, 70.0, 80.0, 90.0]);
    assert_eq!(browser.joins_p50_ms.median, Some(75.0));
    assert_eq!((browser.viewing.stalls.count, browser.viewing.stalls.total_ms), (4, 320.0));
    let rate = browser.viewing.playback_rate;
    assert_eq!((rate.min, rate.mean, rate.max), (Some(1.0), Some(1.005), Some(1.01)));
    let claim = browser.viewing.claims["hls_latency_ms"];
    assert_eq!(
        (claim.count, claim.p50.map(f64::round), claim.difference_p50.map(f64::round)),
        (4, Some(50.0), Some(-20.0))
    );
    let different = run.warnings.iter().find(|warning| warning.code == Code::MergeDifferent).expect("told");
    assert!(different.message.ends_with("set differently: browser"), "{}", different.message);
}

#[test]
fn counts_at_the_end_of_their_range_stay_there() {
    let home = tempfile::tempdir().expect("a folder");
    let folders = [("one", 60), ("two", 80)].map(|(name, latency)| {
        let folder = home.path().join(name);
        report(&folder, "Chromium", latency);
        let file = folder.join("run.json");
        let text = fs::read_to_string(&file).expect("it is there");
        let mut run: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
        run["stalls"]["count"] = u64::MAX.into();
        run["seeks"]["start"] = u64::MAX.into();
        run["presented"]["callbacks"] = u64::MAX.into();
        run["joins"][0]["claims"]["hls_latency_ms"]["count"] = u64::MAX.into();
        fs::write(&file, run.to_string()).expect("it can be written");
        folder
    });
    let run = merge(&folders, &home.path().join("both"), &[]).expect("they can be joined").run;
    let browser = run.browser.expect("both were in browsers");
    let viewing = browser.viewing;
    let counts = [
        viewing.stalls.count,
        viewing.seeks["start"],
        viewing.presented.callbacks,
        viewing.claims["hls_latency_ms"].count,
    ];
    assert_eq!(counts, [u64::MAX; 4]);
}
