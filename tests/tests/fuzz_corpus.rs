//! Replays the fuzz targets' corpus, and what becomes of it when it is cut short or damaged, in the ordinary tests.

use std::fs;
use std::path::PathBuf;

use framelag_tests::binary::repository;
use framelag_tests::hostile::{TARGETS, Target};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Damaged copies that are tried of each input.
const DAMAGED: usize = 200;

#[test]
fn every_target_takes_its_corpus_whole_cut_and_damaged() {
    for (name, target) in TARGETS {
        let inputs = corpus(name);
        assert!(!inputs.is_empty(), "no inputs for {name} in tests/fuzz/corpus");
        for (file, input) in inputs {
            eprintln!("{name}: {}", file.display());
            target(&input);
            cut(target, &input);
            damage(target, &input);
        }
    }
}

#[test]
fn every_target_has_a_program_for_the_fuzzer() {
    let folder = repository().join("tests/fuzz/fuzz_targets");
    let mut programs: Vec<_> = fs::read_dir(folder)
        .expect("the fuzz targets are there")
        .map(|entry| entry.expect("a folder can be read").path())
        .map(|path| path.file_stem().expect("a file has a name").to_string_lossy().into_owned())
        .collect();
    programs.sort();
    let mut names: Vec<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    names.sort();
    assert_eq!(programs, names);
}

/// The input cut short, anywhere if it is small.
fn cut(target: Target, input: &[u8]) {
    let step = input.len().div_ceil(DAMAGED).max(1);
    for end in (0..input.len()).step_by(step) {
        target(&input[..end]);
    }
}

/// The input with bytes changed, left out, doubled; the same way each time.
fn damage(target: Target, input: &[u8]) {
    let mut random = StdRng::seed_from_u64(input.len() as u64);
    for _ in 0..DAMAGED {
        let mut bytes = input.to_vec();
        for _ in 0..random.random_range(1..=4) {
            if bytes.is_empty() {
                break;
            }
            let at = random.random_range(0..bytes.len());
            match random.random_range(0..5) {
                0 => bytes[at] = random.random(),
                1 => bytes[at] ^= 1 << random.random_range(0..8),
                2 => bytes[at] = *[0, 0xff, 0x7f, b'\r', b'\n', b' ', b'$', b'0'].get(at % 8).unwrap_or(&0),
                3 => drop(bytes.remove(at)),
                _ => bytes.insert(at, bytes[at]),
            }
        }
        target(&bytes);
    }
}

fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = repository().join("tests/fuzz/corpus").join(name);
    let Ok(entries) = fs::read_dir(&folder) else { return Vec::new() };
    let mut inputs: Vec<_> = entries
        .map(|entry| entry.expect("a folder can be read").path())
        .map(|path| (path.clone(), fs::read(path).expect("an input can be read")))
        .collect();
    inputs.sort();
    inputs
}
