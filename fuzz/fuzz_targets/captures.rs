//! libFuzzer's side of `captures`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| media_metrics_fuzz_oracles::captures::target(data));
