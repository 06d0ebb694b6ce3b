//! The program as it is started: exit status, standard output and error.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::writer::*;

fn run(args: &[&str], files: &[&Path], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_media-metrics"))
        .arg("analyze")
        .args(args)
        .args(files)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may end before it has read everything.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn texts(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

fn capture() -> Vec<u8> {
    PLAIN.file(1, &speech(100, 0xabcd, "10.0.0.1:4000", "10.0.0.2:5000"))
}

#[test]
fn a_sound_capture_says_nothing_on_standard_error() {
    let folder = Folder::new();
    let path = folder.put("sound.pcap", &capture());
    let (status, out, err) = texts(&run(&[], &[&path], &[]));
    assert_eq!((status, err.as_str()), (Some(0), ""));
    assert!(out.contains("0000abcd"), "{out}");
    let (status, out, _) = texts(&run(&["--format", "json"], &[Path::new("-")], &capture()));
    assert_eq!(status, Some(0));
    assert!(
        out.starts_with("[\n") && out.contains("\"packets\": 100,"),
        "{out}"
    );
    let (status, out, _) = texts(&run(&["--format", "prometheus"], &[&path], &[]));
    assert_eq!(status, Some(0));
    assert!(out.starts_with("# HELP media_capture_"), "{out}");
}

#[test]
fn a_damaged_capture_is_a_warning() {
    let folder = Folder::new();
    let whole = capture();
    let path = folder.put("cut.pcap", &whole[..whole.len() - 10]);
    let (status, out, err) = texts(&run(&["--format", "json"], &[&path], &[]));
    assert_eq!(status, Some(0));
    assert!(out.contains("\"packets\": 99,"), "{out}");
    let name = path.display();
    assert_eq!(
        err,
        format!(
            "warning: {name}: ends in the middle of a record, 220 bytes into it; 99 packets read\n"
        )
    );
}

#[test]
fn what_is_no_capture_is_an_error() {
    let folder = Folder::new();
    let good = folder.put("good.pcap", &capture());
    for (name, bytes, says) in [
        (
            "text",
            &b"dear diary"[..],
            "no capture: it begins with [64, 65, 61, 72]",
        ),
        ("empty", b"", "no capture: it is empty"),
        ("short", b"\xd4\xc3\xb2", "no capture"),
        ("gzip", b"\x1f\x8b\x08\x00nothing", "cannot be read"),
    ] {
        let path = folder.put(name, bytes);
        for files in [vec![path.as_path()], vec![good.as_path(), path.as_path()]] {
            let (status, out, err) = texts(&run(&[], &files, &[]));
            assert_eq!((status, out.as_str()), (Some(2), ""), "{name}: {err}");
            assert!(err.contains(name) && err.contains(says), "{name}: {err}");
        }
    }
    for missing in [Path::new("/nowhere/x.pcap"), Path::new("/")] {
        let (status, _, err) = texts(&run(&[], &[missing], &[]));
        assert_eq!(status, Some(2));
        assert!(
            err.contains("cannot be read") && err.contains("check the path"),
            "{err}"
        );
    }
}

#[test]
fn bad_flags_are_errors_that_name_the_flag() {
    for rate in ["96", "200=8000", "96=0", "96=fast", "=8000"] {
        let (status, _, err) = texts(&run(&["--clock-rate", rate], &[Path::new("x")], &[]));
        assert_eq!(status, Some(2), "{rate}");
        assert!(err.contains("--clock-rate") && err.contains(rate), "{err}");
    }
    let (status, _, err) = texts(&run(&["--format", "xml"], &[Path::new("x")], &[]));
    assert_eq!(status, Some(2));
    assert!(err.contains("prometheus"), "{err}");
}
