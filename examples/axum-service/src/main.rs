//! A tokio service with axum that serves media-metrics' pages itself.
//!
//! What to copy: `metrics.rs` whole, and from here the four places marked with a number. Run it, then
//! `curl -X POST http://127.0.0.1:8080/rooms/blue/join` and look at `http://127.0.0.1:8080/internal/metrics`.

mod metrics;

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use media_metrics_core::{Registry, Reporter};
use media_metrics_exporter::process::ProcessTask;
use media_metrics_exporter::{Server, register_build};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use metrics::{Metrics, measure};

/// What all handlers share. Cheap to clone, as a registry's handles are.
#[derive(Clone)]
struct App {
    rooms: Arc<Mutex<HashMap<String, u64>>>,
    metrics: Metrics,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:8080");

    // 1. One registry, and one thread that merges it. What the process takes comes with a task of that thread.
    let registry = Registry::new()?;
    register_build(&registry)?;
    let every = Duration::from_secs(1);
    let process = ProcessTask::new(&registry, every)?;
    let reporter = Reporter::builder(&registry).interval(every);
    let reporter = reporter.task("process", |_| process).start()?;

    let app = App {
        rooms: Arc::default(),
        metrics: Metrics::new(&registry)?,
    };
    let api = Router::new()
        .route("/rooms/{room}", get(count))
        .route("/rooms/{room}/join", post(join))
        .route("/rooms/{room}/leave", post(leave))
        // 2. Around the routes, not around the whole: so that it knows which route it was, and scrapes are not counted.
        .route_layer(from_fn_with_state(app.metrics.clone(), measure))
        .with_state(app);

    // 3. The pages: /internal/metrics, /internal/-/ready, /internal/api/v1/snapshot. They are encoded on a thread of their
    //    own, so a scrape takes no time from requests. In a real service they belong behind a port or a login that only
    //    Prometheus has: `.basic_auth("prometheus", …)`.
    let pages = Server::builder(registry).into_service()?;
    let service = api.nest_service("/internal", pages);

    let listener = TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    };
    axum::serve(listener, service)
        .with_graceful_shutdown(stop)
        .await?;

    // 4. Requests are done: what they recorded is merged once more, and goes to the sinks (pushes), if there are any.
    if !reporter.stop(Duration::from_secs(5)) {
        eprintln!("a sink did not take the last snapshot within 5 s");
    }
    println!("stopped");
    Ok(())
}

async fn count(State(app): State<App>, Path(room): Path<String>) -> Result<String, StatusCode> {
    let rooms = app.rooms.lock().unwrap_or_else(PoisonError::into_inner);
    let people = rooms.get(&room).ok_or(StatusCode::NOT_FOUND)?;
    Ok(format!("{people}\n"))
}

async fn join(State(app): State<App>, Path(room): Path<String>) -> String {
    let mut rooms = app.rooms.lock().unwrap_or_else(PoisonError::into_inner);
    let people = rooms.entry(room).or_default();
    *people += 1;
    let answer = format!("{people}\n");
    // Rooms come and go, and are no label: how many there are is a gauge.
    app.metrics.rooms.set(rooms.len() as f64);
    app.metrics.joins.inc();
    answer
}

async fn leave(State(app): State<App>, Path(room): Path<String>) -> Result<String, StatusCode> {
    let mut rooms = app.rooms.lock().unwrap_or_else(PoisonError::into_inner);
    let people = rooms.get_mut(&room).ok_or(StatusCode::NOT_FOUND)?;
    *people -= 1;
    let answer = format!("{people}\n");
    rooms.retain(|_, people| *people > 0);
    app.metrics.rooms.set(rooms.len() as f64);
    Ok(answer)
}
