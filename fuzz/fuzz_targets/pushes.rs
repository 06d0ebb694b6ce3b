//! libFuzzer's side of `pushes`.

#![no_main]

libfuzzer_sys::fuzz_target!(
    init: {
        // Whoever writes to a socket that was closed gets an error, as in every program with a main of Rust's: this one's main is
        // libFuzzer's, and would be ended by the signal.
        // SAFETY: nothing else of this program sets what this signal does, and no thread is there yet to rely on it.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
    },
    |data: &[u8]| media_metrics_fuzz_oracles::pushes::target(data)
);
