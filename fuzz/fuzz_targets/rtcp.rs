//! libFuzzer's side of `rtcp`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| media_metrics_fuzz_oracles::rtcp::target(data));
