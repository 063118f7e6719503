#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| framelag_tests::hostile::http(data));
