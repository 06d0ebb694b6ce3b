//! `cargo xtask sanitize`: what is concurrent in core, under ThreadSanitizer and AddressSanitizer.
//!
//! Lives here: which tests run, with which sanitizer, and the proof that it was switched on. May not: hold a
//! suppression. There is none: each access that a sanitizer could take for a race is an atomic.
//!
//! The standard library is built along, so that the sanitizer sees its locks and channels. ThreadSanitizer does not
//! understand fences that stand alone. The two of the sequence lock order nothing but atomics, so it has nothing to
//! say of them either way: they are the models' (`cargo xtask loom`), and Miri's.

use crate::output::say;
use crate::setup;
use crate::step::{Failure, Step};

/// One way to look.
struct Sanitizer {
    /// As `-Zsanitizer` calls it.
    name: &'static str,
    /// The fault in `core/tests/canaries.rs` that it must find, and how it says so.
    canary: &'static str,
    finding: &'static str,
    /// Its own options.
    options: (&'static str, &'static str),
}

const SANITIZERS: [Sanitizer; 2] = [
    Sanitizer {
        name: "thread",
        canary: "a_relaxed_publication",
        finding: "WARNING: ThreadSanitizer: data race",
        options: ("TSAN_OPTIONS", "halt_on_error=1"),
    },
    // With its leak checker.
    Sanitizer {
        name: "address",
        canary: "a_use_after_free",
        finding: "ERROR: AddressSanitizer: heap-use-after-free",
        options: ("ASAN_OPTIONS", "detect_leaks=1"),
    },
];

/// The target must be named: build scripts and macros run without a sanitizer.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Where threads meet.
const TESTS: [&str; 13] = [
    "exact_histogram",
    "exemplars",
    "facade",
    "judge",
    "livekit_families_limits",
    "livekit_pipeline",
    "lossless",
    "registry",
    "reporter",
    "senders",
    "streams",
    "threads",
    "windows",
];

/// Of the work of an ordinary run: a sanitizer makes it several times slower.
const PERCENT: &str = "20";

/// Of each property: nothing of those is concurrent.
const CASES: &str = "8";

/// Runs the tests under one sanitizer (`thread`, `address`), or both.
pub(crate) fn run(chosen: &[String]) -> Result<(), Failure> {
    if let Some(unknown) = chosen
        .iter()
        .find(|c| SANITIZERS.iter().all(|s| s.name != **c))
    {
        return Err(Failure::new(format!(
            "there is no sanitizer {unknown:?}: name thread, address, or none for both"
        )));
    }
    setup::for_miri()?;
    let wanted = |s: &&Sanitizer| chosen.is_empty() || chosen.iter().any(|c| c == s.name);
    SANITIZERS
        .iter()
        .filter(wanted)
        .try_for_each(Sanitizer::run)
}

impl Sanitizer {
    fn run(&self) -> Result<(), Failure> {
        self.is_switched_on()?;
        let tests = TESTS.iter().flat_map(|test| ["--test", test]);
        self.cargo_test()
            .arguments(&["--lib"])
            .arguments(&tests.collect::<Vec<_>>())
            .run()
    }

    fn cargo_test(&self) -> Step {
        let (options, values) = self.options;
        Step::new("cargo +nightly test --locked -Zbuild-std -p media-metrics-core --all-features --target")
            .arguments(&[TARGET])
            .environment("RUSTFLAGS", format!("-Zsanitizer={}", self.name))
            .environment("MEDIA_METRICS_STRESS", PERCENT)
            .environment("PROPTEST_CASES", CASES)
            .environment(options, values)
            .optimised()
            .own_target(&format!("sanitize-{}", self.name))
    }

    /// Sees it find the fault that is there on purpose.
    fn is_switched_on(&self) -> Result<(), Failure> {
        let canary = ["--test", "canaries", "--", "--ignored", self.canary];
        let step = self.cargo_test().arguments(&canary);
        let printed = step.output()?;
        if !printed.contains(self.finding) {
            return Err(Failure::new(format!(
                "{:?} was not found where it is on purpose:\n\n    {step}\n\n{printed}",
                self.finding
            )));
        }
        say!("\n{} finds the fault that is there on purpose", self.name);
        Ok(())
    }
}
