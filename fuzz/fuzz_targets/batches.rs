//! libFuzzer's side of `batches`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| media_metrics_fuzz_oracles::batches::target(data));
