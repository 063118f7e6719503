use super::*;

const HEAD: &str = "name = \"t\"\nsource = \"test\"\n";

fn good(rest: &str) -> Plan {
    read(&format!("{HEAD}{rest}")).unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
}

fn bad(rest: &str) -> Vec<Mistake> {
    read(&format!("{HEAD}{rest}")).expect_err(rest)
}

#[test]
fn a_plan_is_read_with_its_lines_and_in_its_order() {
    let plan = good(
        "repeat = 5\nwarmup = \"1s\"\nduration = \"20s\"\nseed = 1_000\nquality = false\n\
         [fixed]\npublisher.fps = 25\n\
         [axes]\npublisher.gop = [\n10,\n20]\nserver = [\"framelag\", \"embedded\"]\n\
         [coupled.row]\n\"b 720p\" = { publisher.size = \"1280x720\", publisher.bitrate = \"3M\" }\n\
         \"a 360p\" = { publisher.size = \"640x360\", publisher.bitrate = \"1M\" }\n",
    );
    assert_eq!((plan.repeat, plan.seed, plan.quality), (5, 1000, false));
    assert_eq!((plan.warmup, plan.duration), (Duration::from_secs(1), Duration::from_secs(20)));
    let fixed: Vec<_> =
        plan.fixed.iter().map(|choice| (choice.setting.name, choice.text.reveal().as_str(), choice.line)).collect();
    assert_eq!(fixed, [("publisher.source", "test", 2), ("publisher.fps", "25", 9)]);
    let axes: Vec<(&str, Vec<&str>)> = plan
        .axes
        .iter()
        .map(|axis| (axis.name.as_str(), axis.points.iter().map(|point| point.label.as_str()).collect()))
        .collect();
    let expected: [(&str, Vec<&str>); 3] = [
        ("publisher.gop", vec!["10", "20"]),
        ("server", vec!["framelag", "embedded"]),
        ("row", vec!["b 720p", "a 360p"]),
    ];
    assert_eq!(axes, expected);
    assert_eq!(plan.axes[0].points[1].choices[0].line, 13);
    assert_eq!(plan.axes[2].points[0].choices.len(), 2);
    assert_eq!(plan.cell_count(), Some(8));
}

#[test]
fn each_mistake_is_named_with_its_line_and_what_would_be_right() {
    for (rest, line, words) in [
        ("repat = 2\n[axes]\npublisher.gop = [1, 2]\n", Some(3), "did you mean repeat?"),
        ("repeat = 0\n[axes]\npublisher.gop = [1, 2]\n", Some(3), "from 1 to 1000"),
        ("duration = 10\n[axes]\npublisher.gop = [1, 2]\n", Some(3), "10s"),
        ("quality = \"yes\"\n[axes]\npublisher.gop = [1, 2]\n", Some(3), "true or false"),
        ("[axes]\npublisher.bitrat = [1, 2]\n", Some(4), "did you mean publisher.bitrate?"),
        ("[axes]\nxyz.abc = [1, 2]\n", Some(4), "known names are publisher.source"),
        ("[axes]\npublisher.gop = [30,\n 0]\n", Some(5), "publisher.gop = 0: "),
        ("[axes]\npublisher.gop = 30\n", Some(4), "a single value in [fixed]"),
        ("[axes]\npublisher.gop = []\n", Some(4), "without values"),
        ("[axes]\npublisher.gop = [30, 60, 30]\n", Some(4), "the value 30 twice"),
        ("[axes]\npublisher.gop = [30, [60]]\n", Some(4), "one value"),
        ("[fixed]\npublisher.gop = 5\n[axes]\npublisher.gop = [30, 60]\n", Some(6), "already set by [fixed]"),
        ("[fixed]\npublisher.source = \"a\"\n[axes]\npublisher.gop = [30]\n", Some(4), "already set by [fixed]"),
        ("[coupled.publisher]\n\"a\" = { publisher.gop = 5 }\n", Some(3), "rename it"),
        ("[coupled.row]\n\"a\" = {}\n", Some(4), "sets nothing"),
        ("[coupled.row]\n\"a\" = { publisher.gop = 5 }\n[axes]\npublisher.gop = [1]\n", Some(6), "already set by row"),
        ("[axes]\nserver = [\"exec:/nowhere/server\"]\n", Some(4), "/nowhere/server"),
        ("repeat = 2\nrepeat = 3\n", Some(4), "duplicate key repeat"),
        ("[coupled.row]\n\"a b\" = {}\n\"a b\" = {}\n", Some(5), "duplicate key \"a b\""),
        ("[coupled.\"r\\u001B[31mow\"]\n\"a\" = { publisher.gop = 5 }\n", Some(3), "\"r\\u{1b}[31mow\""),
        ("[coupled.row]\n\"a\\u009B\" = { publisher.gop = 5 }\n", Some(4), "control characters"),
        ("[coupled.row]\n\"a\" = { \"publisher.\\u0007\" = 5 }\n", Some(4), "control characters"),
        ("\"\\u001B\" = 5\n", Some(3), "control characters"),
        ("[axes]\npublisher.source = [\"test\", \"\\u001B[2J\"]\n", Some(4), "control characters"),
        ("axes = 3\n", Some(3), "a table of lists"),
        ("", None, "nothing is varied"),
        ("[axes\n", Some(3), "table"),
    ] {
        let found = bad(rest);
        let fits = |mistake: &Mistake| mistake.line == line && mistake.what.contains(words);
        assert!(found.iter().any(fits), "{rest}: {found:?}");
    }
    let unnamed = read("[axes]\npublisher.gop = [1]\n").expect_err("no name");
    assert!(unnamed[0].what.contains("name = "), "{unnamed:?}");
}

#[test]
fn all_mistakes_are_told_at_once() {
    let found = bad("repeat = 0\n[axes]\npublisher.gop = [0]\nreceiver.transprot = [\"tcp\"]\n");
    let lines: Vec<_> = found.iter().filter_map(|mistake| mistake.line).collect();
    assert_eq!(lines, [3, 5, 6], "{found:?}");
}

#[test]
fn plans_beyond_the_limits_are_refused_and_take_no_time() {
    let values = |count: usize| (1..=count).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
    let found = bad(&format!("[axes]\npublisher.gop = [{}]\n", values(MAX_POINTS + 1)));
    assert!(found.iter().any(|mistake| mistake.what.contains("at most 200")), "{found:?}");
    let delays = (0..150).map(|n| format!("\"{n}ms\"")).collect::<Vec<_>>().join(", ");
    let found =
        bad(&format!("[axes]\ndownlink.delay = [{delays}]\ndownlink.jitter = [{delays}]\nuplink.delay = [{delays}]\n"));
    assert!(found[0].what.contains("150 × 150 × 150 cells × 5 runs"), "{found:?}");
    let nested = format!("x = {}{}", "[".repeat(5000), "]".repeat(5000));
    assert!(read(&nested).is_err());
}

#[test]
fn servers_that_differ_in_what_is_hidden_are_told_apart_by_their_order() {
    let labels = |plan: &Plan| plan.axes[0].points.iter().map(|point| point.label.clone()).collect::<Vec<_>>();
    let text = "[axes]\nserver = [\n\"rtsp://h/cam?key=secret1\", \"rtsp://h/b\", \"rtsp://h/cam?key=secret2\",\n\
                \"rtsp://ann:secret3@h/c\", \"rtsp://ann:secret4@h/c\"]\n";
    let plan = good(text);
    let expected =
        ["rtsp://h/cam?…#1", "rtsp://h/b", "rtsp://h/cam?…#2", "rtsp://…@h/c#1", "rtsp://…@h/c#2"].map(str::to_owned);
    assert_eq!(labels(&plan), expected);
    // A sweep goes on where this is the same.
    assert_eq!(plan.identity(), good(text).identity());
    let axis = ("axes.server".to_owned(), expected.join(", "));
    assert!(plan.identity().contains(&axis), "{:?}", plan.identity());
    let less = good(&text.replace(", \"rtsp://ann:secret4@h/c\"", ""));
    assert_ne!(plan.identity(), less.identity());
    let twice = bad(&text.replace("secret4", "secret3"));
    assert!(twice[0].what.contains("the value rtsp://…@h/c twice"), "{twice:?}");
}

#[test]
fn secrets_of_a_server_are_in_no_label_and_no_identity() {
    let plan = good("[axes]\nserver = [\"rtsp://ann:secret@h/cam\", \"framelag\"]\n");
    assert_eq!(plan.axes[0].points[0].choices[0].text.reveal(), "rtsp://ann:secret@h/cam");
    assert!(!format!("{plan:?}").contains("secret"));
    let told = format!("{:?} {}", plan.identity(), plan.describe(&[0]));
    assert!(told.contains("@h/cam") && !told.contains("secret"), "{told}");
}

/// The rows that the plan for low bandwidth is about: size, frames per second, kbit/s.
const LOW_BANDWIDTH: [(&str, u32, u32); 18] = [
    ("256x144", 1, 6),
    ("256x144", 4, 20),
    ("512x228", 1, 20),
    ("512x228", 6, 80),
    ("512x228", 12, 125),
    ("512x228", 25, 250),
    ("1024x576", 1, 120),
    ("1024x576", 6, 300),
    ("1024x576", 12, 500),
    ("1024x576", 25, 750),
    ("1280x720", 1, 150),
    ("1280x720", 6, 450),
    ("1280x720", 12, 650),
    ("1280x720", 25, 1400),
    ("1920x1080", 1, 400),
    ("1920x1080", 6, 1000),
    ("1920x1080", 12, 1800),
    ("1920x1080", 25, 3000),
];

#[test]
fn the_plan_for_low_bandwidth_has_every_row_with_its_key_frame_interval() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../plans/low-bandwidth.toml");
    let plan = Plan::open(&file).unwrap_or_else(|error| panic!("{error}"));
    let [axis] = plan.axes.as_slice() else { panic!("{:?}", plan.axes) };
    let rows: Vec<Vec<(&str, String)>> = axis
        .points
        .iter()
        .map(|point| point.choices.iter().map(|choice| (choice.setting.name, choice.text.reveal().clone())).collect())
        .collect();
    let expected = LOW_BANDWIDTH.map(|(size, fps, kbps)| {
        vec![
            ("publisher.size", size.to_owned()),
            ("publisher.fps", fps.to_string()),
            ("publisher.bitrate", format!("{kbps}k")),
            ("publisher.gop", (2 * fps).to_string()),
        ]
    });
    assert_eq!(rows, expected);
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_plan() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), format!("\u{feff}{HEAD}axes.server = [\"framelag\"]\r\n")).expect("it is ours");
    assert_eq!(Plan::open(file.path()).expect("a plan").axes.len(), 1);
    std::fs::write(file.path(), b"\xff\xfen\0").expect("it is ours");
    let error = Plan::open(file.path()).expect_err("UTF-16").to_string();
    assert!(error.contains("it is UTF-16: save it as UTF-8"), "{error}");
}
