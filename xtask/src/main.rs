//! `cargo xtask …`: everything one does to this workspace, one command each.
//!
//! Lives here: the table of commands, and the way from arguments to exit status. What a command
//! does is in `plan` (which steps), `setup` (what a machine needs), `step` (how one step runs).
//! May not: hold a list of packages, a flag of a compiler, or anything a library should do.

mod changed;
mod faults;
mod features;
mod fuzz;
mod output;
mod plan;
mod publish;
mod sanitize;
mod setup;
mod step;
mod weaken;
mod weight;

use std::process::ExitCode;

use output::say;
use step::Failure;

/// One word after `cargo xtask`.
struct Command {
    name: &'static str,
    about: &'static str,
    run: fn(&[String]) -> Result<(), Failure>,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "setup",
        about: "install what tests and lints need (Debian or Ubuntu packages, cargo-deny, Miri)",
        run: |_| setup::everything(),
    },
    Command {
        name: "test",
        about: "install what the tests need, then run every test there is",
        run: |_| plan::test(),
    },
    Command {
        name: "unit",
        about: "unit, integration and documentation tests; with arguments, those of `cargo test`",
        run: plan::unit,
    },
    Command {
        name: "e2e",
        about: "end-to-end tests against real senders, receivers and Prometheus",
        run: plan::end_to_end,
    },
    Command {
        name: "examples",
        about: "build, lint and run the examples; with arguments, those of `cargo test`",
        run: plan::examples,
    },
    Command {
        name: "loom",
        about: "model-check what is concurrent in core",
        run: plan::loom,
    },
    Command {
        name: "weaken",
        about: "weaken each ordering that a model proves, on a copy, and see the model turn red",
        run: |_| weaken::run(|step| step),
    },
    Command {
        name: "miri",
        about: "core's unit tests under Miri, and those programs of its tests that record as hosts do",
        run: plan::miri,
    },
    Command {
        name: "stress",
        about: "show that nothing is lost with ten times the work: a million threads, and all else (minutes)",
        run: plan::stress,
    },
    Command {
        name: "chaos",
        about: "everything goes wrong around a forwarder under full load: a hundred thousand packets a second (minutes)",
        run: plan::chaos,
    },
    Command {
        name: "sanitize",
        about: "core's concurrent tests under ThreadSanitizer and AddressSanitizer, or one of them (thread, address)",
        run: sanitize::run,
    },
    Command {
        name: "fuzz",
        about: "fuzz for 10 minutes a target: cargo xtask fuzz [TARGET…] [--seconds N] [--merge]",
        run: fuzz::run,
    },
    Command {
        name: "faults",
        about: "make mistakes in what fuzz targets watch, on a copy, and see their oracles turn red (minutes) [TARGET…]",
        run: faults::run,
    },
    Command {
        name: "instructions",
        about: "count the hot functions' instructions and compare with the record (`record` to renew it)",
        run: plan::instructions,
    },
    Command {
        name: "lint",
        about: "rustfmt, clippy, rustdoc and cargo-deny, warnings denied",
        run: |_| plan::lint(),
    },
    Command {
        name: "audit",
        about: "look up known vulnerabilities of our dependencies (needs the advisory database)",
        run: |_| plan::audit(),
    },
    Command {
        name: "pictures",
        about: "make the README's pictures anew, of real data (minutes)",
        run: |_| plan::pictures(),
    },
    Command {
        name: "bench",
        about: "the benchmarks; what follows goes to them: cargo xtask bench --quick",
        run: plan::bench,
    },
    Command {
        name: "soak",
        about: "an hour of 10,000 streams that come and go: does anything grow? (--minutes, --streams, --markdown FILE)",
        run: plan::soak,
    },
    Command {
        name: "report",
        about: "all benchmarks into benches/RESULTS.md, and the README's table (a quiet machine, minutes)",
        run: |_| plan::report(),
    },
    Command {
        name: "generate",
        about: "write dashboards, rules and the metric reference anew, after a change of the catalog",
        run: plan::generate,
    },
    Command {
        name: "weight",
        about: "what each feature adds in crates and bytes, as a table (release builds, minutes)",
        run: |_| weight::run(),
    },
    Command {
        name: "package",
        about: "pack what would be published, and build it from the packages and with the oldest compiler (minutes)",
        run: publish::package,
    },
    Command {
        name: "semver",
        about: "compare the libraries' public items with the last release, or a revision: cargo xtask semver main",
        run: publish::semver,
    },
    Command {
        name: "ci",
        about: "lint and test: what must pass before a change goes in",
        run: |_| plan::ci(),
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, rest)) = arguments.split_first() else {
        usage();
        return ExitCode::from(2);
    };
    if matches!(name.as_str(), "help" | "-h" | "--help") {
        usage();
        return ExitCode::SUCCESS;
    }
    let Some(command) = COMMANDS.iter().find(|c| c.name == name) else {
        say!("cargo xtask has no command {name:?}.\n");
        usage();
        return ExitCode::from(2);
    };
    match (command.run)(rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say!("\ncargo xtask {name}: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn usage() {
    say!("usage: cargo xtask COMMAND\n");
    for command in COMMANDS {
        say!("  {:<13} {}", command.name, command.about);
    }
}
