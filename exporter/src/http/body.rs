//! A response's body.
//!
//! Lives here: a page with its place among the answers in flight. Not here: pages (`encode`), who gets a place
//! (`desk`).

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;

use super::answers::Page;

/// The body of a response: at most one piece of known length, already in memory, that can't fail.
///
/// It holds a place among the answers in flight ([`Limits::max_in_flight`](crate::Limits::max_in_flight)) until it
/// and every piece of it are dropped: so a page that waits for a slow reader counts.
#[derive(Debug)]
#[cfg_attr(
    not(feature = "tower"),
    expect(unreachable_pub, reason = "only who mounts the pages gets to see it")
)]
pub struct Body {
    page: Page,
    place: Option<OwnedSemaphorePermit>,
}

impl Body {
    pub(super) const fn new(page: Page, place: Option<OwnedSemaphorePermit>) -> Self {
        Self { page, place }
    }
}

/// Bytes that keep a place.
struct Held {
    bytes: Bytes,
    _place: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = Pin::new(&mut self.page).poll_frame(cx);
        let place = self.place.take();
        frame.map_ok(|frame| {
            frame.map_data(|bytes| match place {
                Some(place) => Bytes::from_owner(Held {
                    bytes,
                    _place: place,
                }),
                None => bytes,
            })
        })
    }

    fn is_end_stream(&self) -> bool {
        self.page.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.page.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;
    use http_body_util::Full;
    use std::sync::Arc;
    use tokio::sync::Semaphore;

    #[test]
    fn a_place_is_kept_until_the_last_byte_is_let_go() {
        let places = Arc::new(Semaphore::new(1));
        let place = || Arc::clone(&places).try_acquire_owned().ok();
        let body = Body::new(Full::new(Bytes::from_static(b"page")), place());
        assert!(place().is_none());
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let mut bytes = runtime
            .unwrap()
            .block_on(body.collect())
            .unwrap()
            .to_bytes();
        let rest = bytes.split_off(2);
        drop(bytes);
        assert!(place().is_none(), "somebody still has half of it");
        assert_eq!(&*rest, b"ge");
        drop(rest);
        assert!(place().is_some());
        let unread = Body::new(Full::new(Bytes::from_static(b"page")), place());
        drop(unread);
        assert!(place().is_some());
    }
}
