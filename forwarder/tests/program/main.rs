//! The program from the outside: started as a process, fed through sockets, read through HTTP.

#![expect(
    clippy::unwrap_used,
    reason = "a test may stop at the first surprise, its helpers, too"
)]

mod bad_start;
mod dumps;
mod feedback;
mod forwarding;
mod insight;
mod process;
mod push;
mod rtcp;
mod rtp;
