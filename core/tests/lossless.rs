//! Nothing is lost: what threads and streams recorded is what is published, to the last one, and no total goes back for
//! whoever looks meanwhile.
//!
//! | while | where |
//! |---|---|
//! | threads come and go, up to a million | `threads` |
//! | streams are made and dropped, and read meanwhile | `streams` |
//! | series are registered and removed at the limit | `limit` |
//! | thread-local destructors record, before and after the library's own | `destructors` |
//! | writers panic | `panics` |
//! | sinks panic and hang | `sinks` |
//! | the reporter is stopped and started, and a second one refused | `restarts` |
//! | the time of packets steps both ways (that of merges: `reporter::time_steps` in the crate) | `time` |
//! | counters come to their ends | `ends` |
//! | one thread records into many registries | `registries` |
//! | all of that at once | `storm` |
//!
//! `books` says what a writer records and keeps the sum that it should come to; `watch` reads all the while and holds
//! each snapshot against the one before. Single promises of these parts stand in `threads.rs`, `streams.rs`,
//! `senders.rs`, `registry.rs` and `reporter.rs` beside this file.
//!
//! `cargo xtask stress` runs all of this longer, and `cargo xtask sanitize` under ThreadSanitizer and AddressSanitizer.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod lossless {
    mod books;
    mod destructors;
    mod ends;
    mod limit;
    mod packets;
    mod panics;
    mod registries;
    mod restarts;
    mod sinks;
    mod storm;
    mod streams;
    mod threads;
    mod time;
    mod watch;
}
