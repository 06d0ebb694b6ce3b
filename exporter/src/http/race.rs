//! Two futures, the first to finish wins.
//!
//! Lives here: what `tokio::select!` would do, without the macro's dependencies.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// Who finished.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Race<A, B> {
    First(A),
    Second(B),
}

/// Waits for the first of two; the other is dropped. If both are ready the first wins.
pub(super) async fn race<A: Future, B: Future>(a: A, b: B) -> Race<A::Output, B::Output> {
    let mut a = pin!(a);
    let mut b = pin!(b);
    poll_fn(move |cx| {
        if let Poll::Ready(output) = a.as_mut().poll(cx) {
            return Poll::Ready(Race::First(output));
        }
        b.as_mut().poll(cx).map(Race::Second)
    })
    .await
}
