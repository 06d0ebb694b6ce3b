//! A response's body.
//!
//! Lives here: a page with its place among the answers in flight, or events. Not here: pages (`encode`), who gets a
//! place (`desk`), which events (`events`).

use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;

use super::answers::Page;
use super::connection::Activity;
#[cfg(feature = "page")]
use super::events::Listener;

/// The body of a response, which can't fail: at most one piece of known length, already in memory; or, of
/// `/api/v1/events`, one for each event, until the server stops.
///
/// It holds a place among the answers in flight ([`Limits::max_in_flight`](crate::Limits::max_in_flight)) until it
/// and every piece of it are dropped: so a page that waits for a slow reader counts.
#[derive(Debug)]
#[cfg_attr(
    not(feature = "tower"),
    expect(unreachable_pub, reason = "only who mounts the pages gets to see it")
)]
pub struct Body(Content);

#[derive(Debug)]
enum Content {
    Page(Page, Option<OwnedSemaphorePermit>),
    #[cfg(feature = "page")]
    Events(Listener),
}

impl Body {
    pub(super) const fn new(page: Page, place: Option<OwnedSemaphorePermit>) -> Self {
        Self(Content::Page(page, place))
    }

    /// Of events.
    #[cfg(feature = "page")]
    pub(super) const fn events(listener: Listener) -> Self {
        Self(Content::Events(listener))
    }

    /// Whether it ends with the server, and not before.
    pub(super) const fn is_endless(&self) -> bool {
        match self.0 {
            Content::Page(..) => false,
            #[cfg(feature = "page")]
            Content::Events(_) => true,
        }
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
        let (page, place) = match &mut self.0 {
            Content::Page(page, place) => (page, place),
            #[cfg(feature = "page")]
            Content::Events(listener) => {
                let told = listener.poll_next(cx);
                return told.map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))));
            }
        };
        let frame = Pin::new(page).poll_frame(cx);
        let place = place.take();
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
        match &self.0 {
            Content::Page(page, _) => page.is_end_stream(),
            #[cfg(feature = "page")]
            Content::Events(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Content::Page(page, _) => page.size_hint(),
            #[cfg(feature = "page")]
            Content::Events(_) => SizeHint::default(),
        }
    }
}

/// A body on one of the server's own connections: an endless one tells when it has come to its end, or is let go.
#[derive(Debug)]
pub(super) struct Followed {
    body: Body,
    by: Option<Rc<Activity>>,
}

impl Followed {
    pub(super) const fn new(body: Body, by: Option<Rc<Activity>>) -> Self {
        Self { body, by }
    }

    fn ended(&mut self) {
        if let Some(activity) = self.by.take() {
            activity.ended();
        }
    }
}

impl HttpBody for Followed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if matches!(frame, Poll::Ready(None)) {
            self.ended();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.ended();
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
