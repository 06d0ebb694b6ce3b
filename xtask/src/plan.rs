//! Which steps a command consists of, in which order, and with which flags.
//!
//! Lives here: every cargo line that CI runs. Other compilers and other flags build into target
//! folders of their own, so that no step throws away what another has built.
//! May not: install anything (`setup`), or know how a step is run (`step`).

use std::time::Instant;

use crate::features::features_of;
use crate::output::say;
use crate::setup;
use crate::step::{Failure, Step};
use crate::weaken;

/// The end-to-end package: real senders and real time, so it runs alone, after everything else.
const END_TO_END: &str = "media-metrics-tests";

/// Libraries whose features hosts choose, and their folders.
const PUBLISHED: [(&str, &str); 2] = [
    ("media-metrics-core", "core"),
    ("media-metrics-exporter", "exporter"),
];

/// Everything that must pass before a change goes in.
pub(crate) fn ci() -> Result<(), Failure> {
    let start = Instant::now();
    lint()?;
    test()?;
    say!("\nci: all passed in {:.0} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// Every test there is, quick ones first.
pub(crate) fn test() -> Result<(), Failure> {
    setup::for_tests()?;
    unit(&[])?;
    loom(&[])?;
    weaken::run()?;
    miri(&[])?;
    instructions(&[])?;
    end_to_end(&[])?;
    say!("\ntest: all passed");
    Ok(())
}

/// All packages but the slow one; with arguments, exactly what `cargo test` makes of them.
pub(crate) fn unit(more: &[String]) -> Result<(), Failure> {
    let all = ["--workspace", "--all-features", "--exclude", END_TO_END].map(str::to_owned);
    Step::new("cargo test --locked")
        .arguments(if more.is_empty() { &all } else { more })
        .run()
}

/// Builds the program first, so that no test waits for a compiler while its clock runs.
pub(crate) fn end_to_end(more: &[String]) -> Result<(), Failure> {
    Step::new("cargo build --locked --release -p media-metrics-forwarder").run()?;
    Step::new("cargo test --locked -p")
        .arguments(&[END_TO_END])
        .arguments(more)
        .run()
}

/// The `test` profile optimises enough: building with LTO would take longer than all models run.
pub(crate) fn loom(more: &[String]) -> Result<(), Failure> {
    Step::new("cargo test --locked -p media-metrics-core --lib loom")
        .arguments(more)
        .environment("RUSTFLAGS", "--cfg media_metrics_loom")
        .own_target("loom")
        .run()
}

/// Isolation is off because proptest looks for its file of known failures. Floats are deterministic
/// because an oracle, hdrhistogram, rounds a logarithm up: by default Miri moves results of `log2` by
/// an ulp or two, and then the logarithm of 2 is 2.
pub(crate) fn miri(more: &[String]) -> Result<(), Failure> {
    Step::new("cargo +nightly miri test --locked -p media-metrics-core --lib")
        .arguments(more)
        .environment(
            "MIRIFLAGS",
            "-Zmiri-disable-isolation -Zmiri-deterministic-floats",
        )
        .environment("PROPTEST_CASES", "4")
        .own_target("miri")
        .run()
}

/// `check` against the record unless told otherwise.
pub(crate) fn instructions(more: &[String]) -> Result<(), Failure> {
    let check = ["check".to_owned()];
    Step::new("cargo run --locked --release -p media-metrics-benches --bin instructions --")
        .arguments(if more.is_empty() { &check } else { more })
        .run()
}

pub(crate) fn bench(more: &[String]) -> Result<(), Failure> {
    Step::new("cargo bench --locked -p media-metrics-benches --")
        .arguments(more)
        .run()
}

/// Style, suspicious code, documentation, licences and sources of the dependencies.
pub(crate) fn lint() -> Result<(), Failure> {
    setup::for_lints()?;
    Step::new("cargo fmt --all --check").run()?;
    Step::new("cargo clippy --locked --workspace --all-targets --all-features -- -D warnings")
        .run()?;
    each_feature()?;
    Step::new("cargo doc --locked --workspace --no-deps")
        .environment("RUSTDOCFLAGS", "-D warnings")
        .run()?;
    // Without advisories: their database is on the network, and yesterday's change must not turn
    // red for what was published today. `cargo xtask audit` looks.
    Step::new("cargo deny --locked check bans licenses sources").run()
}

/// The published crates with each of their features alone, and with none: what is switched off must not be missed.
fn each_feature() -> Result<(), Failure> {
    for (package, folder) in PUBLISHED {
        let features = features_of(folder)?;
        for feature in features.iter().map(|(name, _)| name.as_str()).chain([""]) {
            Step::new("cargo clippy --locked --no-default-features -p")
                .arguments(&[package, "--features", feature, "--", "-D", "warnings"])
                .run()?;
        }
    }
    Ok(())
}

/// Known vulnerabilities, yanked and unmaintained versions among the dependencies.
pub(crate) fn audit() -> Result<(), Failure> {
    setup::for_lints()?;
    Step::new("cargo deny --locked check advisories").run()
}
