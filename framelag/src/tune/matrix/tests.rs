use framelag::plan;

use super::*;

const HEAD: &str = "name = \"t\"\nsource = \"test\"\nduration = \"2s\"\n";

fn plan(rest: &str) -> Plan {
    plan::read(&format!("{HEAD}{rest}")).unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
}

fn mistakes(rest: &str) -> Vec<Mistake> {
    cells(&plan(rest)).map(|cells| cells.len()).expect_err("it cannot be")
}

#[test]
fn every_combination_is_a_cell_with_what_is_fixed() {
    let plan =
        plan("[fixed]\npublisher.fps = 25\n[axes]\npublisher.gop = [10, 50]\nserver = [\"embedded\", \"framelag\"]\n");
    let cells = cells(&plan).expect("all can be");
    assert_eq!(cells.iter().map(|cell| cell.values.clone()).collect::<Vec<_>>(), [[0, 0], [0, 1], [1, 0], [1, 1]]);
    let last = &cells[3];
    assert_eq!(plan.describe(&last.values), "publisher.gop=50 server=framelag");
    assert_eq!(last.parts.server(), Server::Own);
    assert!(last.parts.publisher.contains(&"--fps=25".to_owned()), "{:?}", last.parts);
    assert_eq!(last.gop_time, Duration::from_secs(2));
}

#[test]
fn each_block_has_each_cell_once_in_an_order_of_its_own() {
    let order_of = |seed| order(20, 3, seed);
    let trials = order_of(7);
    assert_eq!(trials, order_of(7));
    assert_ne!(trials, order_of(8));
    let blocks: Vec<Vec<usize>> =
        trials.chunks(20).map(|block| block.iter().map(|trial| trial.cell).collect()).collect();
    for (number, block) in blocks.iter().enumerate() {
        assert!(trials[number * 20..][..20].iter().all(|trial| trial.repeat as usize == number));
        let mut sorted = block.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..20).collect::<Vec<_>>());
    }
    assert_ne!(blocks[0], blocks[1]);
}

#[test]
fn impossible_cells_are_named_with_their_line_and_what_would_be_right() {
    for (rest, line, word) in [
        ("[axes]\npublisher.fps = [5, 30]\n", 5, "duration = \"6s\""),
        ("[fixed]\npublisher.fps = 15\n[axes]\npublisher.gop = [30, 1000]\n", 7, "publisher.gop = 900"),
        ("[axes]\nuplink.delay = [\"0\", \"20ms\"]\n", 5, "framelag"),
        ("[axes]\ndownlink.reorder = [\"0%\", \"1%\"]\n", 5, "receiver.transport = \"udp\""),
        ("[axes]\npublisher.bitrate = [\"1M\", \"1000k\"]\n", 5, "are the same"),
        ("[axes]\npublisher.gop = [10, 20]\npublisher.size = [\"640x480\",\n\"641x480\"]\n", 7, "642x480"),
        ("[axes]\npublisher.bitrate = [\"1M\",\n\"9G\"]\n", 6, "240M"),
        ("[axes]\npublisher.encoder-option = [\"none\",\n\"complexity=top\"]\n", 6, "low (the default)"),
        ("[axes]\npublisher.buffer = [\"500k\", \"1M\"]\n", 5, "ffmpeg:libx264"),
        ("[fixed]\nvia = \"dash\"\n[axes]\nplayer = [\"dash.js\",\n\"own\"]\n", 8, "does not play dash"),
        ("[fixed]\nvia = \"hls\"\n[axes]\nsegment = [\"1s\",\n\"2m\"]\n", 8, "100ms to 60s"),
        ("[fixed]\nvia = \"hls\"\nserver = \"embedded\"\n[axes]\nsegment = [\"1s\", \"2s\"]\n", 6, "framelag"),
        ("[axes]\nsegment = [\"1s\", \"2s\"]\n", 5, "add via"),
        ("[fixed]\nvia = \"hls\"\n[axes]\nreceiver.transport = [\"tcp\", \"udp\"]\n", 7, "no effect with via"),
        ("[fixed]\nvia = \"hls\"\n[axes]\nsegment = [\"1s\", \"1000ms\"]\n", 7, "are the same"),
        (
            "[fixed]\nvia = \"ll-hls\"\nplayer = \"own\"\n[axes]\nhls.js.maxBufferLength = [1, 2]\n",
            8,
            "is an option of hls.js",
        ),
        ("[axes]\npublisher.encoder = [\"openh264\",\n\"ffmpeg:libx999\"]\n", 6, "libx999"),
    ] {
        let found = mistakes(rest);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].what.contains(word), "{rest}: {found:?}");
        assert_eq!(found[0].line, Some(line), "{rest}: {found:?}");
    }
}

#[test]
fn a_gop_is_as_long_as_a_segment_unless_the_plan_says_otherwise() {
    let of = |rest: &str| {
        let plan = plan(&format!("[fixed]\nvia = \"hls\"\npublisher.fps = 25\nplaylist = 4\n{rest}"));
        cells(&plan).unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
    };
    let derived = of("[axes]\nsegment = [\"200ms\", \"2s\"]\n");
    assert_eq!(derived.iter().map(|cell| cell.gop_time.as_millis()).collect::<Vec<_>>(), [200, 2000]);
    assert!(derived[0].parts.publisher.contains(&"--gop=5".to_owned()), "{:?}", derived[0].parts);
    assert_eq!((derived[1].fill, &derived[1].warning), (Duration::from_secs(8), &None));

    let given = of("publisher.gop = 30\n[axes]\nsegment = [\"1200ms\", \"2s\"]\n");
    assert_eq!((given[0].fill, &given[0].warning), (Duration::from_millis(4800), &None));
    let warning = given[1].warning.as_deref().expect("50 pictures are no whole number of GOPs");
    assert!(warning.contains("after 2.400 s; 50 would fit"), "{warning}");
    assert_eq!(given[1].fill, Duration::from_millis(9600));

    let mse = plan("[fixed]\nvia = \"mse\"\n[axes]\ncushion = [\"30ms\", \"60ms\"]\n");
    let mse = cells(&mse).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    assert_eq!((mse[0].fill, mse[0].gop_time), (Duration::ZERO, Duration::from_secs(1)), "it has no segments");
}

#[test]
fn pictures_are_kept_at_all_places_of_a_gop_and_enough_of_them() {
    for (pictures, gop, every) in
        [(30.0, 30, 1), (250.0, 50, 11), (250.0, 12, 11), (900.0, 30, 13), (900.0, 1, 15), (9000.0, 1, 90)]
    {
        assert_eq!(pictures_every(pictures, gop), every, "{pictures} {gop}");
    }
}

#[test]
fn pictures_are_of_the_size_and_rate_that_their_file_has() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let file = folder.path().join("small.y4m");
    let picture = vec![128; 320 * 240 * 3 / 2];
    std::fs::write(&file, [b"YUV4MPEG2 W320 H240 F10:1 C420\nFRAME\n", &picture[..]].concat()).expect("it is ours");
    let of = |more: &str| {
        let source = format!("name = \"t\"\nsource = \"{}\"\nduration = \"10s\"\n", file.display());
        let plan = plan::read(&format!("{source}{more}[axes]\npublisher.gop = [20, 50]\n"));
        let cells = cells(&plan.unwrap_or_else(|mistakes| panic!("{mistakes:?}")));
        cells.unwrap_or_else(|mistakes| panic!("{mistakes:?}")).remove(0)
    };
    let cell = of("");
    assert_eq!(cell.gop_time, Duration::from_secs(2), "10 per second, as the file has them");
    // 120 pictures in 12 s, of which so many are kept, at both ends, and half as many again.
    let kept = 120_u64.div_ceil(cell.pictures_every.into());
    assert_eq!(cell.pictures_bytes, kept * 320 * 240 * 3 / 2 * 3);
    let scaled = of("[fixed]\npublisher.size = \"640x480\"\n");
    assert_eq!((scaled.gop_time, scaled.pictures_bytes), (cell.gop_time, cell.pictures_bytes * 4));
    std::fs::write(&file, "YUV4MPEG2 W0 H0\n").expect("it is ours");
    // Also where there is nothing to find out.
    for fixed in ["publisher.fps = 20\n", "publisher.fps = 20\npublisher.size = \"320x240\"\n"] {
        let plan = plan::read(&format!(
            "name = \"t\"\nsource = \"{}\"\nduration = \"10s\"\n[fixed]\n{fixed}[axes]\npublisher.gop = [20, 50]\n",
            file.display()
        ));
        let found = cells(&plan.unwrap_or_else(|mistakes| panic!("{mistakes:?}"))).map(|cells| cells.len());
        let found = found.expect_err("it is no video any more");
        assert!(found[0].what.contains("small.y4m") && found[0].line == Some(2), "{found:?}");
    }
}

#[test]
fn servers_that_differ_in_what_is_not_shown_are_two() {
    let count = |servers: &str| {
        let text = format!("name = \"t\"\nsource = \"test\"\n[axes]\nserver = [{servers}]\n");
        let plan = plan::read(&text).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
        cells(&plan).map(|cells| cells.len()).map_err(|mistakes| format!("{mistakes:?}"))
    };
    assert_eq!(count("\"exec:sh a {port}\", \"exec:sh b {port}\""), Ok(2));
    assert!(count("\"exec:sh a {port}\", \"exec:sh  a {port}\"").is_err_and(|why| why.contains("are the same")));
}

#[test]
fn a_source_must_be_there_and_be_readable_again() {
    for (source, word) in [("/nowhere.mp4", "/nowhere.mp4"), ("-", "only once")] {
        let text = format!("name = \"t\"\nsource = \"{source}\"\n[axes]\npublisher.gop = [10, 50]\n");
        let plan = plan::read(&text).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
        let found = cells(&plan).map(|cells| cells.len()).expect_err("no source");
        assert!(found[0].what.contains(word), "{found:?}");
        assert_eq!(found[0].line, Some(2), "{found:?}");
    }
}

#[test]
fn a_source_that_is_no_video_is_refused_even_where_nothing_is_asked_of_it() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let file = folder.path().join("notes");
    std::fs::write(&file, "these are notes\n".repeat(100)).expect("it is ours");
    let plan = plan::read(&format!(
        "name = \"t\"\nsource = \"{}\"\n[fixed]\npublisher.fps = 20\npublisher.size = \"320x240\"\n[axes]\npublisher.gop = [20, 50]\n",
        file.display()
    ));
    let found = cells(&plan.unwrap_or_else(|mistakes| panic!("{mistakes:?}"))).map(|cells| cells.len());
    let found = found.expect_err("it is no video");
    assert!(found[0].what.contains("notes") && found[0].line == Some(2), "{found:?}");
}
