//! A socket that tells what it does.
//!
//! Lives here: the wrapper between the HTTP library and the socket, which reports progress to the
//! connection's `Activity`. Not here: what is made of it (`connection`).

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::connection::Activity;

/// Passes everything on, and notes when bytes came in, when some go out, and when all output has gone out.
///
/// The HTTP library flushes its transport only when its own buffers are empty: so a finished flush
/// means that the operating system has the whole answer.
#[derive(Debug)]
pub(super) struct Observed<S> {
    socket: TokioIo<S>,
    activity: Rc<Activity>,
}

impl<S: Unpin> Observed<S> {
    pub(super) fn new(socket: S, activity: Rc<Activity>) -> Self {
        Self {
            socket: TokioIo::new(socket),
            activity,
        }
    }

    fn socket(&mut self) -> Pin<&mut TokioIo<S>> {
        Pin::new(&mut self.socket)
    }
}

impl<S: AsyncRead + Unpin> Read for Observed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        // An end of file counts as bytes, too: the library closes the connection then.
        let result = ready!(self.socket().poll_read(cx, buffer));
        self.activity.received();
        Poll::Ready(result)
    }
}

impl<S: AsyncWrite + Unpin> Write for Observed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.activity.wrote();
        self.socket().poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.socket().poll_flush(cx))?;
        self.activity.drained();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket().poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.activity.wrote();
        self.socket().poll_write_vectored(cx, bytes)
    }
}
