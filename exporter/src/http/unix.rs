//! A Unix socket's file: made with its permissions, taken over from a server that is gone, removed at the end.
//!
//! Lives here: the file's life. Not here: connections (`listen`, `serve`).

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};

use super::listen::BACKLOG;
use crate::error::ServeError;

/// Listens at `path`, whose file gets the permissions `mode`.
///
/// A socket's file that is there already is removed if nobody listens at it, nothing else ever is.
pub(super) fn bind(path: &Path, mode: u32) -> Result<Bound, ServeError> {
    let wrong = |source| ServeError::SocketFile {
        path: path.to_owned(),
        source,
    };
    let address = SockAddr::unix(path).map_err(wrong)?;
    if address.is_unnamed() || address.as_abstract_namespace().is_some() {
        return Err(wrong(io::Error::new(
            io::ErrorKind::InvalidInput,
            "no path is given",
        )));
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(wrong)?;
    match socket.bind(&address) {
        Err(e) if e.kind() == io::ErrorKind::AddrInUse => {
            remove_if_stale(path, &address)?;
            socket.bind(&address).map_err(wrong)?;
        }
        bound => bound.map_err(wrong)?,
    }
    // From here on it is ours to remove, whatever goes wrong.
    let file = SocketFile::new(path).map_err(wrong)?;
    // Nobody gets in before it listens: so never with other permissions.
    fs::set_permissions(path, Permissions::from_mode(mode & 0o777)).map_err(wrong)?;
    socket.listen(BACKLOG).map_err(wrong)?;
    Ok(Bound {
        socket: socket.into(),
        file,
    })
}

fn remove_if_stale(path: &Path, address: &SockAddr) -> Result<(), ServeError> {
    let wrong = |source| ServeError::SocketFile {
        path: path.to_owned(),
        source,
    };
    let kind = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata.file_type(),
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()), // just now
        Err(e) => return Err(wrong(e)),
    };
    if !kind.is_socket() {
        return Err(ServeError::NotASocket {
            path: path.to_owned(),
        });
    }
    let probe = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(wrong)?;
    // A server that has its hands full would keep us waiting.
    probe.set_nonblocking(true).map_err(wrong)?;
    match probe.connect(address).map_err(|e| (e.kind(), e)) {
        Err((io::ErrorKind::ConnectionRefused, _)) => fs::remove_file(path).map_err(wrong),
        Ok(()) | Err((io::ErrorKind::WouldBlock, _)) => Err(ServeError::SocketInUse {
            path: path.to_owned(),
        }),
        Err((_, e)) => Err(wrong(e)),
    }
}

/// A listening socket that is not on an event loop yet.
#[derive(Debug)]
pub(super) struct Bound {
    socket: UnixListener,
    file: SocketFile,
}

impl Bound {
    pub(super) fn attach(self) -> io::Result<Listener> {
        self.socket.set_nonblocking(true)?;
        Ok(Listener {
            socket: tokio::net::UnixListener::from_std(self.socket)?,
            _file: self.file,
        })
    }
}

/// A listening socket; dropping it removes its file.
#[derive(Debug)]
pub(super) struct Listener {
    socket: tokio::net::UnixListener,
    _file: SocketFile,
}

impl Listener {
    pub(super) async fn accept(&self) -> io::Result<tokio::net::UnixStream> {
        self.socket.accept().await.map(|(socket, _)| socket)
    }
}

/// The file, and how to know it again.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl SocketFile {
    fn new(path: &Path) -> io::Result<Self> {
        let metadata = fs::symlink_metadata(path)?;
        Ok(Self {
            path: path.to_owned(),
            device: metadata.dev(),
            inode: metadata.ino(),
        })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Somebody may have put another there meanwhile.
        let ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|found| (found.dev(), found.ino()) == (self.device, self.inode));
        if ours {
            // If it can't be removed, the next server finds that nobody listens there.
            let _ = fs::remove_file(&self.path);
        }
    }
}
