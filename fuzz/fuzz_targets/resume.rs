#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dblwr_fuzz::fuzzed::planted::resume(bytes));
