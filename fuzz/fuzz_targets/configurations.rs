//! libFuzzer's side of `configurations`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| media_metrics_fuzz_oracles::configurations::target(data));
