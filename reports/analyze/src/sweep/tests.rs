use std::fs;

use measure::units::rounded;
use report::run::Run;
use serde_json::Value;

use super::testing::{axes, latency, realistic, sweep};
use super::*;

/// 2 × 2 with 2 repeats, a failed run, and names that want quoting and escaping.
fn small() -> Sweep {
    let axes = axes(&[("publisher.bitrate", &["500k", "4,0M"]), ("<b>\"x\"", &["a&b", "<script>"])]);
    let mut sweep = sweep(axes, 2, 3, |values, luck| {
        let ms = [20.0, 40.0][values[0]] * (0.02 * luck.normal()).exp();
        Figures {
            bitrate_kbps: Some(rounded([500.0, 4_000.0][values[0]] * (0.01 * luck.normal()).exp())),
            lost_percent: Some(0.0),
            missing_percent: Some(0.0),
            fps: Some(25.0),
            psnr_db: Some(rounded(33.0 + 6.0 * values[0] as f64 + 0.1 * luck.normal())),
            p50_ms: Some(rounded(ms)),
            p99_ms: Some(rounded(ms * 1.9)),
            ..Figures::default()
        }
    });
    let row = &mut sweep.rows[2];
    (row.outcome, row.figures, row.report) = (Outcome::Failed, Figures::default(), None);
    row.why = Some("the publisher ended: \"<no> device, here\"\nand more".to_owned());
    sweep
}

#[test]
fn tune_html() {
    let page = page::sweep(&analyze(&small()));
    let headings: Vec<&str> = page.split("<h2>").skip(1).filter_map(|rest| rest.split("</h2>").next()).collect();
    let expected = [
        "What to choose",
        "Before you rely on this",
        "Latency against bit rate and PSNR",
        "Latency by pairs of settings",
        "All settings",
        "The same in all runs",
        "Machine",
        "How this was worked out",
    ];
    assert_eq!(headings, expected);
    let count = |what: &str| page.matches(what).count();
    let charts =
        count("p50 latency against bit rate of each setting") + count("p50 latency against PSNR of each setting");
    assert_eq!((charts, count("class=\"plot heat\"")), (2, 2), "heat maps are of p50 and of p99");
    let table =
        page.split("<h2>All settings</h2>").nth(1).and_then(|rest| rest.split("</table>").next()).expect("a table");
    assert_eq!(table.matches("<tr>").count(), 1 + 4, "a head and a row for each setting");
    for what in ["19.9 (9.7–40.6)", "perhaps · fastest", "1 of 2", "500k", "a&amp;b"] {
        assert!(table.contains(what), "{what} is not in {table}");
    }
}

/// Review a change with `cargo insta review`, or by renaming the `.snap.new` file.
#[test]
fn every_file_of_a_sweep_is_as_it_was() {
    let table = csv::sweep(&small());
    assert!(table.ends_with("\r\n"), "RFC 4180 ends lines so, and a snapshot does not tell");
    insta::assert_snapshot!("tune.csv", table);
    insta::assert_snapshot!("tune.json", json::sweep(&analyze(&small())));
    insta::assert_snapshot!("tune.html", page::sweep(&analyze(&small())));
}

#[test]
fn files_are_written_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    write(&Dir::open(folder.path()).expect("it is there"), &small()).expect("it can be written");
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).expect(name);
    assert!(read("tune.csv").starts_with("cell,repeat,order,join,started,outcome,publisher.bitrate,"));
    assert!(read("tune.json").contains(SCHEMA));
    let page = read("tune.html");
    assert!(!page.contains("<script"), "a value became markup");
    assert!(page.contains("&lt;script&gt;"));
    let mut names: Vec<_> =
        fs::read_dir(folder.path()).expect("it is there").flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    assert_eq!(names, ["tune.csv", "tune.html", "tune.json"]);
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let gone = Dir::make(&folder.path().join("gone")).expect("a folder");
    fs::remove_dir(gone.path()).expect("it is ours");
    let error = write(&gone, &small()).expect_err("it is not there").to_string();
    assert!(error.contains("cannot write the sweep's file") && error.contains("gone/tune.csv: "), "{error}");
}

#[test]
fn a_journal_of_another_plan_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    for (spoil, why) in [
        ((|row| row.values = vec![0]) as fn(&mut Row), "it has 1 values for 2 axes"),
        (|row| row.values[1] = 7, "<b>\"x\" has no value number 7"),
        (|row| row.values[1] = 1 - row.values[1], "has other values in an earlier run"),
    ] {
        let mut sweep = small();
        spoil(&mut sweep.rows[7]);
        let error = write(&Dir::open(folder.path()).expect("it is there"), &sweep).expect_err(why).to_string();
        assert!(error.starts_with("run 7 of the sweep does not fit its axes: ") && error.contains(why), "{error}");
    }
    assert_eq!(fs::read_dir(folder.path()).expect("it is there").count(), 0);
}

#[test]
fn a_row_survives_the_journal() {
    let rows = small().rows;
    let lines: Vec<String> = rows.iter().map(|row| serde_json::to_string(row).expect("it is JSON")).collect();
    let read: Vec<Row> = lines.iter().map(|line| serde_json::from_str(line).expect("it was written")).collect();
    assert_eq!(read, rows);
}

/// All three files of sweeps that are not as one would have them: none panics, none has a NaN.
#[test]
fn sweeps_of_every_shape_are_written() {
    let named = |count: usize| -> Vec<String> { (0..count).map(|at| format!("1920x1080 {at} fps")).collect() };
    let one = |count: usize, repeats: u32| {
        let names = named(count);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        sweep(axes(&[("publisher.size", &names)]), repeats, 1, |_, luck| latency(30.0 + luck.normal()))
    };
    let mut shapes = vec![
        sweep(Vec::new(), 3, 1, |_, luck| latency(30.0 + luck.normal())),
        sweep(axes(&[("", &[""]), ("", &["", " "])]), 2, 1, |_, luck| latency(30.0 + luck.normal())),
        realistic(1, 1),
    ];
    for (cells, repeats) in [(1, 1), (1, 4), (2, 1), (2, 2), (18, 1), (18, 3)] {
        shapes.push(one(cells, repeats));
    }
    let spoils: [fn(usize, &mut Row); 7] = [
        |_, row| (row.outcome, row.figures) = (Outcome::Failed, Figures::default()),
        |at, row| row.outcome = [Outcome::Ok, Outcome::Inconclusive, Outcome::Failed][at % 3],
        |at, row| row.figures.p50_ms = [None, Some(f64::NAN), Some(f64::INFINITY)][at % 3],
        |_, row| (row.figures.p50_ms, row.figures.p99_ms) = (Some(5.0), Some(5.0)),
        |at, row| row.figures.p50_ms = Some(if at % 2 == 0 { -1e300 } else { 1e300 }),
        |at, row| row.figures.bitrate_kbps = Some(at as f64 * 1e-308),
        |_, row| row.repeat = 0,
    ];
    let mut all = shapes.clone();
    for shape in &shapes {
        for spoil in spoils {
            let mut shape = shape.clone();
            shape.rows.iter_mut().enumerate().for_each(|(at, row)| spoil(at, row));
            all.push(shape.clone());
            shape.rows.truncate(1);
            shape.complete = false;
            all.push(shape.clone());
            shape.rows.clear();
            all.push(shape);
        }
    }
    for sweep in &all {
        let found = analyze(sweep);
        let (csv, json, html) = (csv::sweep(sweep), json::sweep(&found), page::sweep(&found));
        assert_eq!(csv.lines().count(), sweep.rows.len() + 1);
        let _json: Value = serde_json::from_str(&json).expect("it is JSON");
        let visible = html.split_once("<body>").expect("it has a body").1;
        for word in ["NaN", "inf"] {
            assert!(!visible.contains(word), "{word} in {visible}");
        }
        assert!(!found.advice.is_empty());
    }
}

#[test]
fn warnings_say_what_is_wrong() {
    let mut sweep = realistic(1, 2);
    sweep.complete = false;
    sweep.rows[3].outcome = Outcome::Inconclusive;
    sweep.rows.iter_mut().for_each(|row| (row.figures.psnr_db, row.figures.ssim) = (None, None));
    sweep.rows.iter_mut().filter(|row| row.cell == 9).for_each(|row| row.figures.missing_percent = Some(12.0));
    let found = analyze(&sweep);
    for what in [
        "The sweep is not finished",
        "1 of 48 runs were inconclusive",
        "No setting has more than 2 runs",
        "In 1 setting more than 1 % of the frames were not seen",
        "Picture quality was not measured",
    ] {
        assert!(
            found.warnings.iter().any(|warning| warning.contains(what)),
            "{what:?} is not in {:#?}",
            found.warnings
        );
    }
}

#[test]
fn a_drift_over_the_night_is_named() {
    let axes = axes(&[("x", &["a", "b", "c", "d", "e", "f"])]);
    let mut run = 0.0;
    let drifting = sweep(axes, 4, 3, |values, luck| {
        run += 1.0;
        latency((30.0 + values[0] as f64) * (0.01 * run + 0.02 * luck.normal()).exp())
    });
    let found = analyze(&drifting);
    let drift = found.drift.as_ref().expect("there are enough runs");
    // From the first repetition to the fourth: 18 runs.
    assert!(drift.clear && drift.settings == 6 && (drift.change - 20.0).abs() < 8.0, "{drift:?}");
    assert!(found.warnings.iter().any(|warning| warning.contains("Later runs measured higher latencies")));
}

#[test]
fn a_steady_night_has_no_drift() {
    let alarms = (0..400).filter(|seed| {
        let steady = realistic(*seed, 3);
        let cells = cells::Cell::all(&steady);
        drift::of(&cells).expect("there are enough runs").clear
    });
    // 1 % of 400, and 3 standard deviations.
    let alarms = alarms.count();
    assert!(alarms <= 10, "{alarms} of 400");
}

#[test]
fn what_the_decoder_refused_after_a_loss_is_missing_too() {
    let tally = report::tally::Tally::new(crate::testing::about(std::time::Duration::ZERO));
    let mut run = tally.run(false);
    run.frames.expected = Some(1_000);
    (run.frames.lost, run.frames.undecodable, run.frames.unreadable) = (Some(5), Some(90), Some(1));
    let figures = Figures::of(&run);
    assert_eq!((figures.lost_percent, figures.missing_percent), (Some(0.5), Some(9.6)));
    // Of a browser, what it showed without telling the page is not missing.
    for (unreadable, missed, missing) in [(30, 20, 10.5), (30, 40, 9.5), (30, 0, 12.5)] {
        let browser = serde_json::json!({ "via": "hls", "presented": { "missed": missed } });
        run.browser = Some(serde_json::from_value(browser).expect("a browser's figures"));
        run.frames.unreadable = Some(unreadable);
        assert_eq!(Figures::of(&run).missing_percent, Some(missing));
    }
    run.frames.undecodable = None;
    assert_eq!(Figures::of(&run).missing_percent, None);
}

#[test]
fn a_quantile_of_too_few_frames_is_not_told() {
    let tally = report::tally::Tally::new(crate::testing::about(std::time::Duration::ZERO));
    let mut run = tally.run(false);
    (run.latency_ms.p50, run.latency_ms.p95, run.latency_ms.p99) = (Some(20.0), Some(30.0), Some(40.0));
    let told = |count: u64, run: &mut Run| {
        run.latency_ms.count = count;
        let Figures { p50_ms, p95_ms, p99_ms, .. } = Figures::of(run);
        [p50_ms, p95_ms, p99_ms].map(|value| value.is_some())
    };
    assert_eq!(told(19, &mut run), [true, false, false]);
    assert_eq!(told(99, &mut run), [true, true, false]);
    assert_eq!(told(100, &mut run), [true, true, true]);

    let mut sweep = realistic(1, 2);
    sweep.rows.iter_mut().filter(|row| row.cell == 3).for_each(|row| row.figures.p99_ms = None);
    let found = analyze(&sweep);
    assert!(found.warnings.iter().any(|warning| warning.contains("fewer than 100 frames")), "{:#?}", found.warnings);
}

#[test]
fn a_setting_whose_late_frames_never_came_is_not_compared() {
    let axes = axes(&[("receiver.transport", &["tcp", "udp"]), ("server.x", &["a", "b", "c"])]);
    let mut lossy = sweep(axes, 4, 2, |_, luck| latency(20.0 * (0.01 * luck.normal()).exp()));
    // UDP with c: a tenth of the latency, of the tenth of the frames that came.
    for row in lossy.rows.iter_mut().filter(|row| row.values == [1, 2]) {
        row.figures = latency(2.0);
        row.figures.missing_percent = Some(90.0);
    }
    let found = analyze(&lossy);
    assert!(found.advice[0].cell.is_some_and(|cell| found.cells[cell].values != [1, 2]), "{:?}", found.advice);
    let cell = found.cells.iter().position(|cell| cell.values == [1, 2]).expect("it ran");
    assert_eq!(found.fronts[0].standing[cell], None);
    let page = page::sweep(&found);
    assert!(page.contains("2.0!") && page.contains("A ! marks fields where more than 1 %"), "the heat map marks it");
}

#[test]
fn joins_are_rows_and_a_browser_has_columns_of_its_own() {
    let mut played = realistic(1, 1);
    for row in &mut played.rows {
        row.player = Some("hls.js".to_owned());
        let join = |p50: f64| Figures { stalls: Some(1.0), stalled_percent: Some(0.1), ..latency(p50) };
        row.joins = vec![join(200.0), join(300.0)];
    }
    let table = csv::sweep(&played);
    assert_eq!(table.lines().count(), 1 + 2 * played.rows.len());
    assert!(table.starts_with("cell,repeat,order,join,"), "{table}");
    let page = page::sweep(&analyze(&played));
    for what in ["stalled, %", "claim − truth, ms", "2 joins", "hls.js"] {
        assert!(page.contains(what), "{what} is not on the page");
    }
    assert!(!page::sweep(&analyze(&realistic(1, 1))).contains("stalled, %"), "of RTSP there is nothing to say");
}
