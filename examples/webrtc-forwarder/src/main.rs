//! An SFU on webrtc-rs whose every packet is counted.
//!
//! One publisher a room, any number of subscribers. Signalling is WHIP (RFC 9725) and WHEP, as in `str0m-forwarder`. What to
//! copy: `interceptor.rs` whole, and the line of `room.rs` that puts it into a connection's chain.
//!
//! ```sh
//! cargo run -p webrtc-forwarder -- 127.0.0.1:8080 192.0.2.7   # HTTP address, and the IP address for media
//! # publish to http://127.0.0.1:8080/whip/blue, watch http://127.0.0.1:8080/whep/blue
//! # metrics at http://127.0.0.1:8080/internal/metrics
//! ```

mod interceptor;
mod room;

use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, post};
use media_metrics_core::{Registry, Reporter};
use media_metrics_exporter::{Server, register_build};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use interceptor::Meter;
use room::{Forwarder, Role};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let http = arguments.next().unwrap_or_else(|| "127.0.0.1:8080".into());
    let media: IpAddr = match arguments.next() {
        Some(address) => address.parse()?,
        None => [127, 0, 0, 1].into(),
    };

    let registry = Registry::new()?;
    // By this dashboards find the job, and alerts know it for ours.
    register_build(&registry)?;
    let reporter = Reporter::builder(&registry)
        .interval(Duration::from_secs(1))
        .start()?;
    let forwarder = Arc::new(Forwarder::new(Meter::new(&registry)?, media));
    let pages = Server::builder(registry).into_service()?;

    let service = Router::new()
        .route("/whip/{room}", post(whip))
        .route("/whep/{room}", post(whep))
        .route("/sessions/{id}", delete(leave))
        .with_state(Arc::clone(&forwarder))
        .nest_service("/internal", pages);
    let listener = TcpListener::bind(&http).await?;
    println!("signalling on http://{}", listener.local_addr()?);

    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        served = axum::serve(listener, service).into_future() => served?,
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
    forwarder.close().await;
    // Connections are closed, and their streams with them: their last packets are in this merge.
    reporter.stop(Duration::from_secs(5));
    println!("stopped");
    Ok(())
}

type Shared = State<Arc<Forwarder>>;

async fn whip(forwarder: Shared, Path(room): Path<String>, offer: String) -> Response {
    join(forwarder, room, Role::Publisher, offer).await
}

async fn whep(forwarder: Shared, Path(room): Path<String>, offer: String) -> Response {
    join(forwarder, room, Role::Subscriber, offer).await
}

async fn join(State(forwarder): Shared, room: String, role: Role, offer: String) -> Response {
    match forwarder.join(room, role, offer).await {
        Ok((id, answer)) => {
            let location = (header::LOCATION, format!("/sessions/{id}"));
            let kind = (header::CONTENT_TYPE, "application/sdp".to_owned());
            (StatusCode::CREATED, [location, kind], answer).into_response()
        }
        Err(refused) => (StatusCode::BAD_REQUEST, format!("{refused}\n")).into_response(),
    }
}

async fn leave(State(forwarder): Shared, Path(id): Path<u64>) -> StatusCode {
    match forwarder.leave(id).await {
        true => StatusCode::OK,
        false => StatusCode::NOT_FOUND,
    }
}
