//! The server's thread: accepting, answering, stopping.
//!
//! Lives here: the event loop, and how one connection is driven. Not here: what is answered (`routes`),
//! whose turn it is to go (`connection`), starting and stopping from outside (`mod`).

use std::convert::Infallible;
use std::future::ready;
use std::io;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::spawn_local;

use super::connection::{Ending, Phase, Seat, Table};
use super::io::Observed;
use super::limits::Limits;
use super::race::{Race, race};
use super::routes::Routes;
use crate::telemetry::Loss;

/// After the operating system could not accept a connection (no file descriptors, most often).
const PAUSE: Duration = Duration::from_millis(100);

/// The HTTP library's smallest buffer.
const MIN_BUFFER: usize = 8_192;

/// What the connections share.
#[derive(Debug)]
struct Shared {
    routes: Routes,
    limits: Limits,
    table: Rc<Table>,
}

/// Serves until `stop` gives a deadline (or its sender is gone), then until answers that have begun
/// are written or the deadline is over.
pub(super) async fn serve(
    listener: TcpListener,
    routes: Routes,
    limits: Limits,
    stop: oneshot::Receiver<Duration>,
) {
    let table = Rc::new(Table::default());
    let shared = Rc::new(Shared {
        routes,
        limits,
        table: Rc::clone(&table),
    });
    let deadline = match race(stop, accept(&listener, &shared)).await {
        Race::First(told) => told.unwrap_or_default(),
        Race::Second(never) => match never {},
    };
    drop(listener);
    table.stop();
    // Too late or not: what is still open is closed when the caller drops its tasks.
    let _ = tokio::time::timeout(deadline, table.empty()).await;
}

async fn accept(listener: &TcpListener, shared: &Rc<Shared>) -> Infallible {
    let telemetry = &shared.routes.telemetry;
    loop {
        match listener.accept().await {
            Ok((socket, _)) => admit(socket, shared),
            // The client's doing: it went away before its turn came.
            Err(e)
                if matches!(
                    e.kind(),
                    io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
                ) => {}
            Err(_) => {
                telemetry.lost(Loss::AcceptFailed);
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn admit(socket: TcpStream, shared: &Rc<Shared>) {
    let telemetry = &shared.routes.telemetry;
    let Some(admission) = shared.table.admit(shared.limits.max_connections) else {
        telemetry.lost(Loss::Full);
        refuse(&socket);
        return;
    };
    if admission.gave_way {
        telemetry.lost(Loss::GaveWay);
    }
    spawn_local(converse(socket, admission.seat, Rc::clone(shared)));
}

/// Tells a client why it is not served, if that can be done without waiting.
fn refuse(socket: &TcpStream) {
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
async fn converse(socket: TcpStream, seat: Seat, shared: Rc<Shared>) {
    let activity = &seat.activity;
    let service = service_fn(|request| {
        activity.requested();
        let crowded = shared.table.answering() > shared.limits.max_in_flight;
        let response = shared.routes.respond(&request, crowded, SystemTime::now());
        ready(Ok::<_, Infallible>(response))
    });
    let connection = http1::Builder::new()
        // A client may close its side after its last request, and still read.
        .half_close(true)
        // Time limits are `activity`'s: the library has none for an answer.
        .header_read_timeout(None)
        .max_header_size(shared.limits.max_header_bytes)
        .max_buf_size(shared.limits.max_header_bytes.max(MIN_BUFFER))
        .serve_connection(Observed::new(socket, Rc::clone(activity)), service);
    match race(activity.over(&shared.limits), connection).await {
        Race::First(Ending::TooLong(Phase::Reading)) => {
            shared.routes.telemetry.lost(Loss::SlowRequest);
        }
        Race::First(Ending::TooLong(Phase::Answering)) => {
            shared.routes.telemetry.lost(Loss::SlowReader);
        }
        // Giving way was counted by who took the place; the rest is how connections end. What the
        // library calls an error is the client's (it went away, or spoke no HTTP and was told so).
        Race::First(_) | Race::Second(_) => {}
    }
}
