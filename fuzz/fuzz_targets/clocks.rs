//! libFuzzer's side of `clocks`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| media_metrics_fuzz_oracles::clocks::target(data));
