//! libFuzzer's side of `scores`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| media_metrics_fuzz_oracles::scores::target(data));
