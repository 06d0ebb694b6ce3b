//! libFuzzer's side of `senders`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| media_metrics_fuzz_oracles::senders::target(data));
