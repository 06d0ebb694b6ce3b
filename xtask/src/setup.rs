//! What a machine needs before tests and lints can run, and how it gets there.
//!
//! Lives here: the table of tools, the check for each, the installers (Debian's apt, rustup, cargo).
//! What is there is left alone. What can't be installed is named with the way to do it by hand, and
//! the run ends there: a test that lacks its tool is a failed test, never a skipped one.
//! May not: run tests.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::output::say;
use crate::step::{Failure, Step};

/// A line that ends well if the tool is there, and the Debian package that brings it otherwise.
struct Tool {
    check: &'static str,
    package: &'static str,
}

const TOOLS: &[Tool] = &[
    // The real scraper, and the judge of our exposition.
    tool("prometheus --version", "prometheus"),
    tool("promtool --version", "prometheus"),
    // Another receiver of what is pushed.
    tool("victoria-metrics -version", "victoria-metrics"),
    // Real senders and receivers of RTP.
    tool("gst-launch-1.0 --version", "gstreamer1.0-tools"),
    tool(
        "gst-inspect-1.0 --exists opusenc",
        "gstreamer1.0-plugins-base",
    ),
    tool(
        "gst-inspect-1.0 --exists rtpbin",
        "gstreamer1.0-plugins-good",
    ),
    tool(
        "gst-inspect-1.0 --exists vp8enc",
        "gstreamer1.0-plugins-good",
    ),
    tool("ffmpeg -version", "ffmpeg"),
    // The judge of our figures of captures, its tools that convert them, and captures of others' making.
    tool("tshark --version", "tshark"),
    tool("editcap --version", "wireshark-common"),
    tool("mergecap --version", "wireshark-common"),
    tool("test -f /usr/share/sip-tester/g711a.pcap", "sip-tester"),
    // LiveKit's own client packages, whose messages ours are compared with, come by these.
    tool("python3 -m pip --version", "python3-pip"),
    tool("node --version", "nodejs"),
    tool("npm --version", "npm"),
    // The live page is looked at in a browser, and dashboards are drawn in one.
    tool("chromium --version", "chromium"),
    // What else tells a machine's load, memory and queues.
    tool("tc -V", "iproute2"),
    tool("free --version", "procps"),
    // An example's WebRTC library speaks DTLS with it.
    tool("pkg-config --exists openssl", "libssl-dev"),
    tool("pkg-config --version", "pkg-config"),
    // Instruction counts and disassembly of the hot path.
    tool("valgrind --version", "valgrind"),
    tool("objdump --version", "binutils"),
    // Children of the end-to-end tests end with the test that started them.
    tool("setpriv --version", "util-linux"),
    // Mounts, a network and a processor of one's own, for the tests that do harm.
    tool("unshare --version", "util-linux"),
    tool("taskset --version", "util-linux"),
    tool("ip -V", "iproute2"),
    // Programs that read hostile files run within bounds.
    tool("prlimit --version", "util-linux"),
];

const fn tool(check: &'static str, package: &'static str) -> Tool {
    Tool { check, package }
}

/// A version we know to read our `deny.toml`. Not optimised: it runs for seconds, and would be built for minutes.
const CARGO_DENY: &str = "cargo install --locked --debug cargo-deny@0.20.2";
/// A version that reads what rustdoc of the stable compiler writes.
const SEMVER_CHECKS: &str = "cargo install --locked cargo-semver-checks@0.51.0";
const MIRI: &str = "rustup component add --toolchain nightly miri rust-src";
const NIGHTLY: &str = "rustup toolchain install nightly --profile minimal";
/// The version that we know to build `fuzz/`.
const CARGO_FUZZ: &str = "cargo install --locked cargo-fuzz@0.13.2";
const LINTERS: &str = "rustup component add rustfmt clippy";

/// For `cargo xtask setup`: both halves.
pub(crate) fn everything() -> Result<(), Failure> {
    for_tests()?;
    for_lints()?;
    for_deny(|step| step)
}

/// What `cargo xtask test` needs besides a stable Rust and a C compiler.
pub(crate) fn for_tests() -> Result<(), Failure> {
    debian_packages()?;
    for_miri()?;
    say!("set-up for tests: complete");
    Ok(())
}

/// The nightly compiler, Miri, and the standard library's sources: what Miri and sanitizers need.
pub(crate) fn for_miri() -> Result<(), Failure> {
    nightly()?;
    if !Step::new("cargo +nightly miri --version").succeeds() {
        by_rustup(MIRI)?;
    }
    Ok(())
}

fn nightly() -> Result<(), Failure> {
    match Step::new("cargo +nightly --version").succeeds() {
        true => Ok(()),
        false => by_rustup(NIGHTLY),
    }
}

/// What tells style.
pub(crate) fn for_lints() -> Result<(), Failure> {
    if !Step::new("cargo fmt --version").succeeds()
        || !Step::new("cargo clippy --version").succeeds()
    {
        by_rustup(LINTERS)?;
    }
    say!("set-up for lints: complete");
    Ok(())
}

/// What looks at licences and sources of dependencies, built as `how` says.
pub(crate) fn for_deny(how: impl Fn(Step) -> Step) -> Result<(), Failure> {
    if Step::new("cargo deny --version").succeeds() {
        return Ok(());
    }
    // Its own target folder, kept, so that a broken installation goes on where it stopped.
    how(Step::new(CARGO_DENY).own_target("cargo-deny"))
        .run()
        .map_err(|failure| by_hand(&[CARGO_DENY], &failure.to_string()))
}

/// What `cargo xtask semver` needs.
pub(crate) fn for_semver() -> Result<(), Failure> {
    if Step::new("cargo semver-checks --version").succeeds() {
        return Ok(());
    }
    Step::new(SEMVER_CHECKS)
        .own_target("cargo-semver-checks")
        .run()
        .map_err(|failure| by_hand(&[SEMVER_CHECKS], &failure.to_string()))
}

/// A compiler of this version.
pub(crate) fn toolchain(version: &str) -> Result<(), Failure> {
    if Step::new(&format!("cargo +{version} --version")).succeeds() {
        return Ok(());
    }
    by_rustup(&format!(
        "rustup toolchain install {version} --profile minimal"
    ))
}

/// What `cargo xtask fuzz` needs.
pub(crate) fn for_fuzzing() -> Result<(), Failure> {
    nightly()?;
    if !Step::new("cargo fuzz --version").succeeds() {
        Step::new(CARGO_FUZZ)
            .own_target("cargo-fuzz")
            .run()
            .map_err(|failure| by_hand(&[CARGO_FUZZ], &failure.to_string()))?;
    }
    Ok(())
}

fn debian_packages() -> Result<(), Failure> {
    let missing = missing_packages(|tool| Step::new(tool.check).succeeds());
    if missing.is_empty() {
        return Ok(());
    }
    say!("missing: {}", missing.join(" "));
    let install = format!(
        "apt-get install --yes --no-install-recommends {}",
        missing.join(" ")
    );
    let hand = [format!("sudo {install}")];
    let hand: Vec<&str> = hand.iter().map(String::as_str).collect();
    if !Step::new("apt-get --version").succeeds() {
        return Err(by_hand(
            &hand,
            "this system has no apt-get; other systems have these tools, too",
        ));
    }
    if !Step::new("test -w /var/lib/dpkg").succeeds() {
        return Err(by_hand(&hand, "installing packages needs root"));
    }
    let _quiet = NoServices::begin();
    // An old list is still good enough where the archive can't be reached but a mirror's cache can.
    if let Err(failure) = apt("apt-get update").run() {
        say!("{failure}");
    }
    apt(&install)
        .run()
        .map_err(|failure| by_hand(&hand, &failure.to_string()))?;
    let missing = missing_packages(|tool| Step::new(tool.check).succeeds());
    if missing.is_empty() {
        return Ok(());
    }
    let checks: Vec<&str> = TOOLS
        .iter()
        .filter(|tool| missing.contains(&tool.package))
        .map(|tool| tool.check)
        .collect();
    Err(Failure::new(format!(
        "installed, but still not working: run `{}` to see why",
        checks.join("`, `")
    )))
}

/// Packages of the tools that are not `present`, each once, in the table's order.
fn missing_packages(present: impl Fn(&Tool) -> bool) -> Vec<&'static str> {
    let mut missing = Vec::new();
    for tool in TOOLS {
        if !missing.contains(&tool.package) && !present(tool) {
            missing.push(tool.package);
        }
    }
    missing
}

fn apt(line: &str) -> Step {
    Step::new(line).environment("DEBIAN_FRONTEND", "noninteractive")
}

fn by_rustup(line: &str) -> Result<(), Failure> {
    if !Step::new("rustup --version").succeeds() {
        let reason = "there is no rustup (https://rustup.rs) to do it";
        return Err(by_hand(&[line], reason));
    }
    Step::new(line)
        .run()
        .map_err(|failure| by_hand(&[line], &failure.to_string()))
}

fn by_hand(lines: &[&str], reason: &str) -> Failure {
    Failure::new(format!(
        "can't install what is missing: {reason}\nInstall it by hand and start again:\n\n    {}\n",
        lines.join("\n    ")
    ))
}

/// While this lives, packages start no services: we want Prometheus' program, not a server that
/// listens on every interface. A policy that the machine already has is left as it is.
struct NoServices {
    ours: bool,
}

impl NoServices {
    const POLICY: &str = "/usr/sbin/policy-rc.d";

    fn begin() -> Self {
        let file = Path::new(Self::POLICY);
        let ours = !file.exists()
            && fs::write(file, "#!/bin/sh\nexit 101\n").is_ok()
            && fs::set_permissions(file, fs::Permissions::from_mode(0o755)).is_ok();
        Self { ours }
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if self.ours && fs::remove_file(Self::POLICY).is_err() {
            say!(
                "please remove {}: it keeps services from starting",
                Self::POLICY
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_asked_for_once_and_only_if_a_tool_of_it_is_missing() {
        assert!(missing_packages(|_| true).is_empty());
        assert_eq!(
            missing_packages(|t| t.package != "prometheus"),
            ["prometheus"]
        );
        assert_eq!(
            missing_packages(|t| t.check != "gst-inspect-1.0 --exists vp8enc"),
            ["gstreamer1.0-plugins-good"]
        );
        let all = missing_packages(|_| false);
        let mut once = all.clone();
        once.dedup();
        assert_eq!(all, once);
    }

    #[test]
    fn what_cannot_be_installed_comes_with_the_line_to_type() {
        let text = by_hand(&["sudo apt-get install x"], "needs root").to_string();
        assert!(text.contains("needs root"), "{text}");
        assert!(text.contains("\n    sudo apt-get install x\n"), "{text}");
    }
}
