//! Models of every protocol, run by loom through all interleavings and orderings it knows.
//!
//! Run with `cargo xtask loom`. Each model lists what it must have seen, so that it can't be green for
//! having gone nowhere; each ordering that it proves was weakened once and seen to turn it red (the list
//! is in ARCHITECTURE.md).
