//! Which steps a command consists of, in which order, and with which flags.
//!
//! Lives here: every cargo line that CI runs. Other compilers and other flags build into target
//! folders of their own, so that no step throws away what another has built.
//! May not: install anything (`setup`), or know how a step is run (`step`).

use std::time::Instant;

use crate::features::features_of;
use crate::output::say;
use crate::setup;
use crate::step::{Failure, Lane, Step, side_by_side, target};
use crate::weaken;

/// The end-to-end package: real senders and real time, so it runs alone, after everything else.
const END_TO_END: &str = "media-metrics-tests";

/// What is measured, and nothing else depends on.
const BENCHMARKS: &str = "media-metrics-benches";

/// Programs for users to copy: what they depend on weighs on nobody else.
const EXAMPLES: &str = "examples/Cargo.toml";

/// Libraries whose features hosts choose, and their folders.
const PUBLISHED: [(&str, &str); 2] = [
    ("media-metrics-core", "core"),
    ("media-metrics-exporter", "exporter"),
];

/// Everything that must pass before a change goes in. Tests are linted as they are compiled; what no test compiles, afterwards.
pub(crate) fn ci() -> Result<(), Failure> {
    let start = Instant::now();
    setup::for_lints()?;
    formatting()?;
    let rest = || {
        clippy(&["-p", BENCHMARKS, "--benches"])
            .in_the_shade()
            .run()?;
        details(Step::in_the_shade)
    };
    tests(Step::linted, &rest)?;
    say!("\nci: all passed in {:.0} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// Every test there is.
pub(crate) fn test() -> Result<(), Failure> {
    tests(|step| step, &|| Ok(()))
}

/// Those of this workspace are compiled as `how` says. Quick tests first, and alone: they tell what is wrong soonest. Then what
/// ships, what tells how good it is, and how it does among others; that leaves time for what runs in its shade, for the
/// compiler's last pass is one core's work, and end-to-end tests mostly wait. `more` comes last there: it would keep cargo
/// from building those.
fn tests(how: impl Fn(Step) -> Step + Sync, more: Lane<'_>) -> Result<(), Failure> {
    setup::for_tests()?;
    how(unit_step(&[])).run()?;
    let programs = || {
        program()?;
        instructions(&[])?; // a count minds no neighbour
        examples(&[])?;
        how(end_to_end_step(&[])).run()
    };
    let shade = || {
        loom_step(&[]).in_the_shade().run()?;
        weaken::run(Step::in_the_shade)?;
        miri_all(Step::in_the_shade)?;
        more()
    };
    side_by_side(&[&programs, &shade])?;
    say!("\ntest: all passed");
    Ok(())
}

/// The program as it ships, built before any test's clock runs.
fn program() -> Result<(), Failure> {
    Step::new("cargo build --locked --release -p media-metrics-forwarder").run()
}

/// All packages but the slow one, each told of though another failed; with arguments, exactly what `cargo test` makes of
/// them.
pub(crate) fn unit(more: &[String]) -> Result<(), Failure> {
    unit_step(more).run()
}

fn unit_step(more: &[String]) -> Step {
    let all = [
        "--workspace",
        "--all-features",
        "--no-fail-fast",
        "--exclude",
        END_TO_END,
    ];
    Step::new("cargo test --locked").arguments_or(more, &all)
}

/// The examples, a workspace of their own, built, linted and run. In the root's target folder: what build scripts and macros
/// need is there already.
pub(crate) fn examples(more: &[String]) -> Result<(), Failure> {
    let theirs = format!("cargo test --locked --manifest-path {EXAMPLES}");
    Step::new(&theirs)
        .arguments_or(more, &["--workspace", "--no-fail-fast"])
        .environment("CARGO_TARGET_DIR", target().to_string_lossy())
        .linted()
        .run()
}

/// Real senders and receivers, a real Prometheus, a real browser.
pub(crate) fn end_to_end(more: &[String]) -> Result<(), Failure> {
    program()?;
    end_to_end_step(more).run()
}

/// Needs the program.
fn end_to_end_step(more: &[String]) -> Step {
    Step::new("cargo test --locked -p")
        .arguments(&[END_TO_END])
        .arguments_or(more, &["--no-fail-fast"])
}

pub(crate) fn loom(more: &[String]) -> Result<(), Failure> {
    loom_step(more).run()
}

/// Not optimised: that would take longer than all models run.
fn loom_step(more: &[String]) -> Step {
    Step::new("cargo test --locked -p media-metrics-core --lib loom")
        .arguments(more)
        .environment("RUSTFLAGS", "--cfg media_metrics_loom")
        .own_target("loom")
}

/// Rooms whose tests take Miri about as long as all the others: it runs on one core, so these and those run side by
/// side.
const MIRI_HALF: [&str; 2] = ["reporter::", "rtp::"];

/// Programs of core's tests whose unsafe code no test of a room reaches: they record as hosts do, on threads that come and go.
/// What they do under Miri is a small part of what they do else.
const MIRI_TESTS: [&str; 3] = ["exact_histogram", "streams", "threads"];

/// The rooms' own tests, then those programs; with arguments, exactly what `cargo miri test` makes of them.
pub(crate) fn miri(more: &[String]) -> Result<(), Failure> {
    setup::for_miri()?;
    if !more.is_empty() {
        return miri_step().arguments(more).run();
    }
    miri_all(|step| step)?;
    let programs = MIRI_TESTS.iter().flat_map(|name| ["--test", name]);
    miri_step().arguments(&programs.collect::<Vec<_>>()).run()
}

/// Builds, then runs both halves side by side, each step run as `how` says.
fn miri_all(how: impl Fn(Step) -> Step + Sync) -> Result<(), Failure> {
    let rooms = || miri_step().arguments(&["--lib"]);
    how(rooms().arguments(&["--no-run"])).run()?;
    let half = rooms().arguments(&["--"]).arguments(&MIRI_HALF);
    let skipped = MIRI_HALF.iter().flat_map(|room| ["--skip", room]);
    let rest = rooms()
        .arguments(&["--"])
        .arguments(&skipped.collect::<Vec<_>>());
    let (half, rest) = (how(half), how(rest));
    side_by_side(&[&|| half.run(), &|| rest.run()])
}

/// Isolation is off because proptest looks for its file of known failures. Floats are deterministic
/// because an oracle, hdrhistogram, rounds a logarithm up: by default Miri moves results of `log2` by
/// an ulp or two, and then the logarithm of 2 is 2.
fn miri_step() -> Step {
    Step::new("cargo +nightly miri test --locked -p media-metrics-core --all-features")
        .environment(
            "MIRIFLAGS",
            "-Zmiri-disable-isolation -Zmiri-deterministic-floats",
        )
        .environment("PROPTEST_CASES", "4")
        // A panic on purpose would be taken to its lines of source, step by step: half a minute each.
        .environment("RUST_BACKTRACE", "0")
        .own_target("miri")
}

/// In percent of what an ordinary run does: threads come to a million.
const STRESS: &str = "1000";

/// That nothing is lost, with more of everything; arguments are those of the test program.
pub(crate) fn stress(more: &[String]) -> Result<(), Failure> {
    Step::new("cargo test --locked -p media-metrics-core --test lossless --")
        .arguments(more)
        .environment("MEDIA_METRICS_STRESS", STRESS)
        .optimised()
        .run()
}

/// Everything goes wrong around a forwarder under full load, one scene after the other; arguments are those of the test
/// program.
pub(crate) fn chaos(more: &[String]) -> Result<(), Failure> {
    setup::for_tests()?;
    program()?;
    Step::new(
        "cargo test --locked -p media-metrics-tests --test chaos -- --test-threads 1 --show-output",
    )
    .arguments(more)
    .environment("MEDIA_METRICS_CHAOS_LOAD", "full")
    .run()
}

/// `check` against the record unless told otherwise.
pub(crate) fn instructions(more: &[String]) -> Result<(), Failure> {
    Step::new("cargo run --locked --release -p media-metrics-benches --bin instructions --")
        .arguments_or(more, &["check"])
        .run()
}

/// Each table with its peers, the record, and what the README shows of it.
pub(crate) fn report() -> Result<(), Failure> {
    setup::for_tests()?;
    bench(&["--markdown".to_owned()])?;
    Step::new("cargo run --locked -p media-metrics-benches --bin short_table").run()
}

/// What follows goes to the benchmarks.
pub(crate) fn bench(more: &[String]) -> Result<(), Failure> {
    Step::new("cargo bench --locked -p media-metrics-benches --")
        .arguments(more)
        .run()
}

pub(crate) fn generate(more: &[String]) -> Result<(), Failure> {
    Step::new("cargo run --locked -p media-metrics-forwarder -- generate")
        .arguments(more)
        .run()
}

/// Pictures of what a real run looks like.
pub(crate) fn pictures() -> Result<(), Failure> {
    setup::for_tests()?;
    program()?;
    Step::new("cargo run --locked -p media-metrics-tests --bin draw_dashboards").run()?;
    Step::new("cargo run --locked -p media-metrics-tests --bin draw_page").run()
}

/// An hour of streams that come and go, unless told otherwise: does anything grow?
pub(crate) fn soak(more: &[String]) -> Result<(), Failure> {
    program()?;
    Step::new("cargo run --locked -p media-metrics-tests --bin soak --")
        .arguments(more)
        .run()
}

/// Style, suspicious code, documentation, licences and sources of the dependencies.
pub(crate) fn lint() -> Result<(), Failure> {
    setup::for_lints()?;
    formatting()?;
    clippy(&["--workspace", "--all-targets", "--all-features"]).run()?;
    details(|step| step)
}

fn formatting() -> Result<(), Failure> {
    Step::new("cargo fmt --all --check").run()?;
    Step::new(&format!(
        "cargo fmt --manifest-path {EXAMPLES} --all --check"
    ))
    .run()
}

/// What finds most of what there is to find, in what is chosen.
fn clippy(chosen: &[&str]) -> Step {
    Step::new("cargo clippy --locked")
        .arguments(chosen)
        .arguments(&["--", "-D", "warnings"])
}

/// The published crates with each of their features alone, and with none: what is switched off must not be missed. Then
/// documentation, licences and sources. Each step is run as `how` says.
fn details(how: impl Fn(Step) -> Step) -> Result<(), Failure> {
    setup::for_deny(&how)?;
    for (package, folder) in PUBLISHED {
        let features = features_of(folder)?;
        for feature in features.iter().map(|(name, _)| name.as_str()).chain([""]) {
            let alone = [
                "--no-default-features",
                "-p",
                package,
                "--features",
                feature,
            ];
            how(clippy(&alone)).run()?;
        }
    }
    let documentation = Step::new("cargo doc --locked --workspace --all-features --no-deps")
        .environment("RUSTDOCFLAGS", "-D warnings");
    how(documentation).run()?;
    // Without advisories: their database is on the network, and yesterday's change must not turn
    // red for what was published today. `cargo xtask audit` looks.
    for manifest in ["Cargo.toml", EXAMPLES] {
        let sources = Step::new("cargo deny --locked --config deny.toml --manifest-path")
            .arguments(&[manifest, "check", "bans", "licenses", "sources"]);
        how(sources).run()?;
    }
    Ok(())
}

/// Known vulnerabilities, yanked and unmaintained versions among the dependencies.
pub(crate) fn audit() -> Result<(), Failure> {
    setup::for_deny(|step| step)?;
    Step::new("cargo deny --locked check advisories").run()
}
