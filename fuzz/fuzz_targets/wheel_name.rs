#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pyfront_fuzz::wheel_name(data));
