//! The pages for a host that has an HTTP server of its own.
//!
//! Lives here: the `tower` service, and the thread behind it. Not here: what is answered (`desk`).

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::{Request, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::spawn_local;

use super::answers::{Refusal, Shape};
use super::body::Body;
use super::desk::{Desk, Head};
use super::race::{Race, race};
use super::runtime::{self, Thread};
use crate::error::ServeError;
use crate::telemetry::Telemetry;

/// The server's pages as a `tower` service, to be nested in a host's own axum, hyper or tonic server.
///
/// Paths are those of [`Server`](crate::Server), so what stands before them has to be taken off: axum's `nest_service` does
/// that. Authentication, families, the limit on answers in flight and the scraper's time limit are as they are there;
/// [`Limits::max_connections`](crate::Limits::max_connections) bounds the requests that are worked on at the same time.
/// Headers and slow readers are the business of the host's server.
///
/// - **Cost**: a call hands the request over to a thread of ours, and waits without blocking: encoding takes none of the
///   host's threads. A page is not copied. It needs no particular async runtime.
/// - **Errors**: none; what goes wrong is a status code.
/// - **End**: the thread ends with the last clone, when what was asked is answered. Events (`/api/v1/events`, feature
///   `page`) go on for as long as somebody listens: a host that waits for open answers before it ends should not wait for
///   ever.
///
/// ```
/// # use media_metrics_core::snapshot::Builder;
/// # use std::sync::Arc;
/// use media_metrics_exporter::Server;
///
/// # let snapshot = Arc::new(Builder::new().build());
/// # let source = move || Arc::clone(&snapshot);
/// let metrics = Server::builder(source).basic_auth("prometheus", "secret").into_service()?;
/// let app: axum::Router = axum::Router::new().nest_service("/internal", metrics); // /internal/metrics
/// # drop(app);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Service {
    requests: mpsc::UnboundedSender<Handed>,
    /// What bounds the queue: each request in it has one.
    places: Arc<Semaphore>,
    /// Of answers that the thread does not give.
    telemetry: Arc<Telemetry>,
}

/// A request on its way to the thread.
#[derive(Debug)]
struct Handed {
    head: Head,
    reply: oneshot::Sender<Response<Body>>,
    place: OwnedSemaphorePermit,
}

impl Service {
    pub(super) fn start(desk: Desk, places: usize) -> Result<Self, ServeError> {
        let (requests, handed) = mpsc::unbounded_channel();
        let telemetry = Arc::clone(&desk.routes.telemetry);
        // Neither is needed: it ends when nobody can hand it anything any more.
        let Thread { stop, thread } = runtime::start(
            "metrics-mounted",
            || Ok(desk),
            move |desk, _stopped| work(desk, handed),
        )?;
        drop((stop, thread));
        let places = places.min(Semaphore::MAX_PERMITS);
        Ok(Self {
            requests,
            places: Arc::new(Semaphore::new(places)),
            telemetry,
        })
    }
}

async fn work(desk: Desk, mut handed: mpsc::UnboundedReceiver<Handed>) {
    /// Who asks is known to the host alone.
    const FROM: Option<IpAddr> = None;
    let desk = Arc::new(desk);
    // Closed when nobody is at work any more: each has a sender.
    let (at_work, mut idle) = mpsc::channel::<Infallible>(1);
    while let Some(Handed {
        head,
        mut reply,
        place,
    }) = handed.recv().await
    {
        let (desk, at_work) = (Arc::clone(&desk), at_work.clone());
        spawn_local(async move {
            let _kept = (place, at_work);
            let answer = std::pin::pin!(desk.answer(head, FROM));
            // A host that gave up is not worked for.
            if let Race::Second(response) = race(reply.closed(), answer).await {
                let _ = reply.send(response);
            }
        });
    }
    // Who let the last clone go still waits for his answer; each has a time limit.
    drop(at_work);
    idle.recv().await;
}

impl<B> tower_service::Service<Request<B>> for Service {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(())) // who comes when there is no room is told so
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let shape = Shape::of(request.uri().path());
        let answer = self.hand_over(Head::from(request.into_parts().0));
        let telemetry = Arc::clone(&self.telemetry);
        Box::pin(async move {
            let response = match answer {
                Some(answer) => answer.await.ok(),
                None => None,
            };
            Ok(response.unwrap_or_else(|| no_room(shape, &telemetry)))
        })
    }
}

impl Service {
    fn hand_over(&self, head: Head) -> Option<oneshot::Receiver<Response<Body>>> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let (reply, answer) = oneshot::channel();
        let handed = Handed { head, reply, place };
        self.requests.send(handed).ok()?;
        Some(answer)
    }
}

/// Counted here, for the desk knows nothing of it.
fn no_room(shape: Shape, telemetry: &Telemetry) -> Response<Body> {
    let why = "too many requests at the same time: try again in a second";
    let response = Refusal::busy(why, 1).response(shape);
    telemetry.answered(response.status());
    response.map(|page| Body::new(page, None))
}
