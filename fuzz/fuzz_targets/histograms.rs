//! libFuzzer's side of `histograms`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| media_metrics_fuzz_oracles::histograms::target(data));
