//! libFuzzer's side of `rtp`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| media_metrics_fuzz_oracles::rtp::target(data));
