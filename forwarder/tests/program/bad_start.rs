//! What keeps the program from starting is said on standard error, with status 2 and a remedy.

use std::net::{TcpListener, UdpSocket};

use crate::process::run;

/// Runs, expects status 2 and nothing on standard output, and gives the complaint.
fn complaint(args: &[&str]) -> String {
    let output = run(args);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
    assert!(output.stdout.is_empty(), "{args:?}");
    stderr
}

fn says(args: &[&str], words: &[&str]) {
    let complaint = complaint(args);
    for word in words {
        assert!(
            complaint.contains(word),
            "{args:?} lacks {word:?}: {complaint}"
        );
    }
}

fn config(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

#[test]
fn a_port_in_use_is_named() {
    let held = UdpSocket::bind("127.0.0.1:0").unwrap();
    let addr = held.local_addr().unwrap().to_string();
    says(
        &["--listen", &addr, "--duration", "1"],
        &[&addr, "--listen"],
    );
}

#[test]
fn a_metrics_port_in_use_is_named() {
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = held.local_addr().unwrap().to_string();
    says(
        &["--metrics", &addr, "--duration", "1"],
        &[&addr, "--metrics"],
    );
}

#[test]
fn a_wrong_file_is_named_with_line_and_key() {
    let file = config("workers: 1\nlistne: 127.0.0.1:5004\n");
    let path = file.path().to_str().unwrap();
    says(&["--config", path], &[path, "line 2", "listne"]);
    let file = config("listen: 127.0.0.1:0\nlimits:\n  idle_timeout: 0\n");
    let path = file.path().to_str().unwrap();
    says(&["--config", path, "forward"], &[path, "line 3", "0.001"]);
    let file = config("metric:\n  collector:\n    sampling_interval_ms: 3s\n");
    let path = file.path().to_str().unwrap();
    says(&["--config", path], &[path, "line 3", "milliseconds"]);
    let file = config("prometheus:\n  username: u\n");
    let path = file.path().to_str().unwrap();
    says(&["--config", path], &[path, "line 2", "password"]);
    let file = config("- just\n- a list\n");
    let path = file.path().to_str().unwrap();
    says(&["config", "--config", path], &[path, "line 1"]);
}

#[test]
fn an_authority_that_no_push_can_trust_is_named() {
    for list in ["remote_write", "otlp"] {
        let file = config(&format!(
            "synthetic: {{streams: 1}}\nmetrics: {{listen: '127.0.0.1:0'}}\n\
             push: {{{list}: [{{url: 'https://127.0.0.1:1/', ca_file: /nowhere/ca.pem}}]}}\n"
        ));
        let path = file.path().to_str().unwrap();
        says(&["--config", path], &["/nowhere/ca.pem", list]);
    }
}

#[test]
fn a_missing_file_is_named() {
    says(
        &["--config", "/nowhere/media.yaml"],
        &["/nowhere/media.yaml", "--config"],
    );
}

#[test]
fn wrong_flags_are_named() {
    says(&["--listen", "localhost"], &["--listen"]);
    says(&["--workers", "0"], &["--workers", "1 to 256"]);
    says(
        &["--profile", "all"],
        &["--profile", "media, livekit, both"],
    );
    says(&["--nonsense"], &["--nonsense"]);
    says(&["nonsense"], &["nonsense"]);
    says(&["--subscriber", "127.0.0.1:9"], &["--listen"]);
    says(
        &["--listen", "127.0.0.1:0", "--subscriber", "[::1]:9"],
        &["127.0.0.1:0", "[::1]:9", "IPv6"],
    );
}
