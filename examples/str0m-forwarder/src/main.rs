//! An SFU on str0m whose every packet is counted.
//!
//! One publisher a room, any number of subscribers. Signalling is WHIP (RFC 9725) and WHEP, so that OBS, FFmpeg, GStreamer and
//! browsers can talk to it. What to copy: `meter.rs` whole, and from `sfu.rs` where it is called.
//!
//! ```sh
//! cargo run -p str0m-forwarder -- 127.0.0.1:8080 192.0.2.7   # HTTP address, and the IP address for media
//! # publish to http://127.0.0.1:8080/whip/blue, watch http://127.0.0.1:8080/whep/blue
//! # metrics at http://127.0.0.1:8080/internal/metrics
//! ```

mod meter;
mod sfu;

use std::error::Error;
use std::net::IpAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, post};
use media_metrics_core::{Registry, Reporter};
use media_metrics_exporter::{Server, register_build};
use str0m::crypto::from_feature_flags;
use tokio::net::{TcpListener, UdpSocket};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

use meter::Meter;
use sfu::{Command, Role, Sfu};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let http = arguments.next().unwrap_or_else(|| "127.0.0.1:8080".into());
    let media: IpAddr = match arguments.next() {
        Some(address) => address.parse()?,
        None => [127, 0, 0, 1].into(),
    };
    from_feature_flags().install_process_default();

    let registry = Registry::new()?;
    // By this dashboards find the job, and alerts know it for ours.
    register_build(&registry)?;
    let reporter = Reporter::builder(&registry)
        .interval(Duration::from_secs(1))
        .start()?;
    let meter = Meter::new(&registry)?;
    // The pages are served with the signalling, and made on a thread of their own: a scrape takes no time from media.
    let pages = Server::builder(registry).into_service()?;

    let (commands, inbox) = mpsc::channel(64);
    let service = Router::new()
        .route("/whip/{room}", post(whip))
        .route("/whep/{room}", post(whep))
        .route("/sessions/{id}", delete(leave))
        .with_state(commands)
        .nest_service("/internal", pages);
    let listener = TcpListener::bind(&http).await?;
    let socket = UdpSocket::bind((media, 0)).await?;
    println!(
        "media on {}, signalling on http://{}",
        socket.local_addr()?,
        listener.local_addr()?
    );

    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        served = axum::serve(listener, service).into_future() => served?,
        ended = Sfu::new(socket, meter)?.run(inbox) => ended?,
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
    // The SFU is gone, and with it all streams: their last packets are in this merge.
    reporter.stop(Duration::from_secs(5));
    println!("stopped");
    Ok(())
}

type Commands = State<mpsc::Sender<Command>>;

async fn whip(commands: Commands, Path(room): Path<String>, offer: String) -> Response {
    join(commands, room, Role::Publisher, offer).await
}

async fn whep(commands: Commands, Path(room): Path<String>, offer: String) -> Response {
    join(commands, room, Role::Subscriber, offer).await
}

async fn join(State(commands): Commands, room: String, role: Role, offer: String) -> Response {
    let (reply, answer) = oneshot::channel();
    let joining = Command::Join {
        room,
        role,
        offer,
        reply,
    };
    if commands.send(joining).await.is_err() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    match answer.await {
        Ok(Ok((id, sdp))) => {
            let location = (header::LOCATION, format!("/sessions/{id}"));
            let kind = (header::CONTENT_TYPE, "application/sdp".to_owned());
            (StatusCode::CREATED, [location, kind], sdp).into_response()
        }
        Ok(Err(refused)) => (StatusCode::BAD_REQUEST, format!("{refused}\n")).into_response(),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn leave(State(commands): Commands, Path(id): Path<u64>) -> StatusCode {
    match commands.send(Command::Leave { id }).await {
        Ok(()) => StatusCode::OK,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}
