//! A Unix socket: its file's permissions, beginning and end.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use common::client::{PATIENCE, answer, ask};
use media_metrics_core::desc::Desc;
use media_metrics_core::snapshot::Builder;
use media_metrics_exporter::{Endpoint, ServeError, Server, ServerBuilder};

fn at(path: &Path) -> ServerBuilder {
    let desc = Desc::counter("a_total", "A.");
    let snapshot = Arc::new(Builder::new().counter(&desc, &[(&[], 7)]).build());
    Server::builder(move || Arc::clone(&snapshot)).bind(format!("unix:{}", path.display()))
}

fn page(path: &Path) -> String {
    let mut socket = UnixStream::connect(path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    ask(&mut socket, "GET", "/metrics");
    answer(&mut socket, true).text().to_owned()
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_page_by_a_file_that_goes_with_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.sock");
    let server = at(&path).start().unwrap();
    assert_eq!(server.endpoint(), &Endpoint::Unix(path.clone()));
    assert_eq!(server.local_addr().port(), 0);
    assert_eq!(mode(&path), 0o660);
    assert!(page(&path).ends_with("\na_total 7\n"));
    server.stop(Duration::from_secs(5));
    assert!(!path.exists());

    let server = at(&path).unix_mode(0o600).start().unwrap();
    assert_eq!(mode(&path), 0o600);
    drop(server);
    assert!(!path.exists());
}

#[test]
fn what_a_dead_server_left_is_taken_over_and_a_live_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.sock");
    drop(UnixListener::bind(&path).unwrap()); // leaves its file
    assert!(path.exists());
    let first = at(&path).start().unwrap();
    let error = at(&path).start().unwrap_err();
    assert!(matches!(error, ServeError::SocketInUse { .. }), "{error:?}");
    assert!(error.to_string().contains("metrics.sock"), "{error}");
    assert!(page(&path).ends_with("\na_total 7\n"), "it goes on");

    // Somebody puts another in its place: that is not removed.
    fs::remove_file(&path).unwrap();
    let other = UnixListener::bind(&path).unwrap();
    drop(first);
    assert!(path.exists());
    // One that has its hands full is alive, too, and nobody waits for it.
    let mut waiting = Vec::new();
    while waiting.len() < 5_000 {
        let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None);
        let socket = socket.unwrap();
        socket.set_nonblocking(true).unwrap();
        if socket
            .connect(&socket2::SockAddr::unix(&path).unwrap())
            .is_err()
        {
            break;
        }
        waiting.push(socket);
    }
    assert!(waiting.len() < 5_000, "its queue has no end");
    let error = at(&path).start().unwrap_err();
    assert!(matches!(error, ServeError::SocketInUse { .. }), "{error:?}");
    drop(other);
}

#[test]
fn other_files_are_let_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "precious").unwrap();
    let error = at(&file).start().unwrap_err();
    assert!(matches!(error, ServeError::NotASocket { .. }), "{error:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
    // A link to a socket is none either.
    let (socket, link) = (folder.path().join("socket"), folder.path().join("link"));
    drop(UnixListener::bind(&socket).unwrap());
    std::os::unix::fs::symlink(&socket, &link).unwrap();
    let error = at(&link).start().unwrap_err();
    assert!(matches!(error, ServeError::NotASocket { .. }), "{error:?}");

    let long = folder.path().join("x".repeat(200));
    let nowhere = folder.path().join("no/such/folder");
    for path in [&long, &nowhere, Path::new(""), folder.path()] {
        let error = at(path).start().unwrap_err();
        let text = error.to_string();
        assert!(text.contains("Unix socket"), "{text}");
    }
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 3, "{left:?}");
}
