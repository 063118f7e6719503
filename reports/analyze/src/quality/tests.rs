use common::code::Rect;
use common::frame::{Picture, Size};
use common::y4m::{Frame, Header};
use proptest::prelude::*;

use super::*;

const SIZE: Size = Size::new(32, 24);
const CODE: Rect = Rect { x: 2, y: 1, width: 9, height: 6 };
/// Samples of luma, and of all.
const AREA: usize = SIZE.area();
const BYTES: usize = Picture::bytes(SIZE);

/// A file of pictures whose luma is `luma(number, x, y)`.
fn file(header: &str, numbers: &[u32], luma: impl Fn(u32, usize, usize) -> u8) -> Vec<u8> {
    let mut bytes = format!("{header}\n").into_bytes();
    for &number in numbers {
        bytes.extend(format!("{}\n", Frame { sequence: Some(number) }).into_bytes());
        bytes.extend((0..AREA).map(|at| luma(number, at % 32, at / 32)));
        bytes.extend(vec![128; BYTES - AREA]);
    }
    bytes
}

fn header() -> String {
    Header { size: SIZE, rate: (2, 1), code: Some(CODE), text: None }.to_string()
}

fn noise(number: u32, x: usize, y: usize) -> u8 {
    (number as usize * 31 + x * x * 7 + y * 13 + x * y) as u8
}

fn in_code(x: usize, y: usize) -> bool {
    (2..11).contains(&x) && (1..7).contains(&y)
}

#[test]
fn equal_pictures_are_equal_whatever_the_code_says() {
    let stamped = file(&header(), &[0, 15, 30], noise);
    let decoded = file(&header(), &[0, 15, 30], |n, x, y| if in_code(x, y) { 0 } else { noise(n, x, y) });
    let found = compare(&stamped[..], &decoded[..]).expect("two good files");
    assert_eq!((found.frames, found.psnr_db, found.psnr_worst_db), (3, MAX_PSNR_DB, MAX_PSNR_DB));
    assert!((found.ssim - 1.0).abs() < 1e-12, "{found:?}");
}

#[test]
fn psnr_is_that_of_the_mean_error_over_all_pictures() {
    let flat = |n, _, _| if n == 15 { 104 } else { 102 };
    let stamped = file(&header(), &[0, 15], |_, _, _| 100);
    let found = compare(&stamped[..], &file(&header(), &[0, 15], flat)[..]).expect("two good files");
    let db = |mse: f64| 10.0 * (65_025.0 / mse).log10();
    let psnr = found.psnr_db;
    assert!((psnr - db((4.0 + 16.0) / 2.0)).abs() < 1e-9, "{psnr}");
    assert!((found.psnr_worst_db - db(16.0)).abs() < 1e-9);
    // Flat planes leave the first factor of the index alone (Wang et al., equation 13).
    let index = |b: f64| (2.0 * 100.0 * b + 6.5025) / (100.0 * 100.0 + b * b + 6.5025);
    assert!((found.ssim - (index(102.0) + index(104.0)) / 2.0).abs() < 1e-9, "{found:?}");
    assert!((found.ssim_worst - index(104.0)).abs() < 1e-9);
}

#[test]
fn pictures_are_matched_by_number_across_gaps_and_the_wrap() {
    let last = SEQUENCE_MODULUS - 16;
    let stamped = file(&header(), &[last - 15, last, last + 15, 14, 29, 44], noise);
    // One is missing, one came twice, and one is of nobody.
    let decoded = file(&header(), &[last, last, last + 15, 15, 29], |n, x, y| noise(n, x, y) ^ 1);
    let found = compare(&stamped[..], &decoded[..]).expect("two good files");
    assert_eq!(found.frames, 3);
    let none = compare(&stamped[..], &file(&header(), &[1, 2], noise)[..]).expect_err("nothing in common");
    assert!(matches!(none, Error::NoneMatch { decoded: 2, .. }), "{none}");
}

#[test]
fn files_that_are_wrong_are_refused_by_name() {
    let good = file(&header(), &[0, 15], noise);
    let refused = |bytes: &[u8]| compare(&good[..], bytes).expect_err("a bad file").to_string();
    let one = file(&header(), &[0], noise).len();
    for (bytes, says) in [
        (&b""[..], "holds no picture"),
        (b"RIFF\n", "YUV4MPEG2"),
        (&good[..30], "ends inside its y4m header"),
        (format!("{}\n", header()).as_bytes(), "holds no picture"),
        (&good[..good.len() - 1], "cut off in picture 2"),
        (&good[..one + 3], "cut off in picture 2"),
        (b"YUV4MPEG2 W8192 H8192 F0:0\nFRAME XSEQ=0\nxx", "scaled"),
        (&[&good[..one], b"garbage\n"].concat(), "no FRAME line where picture 2"),
        (&[&good[..one], b"FRAME\n", &[0; BYTES]].concat(), "XSEQ"),
        (&[&b"YUV4MPEG2 W"[..], &vec![b'3'; 5_000]].concat(), "does not end within 1024 bytes"),
        (&file("YUV4MPEG2 W24 H32", &[0], noise), "stamped pictures are 32x24 and decoded ones 24x32: scaled"),
    ] {
        let error = refused(bytes);
        assert!(error.contains(says), "{says}: {error}");
    }
    let huge = b"YUV4MPEG2 W8192 H8192\nFRAME XSEQ=0\nxx";
    assert!(compare(&huge[..], &huge[..]).expect_err("cut").to_string().contains("cut off in picture 1"));
    let small = file("YUV4MPEG2 W32 H24 XCODE=0,0,32,14", &[0], noise);
    assert!(matches!(compare(&small[..], &small[..]), Err(Error::TooSmall(_))));
    let strange = file("YUV4MPEG2 W32 H24 Fx XCODE=what", &[0, 15], noise);
    assert!(compare(&good[..], &strange[..]).is_ok(), "what was painted is in the file of stamped pictures");
    assert!(compare(&strange[..], &good[..]).expect_err("no area").to_string().contains("what"));
}

/// The index as the paper writes it down: one window after the other, means first, then what is left of them.
fn plain_ssim(a: &[u8], b: &[u8]) -> f64 {
    let bell = |d: usize| (-(d as f64 - 5.0).powi(2) / 4.5).exp();
    let total: f64 = (0..121).map(|at| bell(at % 11) * bell(at / 11)).sum();
    let touches = |x: usize, y: usize| (0..121).any(|at| in_code(x + at % 11, y + at / 11));
    let corners = (0..14).flat_map(|y| (0..22).map(move |x| (x, y))).filter(|&(x, y)| !touches(x, y));
    let indices = corners.map(|(x, y)| {
        let under = |plane: &[u8]| -> Vec<(f64, f64)> {
            let sample = |at: usize| f64::from(plane[(y + at / 11) * 32 + x + at % 11]);
            (0..121).map(|at| (bell(at % 11) * bell(at / 11) / total, sample(at))).collect()
        };
        let (a, b) = (under(a), under(b));
        let mean = |window: &[(f64, f64)]| window.iter().map(|(weight, sample)| weight * sample).sum::<f64>();
        let (mean_a, mean_b) = (mean(&a), mean(&b));
        let var = |window: &[(f64, f64)], mean: f64| window.iter().map(|(w, s)| w * (s - mean).powi(2)).sum::<f64>();
        let both = a.iter().zip(&b).map(|((w, a), (_, b))| w * (a - mean_a) * (b - mean_b)).sum::<f64>();
        let (var_a, var_b) = (var(&a, mean_a), var(&b, mean_b));
        (2.0 * mean_a * mean_b + 6.5025) * (2.0 * both + 58.5225)
            / ((mean_a.powi(2) + mean_b.powi(2) + 6.5025) * (var_a + var_b + 58.5225))
    });
    let indices: Vec<f64> = indices.collect();
    indices.iter().sum::<f64>() / indices.len() as f64
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn ssim_is_that_of_the_paper(a in proptest::collection::vec(any::<u8>(), AREA), by in proptest::collection::vec(0u8..40, AREA)) {
        let b: Vec<u8> = a.iter().zip(&by).map(|(&a, &by)| a.saturating_add(by)).collect();
        let mask = Mask { size: SIZE, areas: vec![CODE] };
        let found = ssim::Windows::new(&mask).expect("room").mean(&a, &b);
        prop_assert!((found - plain_ssim(&a, &b)).abs() < 1e-9);
    }

    #[test]
    fn bytes_of_any_kind_end_in_a_word(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in any::<proptest::sample::Index>()) {
        let good = file(&header(), &[0, 15], noise);
        let _ = compare(&bytes[..], &good[..]);
        let mixed = [&good[..cut.index(good.len() + 1)], &bytes].concat();
        let _ = compare(&good[..], &mixed[..]);
    }
}
