//! Finding and building the probe program, whose functions hold one hot operation each.
//!
//! Lives here: which probes there are, and what each may cost. Not here: the probes (`bin/probes.rs`), how
//! they are judged (`disasm`, `callgrind`).

use std::path::PathBuf;
use std::process::Command;

/// One hot operation, compiled into a function of its own in the probe program.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Probe {
    /// Name on the command line and in the baseline; the function is called `probe_` and this.
    pub name: &'static str,
    /// Instructions that the design allows, where it sets a goal.
    pub goal: Option<f64>,
}

/// Every probe.
pub const ALL: [Probe; 13] = [
    Probe {
        name: "plain_packet",
        goal: None,
    },
    Probe {
        name: "counter_add",
        goal: Some(10.0),
    },
    Probe {
        name: "local_counter_add",
        goal: None,
    },
    Probe {
        name: "gauge_add",
        goal: None,
    },
    Probe {
        name: "histogram_record",
        goal: Some(30.0),
    },
    Probe {
        name: "local_histogram_record",
        goal: None,
    },
    Probe {
        name: "histogram_record_for",
        goal: Some(36.0),
    },
    Probe {
        name: "local_histogram_record_for",
        goal: None,
    },
    Probe {
        name: "rtp_parse",
        goal: None,
    },
    Probe {
        name: "on_rtp_audio",
        goal: Some(80.0),
    },
    Probe {
        name: "on_rtp_video",
        goal: Some(80.0),
    },
    Probe {
        name: "sender_on_rtp",
        goal: Some(80.0),
    },
    Probe {
        name: "forward_packet",
        goal: None,
    },
];

impl Probe {
    /// The symbol of the probe's function.
    #[must_use]
    pub fn symbol(&self) -> String {
        format!("probe_{}", self.name)
    }
}

/// Builds the probe program as users build theirs (`--release`) and returns its path.
///
/// # Errors
/// What cargo said.
pub fn build() -> Result<PathBuf, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let out = Command::new(cargo)
        .args([
            "build",
            "--release",
            "--quiet",
            "--package",
            "media-metrics-benches",
        ])
        .args([
            "--bin",
            "probes",
            "--message-format",
            "json-render-diagnostics",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        // What compiled this test, which clippy can be, would build them for itself alone.
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .output()
        .map_err(|e| format!("cannot start cargo to build the probes: {e}"))?;
    if !out.status.success() {
        let said = String::from_utf8_lossy(&out.stderr);
        return Err(format!("the probes do not build:\n{said}"));
    }
    let messages = String::from_utf8_lossy(&out.stdout);
    executable(&messages).ok_or_else(|| "cargo built the probes, but named no executable".into())
}

/// The `executable` of the last artifact that has one, in cargo's JSON messages, one a line.
fn executable(messages: &str) -> Option<PathBuf> {
    let find = |line: &str| {
        let (_, rest) = line.split_once("\"executable\":\"")?;
        Some(PathBuf::from(rest.split_once('"')?.0))
    };
    messages.lines().filter_map(find).next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_is_found_in_cargos_messages() {
        let messages = "{\"reason\":\"compiler-artifact\",\"executable\":null}\n\
            {\"reason\":\"compiler-artifact\",\"executable\":\"/t/release/probes\",\"fresh\":true}\n\
            {\"reason\":\"build-finished\"}\n";
        assert_eq!(executable(messages), Some("/t/release/probes".into()));
        assert_eq!(executable("{\"executable\":null}"), None);
    }
}
