//! libFuzzer's side of `pages`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| media_metrics_fuzz_oracles::pages::target(data));
