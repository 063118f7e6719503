//! Ticks, thinning, placing, escaping; and that hostile values give a plot of bounded size.

use super::*;

#[test]
fn escaped_text_is_text_in_html_and_xml() {
    assert_eq!(
        escape("<b a='x'>&\"\u{0}\u{1b}\u{7f}\u{85}\u{fffe}\t\né\u{202e}\u{200b}"),
        "&lt;b a=&#39;x&#39;&gt;&amp;&quot;\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\t\né\u{fffd}\u{fffd}"
    );
}

fn ticks(axis: &Axis, values: &[f64], count: usize) -> Vec<String> {
    axis.place(values.iter().copied(), count).ticks.into_iter().map(|tick| tick.text).collect()
}

#[test]
fn ticks_are_round_and_span_the_values() {
    assert_eq!(ticks(&Axis::linear(""), &[0.3, 9.1], 5), ["0", "2", "4", "6", "8", "10"]);
    assert_eq!(ticks(&Axis::linear("").from(0.0), &[0.031], 5), ["0", "0.01", "0.02", "0.03", "0.04"]);
    assert_eq!(ticks(&Axis::linear(""), &[-12.0, 30.0], 5), ["-20", "-10", "0", "10", "20", "30"]);
    assert_eq!(ticks(&Axis::time("").from(0.0), &[10.0], 9), ["0", "2", "4", "6", "8", "10"]);
    assert_eq!(ticks(&Axis::time("").from(0.0), &[200.0], 5), ["0:00", "1:00", "2:00", "3:00"]);
    assert_eq!(ticks(&Axis::time("").from(0.0), &[7_200.0], 3), ["0:00 h", "1:00 h", "2:00 h"]);
    assert_eq!(ticks(&Axis::log(""), &[1.0, 30.0], 5), ["1", "2", "5", "10", "20"]);
    assert_eq!(ticks(&Axis::percentile(""), &[0.0, 0.9995], 5), ["0", "50 %", "90 %", "99 %", "99.9 %"]);
}

#[test]
fn an_axis_of_nothing_or_of_one_value_has_a_width() {
    for values in [&[][..], &[f64::NAN], &[0.0], &[5.0, 5.0], &[1e300], &[-3.0]] {
        for axis in [Axis::linear(""), Axis::log(""), Axis::time(""), Axis::percentile("")] {
            let placed = axis.place(values.iter().copied(), 5);
            for value in values.iter().chain(&[0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN]) {
                assert!((0.0..=1.0).contains(&placed.at(*value)), "{axis:?} {values:?} {value}");
            }
            assert!(placed.ticks.len() < 100, "{axis:?} {values:?}");
        }
    }
}

#[test]
fn a_line_of_hours_is_thin_and_keeps_its_peak() {
    let peak = 123_456;
    let points: Vec<_> =
        (0..600_000).map(|n| (f64::from(n), if n == peak { 900.0 } else { f64::from(n % 7) })).collect();
    let svg = Chart::new("", Axis::time("s"), Axis::linear("ms")).line("latency", Tone::Series(0), &points).svg();
    assert!(svg.len() < 80_000, "{}", svg.len());
    // The axis ends at 1000, so that the peak is a tenth below its top.
    assert!(svg.contains(" 100L"), "the peak is not drawn");
}

/// Stretches of one point each, in order and in none: what is drawn does not grow with them.
#[test]
fn a_line_of_gaps_is_as_thin() {
    let orders: [fn(u32) -> f64; 2] = [|n| f64::from(n), |n| f64::from(n * 7_919 % 400_000)];
    for order in orders {
        let points: Vec<_> = (0..400_000)
            .map(|n| (order(n), if n % 2 == 0 { f64::NAN } else { f64::from(n % 9) }))
            .chain([(200_000.5, 900.0)])
            .collect();
        let svg = Chart::new("", Axis::time("s"), Axis::linear("ms")).line("latency", Tone::Series(0), &points).svg();
        assert!(svg.len() < 80_000, "{}", svg.len());
        assert!(svg.contains(" 100L"), "the peak is not drawn");
    }
}

#[test]
fn a_gap_between_columns_stays_one() {
    let points: Vec<_> = (0..10_000).filter(|n| !(4_000..6_000).contains(n)).map(|n| (f64::from(n), 1.0)).collect();
    let drawn = |points: &[(f64, f64)]| {
        Chart::new("", Axis::linear(""), Axis::linear("")).line("", Tone::Bad, points).svg().matches('M').count()
    };
    let mut gappy = points.clone();
    gappy.insert(4_000, (5_000.0, f64::NAN));
    assert_eq!((drawn(&points), drawn(&gappy)), (1, 2));
}

#[test]
fn values_that_are_none_break_the_line_and_nothing_else() {
    let points = [(0.0, 1.0), (1.0, f64::NAN), (2.0, 3.0), (f64::INFINITY, 1.0), (3.0, 0.0)];
    let svg = Chart::new("", Axis::linear(""), Axis::linear("")).line("", Tone::Bad, &points).svg();
    assert!(svg.contains("d=\"M0 666.67h0M666.67 0h0M1000 1000h0\""), "{svg}");
    assert!(!svg.contains("NaN") && !svg.contains("inf"));
}

#[test]
fn marks_too_near_each_other_become_one_that_counts() {
    let at: Vec<_> = (0..5_000).map(|n| f64::from(n) / 1e6).chain([1.0]).collect();
    let svg = Chart::new("", Axis::linear("").from(0.0), Axis::linear("")).marks(Tone::Bad, &at, "lost frame").svg();
    assert_eq!(svg.matches("<rect").count(), 3);
    assert!(svg.contains("<title>3334 × lost frame</title>") && svg.contains("<title>lost frame</title>"), "{svg}");
}

#[test]
fn labels_never_cover_each_other() {
    let crowd: Vec<_> = (0..50).map(|_| (0.5, 0.5, "the same place")).collect();
    let placed = labels::place(&crowd, 600.0, 200.0);
    assert!((1..=10).contains(&placed.iter().flatten().count()), "{placed:?}");
    let apart = labels::place(&[(0.1, 0.1, "a"), (0.9, 0.9, "at the end")], 300.0, 200.0);
    assert!(!apart[0].expect("room").end && apart[1].expect("room").end);
}

#[test]
fn an_interval_of_two_runs_leaves_the_values_to_see() {
    let point = |x: f64, y: f64, high: f64| Point { x, y, y_error: Some((0.0, high)), ..Point::default() };
    let svg = |high: f64| {
        let points = vec![point(0.0, 5.0, 6.0), point(1.0, 15.0, high)];
        Chart::new("", Axis::linear(""), Axis::linear("").from(0.0)).points("", Tone::Series(0), points).svg()
    };
    let [narrow, wide] = [svg(20.0), svg(5_000.0)];
    assert!(narrow.contains(">20</text>") && !narrow.contains(">30</text>"), "{narrow}");
    assert!(wide.contains(">30</text>") && !wide.contains("00</text>"), "up to 35: {wide}");
    let points = vec![point(0.0, 10.0, 12.0), point(1.0, 100.0, 1e7)];
    let log = Chart::new("", Axis::linear(""), Axis::log("")).points("", Tone::Series(0), points).svg();
    assert!(log.contains(">1000</text>") && !log.contains(">100000</text>"), "up to 10,000: {log}");
}

#[test]
fn hostile_names_stay_text() {
    let evil = "</title></svg><script>alert(1)</script>\"'";
    let point = Point { label: evil.to_owned(), title: evil.to_owned(), ..Point::default() };
    let chart = Chart::new(evil, Axis::named(evil, vec![(0.0, evil.to_owned())]), Axis::linear(evil))
        .points(evil, Tone::Good, vec![point])
        .bar(Tone::Muted, (0.0, 1.0), 1.0, evil)
        .band(Tone::Warn, (0.0, 1.0), evil)
        .marks(Tone::Bad, &[0.0], evil)
        .level(Tone::Muted, 0.0, evil)
        .rule(Tone::Muted, 0.0, evil)
        .svg();
    let part = Part { name: evil.to_owned(), value: 1.0, tone: Tone::Series(1), title: evil.to_owned() };
    let bars = stacked(evil, evil, &[Bar { name: evil.to_owned(), parts: vec![part] }]);
    let names = [evil.to_owned()];
    let cells = [vec![Some(Cell { value: f64::NAN, text: evil.to_owned(), title: evil.to_owned() })]];
    let heat =
        Heat { label: evil, row_axis: evil, column_axis: evil, rows: &names, columns: &names, cells: &cells }.html();
    for html in [chart, bars, heat] {
        assert!(!html.contains("<script") && !html.contains("\"'"), "{html}");
    }
}

#[test]
fn a_stacked_bar_is_as_long_as_its_parts() {
    let part = |n: usize, value: f64| Part {
        name: format!("part {n}"),
        value,
        tone: Tone::Series(n),
        title: format!("part {n}: {value} ms"),
    };
    let bars = [
        Bar { name: "p50".to_owned(), parts: vec![part(0, 1.0), part(1, 4.0)] },
        Bar { name: "p99".to_owned(), parts: vec![part(0, 2.0), part(1, 8.0), part(2, -3.0)] },
    ];
    let svg = stacked("stages", "ms", &bars);
    for rect in
        ["x=\"0%\" y=\"16\" width=\"10%\"", "x=\"10%\" y=\"16\" width=\"40%\"", "x=\"20%\" y=\"70\" width=\"80%\""]
    {
        assert!(svg.contains(rect), "{rect} in {svg}");
    }
    assert_eq!(svg.matches("class=\"key").count(), 3);
}
