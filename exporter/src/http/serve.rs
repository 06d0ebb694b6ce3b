//! The server's thread: accepting, answering, stopping.
//!
//! Lives here: the event loop, and how one connection is driven. Not here: what is answered (`desk`,
//! `routes`), whose turn it is to go (`connection`), starting and stopping from outside (`mod`).

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio::task::spawn_local;

use super::body::Followed;
use super::connection::{Activity, Ending, Phase, Seat, Table};
use super::desk::{Desk, Head};
use super::io::Observed;
use super::limits::Limits;
use super::listen::{Listener, Socket};
use super::race::{Race, race};
#[cfg(feature = "tls")]
use super::tls;
use crate::telemetry::Loss;

/// After the operating system could not accept a connection (no file descriptors, most often).
const PAUSE: Duration = Duration::from_millis(100);

/// The HTTP library's smallest buffer.
const MIN_BUFFER: usize = 8_192;

/// What the connections share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) desk: Desk,
    pub(super) limits: Limits,
    #[cfg(feature = "tls")]
    pub(super) certificate: Option<tls::Certificate>,
}

impl Shared {
    #[cfg(feature = "tls")]
    const fn is_secure(&self) -> bool {
        self.certificate.is_some()
    }

    #[cfg(not(feature = "tls"))]
    const fn is_secure(&self) -> bool {
        false
    }

    fn lost(&self, loss: Loss) {
        self.desk.routes.telemetry.lost(loss);
    }
}

/// Serves until `stop` gives a deadline (or its sender is gone), then until answers that have begun
/// are written or the deadline is over.
pub(super) async fn serve(listener: Listener, shared: Shared, stop: oneshot::Receiver<Duration>) {
    let table = Rc::new(Table::default());
    let shared = Rc::new(shared);
    #[cfg(feature = "tls")]
    if shared.is_secure() {
        let shared = Rc::clone(&shared);
        spawn_local(async move {
            if let Some(certificate) = &shared.certificate {
                certificate.follow(&shared.desk.routes.telemetry).await;
            }
        });
    }
    let deadline = match race(stop, accept(&listener, &table, &shared)).await {
        Race::First(told) => told.unwrap_or_default(),
        Race::Second(never) => match never {},
    };
    drop(listener);
    #[cfg(feature = "page")]
    shared.desk.feed.stop();
    table.stop();
    // Too late or not: what is still open is closed when the caller drops its tasks.
    let _ = tokio::time::timeout(deadline, table.empty()).await;
}

async fn accept(listener: &Listener, table: &Rc<Table>, shared: &Rc<Shared>) -> Infallible {
    loop {
        match listener.accept().await {
            Ok((socket, from)) => admit(socket, from, table, shared),
            // The client's doing: it went away before its turn came.
            Err(e)
                if matches!(
                    e.kind(),
                    io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
                ) => {}
            Err(_) => {
                shared.lost(Loss::AcceptFailed);
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn admit(socket: Socket, from: Option<IpAddr>, table: &Rc<Table>, shared: &Rc<Shared>) {
    let Some(admission) = table.admit(shared.limits.max_connections) else {
        shared.lost(Loss::Full);
        if !shared.is_secure() {
            refuse(&socket);
        }
        return;
    };
    if admission.gave_way {
        shared.lost(Loss::GaveWay);
    }
    spawn_local(converse(socket, from, admission.seat, Rc::clone(shared)));
}

/// Tells a client why it is not served, if that can be done without waiting.
fn refuse(socket: &Socket) {
    let text = "every connection of this server is busy: try again in a second\n";
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Length: {}\r\nRetry-After: 1\r\nConnection: close\r\n\r\n{text}",
        text.len()
    );
    // A client that doesn't get it sees a closed connection: that is as much as it can be told.
    let _ = socket.try_write(answer.as_bytes());
}

/// One connection, from its first byte to its last.
async fn converse(socket: Socket, from: Option<IpAddr>, seat: Seat, shared: Rc<Shared>) {
    let activity = &seat.activity;
    let conversation = speak(socket, from, activity, &shared);
    match race(activity.over(&shared.limits), conversation).await {
        Race::First(Ending::TooLong(Phase::Reading)) => shared.lost(Loss::SlowRequest),
        Race::First(Ending::TooLong(Phase::Answering)) => shared.lost(Loss::SlowReader),
        // Giving way was counted by who took the place; the rest is how connections end.
        Race::First(_) | Race::Second(()) => {}
    }
}

/// HTTP on the bare socket, or inside TLS.
async fn speak(socket: Socket, from: Option<IpAddr>, activity: &Rc<Activity>, shared: &Shared) {
    #[cfg(feature = "tls")]
    if let Some(certificate) = &shared.certificate {
        match tls::is_plain(&socket).await {
            Ok(false) => {}
            Ok(true) => return shared.lost(Loss::Handshake),
            Err(_) => return, // it is gone
        }
        let secured = match socket {
            Socket::Tcp(socket) => certificate.greet(socket).await.map(Secured::Tcp),
            #[cfg(unix)]
            Socket::Unix(socket) => certificate.greet(socket).await.map(Secured::Unix),
        };
        return match secured {
            Ok(Secured::Tcp(socket)) => http(socket, from, activity, shared).await,
            #[cfg(unix)]
            Ok(Secured::Unix(socket)) => http(socket, from, activity, shared).await,
            Err(_) => shared.lost(Loss::Handshake),
        };
    }
    match socket {
        Socket::Tcp(socket) => http(socket, from, activity, shared).await,
        #[cfg(unix)]
        Socket::Unix(socket) => http(socket, from, activity, shared).await,
    }
}

/// A connection after its handshake.
#[cfg(feature = "tls")]
enum Secured {
    Tcp(tokio_rustls::server::TlsStream<tokio::net::TcpStream>),
    #[cfg(unix)]
    Unix(tokio_rustls::server::TlsStream<tokio::net::UnixStream>),
}

/// Requests and responses, until one side has had enough.
async fn http(
    socket: impl AsyncRead + AsyncWrite + Unpin,
    from: Option<IpAddr>,
    activity: &Rc<Activity>,
    shared: &Shared,
) {
    let service = service_fn(|request: hyper::Request<_>| {
        activity.requested();
        let (parts, _body) = request.into_parts();
        let head = Head::from(parts);
        async move {
            let response = shared.desk.answer(head, from).await;
            let endless = response.body().is_endless();
            activity.made(endless);
            let follow = endless.then(|| Rc::clone(activity));
            Ok::<_, Infallible>(response.map(|body| Followed::new(body, follow)))
        }
    });
    let connection = http1::Builder::new()
        // A client may close its side after its last request, and still read.
        .half_close(true)
        // Time limits are `activity`'s: the library has none for an answer.
        .header_read_timeout(None)
        .max_header_size(shared.limits.max_header_bytes)
        .max_buf_size(shared.limits.max_header_bytes.max(MIN_BUFFER))
        .serve_connection(Observed::new(socket, Rc::clone(activity)), service);
    // What the library calls an error is the client's: it went away, or spoke no HTTP and was told so.
    let _ = connection.await;
}
