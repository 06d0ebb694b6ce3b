//! libFuzzer's side of `streams`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| media_metrics_fuzz_oracles::streams::target(data));
