#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| framelag_tests::hostile::rtp_audio(data));
